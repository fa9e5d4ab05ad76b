//! Statistics that several crates of the workspace need: one implementation of each.
//!
//! | function | what it does |
//! | --- | --- |
//! | [`bootstrap`](fn@bootstrap) | resamples whole groups of clips with replacement |
//! | [`quantile_sorted`], [`quantile_nearest`], [`median`], [`median_high`] | quantiles of plain numbers |
//! | [`Ranking`], [`auroc`](fn@auroc) | area under the ROC curve, average precision, false positive rate, with weights |
//! | [`CalibrationBins`], [`ece`](fn@ece) | expected calibration error, and the bins of a reliability diagram |
//! | [`clopper_pearson`], [`lower_bound_all`] | exact confidence interval of a proportion |
//! | [`finite_population`], [`interval_of_share`], [`draws_until`] | the same of a finite population, and how many to draw for it |
//! | [`minimize`](fn@minimize) | finds the minimum of a smooth convex function |
//! | [`PowerLaw`] | the power law of a learning curve, by least squares |
//! | [`seed`] | seeds and generators that depend on their purpose only |
//!
//! This crate works on plain numbers. It must not know tensors, audio, files or any other crate of the workspace.
//! Random generators are always passed in by the caller, so each crate keeps its own sequence of draws.
//!
//! # Example
//! ```
//! use stats::{Groups, Ranking, bootstrap, quantile_sorted, seed};
//!
//! // Six clips of three recordings; the last three clips are positives.
//! let scores = [0.1, 0.4, 0.35, 0.8, 0.7, 0.3];
//! let ranking = Ranking::new(&scores, |clip| clip >= 3);
//! let auroc = ranking.auroc(&[1.0; 6]).unwrap();
//! assert!((auroc - 7.0 / 9.0).abs() < 1e-12);
//!
//! // An interval: resample the recordings, not the clips.
//! let recordings = Groups::from_names(&["a", "b", "c", "a", "b", "c"]);
//! let generator = |resample| seed::stream(7, resample as u64);
//! let resamples = bootstrap([&recordings], 200, generator, |[weights]| ranking.auroc(weights));
//! let mut values: Vec<f64> = resamples.into_iter().flatten().collect();
//! values.sort_by(f64::total_cmp);
//! assert!(quantile_sorted(&values, 0.025).unwrap() <= auroc);
//! ```

mod auroc;
mod beta;
mod bootstrap;
mod calibration_error;
mod exact;
mod finite;
mod minimize;
mod power_law;
mod quantile;
pub mod seed;

pub use auroc::{Accepted, Ranking, auroc};
pub use beta::regularized_incomplete_beta;
pub use bootstrap::{Groups, bootstrap};
pub use calibration_error::{CalibrationBins, N_BINS, ece};
pub use exact::{clopper_pearson, lower_bound_all};
pub use finite::{draws_until, finite_population, interval_of_share};
pub use minimize::{Stop, minimize};
pub use power_law::PowerLaw;
pub use quantile::{median, median_high, quantile_nearest, quantile_sorted};
