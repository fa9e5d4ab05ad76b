//! Errors of requests as errors of files.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use object_store::Error;

/// Keeps what a reader can act on: kind, and the reasons on one line.
pub(crate) fn of(error: Error) -> io::Error {
    let kind = match &error {
        Error::NotFound { .. } => ErrorKind::NotFound,
        Error::AlreadyExists { .. } => ErrorKind::AlreadyExists,
        Error::Precondition { .. } => ErrorKind::StaleNetworkFileHandle,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => ErrorKind::PermissionDenied,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => ErrorKind::Unsupported,
        Error::InvalidPath { .. } => ErrorKind::InvalidFilename,
        _ => ErrorKind::Other,
    };
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(reason) = cause {
        let reason_words = reason.to_string();
        if !words.contains(&reason_words) {
            words = format!("{words}: {reason_words}");
        }
        cause = reason.source();
    }
    let hint = match kind {
        ErrorKind::PermissionDenied => "; check the keys in the environment (docs/buckets.md)",
        _ => "",
    };
    io::Error::new(kind, format!("{}{hint}", words.split_whitespace().collect::<Vec<_>>().join(" ")))
}
