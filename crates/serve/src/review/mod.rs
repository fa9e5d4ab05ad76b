//! Detections that somebody listens to, and what they say.

mod file;
mod queue;
mod reviews;
mod sound;

pub(crate) use file::Reviews;
pub(crate) use queue::{Queue, queue};
pub use reviews::parse as parse_reviews;
pub(crate) use reviews::{add, download};
pub(crate) use sound::sound;
