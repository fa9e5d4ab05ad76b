//! What can go wrong with a file at an address, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A cause that belongs to another crate.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong with a published file. The message is one line that says what to do; the cause, where there is one, is
/// its `source`. Addresses are shown without a password and without what follows the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// A value that cannot be used, found before anything is requested.
    #[error("{what}: expected {expected}, got {got}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// The caller asked to stop.
    #[error("{url}: stopped; what has arrived is kept in {}: run again to continue", partial.display())]
    Cancelled {
        /// What was being fetched.
        url: String,
        /// The incomplete file.
        partial: PathBuf,
    },
    /// The server answers with an error.
    #[error("{url}: the server answers {status}: {}", answer(*status))]
    Answer {
        /// What was requested.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How long to wait before the next request, if the server says so.
        retry_after: Option<Duration>,
    },
    /// No connection.
    #[error(
        "{url}: cannot reach the server: check the network and the proxy (HTTPS_PROXY, HTTP_PROXY), or name a copy of the \
         file with --mirror"
    )]
    Unreachable {
        /// What was requested.
        url: String,
        /// Why not.
        source: Cause,
    },
    /// The transfer ended inside the file, at the last attempt too.
    #[error(
        "{url}: the transfer was interrupted after {n_bytes} bytes: check the network and run again to continue there"
    )]
    Interrupted {
        /// What was being fetched.
        url: String,
        /// Bytes that had arrived.
        n_bytes: u64,
        /// How it ended.
        source: Cause,
    },
    /// More bytes than the file may have.
    #[error("{url}: expected at most {most} bytes, got more: check the address (--mirror)")]
    TooLarge {
        /// What was being fetched.
        url: String,
        /// Bytes that are let pass.
        most: u64,
    },
    /// The checksum is not the published one, twice.
    #[error(
        "{url}: expected SHA-256 {expected}, got {got}: the copy is removed; the file at this address is not the published \
         one, or something between this computer and the server changes files"
    )]
    Checksum {
        /// What was fetched.
        url: String,
        /// The published checksums, in hex.
        expected: String,
        /// The checksum of the bytes, in hex.
        got: String,
    },
    /// Files that are not the published ones.
    #[error("{}: {what}: expected {expected}, got {got}", folder.display())]
    Contents {
        /// Their folder.
        folder: PathBuf,
        /// Which files.
        what: String,
        /// What they have to be.
        expected: String,
        /// What they are.
        got: String,
    },
    /// No space left.
    #[error("{url}: no space left for {}: free some, or use a folder on another disk (--out)", path.display())]
    DiskFull {
        /// What was being fetched.
        url: String,
        /// The file that was written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another operation on a file failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was being done: `read`, `remove`, ...
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Anything else that the HTTP client reports.
    #[error("{url}: cannot be fetched")]
    Client {
        /// What was requested.
        url: String,
        /// What the client says.
        source: Cause,
    },
}

fn answer(status: u16) -> &'static str {
    match status {
        401 | 403 => "it refuses: check the address (--mirror)",
        404 | 410 => "it has no such file: check the address, or name a copy with --mirror",
        429 => "too many requests: try again later",
        500..=599 => "a fault of the server: try again later, or name a copy with --mirror",
        _ => "check whether the address opens in a browser",
    }
}

impl WebError {
    /// The same request may work a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Answer { status, .. } => crate::retry::is_transient(*status),
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub(super) fn retry_after(&self) -> Duration {
        match self {
            Self::Answer { retry_after: Some(pause), .. } => *pause,
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.into(), source }
    }

    /// The error of writing what was fetched.
    pub(super) fn disk(url: &str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { url: url.into(), path: path.into(), source }
            }
            _ => Self::Io { operation: "write", path: path.into(), source },
        }
    }
}
