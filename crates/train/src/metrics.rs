//! Evaluation metrics: pure functions of truths, predictions and scores.

mod confusion;
mod figures;
mod intervals;

pub use confusion::Confusion;
pub use figures::{Figures, Scored};
pub use intervals::{Bootstrap, Intervals, intervals};
