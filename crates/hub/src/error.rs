//! What can go wrong, each with the file, what was expected, what came, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A cause that belongs to another crate.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// One file of a repository on the hub, as errors name it: `owner/name@revision: file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    /// The repository, `owner/name`.
    pub repo: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// The file's path in the repository.
    pub file: String,
}

impl fmt::Display for RepoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}: {}", self.repo, self.revision, self.file)
    }
}

/// What a hub does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No such repository, or none that this token may see.
    Repository,
    /// The repository has no such branch, tag or commit.
    Revision,
    /// The revision has no such file.
    File,
    /// The hub did not say which of them.
    Unknown,
}

/// What can go wrong with the hub. The message is one line that says what to do; the cause, where there is one, is its
/// `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name or setting that cannot be used, found before anything is requested.
    #[error("{what}: expected {expected}, got {got}")]
    Invalid {
        /// Which setting.
        what: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What it is. Never a token.
        got: String,
    },
    /// Neither a variable nor a home folder names a folder for the cache.
    #[error("no folder for the cache: there is no home folder (HOME): name one with --cache or HF_HOME")]
    NoCache,
    /// The caller asked to stop.
    #[error("{file}: stopped; what has arrived is kept in {}: run again to continue", cache.display())]
    Cancelled {
        /// What was being fetched.
        file: RepoFile,
        /// The cache.
        cache: PathBuf,
    },
    /// The hub refuses: the repository is private or gated, or the token is wrong (401, 403).
    #[error("{file}: the hub answers {status}: {}", denied(*with_token))]
    Denied {
        /// What was requested.
        file: RepoFile,
        /// The HTTP status.
        status: u16,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The hub does not have it (404).
    #[error("{file}: {}", missing(*what))]
    NotFound {
        /// What was requested.
        file: RepoFile,
        /// Which part of it does not exist.
        what: Missing,
    },
    /// The hub answers with any other error.
    #[error("{file}: the hub answers {status}: {}", answer(*status))]
    Answer {
        /// What was requested.
        file: RepoFile,
        /// The HTTP status.
        status: u16,
        /// How long to wait before the next request, if the hub says so.
        retry_after: Option<Duration>,
    },
    /// No connection.
    #[error(
        "{file}: cannot reach {endpoint}: check the network, the proxy and HF_ENDPOINT; with HF_HUB_OFFLINE=1 only the \
         cache is used"
    )]
    Unreachable {
        /// What was requested.
        file: RepoFile,
        /// The hub.
        endpoint: String,
        /// Why not.
        source: Cause,
    },
    /// The transfer ended inside the file, at the last attempt too.
    #[error(
        "{file}: the transfer was interrupted after {n_bytes} bytes: check the network and run again to continue there"
    )]
    Interrupted {
        /// What was being fetched.
        file: RepoFile,
        /// Bytes that had arrived.
        n_bytes: u64,
        /// How it ended.
        source: Cause,
    },
    /// Fewer bytes arrived than the hub gives as the length of the file, twice.
    #[error(
        "{file}: expected {expected} bytes, got {got}: the copy is removed; run again, and if it happens again, something \
         between this computer and the hub (HF_ENDPOINT, a proxy) truncates files"
    )]
    Short {
        /// What was fetched.
        file: RepoFile,
        /// Its length in bytes, as the hub gives it.
        expected: u64,
        /// Bytes that arrived.
        got: u64,
    },
    /// The checksum is not the one that the hub gives: twice, or offline.
    #[error(
        "{file}: expected {algorithm} {expected}, got {got}: the copy is removed; run again, and if it happens again, \
         something between this computer and the hub (HF_ENDPOINT, a proxy, this disk) changes files"
    )]
    Checksum {
        /// What was fetched.
        file: RepoFile,
        /// Which checksum: `SHA-256` or `git SHA-1`.
        algorithm: &'static str,
        /// The checksum that the hub gave, in hex.
        expected: Box<str>,
        /// The checksum of the bytes, in hex.
        got: Box<str>,
    },
    /// The hub gives no checksum, so the bytes cannot be verified.
    #[error(
        "{file}: expected an ETag that is a SHA-256 or a git SHA-1, got {etag:?}: use the hub itself or a mirror that \
         forwards its ETags (HF_ENDPOINT)"
    )]
    Unverifiable {
        /// What was fetched.
        file: RepoFile,
        /// What the hub gave instead.
        etag: String,
    },
    /// Offline, and not in the cache.
    #[error(
        "{file}: not in the cache {}, and offline nothing is downloaded: run once online, or copy a cache that has it",
        cache.display()
    )]
    NotCached {
        /// What was requested.
        file: RepoFile,
        /// The cache.
        cache: PathBuf,
    },
    /// Another program is fetching the same file into the same cache.
    #[error("{file}: another program is fetching it (lock {}): wait for that, then run again", lock.display())]
    Busy {
        /// What was requested.
        file: RepoFile,
        /// The lock that is held.
        lock: PathBuf,
    },
    /// The weights exist only in a format that can run code.
    #[error(
        "{file}: refused, since reading a Python pickle runs whatever code is in it: choose a repository with \
         model.safetensors, or convert it (https://huggingface.co/spaces/safetensors/convert)"
    )]
    Pickle {
        /// The file that the repository has.
        file: RepoFile,
    },
    /// A repository without weights.
    #[error(
        "{repo}@{revision}: expected model.safetensors or model.safetensors.index.json, got neither: choose a \
         repository that holds a model"
    )]
    NoWeights {
        /// The repository.
        repo: String,
        /// Branch, tag or commit.
        revision: String,
    },
    /// The list of a checkpoint's parts cannot be used.
    #[error("{file}: {reason}: choose another repository or revision")]
    Index {
        /// The list.
        file: RepoFile,
        /// What is wrong with it.
        reason: String,
    },
    /// No space in the cache.
    #[error("{file}: no space left in {}: free some, or use a cache on another disk (HF_HUB_CACHE)", cache.display())]
    DiskFull {
        /// What was being fetched.
        file: RepoFile,
        /// The cache.
        cache: PathBuf,
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
    /// Anything else that hf-hub reports.
    #[error("{file}: the hub cannot be used")]
    Client {
        /// What was requested.
        file: RepoFile,
        /// What hf-hub says.
        source: Cause,
    },
}

fn denied(with_token: bool) -> &'static str {
    if with_token {
        "the token that was sent (HF_TOKEN) has no access to it: check the name, accept the terms on the repository's page, \
         or use another token"
    } else {
        "the repository is private, gated or does not exist: check the name, accept the terms on its page, and set \
         HF_TOKEN to a token with access to it"
    }
}

fn missing(what: Missing) -> &'static str {
    match what {
        Missing::Repository => {
            "no such repository: check owner and name, or set HF_TOKEN to a token with access if it is private"
        }
        Missing::Revision => "no such revision: name a branch, a tag or a full commit hash of the repository",
        Missing::File => "no such file in this revision: choose a revision or a repository that has it",
        Missing::Unknown => "the hub answers 404: check repository, revision and file",
    }
}

fn answer(status: u16) -> &'static str {
    match status {
        429 => "too many requests: try again later, or set HF_TOKEN for a higher limit",
        500..=599 => "a fault of the hub: try again later",
        _ => "check HF_ENDPOINT, and whether the repository opens in a browser",
    }
}

impl Error {
    /// The bytes are wrong; another copy may be right.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Short { .. })
    }

    /// The same request may work a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } | Self::Busy { .. } => true,
            Self::Answer { status, .. } => crate::retry::is_transient(*status),
            _ => false,
        }
    }

    /// How long the hub asks to wait.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Answer { retry_after: Some(pause), .. } => *pause,
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.into(), source }
    }
}
