//! The data doctor: what is wrong with a set of recordings before anything is trained on it.
//!
//! This crate knows samples and numbers. It must not know how a sound is decoded, what a manifest is or where files
//! lie: the caller passes samples, names, labels and splits, and writes down what comes back.

mod balance;
mod cross_validation;
mod error;
mod figure;
pub mod fingerprint;
#[cfg(test)]
mod fixture;
mod folds;
mod forest;
pub mod index;
mod mislabel;
mod neighbours;
mod nuisance;
mod random;
mod shortcut;
mod spectral;
mod spectrum;
mod table;
mod truth;

pub use balance::{Amount, Balance, ClassBalance, FEW_GROUPS, UNEVEN, balance};
pub use cross_validation::{CrossValidation, OutOfFold, out_of_fold};
pub use error::{Error, Result};
pub use figure::{Figure, balanced_accuracy, difference};
pub use forest::{Forest, ForestConfig};
pub use mislabel::{MislabelConfig, Mislabels, Suspect, rank};
pub use nuisance::{Nuisance, folder, name_pattern};
pub use shortcut::{CLEARLY_ABOVE, Leak, Shortcut, judge, leak};
pub use spectral::{N_FLOOR_BANDS, Spectral, spectral};
pub use table::Table;
pub use truth::Truth;
