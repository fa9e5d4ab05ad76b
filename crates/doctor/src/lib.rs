//! The data doctor: finds problems in a set of recordings before a model is trained on it.
//!
//! For single recordings: [`measure`] computes measures of the samples, [`fault`] describes the faults that these show,
//! and [`session`] finds recordings of one session. [`fingerprint`] makes fingerprints that survive a change of level,
//! length, rate or format, and [`index`] finds near-duplicates among many clips.
//!
//! For the whole set there is a simple classifier in grouped cross-validation ([`out_of_fold`]): [`judge`] measures how
//! well a [`Nuisance`] alone predicts the class, [`leak`] how optimistic a random split is, and [`rank`] orders clips by
//! how likely their label is wrong. [`balance`](balance()) counts clips and groups and warns of too few.
//!
//! This crate works on samples and numbers. It must not know how audio is decoded, what a manifest is or where files are:
//! the caller passes samples, names, labels and splits, and writes the results. It prints nothing.
//!
//! # Example
//! ```
//! use doctor::fault::{FaultConfig, FaultKind, faults};
//! use doctor::fingerprint::{Fingerprint, RATE_HZ};
//! use doctor::index::{SearchConfig, near_duplicates};
//! use doctor::measure::measure;
//!
//! // Three seconds of noise, and a quieter excerpt of them.
//! let mut state = 1u32;
//! let mut draw = || {
//!     state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
//!     (state >> 8) as f32 / (1 << 24) as f32 - 0.5
//! };
//! let noise: Vec<f32> = (0..24_000).map(|_| draw()).collect();
//! let excerpt: Vec<f32> = noise[8000..20_000].iter().map(|sample| 0.2 * sample).collect();
//!
//! let clips = [Fingerprint::new(&noise), Fingerprint::new(&excerpt)];
//! let pairs = near_duplicates(&clips, &SearchConfig::default())?;
//! assert_eq!((pairs[0].a, pairs[0].b), (0, 1));
//! assert!((pairs[0].offset_s - 1.0).abs() < 0.02); // the excerpt starts one second into the noise
//!
//! let silence = measure(&[vec![0.0; 8000]], RATE_HZ)?;
//! let found = faults(Some(&silence), &[], &FaultConfig::default());
//! assert_eq!(found[0].kind, FaultKind::Silent);
//! assert_eq!(found[0].evidence, "every sample is zero");
//! # Ok::<(), doctor::Error>(())
//! ```

mod balance;
mod cross_validation;
mod error;
pub mod fault;
mod figure;
pub mod fingerprint;
#[cfg(test)]
mod fixture;
mod folds;
mod forest;
pub mod groups;
mod hum;
pub mod index;
pub mod measure;
mod mislabel;
mod neighbors;
mod nuisance;
mod phase;
mod random;
pub mod session;
mod shortcut;
mod spectrum;
mod table;
mod tone;
mod truth;
mod waveform;

pub use balance::{Amount, Balance, ClassBalance, FEW_GROUPS, UNEVEN, balance};
pub use cross_validation::{CrossValidation, OutOfFold, out_of_fold};
pub use error::{Error, Result};
pub use figure::{Figure, balanced_accuracy, difference};
pub use forest::{Forest, ForestConfig};
pub use mislabel::{MislabelConfig, Mislabels, Suspect, rank};
pub use nuisance::{Nuisance, folder, name_pattern};
pub use shortcut::{CLEARLY_ABOVE, Leak, Shortcut, judge, leak};
pub use table::Table;
pub use truth::Truth;
