use std::path::PathBuf;

/// Errors of training and evaluation. Every message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the configuration has an invalid value.
    #[error("configuration: {field}: expected {expected}, got {got}")]
    Config {
        /// Name of the field, as written in a configuration file.
        field: &'static str,
        /// The valid values.
        expected: String,
        /// The value.
        got: String,
    },
    /// The configuration of the augmentation is invalid.
    #[error("configuration: augment: {0}")]
    Augment(#[from] augment::ConfigError),
    /// Clips on which a model cannot be trained or evaluated.
    #[error("{0}")]
    Data(String),
    /// A model that does not fit the clips.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// What was compared.
        what: String,
        /// What the model has or needs.
        expected: String,
        /// What was there.
        got: String,
    },
    /// A loss or gradient that is not finite.
    #[error(
        "epoch {epoch}, step {step}: {what} is {value}; the clips were {clips}. The last checkpoint is kept. Look at \
         those clips, or lower lr or clip_norm"
    )]
    NotFinite {
        /// `the loss` or `the gradient norm`.
        what: &'static str,
        /// NaN or infinity.
        value: f64,
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the whole run, from 1.
        step: u64,
        /// The clips of the batch.
        clips: String,
    },
    /// The backward pass gave a trained parameter no gradient.
    #[error(
        "parameter {name}: no gradient: an operation between it and the loss has no backward, or the forward pass does \
         not use it"
    )]
    NoGradient {
        /// Name of the parameter.
        name: String,
    },
    /// The folder of a new run contains a run.
    #[error("{}: contains a run already: continue it (--resume), choose another folder, or replace it (--overwrite)", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A run cannot be resumed because its settings differ.
    #[error("{}: the run was started with other settings: {difference}; use those, another folder, or --overwrite", path.display())]
    Different {
        /// The checkpoint.
        path: PathBuf,
        /// The differences, with both values.
        difference: String,
    },
    /// A checkpoint that cannot be read.
    #[error("{}: {reason}; start anew with --overwrite", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("cancelled in epoch {epoch}; {epochs_kept} finished epochs are kept: continue with --resume")]
    Cancelled {
        /// The epoch that was interrupted, from 1.
        epoch: usize,
        /// Number of epochs in the last checkpoint.
        epochs_kept: usize,
    },
    /// A file or folder operation failed.
    #[error("{}: {operation}: {source}", path.display())]
    Io {
        /// The operation.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Values that cannot be encoded.
    #[error("{what}: {reason}")]
    Encode {
        /// What was written.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// A worker thread ended.
    #[error("batches: the thread that assembles them stopped; the last checkpoint is kept: continue with --resume")]
    Worker,
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// An error of the model or its file.
    #[error(transparent)]
    Classifier(#[from] classifier::Error),
    /// An error of shards or of an atomic write.
    #[error(transparent)]
    Shard(#[from] shard::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn json(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |error| Self::Encode { what, reason: error.to_string() }
    }
}
