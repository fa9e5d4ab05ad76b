//! Detections that somebody listens to, and what they say.

mod queue;
mod reviews;
mod sound;

pub(crate) use queue::{Queue, queue};
pub(crate) use reviews::{Reviews, add, download};
pub use reviews::{Given, parse as parse_reviews};
pub(crate) use sound::sound;
