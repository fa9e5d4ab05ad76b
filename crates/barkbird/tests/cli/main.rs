//! The real binary, run as a person runs it.

mod bad_input;
mod common;
mod pipeline;
