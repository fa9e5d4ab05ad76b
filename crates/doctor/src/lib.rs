//! The data doctor: what is wrong with a set of recordings before anything is trained on it.
//!
//! This crate knows samples and numbers. It must not know how a sound is decoded, what a manifest is or where files
//! lie: the caller passes samples, names, labels and splits, and writes down what comes back.

mod error;
pub mod fingerprint;
#[cfg(test)]
mod fixture;
pub mod index;
mod spectrum;

pub use error::{Error, Result};
