//! Detections that somebody listens to, and what they say.

mod file;
mod queue;
mod reviews;
mod sound;

pub(crate) use queue::{Queue, queue};
pub(crate) use file::Reviews;
pub(crate) use reviews::{add, download};
pub use reviews::parse as parse_reviews;
pub(crate) use sound::sound;
