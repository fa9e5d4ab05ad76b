use crate::answer::error_of;
use crate::cache::Folder;
use crate::client::{Cached, CallError, Client, Event, Location, TICK};
use crate::error::{Error, Missing, RepoFile};
use crate::progress::{OnProgress, Progress};
use crate::source::{Source, is_commit};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// A repository whose files are verified before their path is returned, with the callback for its events.
pub(crate) struct Repository<'a> {
    pub(crate) source: &'a Source,
    pub(crate) client: Client,
    pub(crate) folder: Folder,
    progress: &'a OnProgress<'a>,
}

impl<'a> Repository<'a> {
    pub(crate) fn open(source: &'a Source, progress: &'a OnProgress<'a>) -> Result<Self, Error> {
        let (owner, name) = source.checked()?;
        let any_file =
            RepoFile { repo: source.repo.clone(), revision: source.revision.clone(), file: "any file".into() };
        let client = Client::new(source, owner, name).map_err(|error| error_of(error.into(), &any_file, source, 0))?;
        let folder = Folder::new(&source.cache, source.kind, owner, name);
        Ok(Self { source, client, folder, progress })
    }

    pub(crate) fn file(&self, revision: &str, file: &str) -> RepoFile {
        RepoFile { repo: self.source.repo.clone(), revision: revision.into(), file: file.into() }
    }

    /// Reports an event about a file.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the caller asks to stop.
    pub(crate) fn report(&self, file: &RepoFile, progress: Progress<'_>) -> Result<(), Error> {
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(self.cancelled(file)),
        }
    }

    /// Passes an event on to the caller, inside of a call.
    pub(crate) fn pass_on(&self, progress: Progress<'_>) -> ControlFlow<()> {
        (self.progress)(progress)
    }

    /// Asks whether to continue, for a call that has nothing else to report.
    pub(crate) fn idle(&self, file: &str) -> ControlFlow<()> {
        self.pass_on(Progress::Idle { file })
    }

    /// Sleeps, and can be cancelled meanwhile.
    pub(crate) fn sleep(&self, file: &RepoFile, pause: Duration) -> Result<(), Error> {
        let start = Instant::now();
        while let Some(left) = pause.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            self.report(file, Progress::Idle { file: &file.file })?;
            thread::sleep(left.min(TICK));
        }
        Ok(())
    }

    /// The commit that the source's revision names; if the hub cannot be asked, the one that it named last. Errors name
    /// `file`.
    pub(crate) fn commit(&self, file: &str) -> Result<String, Error> {
        let revision = &self.source.revision;
        if is_commit(revision) {
            return Ok(revision.clone());
        }
        let wanted = self.file(revision, file);
        let known = self.folder.commit(revision);
        if self.source.offline {
            return known.ok_or(Error::NotCached { file: wanted, cache: self.source.cache.clone() });
        }
        let commit = self.retrying(&wanted, || {
            let error = match self.client.commit(revision, &mut |event| self.only_idle(&event, file)) {
                Ok(Some(commit)) if is_commit(&commit) => return Ok(commit),
                Ok(commit) => {
                    let source = format!("expected the commit of a revision, got {commit:?}").into();
                    return Err(Error::Client { file: wanted.clone(), source });
                }
                Err(error) => self.error_of(error, &wanted, 0),
            };
            match &known {
                Some(commit) if error.is_transient() => {
                    tracing::warn!(%error, commit, "using the commit that the revision named last");
                    Ok(commit.clone())
                }
                _ => Err(error),
            }
        })?;
        if known.as_ref() != Some(&commit) {
            self.folder.set_commit(revision, &commit)?;
        }
        Ok(commit)
    }

    /// The files of a commit, by their paths in the repository. Errors name `wanted`.
    pub(crate) fn list(&self, commit: &str, wanted: &RepoFile) -> Result<Vec<String>, Error> {
        match self.folder.list(commit) {
            Some(files) => Ok(files),
            None => Ok(self.list_sizes(commit, wanted)?.into_iter().map(|(name, _)| name).collect()),
        }
    }

    /// The same with their lengths in bytes, which only the hub knows.
    pub(crate) fn list_sizes(&self, commit: &str, wanted: &RepoFile) -> Result<Vec<(String, u64)>, Error> {
        if self.source.offline {
            return Err(Error::NotCached { file: wanted.clone(), cache: self.source.cache.clone() });
        }
        let files = self.retrying(wanted, || {
            let files = self.client.list(commit, &mut |event| self.only_idle(&event, &wanted.file));
            files.map_err(|error| self.error_of(error, wanted, 0))
        })?;
        let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        self.folder.set_list(commit, &names)?;
        Ok(files)
    }

    /// Repeats a request that may work a moment later.
    fn retrying<T>(&self, wanted: &RepoFile, request: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let mut n_failed = 0;
        loop {
            let error = match request() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            n_failed += 1;
            let Some(pause) = self.source.pause_after(&error, n_failed) else { return Err(error) };
            let reason = error.to_string();
            self.report(wanted, Progress::Retrying { file: &wanted.file, reason: &reason, pause })?;
            self.sleep(wanted, pause)?;
        }
    }

    /// Requests one byte of a file, for the status.
    pub(crate) fn ask(&self, at: Location<'_>, wanted: &RepoFile) -> Result<(), Error> {
        let answer = self.client.range(at, 0..1, &mut |event| self.only_idle(&event, at.file));
        answer.map(|_| ()).map_err(|error| self.error_of(error, wanted, 0))
    }

    /// For calls whose bytes are not worth reporting.
    fn only_idle(&self, event: &Event, file: &str) -> ControlFlow<()> {
        if matches!(event, Event::Idle) { self.idle(file) } else { ControlFlow::Continue(()) }
    }

    pub(crate) fn error_of(&self, error: CallError, wanted: &RepoFile, n_bytes: u64) -> Error {
        error_of(error, wanted, self.source, n_bytes)
    }

    fn cancelled(&self, file: &RepoFile) -> Error {
        Error::Cancelled { file: file.clone(), cache: self.source.cache.clone() }
    }

    /// The copy in the cache, if its checksum is right; a damaged one is removed. `settled`: the cache is not going to be
    /// compared with the hub.
    pub(crate) fn cached(&self, at: Location<'_>, wanted: &RepoFile, settled: bool) -> Result<Option<PathBuf>, Error> {
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
                tracing::warn!(%error, "removed a damaged file from the cache");
                self.report(wanted, Progress::Damaged { file: at.file, reason: &error.to_string() })?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
