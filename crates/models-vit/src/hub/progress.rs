use std::time::Duration;

/// What is told while files are fetched, in the order in which it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Bytes of a file have come.
    Receiving {
        /// The file.
        file: &'a str,
        /// Bytes so far.
        n_bytes: u64,
        /// Bytes that it has, where the hub says so.
        size: Option<u64>,
    },
    /// A transfer that was cut goes on where it was.
    Resuming {
        /// The file.
        file: &'a str,
        /// Bytes that are there already.
        n_bytes: u64,
        /// Bytes that it has.
        size: u64,
    },
    /// An attempt failed, and another one is made after a pause.
    Retrying {
        /// The file.
        file: &'a str,
        /// What went wrong.
        reason: &'a str,
        /// How long it waits.
        pause: Duration,
    },
    /// A copy in the cache was damaged; it is removed and fetched again.
    Damaged {
        /// The file.
        file: &'a str,
        /// What was expected and found.
        reason: &'a str,
    },
    /// Another process of barkbird is fetching from the same repository; this one waits for it.
    Waiting {
        /// The file.
        file: &'a str,
    },
    /// A file is there and verified.
    Ready {
        /// The file.
        file: &'a str,
        /// Its length in bytes.
        n_bytes: u64,
        /// Nothing of it had to be fetched: a commit, offline, unchanged on the hub, or the hub did not answer.
        cached: bool,
    },
}
