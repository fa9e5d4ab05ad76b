//! Evaluation metrics: pure functions of truths, predictions and scores.

mod calibration_error;
mod confusion;
mod figures;
mod intervals;

pub use calibration_error::{Bins, N_BINS, ece};
pub use confusion::Confusion;
pub use figures::{Figures, Scored};
pub use intervals::{Bootstrap, Intervals, intervals};
