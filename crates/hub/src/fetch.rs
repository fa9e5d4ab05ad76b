use crate::client::{Location, TICK};
use crate::error::Error;
use crate::progress::{OnProgress, Progress};
use crate::repository::Repository;
use crate::source::{Source, is_commit, is_plain_path};
use crate::transfer::Transfer;
use std::path::PathBuf;

/// One file of a repository, verified: from the cache, or downloaded into it.
///
/// `file` is a path in the repository, such as `config.json`. `progress` is called on this thread, and at least every
/// 100 ms while a transfer or a pause lasts; `Break` stops there.
///
/// # Errors
/// Each message says what to do: the source or the name is invalid, the hub refuses ([`Error::Denied`]), has no such
/// thing ([`Error::NotFound`]), has a fault ([`Error::Answer`]) or cannot be reached ([`Error::Unreachable`]); offline and
/// not in the cache ([`Error::NotCached`]); interrupted, short or damaged after all attempts; no space; stopped by
/// `progress` ([`Error::Cancelled`]).
#[tracing::instrument(level = "debug", skip_all, fields(repo = %source.repo, revision = %source.revision, file))]
pub fn fetch(source: &Source, file: &str, progress: &OnProgress<'_>) -> Result<PathBuf, Error> {
    fetch_from(&Repository::open(source, progress)?, &source.revision, file)
}

/// One verified file; see [`fetch`].
pub(crate) fn fetch_from(repository: &Repository<'_>, revision: &str, file: &str) -> Result<PathBuf, Error> {
    if !is_plain_path(file) {
        let expected = "a path inside the repository, such as config.json";
        return Err(Error::Invalid { what: "file", expected, got: format!("{file:?}") });
    }
    let at = Location { revision, file };
    let wanted = repository.file(revision, file);
    // What a commit contains never changes.
    let settled = repository.source.offline || is_commit(revision);
    let here = repository.cached(at, &wanted, settled)?;
    let (path, cached) = match here {
        Some(path) if settled => (path, true),
        None if repository.source.offline => {
            return Err(Error::NotCached { file: wanted, cache: repository.source.cache.clone() });
        }
        here => {
            let mut is_reported = false;
            let _lock = repository.folder.lock(|| {
                if !std::mem::replace(&mut is_reported, true) {
                    repository.report(&wanted, Progress::Waiting { file })?;
                }
                repository.sleep(&wanted, TICK)
            })?;
            Transfer::new(repository, at, wanted.clone()).run(here.as_deref())?
        }
    };
    let n_bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
    tracing::debug!(file, n_bytes, cached, "verified");
    repository.report(&wanted, Progress::Ready { file, n_bytes, cached })?;
    Ok(path)
}
