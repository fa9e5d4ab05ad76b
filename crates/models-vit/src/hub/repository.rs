use super::answer::error_of;
use super::cache::Folder;
use super::client::{At, Cached, Client};
use super::source::is_plain_path;
use super::transfer::Transfer;
use super::{Error, Missing, Progress, RepoFile, Source};
use hf_hub::HFError;
use std::path::PathBuf;
use std::thread;

/// A repository whose files are verified before anybody sees them.
pub(super) struct Repository<'a> {
    pub(super) source: &'a Source,
    pub(super) client: Client,
    pub(super) folder: Folder,
}

impl<'a> Repository<'a> {
    pub(super) fn open(source: &'a Source) -> Result<Self, Error> {
        let (owner, name) = source.checked()?;
        let nothing =
            RepoFile { repo: source.repo.clone(), revision: source.revision.clone(), file: "any file".into() };
        let client = Client::new(source, owner, name).map_err(|error| error_of(error, &nothing, source, 0))?;
        Ok(Self { source, client, folder: Folder::new(&source.cache, owner, name) })
    }

    pub(super) fn file(&self, revision: &str, file: &str) -> RepoFile {
        RepoFile { repo: self.source.repo.clone(), revision: revision.into(), file: file.into() }
    }

    /// One verified file; see [`fetch`](super::fetch).
    pub(super) fn fetch(&self, revision: &str, file: &str, progress: &dyn Fn(Progress<'_>)) -> Result<PathBuf, Error> {
        if !is_plain_path(file) {
            let expected = "a path inside the repository, such as config.json";
            return Err(Error::Invalid { what: "file", expected, got: format!("{file:?}") });
        }
        let at = At { revision, file };
        let wanted = self.file(revision, file);
        // What is true of a commit stays true.
        let settled = self.source.offline || is_commit(revision);
        let here = self.cached(at, &wanted, settled, progress)?;
        let (path, cached) = match here {
            Some(path) if settled => (path, true),
            None if self.source.offline => {
                return Err(Error::NotCached { file: wanted, cache: self.source.cache.clone() });
            }
            here => {
                let _lock = self.folder.lock(|| progress(Progress::Waiting { file }))?;
                Transfer::new(self, at, wanted, progress).run(here.as_deref())?
            }
        };
        let n_bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        progress(Progress::Ready { file, n_bytes, cached });
        Ok(path)
    }

    /// The commit that the source's revision names; the one that it named last where the hub cannot be asked. `file` is what
    /// errors name.
    pub(super) fn commit(&self, file: &str, progress: &dyn Fn(Progress<'_>)) -> Result<String, Error> {
        let revision = &self.source.revision;
        if is_commit(revision) {
            return Ok(revision.clone());
        }
        let wanted = self.file(revision, file);
        let known = self.folder.commit(revision);
        if self.source.offline {
            return known.ok_or(Error::NotCached { file: wanted, cache: self.source.cache.clone() });
        }
        let mut n_failed = 0;
        loop {
            let error = match self.client.commit(revision) {
                Ok(Some(commit)) if is_commit(&commit) => {
                    self.folder.set_commit(revision, &commit)?;
                    return Ok(commit);
                }
                Ok(commit) => {
                    let source = format!("expected the commit of a revision, got {commit:?}").into();
                    return Err(Error::Client { file: wanted, source });
                }
                Err(error) => self.error_of(error, &wanted, 0),
            };
            if error.is_passing()
                && let Some(commit) = &known
            {
                return Ok(commit.clone());
            }
            n_failed += 1;
            let Some(pause) = self.source.pause_after(&error, n_failed) else { return Err(error) };
            progress(Progress::Retrying { file, reason: &error.to_string(), pause });
            thread::sleep(pause);
        }
    }

    /// Asks the hub for one byte of a file, for the status.
    pub(super) fn ask(&self, at: At<'_>, wanted: &RepoFile) -> Result<(), Error> {
        let asked = self.client.range(at, 0..1, &mut |_| {});
        asked.map(|_| ()).map_err(|error| self.error_of(error, wanted, 0))
    }

    pub(super) fn error_of(&self, error: HFError, wanted: &RepoFile, n_bytes: u64) -> Error {
        error_of(error, wanted, self.source, n_bytes)
    }

    /// The copy in the cache, if it is as it should be; a damaged one is removed.
    fn cached(
        &self,
        at: At<'_>,
        wanted: &RepoFile,
        settled: bool,
        progress: &dyn Fn(Progress<'_>),
    ) -> Result<Option<PathBuf>, Error> {
        let cached = self.client.cached(at).map_err(|error| self.error_of(error, wanted, 0))?;
        let path = match cached {
            Cached::Here(path) => path,
            Cached::KnownToBeMissing if settled => {
                return Err(Error::NotFound { file: wanted.clone(), what: Missing::File });
            }
            Cached::KnownToBeMissing | Cached::Unknown => return Ok(None),
        };
        match self.folder.verify(&path, wanted, None) {
            Ok(()) => Ok(Some(path)),
            Err(error) if error.is_damage() => {
                self.folder.remove(&path)?;
                if self.source.offline {
                    return Err(error);
                }
                progress(Progress::Damaged { file: at.file, reason: &error.to_string() });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a revision is a whole commit, which can never mean another one.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}
