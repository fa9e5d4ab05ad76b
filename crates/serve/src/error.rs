//! Why a server cannot start, or ends.

use std::net::SocketAddr;
use std::path::PathBuf;

/// An error of this crate. Requests that fail are no error of the server: they are answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address beyond this machine, without a token.
    #[error(
        "--addr {addr}: others can reach this address; name a secret with --token, or use 127.0.0.1 (a tunnel such as \
         `ssh -L 8080:127.0.0.1:8080` reaches it from elsewhere)"
    )]
    NoToken {
        /// The address.
        addr: SocketAddr,
    },
    /// A token that a header cannot hold, or that is easily guessed.
    #[error("--token: expected at least {least} characters, all of them printable ASCII without spaces")]
    Token {
        /// The fewest characters.
        least: usize,
    },
    /// Nothing to serve.
    #[error("expected the folder of a run or a model file, a table with --review, or training from the page")]
    Nothing,
    /// A run whose model cannot be opened.
    #[error("{}: cannot be used as a model: {source}", run.display())]
    Model {
        /// The run.
        run: PathBuf,
        /// Why.
        source: Box<pipeline::Error>,
    },
    /// An address that cannot be used.
    #[error("{addr}: connections cannot be accepted there: {source}; name another with --addr")]
    Bind {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A CSV of reviews that is something else.
    #[error("{}: expected the columns {expected}, got `{got}`; name another file with --reviews", path.display())]
    Reviews {
        /// The file.
        path: PathBuf,
        /// The columns.
        expected: String,
        /// Its first line.
        got: String,
    },
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
    /// A thread or the runtime.
    #[error("the server cannot be started: {0}")]
    Start(std::io::Error),
    /// A table of detections.
    #[error(transparent)]
    Pipeline(Box<pipeline::Error>),
}

impl From<pipeline::Error> for Error {
    fn from(error: pipeline::Error) -> Self {
        Self::Pipeline(Box::new(error))
    }
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
