//! Errors of shards, indexes and writes, each with file, part, expected and got.

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate. The message is one line; the cause, where there is one, is its `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part of a file, or of a clip that is being written, violates the format.
    #[error("{}: {part}: expected {expected}, got {got}", file.display())]
    Mismatch {
        /// The file, or for a clip that is being pushed into a writer, the clip's path.
        file: PathBuf,
        /// Which part of it: `tensor mel`, `header`, `clip 3`, ...
        part: String,
        /// The expected value.
        expected: String,
        /// The actual value.
        got: String,
    },
    /// A file operation failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was being done: `read`, `create`, `rename`, ...
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// JSON that does not match the format.
    #[error("{}: {part}: expected JSON of this version, got something else", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// Which part of it.
        part: &'static str,
        /// Where and why the parser stopped.
        source: serde_json::Error,
    },
    /// Another process writes to a folder.
    #[error("{}: another barkbird is writing to this folder: wait until it has finished, or choose another folder", dir.display())]
    Locked {
        /// The folder.
        dir: PathBuf,
    },
    /// A folder of shards without the file that is written last.
    #[error("{}: no index.json: the stage that writes this folder did not finish; run it again", dir.display())]
    Unfinished {
        /// The folder.
        dir: PathBuf,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn mismatch(file: &Path, part: impl Into<String>, expected: impl Display, got: impl Display) -> Self {
        Self::Mismatch { file: file.into(), part: part.into(), expected: expected.to_string(), got: got.to_string() }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.into(), source }
    }

    pub(crate) fn json(file: &Path, part: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Json { file: file.into(), part, source }
    }
}
