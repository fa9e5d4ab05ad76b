//! How good predictions are: pure functions over truths, predictions and scores.

mod auroc;
mod bootstrap;
mod calibration_error;
mod confusion;
mod exact;
mod figures;
mod intervals;

pub use auroc::{Ranking, auroc};
pub use bootstrap::{Bootstrap, bootstrap, percentile};
pub use calibration_error::{Bins, N_BINS, ece};
pub use confusion::Confusion;
pub use exact::clopper_pearson_all;
pub use figures::{Figures, Scored};
pub use intervals::{Intervals, intervals};
