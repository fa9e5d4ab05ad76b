use super::{Error, Missing, RepoFile, Source};
use hf_hub::HFError;
use std::io;
use std::time::Duration;

/// What hf-hub reports, as what a user can do about it. `n_bytes` had come of the file.
pub(super) fn error_of(error: HFError, file: &RepoFile, source: &Source, n_bytes: u64) -> Error {
    let file = file.clone();
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
            Error::NotFound { file, what: missing(context.and_then(|context| context.error_code), Missing::Unsaid) }
        }
        HFError::Http { context } => Error::Answer { file, status: context.status.as_u16(), retry_after: None },
        HFError::RateLimited { retry_after, .. } => Error::Answer { file, status: 429, retry_after },
        // The URL is left out: one that a hub redirects to can hold a signature.
        HFError::Request { source: cause, .. } if cause.is_connect() || cause.is_timeout() => {
            Error::Unreachable { file, endpoint: source.endpoint.clone(), source: Box::new(cause.without_url()) }
        }
        // The hub's own protocol for large files; its client has tried again already.
        HFError::Xet { source: cause, .. } => Error::Cut { file, n_bytes, source: cause },
        HFError::Request { source: cause, .. } => Error::Cut { file, n_bytes, source: Box::new(cause.without_url()) },
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

/// What the system says while a file is written into the cache.
pub(super) fn error_of_disk(cause: io::Error, file: RepoFile, source: &Source) -> Error {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::DiskFull { file, cache: source.cache.clone(), source: cause }
        }
        _ => Error::Io { operation: "write into the cache", path: source.cache.clone(), source: cause },
    }
}

/// hf-hub takes what was asked for as what is missing; the hub may have said more.
fn missing(code: Option<String>, otherwise: Missing) -> Missing {
    match code.as_deref() {
        Some("RepoNotFound") => Missing::Repository,
        Some("RevisionNotFound") => Missing::Revision,
        Some("EntryNotFound") => Missing::File,
        _ => otherwise,
    }
}

impl Error {
    /// The bytes are not what they should be; another copy may be.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Short { .. })
    }

    /// It may work a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Cut { .. } | Self::Busy { .. } => true,
            Self::Answer { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    /// How long the hub wants to be left alone.
    pub(super) fn retry_after(&self) -> Duration {
        match self {
            Self::Answer { retry_after: Some(pause), .. } => *pause,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_refusals() {
        let source = Source::new("acme/vit", "/cache");
        let file = RepoFile { repo: "acme/vit".into(), revision: "main".into(), file: "config.json".into() };
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = error_of(HFError::Io(kind.into()), &file, &source, 0).to_string();
            let expected = "acme/vit@main: config.json: no space left in /cache: free some, or use a cache on another disk \
                            (HF_HUB_CACHE)";
            assert_eq!(error, expected);
        }
        let error = error_of(HFError::Io(io::ErrorKind::PermissionDenied.into()), &file, &source, 0).to_string();
        assert_eq!(error, "cannot write into the cache /cache");
    }
}
