use std::path::PathBuf;

/// What can go wrong with a model or its file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// Two parameters of one model have the same name.
    #[error("parameter {0} is defined twice")]
    Duplicate(String),
    /// An input or parameter does not have the shape that it must have.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// The input or parameter.
        what: String,
        /// The shape or range that was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A model computed a value that is not a number.
    #[error("{clip}: logits of the model: expected finite values, got {value}")]
    NotFinite {
        /// The clip.
        clip: String,
        /// NaN or infinity.
        value: f32,
    },
    /// A model file lacks a parameter.
    #[error("{path}: parameters missing: {names}; the file belongs to another architecture or was cut")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The names, separated by commas.
        names: String,
    },
    /// A model file has a parameter that the architecture does not know.
    #[error("{path}: parameters that this architecture does not have: {names}")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The names, separated by commas.
        names: String,
    },
    /// Not a model file, or a damaged one.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// Values that cannot be fitted.
    #[error("{0}")]
    Fit(String),
}
