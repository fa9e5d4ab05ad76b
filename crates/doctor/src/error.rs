//! What can be wrong with what a caller passes.

/// An error of this crate: which operation, what it expected, what it got.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting that makes no sense.
    #[error("setting {setting}: expected {expected}, got {got}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// Data that do not fit together.
    #[error("{operation}: expected {expected}, got {got}")]
    Data {
        /// What was asked for.
        operation: &'static str,
        /// What is needed for it.
        expected: String,
        /// What was passed.
        got: String,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
