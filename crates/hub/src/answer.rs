use crate::client::CallError;
use crate::error::{Error, Missing, RepoFile};
use crate::source::Source;
use hf_hub::HFError;
use std::io;

/// The error of a call, as an error that says what to do about it. `n_bytes` of the file had arrived.
pub(crate) fn error_of(error: CallError, file: &RepoFile, source: &Source, n_bytes: u64) -> Error {
    let file = file.clone();
    let error = match error {
        CallError::Cancelled => return Error::Cancelled { file, cache: source.cache.clone() },
        CallError::Hub(error) => error,
    };
    let denied = |file, status| Error::Denied { file, status, with_token: source.token.is_some() };
    match error {
        HFError::AuthRequired { .. } => denied(file, 401),
        HFError::Forbidden { .. } => denied(file, 403),
        HFError::RepoNotFound { context, .. } => {
            Error::NotFound { file, what: missing(context.and_then(|context| context.error_code), Missing::Repository) }
        }
        HFError::RevisionNotFound { context, .. } => {
            Error::NotFound { file, what: missing(context.and_then(|context| context.error_code), Missing::Revision) }
        }
        HFError::EntryNotFound { context, .. } => {
            Error::NotFound { file, what: missing(context.and_then(|context| context.error_code), Missing::Unknown) }
        }
        HFError::Http { context } => Error::Answer { file, status: context.status.as_u16(), retry_after: None },
        HFError::RateLimited { retry_after, .. } => Error::Answer { file, status: 429, retry_after },
        // The URL is left out: one that a hub redirects to can contain a signature.
        HFError::Request { source: cause, .. } if cause.is_connect() || cause.is_timeout() => {
            Error::Unreachable { file, endpoint: source.endpoint.clone(), source: Box::new(cause.without_url()) }
        }
        // The hub's own protocol for large files; its client has tried several times already.
        HFError::Xet { source: cause, .. } => Error::Interrupted { file, n_bytes, source: cause },
        HFError::Request { source: cause, .. } => {
            Error::Interrupted { file, n_bytes, source: Box::new(cause.without_url()) }
        }
        HFError::CacheLockTimeout { path } => Error::Busy { file, lock: path },
        HFError::Io(cause) => error_of_disk(cause, file, source),
        HFError::Url(cause) => Error::Invalid {
            what: "endpoint (HF_ENDPOINT)",
            expected: "an URL such as https://huggingface.co",
            got: format!("{:?} ({cause})", source.endpoint),
        },
        other => Error::Client { file, source: Box::new(other) },
    }
}

/// The error of writing a file into the cache.
pub(crate) fn error_of_disk(cause: io::Error, file: RepoFile, source: &Source) -> Error {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::DiskFull { file, cache: source.cache.clone(), source: cause }
        }
        _ => Error::Io { operation: "write into the cache", path: source.cache.clone(), source: cause },
    }
}

/// hf-hub takes what was requested as what is missing; the answer of the hub may be more precise.
fn missing(code: Option<String>, otherwise: Missing) -> Missing {
    match code.as_deref() {
        Some("RepoNotFound") => Missing::Repository,
        Some("RevisionNotFound") => Missing::Revision,
        Some("EntryNotFound") => Missing::File,
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(error: io::Error) -> CallError {
        CallError::Hub(HFError::Io(error))
    }

    #[test]
    fn a_full_disk_is_an_error_of_its_own() {
        let source = Source::new("acme/vit", "/cache");
        let file = RepoFile { repo: "acme/vit".into(), revision: "main".into(), file: "config.json".into() };
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = error_of(io_error(kind.into()), &file, &source, 0).to_string();
            let expected = "acme/vit@main: config.json: no space left in /cache: free some, or use a cache on another disk \
                            (HF_HUB_CACHE)";
            assert_eq!(error, expected);
        }
        let error = error_of(io_error(io::ErrorKind::PermissionDenied.into()), &file, &source, 0).to_string();
        assert_eq!(error, "cannot write into the cache /cache");
    }
}
