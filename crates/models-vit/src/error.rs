use std::path::PathBuf;

/// Errors of pretrained models.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The parameters of a model do not fit.
    #[error(transparent)]
    Model(#[from] classifier::Error),
    /// An invalid configuration.
    #[error("ViT configuration: {field}: expected {expected}, got {got}")]
    Config {
        /// The field.
        field: &'static str,
        /// The valid values.
        expected: String,
        /// The value.
        got: String,
    },
    /// A file that cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A checkpoint that is damaged or of an unknown kind.
    #[error("{path}: {reason}")]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
}
