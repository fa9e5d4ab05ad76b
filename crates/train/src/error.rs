use std::path::PathBuf;

/// What can go wrong while a model is trained or evaluated. Every message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the configuration has a value that makes no sense.
    #[error("configuration: {field}: expected {expected}, got {got}")]
    Config {
        /// Name of the field, as written in a configuration file.
        field: &'static str,
        /// What it may be.
        expected: String,
        /// What it was.
        got: String,
    },
    /// The configuration of the augmentation makes no sense.
    #[error("configuration: augment: {0}")]
    Augment(#[from] augment::ConfigError),
    /// Clips that a model can't be trained on or evaluated with.
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
    /// A loss or gradient that is not a number any more.
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
    /// The backward pass left a trained parameter out.
    #[error(
        "parameter {name}: no gradient: an operation between it and the loss has no backward, or the forward pass does \
         not use it"
    )]
    NoGradient {
        /// Name of the parameter.
        name: String,
    },
    /// The folder of a new run holds a run.
    #[error("{}: holds a run already: go on with it (--resume), choose another folder, or replace it (--overwrite)", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A run can't go on because it was started with something else.
    #[error("{}: the run was started with other settings: {difference}; use those, another folder, or --overwrite", path.display())]
    Different {
        /// The checkpoint.
        path: PathBuf,
        /// Names what differs, both values.
        difference: String,
    },
    /// A checkpoint that can't be read.
    #[error("{}: {reason}; start anew with --overwrite", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("cancelled in epoch {epoch}; {epochs_kept} finished epochs are kept: go on with --resume")]
    Cancelled {
        /// The epoch that was cut, from 1.
        epoch: usize,
        /// How many epochs the last checkpoint holds.
        epochs_kept: usize,
    },
    /// A file or folder operation failed.
    #[error("{}: {operation}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Values that can't be written as JSON or CSV.
    #[error("{what}: {reason}")]
    Encode {
        /// What was written.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// A worker thread died.
    #[error("batches: the thread that assembles them stopped; the last checkpoint is kept: go on with --resume")]
    Worker,
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
    /// The model or its file.
    #[error(transparent)]
    Classifier(#[from] classifier::Error),
    /// Shards or an atomic write.
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
