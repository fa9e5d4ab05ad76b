//! What can go wrong when a model is opened or asked.

/// An error of this crate. Print it with [`one_line`], which adds the causes.
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
    #[error("stopped")]
    Cancelled,
    /// A file that cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A recording or a manifest.
    #[error(transparent)]
    Audio(#[from] audio_io::Error),
    /// A spectrogram.
    #[error(transparent)]
    Features(#[from] features::Error),
    /// A model's file, its parameters or its forward pass.
    #[error(transparent)]
    Classifier(#[from] classifier::Error),
    /// A Vision Transformer.
    #[error(transparent)]
    Vit(#[from] models_vit::Error),
    /// An ONNX model.
    #[cfg(feature = "onnx")]
    #[error(transparent)]
    Onnx(#[from] models_onnx::Error),
    /// A detector of unknown sounds.
    #[error(transparent)]
    Anomaly(#[from] anomaly::Error),
    /// A folder of features.
    #[error(transparent)]
    Shard(#[from] shard::Error),
    /// An operation on tensors.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
    /// A header.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A number that is too large.
    #[error(transparent)]
    Number(#[from] std::num::TryFromIntError),
}

/// A result of this crate.
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

/// Returns [`Error::Invalid`] with a formatted text.
macro_rules! bail {
    ($($text:tt)*) => {
        return Err($crate::error::Error::Invalid(format!($($text)*)).into())
    };
}
pub(crate) use bail;

/// An error and its causes on one line; a cause that the text before it repeats already is left out.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        next = cause.source();
    }
    line
}

/// [`one_line`] of an error about a file, for a table or a list that names the file already.
pub fn reason(error: &dyn std::error::Error, path: &std::path::Path) -> String {
    let line = one_line(error);
    let prefix = format!("{}: ", path.display());
    line.strip_prefix(&prefix).map_or(line.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_does_not_repeat_the_file() {
        let error = Error::Invalid("a/b.wav: the file is empty".into());
        assert_eq!(reason(&error, "a/b.wav".as_ref()), "the file is empty");
        assert_eq!(reason(&error, "c.wav".as_ref()), "a/b.wav: the file is empty");
    }

    #[test]
    fn a_cause_is_said_once() {
        let failed: std::result::Result<(), Error> = Err(Error::Invalid("disk on fire".into()));
        let error = failed.context("a.csv: cannot be read: disk on fire").context("scan").unwrap_err();
        assert_eq!(one_line(&error), "scan: a.csv: cannot be read: disk on fire");
        assert_eq!(
            one_line(&Err::<(), _>(Error::Invalid("inner".into())).context("outer").unwrap_err()),
            "outer: inner"
        );
        assert!(matches!(None::<()>.context("nothing"), Err(Error::Invalid(text)) if text == "nothing"));
    }
}
