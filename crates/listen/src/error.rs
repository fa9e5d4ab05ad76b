//! Why listening cannot begin, or ends.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that is not what was expected; the text says which, and what to do.
    #[error("{0}")]
    Invalid(String),
    /// Sound that is in no format that can be decoded while it comes.
    #[error(
        "-: expected WAV, FLAC, OGG, MP3 or AAC, or the sample rate of raw samples: `arecord -t raw -f S16_LE -r 48000 | barkbird \
         listen RUN - --rate 48000`"
    )]
    Unknown,
    /// Sound that cannot be read or decoded any more.
    #[error("the sound: {0}")]
    Sound(#[from] audio_io::Error),
    /// The pipe.
    #[error("-: cannot be read: {0}")]
    Pipe(std::io::Error),
    /// A thread.
    #[error("a thread cannot be started: {0}")]
    Start(std::io::Error),
    /// The microphone.
    #[error("the microphone: {0}")]
    Microphone(String),
    /// A file or folder.
    #[error("{}: {operation}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Whoever is told does not listen any more.
    #[error("what was heard cannot be told: {0}")]
    Told(std::io::Error),
    /// The model, or what it says.
    #[error(transparent)]
    Pipeline(Box<pipeline::Error>),
}

impl From<pipeline::Error> for Error {
    fn from(error: pipeline::Error) -> Self {
        Self::Pipeline(Box::new(error))
    }
}

impl From<inference::Error> for Error {
    fn from(error: inference::Error) -> Self {
        Self::from(pipeline::Error::from(error))
    }
}

impl From<detections::Error> for Error {
    fn from(error: detections::Error) -> Self {
        Self::from(pipeline::Error::from(error))
    }
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
