//! What can go wrong, each with the operation, the file, what was expected and what came.

use std::io;
use std::path::{Path, PathBuf};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("{}: cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A description that is not TOML, or that has keys of another name or type.
    #[error("{}: expected the keys of a backbone's description", path.display())]
    Toml {
        /// The TOML file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Something that the model does not say, and that the TOML file has to.
    #[error("{}: {what}: {found}; put {key} into {}", path.display(), toml.display())]
    Missing {
        /// The model.
        path: PathBuf,
        /// What is not known.
        what: &'static str,
        /// What the model says of it.
        found: String,
        /// The key, with an example of a value.
        key: String,
        /// The TOML file, which need not exist yet.
        toml: PathBuf,
    },
    /// A part of the file, the description or a window that is not what was expected.
    #[error("{}: {what}: expected {expected}, got {got}", path.display())]
    Invalid {
        /// The file that says it.
        path: PathBuf,
        /// Which part.
        what: String,
        /// What it has to be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The model's graph cannot be loaded or run by tract.
    #[error("{}: {operation}: {reason}", path.display())]
    Graph {
        /// The model.
        path: PathBuf,
        /// What was being done.
        operation: &'static str,
        /// Why it failed, on one line.
        reason: String,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An [`Error::Invalid`].
pub(crate) fn invalid(
    path: &Path,
    what: impl Into<String>,
    expected: impl Into<String>,
    got: impl Into<String>,
) -> Error {
    Error::Invalid { path: path.into(), what: what.into(), expected: expected.into(), got: got.into() }
}
