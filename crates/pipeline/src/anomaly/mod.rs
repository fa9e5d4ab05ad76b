//! Detection of unknown sounds: compares methods, puts one into a model, and makes classes of what was rejected.

pub mod bench;
pub(crate) mod choice;
pub mod discover;
pub mod fit;
mod noises;
mod picture;
pub mod results;
mod rows;
mod sets;

pub use rows::RowsOptions;
