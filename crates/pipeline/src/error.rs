//! What can go wrong in a stage.

/// An error of a stage. Print it with [`one_line`](crate::one_line), which adds the causes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that is not what was expected; the text says which, what was expected and what to do.
    #[error("{0}")]
    Invalid(String),
    /// What was being done, above the reason why it failed.
    #[error("{context}")]
    Context {
        /// What was being done, with the file.
        context: String,
        /// Why it failed.
        source: Box<Error>,
    },
    /// Somebody asked to stop.
    #[error("stopped; {kept}")]
    Cancelled {
        /// What the next run finds.
        kept: String,
    },
    /// A model that is not calibrated for a place.
    #[error(transparent)]
    Refused(#[from] crate::calibrate::refusal::Refusal),
    /// A file that cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A model that cannot be opened or asked.
    #[error(transparent)]
    Inference(#[from] inference::Error),
    /// A recording or a manifest.
    #[error(transparent)]
    Audio(#[from] audio_io::Error),
    /// A spectrogram.
    #[error(transparent)]
    Features(#[from] features::Error),
    /// Shards, an index, or a file that cannot be written.
    #[error(transparent)]
    Shard(#[from] shard::Error),
    /// A model's file, its parameters or its forward pass.
    #[error(transparent)]
    Classifier(#[from] classifier::Error),
    /// A Vision Transformer or its checkpoint.
    #[error(transparent)]
    Vit(#[from] models_vit::Error),
    /// A kernel's settings.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// Training or evaluation.
    #[error(transparent)]
    Train(#[from] train::Error),
    /// A detector of unknown sounds.
    #[error(transparent)]
    Anomaly(#[from] anomaly::Error),
    /// The examination of a data set.
    #[error(transparent)]
    Doctor(#[from] doctor::Error),
    /// Augmentation.
    #[error(transparent)]
    Augment(#[from] augment::ConfigError),
    /// A graph.
    #[error(transparent)]
    Export(#[from] export_onnx::Error),
    /// A page or a picture.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// A table of detections.
    #[error(transparent)]
    Detections(#[from] detections::Error),
    /// A download.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// A published file.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Web(#[from] hub::WebError),
    /// An archive.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Unpack(#[from] hub::UnpackError),
    /// An ONNX backbone.
    #[cfg(feature = "onnx")]
    #[error(transparent)]
    Onnx(#[from] models_onnx::Error),
    /// An operation on tensors.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A CSV file.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// A JSON file.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A configuration that cannot be read.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A configuration that cannot be written.
    #[error(transparent)]
    TomlWrite(#[from] toml::ser::Error),
    /// A number that is too large.
    #[error(transparent)]
    Number(#[from] std::num::TryFromIntError),
}

/// A result of a stage.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Puts what was being done above an error.
pub(crate) trait Context<T> {
    /// With a text that is there.
    fn context(self, text: &str) -> Result<T>;
    /// With a text that is made only where it is needed.
    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, text: &str) -> Result<T> {
        self.with_context(|| text)
    }

    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| Error::Context { context: text().into(), source: Box::new(error.into()) })
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, text: &str) -> Result<T> {
        self.with_context(|| text)
    }

    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T> {
        self.ok_or_else(|| Error::Invalid(text().into()))
    }
}

/// What to do about an error of the system that has one remedy, where its text does not say so.
pub fn advice(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = match error.downcast_ref::<Error>() {
            Some(Error::Io(error)) => Some(error.kind()),
            Some(Error::Json(error)) => error.io_error_kind(),
            _ => error.downcast_ref::<std::io::Error>().map(std::io::Error::kind),
        };
        if let Some(kind) = kind.filter(|kind| *kind != std::io::ErrorKind::Other) {
            return match kind {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                    Some("make room and run the same command again; no file is left half-written under its name")
                }
                std::io::ErrorKind::ReadOnlyFilesystem => Some("name a place that can be written to with --out"),
                _ => None,
            };
        }
        next = error.source();
    }
    None
}

/// Returns [`Error::Invalid`] with a formatted text.
macro_rules! bail {
    ($($text:tt)*) => {
        return Err($crate::error::Error::Invalid(format!($($text)*)).into())
    };
}
pub(crate) use bail;
