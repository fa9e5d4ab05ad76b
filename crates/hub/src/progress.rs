use std::ops::ControlFlow;
use std::time::Duration;

/// Called with each event, on the thread of the caller. `Break` stops: the call returns
/// [`Error::Cancelled`](crate::Error::Cancelled), and a later call continues where this one was.
pub type OnProgress<'a> = dyn Fn(Progress<'_>) -> ControlFlow<()> + 'a;

/// An event while files are fetched, in the order in which they happen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Bytes of a file have arrived.
    Receiving {
        /// The file.
        file: &'a str,
        /// Bytes so far.
        n_bytes: u64,
        /// Length of the file in bytes, if the hub gives it.
        size: Option<u64>,
    },
    /// An interrupted transfer is continued.
    Resuming {
        /// The file.
        file: &'a str,
        /// Bytes that are in the cache already.
        n_bytes: u64,
        /// Length of the file in bytes.
        size: u64,
    },
    /// An attempt failed; another one follows after a pause.
    Retrying {
        /// The file.
        file: &'a str,
        /// What went wrong.
        reason: &'a str,
        /// Length of the pause.
        pause: Duration,
    },
    /// A copy in the cache was damaged; it is removed and fetched again.
    Damaged {
        /// The file.
        file: &'a str,
        /// What was expected and found.
        reason: &'a str,
    },
    /// Another process of barkbird is fetching from the same repository; this one waits until it has finished.
    Waiting {
        /// The file.
        file: &'a str,
    },
    /// Nothing has happened for a moment. Nothing to show: this is the opportunity to stop.
    Idle {
        /// The file.
        file: &'a str,
    },
    /// A file is in the cache and verified.
    Ready {
        /// The file.
        file: &'a str,
        /// Its length in bytes.
        n_bytes: u64,
        /// Nothing had to be downloaded: a commit, offline, unchanged on the hub, or the hub did not answer.
        cached: bool,
    },
}
