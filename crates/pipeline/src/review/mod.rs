//! Detections that people answer: a page of them as one file, and what answers say of a model.

mod order;
mod page;
mod precision;

pub use order::spread;
pub use page::{Options, Outcome, counts, run};
pub use precision::{OfClass, OfTable, of_table, precision, read};
