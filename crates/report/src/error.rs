//! What can go wrong while a report is made.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A spectrogram whose values do not fill the bands and frames it is said to have.
    #[error("spectrogram picture: {part}: expected {expected}, got {got}")]
    Picture {
        /// Which argument.
        part: &'static str,
        /// What it has to be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The picture could not be encoded.
    #[error("spectrogram picture: cannot encode PNG")]
    Png(#[from] ::png::EncodingError),
    /// A curve could not be drawn.
    #[error("curve of {what}: cannot draw: {reason}")]
    Curve {
        /// Which chart.
        what: String,
        /// The plotter's reason.
        reason: String,
    },
    /// The page could not be put together.
    #[error("report: cannot fill in the page")]
    Page(#[from] askama::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
