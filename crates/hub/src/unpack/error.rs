use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// It is no ZIP archive that can be unpacked safely: damaged, hostile, or of a kind that is not supported.
    #[error("{archive}: {what}: nothing of it is kept; check where the archive is from")]
    Archive {
        /// The archive.
        archive: String,
        /// What is wrong with it.
        what: String,
    },
    /// The caller asked to stop.
    #[error("{archive}: stopped while it was unpacked: run again to unpack it")]
    Cancelled {
        /// The archive.
        archive: String,
    },
    /// No space left.
    #[error("no space left for {}: free some, or use a folder on another disk (--out)", path.display())]
    DiskFull {
        /// The file that was written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An operation on a file failed.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was being done: `read`, `create`, ...
        operation: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl UnpackError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: path.into(), source },
            _ => Self::Io { operation, path: path.into(), source },
        }
    }
}
