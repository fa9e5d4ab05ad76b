//! Detections that people answer: a page of them as one file, and what answers say of a model.

mod page;
mod precision;
mod selections;

pub use page::{Options, Outcome, run};
pub use precision::{OfClass, precision, read};
pub use selections::selections;
