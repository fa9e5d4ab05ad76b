//! What can go wrong while a report is made.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The values of a spectrogram do not have the shape that they are said to have.
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
    /// A chart could not be drawn.
    #[error("chart `{what}`: cannot draw: {reason}")]
    Chart {
        /// Which chart.
        what: String,
        /// The plotter's reason.
        reason: String,
    },
    /// The page could not be put together.
    #[error("report: cannot fill in the page")]
    Page(#[from] askama::Error),
    /// The data of the page's script could not be written.
    #[error("report: cannot write the data of the page's script")]
    Payload(#[from] serde_json::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
