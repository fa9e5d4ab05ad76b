//! The crate from outside, over small graphs that are made here.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod hostile;
mod repairs;
mod roles;
mod values;
mod writer;
