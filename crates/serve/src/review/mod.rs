//! Detections that somebody listens to, and what they say.

mod answers;
mod file;
mod queue;

pub(crate) use answers::Answers;
pub(crate) use file::Reviews;
pub(crate) use queue::{List, Queue, Wanted};
