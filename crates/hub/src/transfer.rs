use crate::answer::error_of_disk;
use crate::cache::{is_same, remove_file};
use crate::client::{CallError, Event, Location};
use crate::error::{Error, Missing, RepoFile};
use crate::partial::Partial;
use crate::progress::Progress;
use crate::repository::Repository;
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of one request when a transfer is continued; those of an interrupted request are lost.
const PIECE: u64 = 8 << 20;
/// Damaged copies after which it is an error.
const MAX_DAMAGED: u32 = 2;
/// Times that a hub may refuse the rest of a file, of which the whole is asked for then.
const MAX_REFUSED: u32 = 2;

/// The download of one file: attempts, pauses, and continuing an interrupted transfer.
pub(crate) struct Transfer<'a> {
    repository: &'a Repository<'a>,
    at: Location<'a>,
    wanted: RepoFile,
    /// Bytes in the cache after the last attempt.
    n_bytes: u64,
    /// Failed attempts since one brought any bytes.
    n_failed: u32,
    /// Copies that were downloaded and damaged.
    n_damaged: u32,
    /// Times that the hub refused the rest of a file.
    n_refused: u32,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(repository: &'a Repository<'a>, at: Location<'a>, wanted: RepoFile) -> Self {
        Self { repository, at, wanted, n_bytes: 0, n_failed: 0, n_damaged: 0, n_refused: 0 }
    }

    /// The verified file, and whether it is `here`: the copy in the cache, which is verified already.
    pub(crate) fn run(mut self, here: Option<&Path>) -> Result<(PathBuf, bool), Error> {
        loop {
            let error = match self.attempt(here) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(pause) = self.pause_after(&error)? else { return Err(error) };
            tracing::debug!(%error, ?pause, "trying again");
            let reason = error.to_string();
            self.repository.report(&self.wanted, Progress::Retrying { file: self.at.file, reason: &reason, pause })?;
            self.repository.sleep(&self.wanted, pause)?;
        }
    }

    fn partial(&self) -> Option<Partial> {
        self.repository.folder.partial(self.at.file)
    }

    /// How long to wait before the next attempt; `None` if there is none.
    fn pause_after(&mut self, error: &Error) -> Result<Option<Duration>, Error> {
        if error.is_damage() {
            self.n_damaged += 1;
            return Ok((self.n_damaged < MAX_DAMAGED).then_some(Duration::ZERO));
        }
        if matches!(error, Error::DiskFull { .. } | Error::Io { .. } | Error::Cancelled { .. }) {
            return Ok(None);
        }
        let partial = self.partial();
        if !error.is_transient() {
            // A hub that refuses the rest may give the whole file; where it does not, the next rest is refused too.
            let Some(partial) = partial else { return Ok(None) };
            self.n_refused += 1;
            if self.n_refused == MAX_REFUSED {
                return Ok(None);
            }
            remove_file(&partial.path)?;
            self.n_bytes = 0;
            return Ok(Some(Duration::ZERO));
        }
        let n_before = std::mem::replace(&mut self.n_bytes, partial.map_or(0, |partial| partial.n_bytes));
        self.n_failed = if self.n_bytes > n_before { 1 } else { self.n_failed + 1 };
        Ok(self.repository.source.pause_after(error, self.n_failed))
    }

    fn attempt(&mut self, here: Option<&Path>) -> Result<(PathBuf, bool), Error> {
        // If the cache has the file, a partial one belongs to another commit, unless the hub names another file.
        let is_wanted = here.is_none() || self.n_failed > 0;
        if let Some(partial) = self.partial().filter(|_| is_wanted) {
            self.resume(partial)?;
        }
        let (path, size) = self.download()?;
        if here.is_some_and(|here| is_same(here, &path)) {
            return Ok((path, true));
        }
        match self.repository.folder.verify(&path, &self.wanted, size) {
            Ok(()) => Ok((path, false)),
            Err(error) if error.is_damage() => {
                self.repository.folder.remove(&path)?;
                // hf-hub stores error pages too; a request that checks the status tells them from damage.
                self.repository.ask(self.at, &self.wanted)?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Downloads the whole file through hf-hub; the path is not verified. Also returns the length that the hub gave.
    fn download(&mut self) -> Result<(PathBuf, Option<u64>), Error> {
        let (mut size, mut n_bytes) = (None, 0);
        let Self { repository, at, .. } = *self;
        let before = repository.folder.partials();
        let mut on_event = |event| match event {
            Event::Size(given) => {
                size = given;
                ControlFlow::Continue(())
            }
            Event::Bytes(so_far) => {
                if let (0, Some(size)) = (n_bytes, size) {
                    // If this fails, an interrupted transfer starts again at its first byte.
                    let _ = repository.folder.note_partial(&before, at.file, size);
                }
                n_bytes = so_far;
                repository.pass_on(Progress::Receiving { file: at.file, n_bytes, size })
            }
            Event::Idle => repository.idle(at.file),
        };
        let error = match repository.client.download(at, self.n_damaged > 0, &mut on_event) {
            Ok(path) => return Ok((path, size)),
            Err(error) => self.error_of(error, n_bytes),
        };
        if let Error::NotFound { what: Missing::Unknown, .. } = error
            && let Err(error @ Error::NotFound { .. }) = repository.ask(at, &self.wanted)
        {
            // hf-hub does not report the reason.
            return Err(error);
        }
        Err(error)
    }

    /// Downloads the rest of an interrupted transfer, piece by piece, and puts the whole file where hf-hub finds it.
    fn resume(&self, partial: Partial) -> Result<(), Error> {
        let (repository, file, size) = (self.repository, self.at.file, partial.size);
        let mut n_bytes = partial.n_bytes;
        repository.report(&self.wanted, Progress::Resuming { file, n_bytes, size })?;
        while n_bytes < size {
            let mut on_event = |event| match event {
                Event::Bytes(more) => {
                    let n_bytes = n_bytes + more;
                    repository.pass_on(Progress::Receiving { file, n_bytes, size: Some(size) })
                }
                Event::Size(_) => ControlFlow::Continue(()),
                Event::Idle => repository.idle(file),
            };
            let range = n_bytes..size.min(n_bytes + PIECE);
            let n_requested = range.end - range.start;
            let bytes = repository.client.range(self.at, range, &mut on_event);
            let bytes = bytes.map_err(|error| self.error_of(error, n_bytes))?;
            let rest = match bytes.len() as u64 {
                n_got if (1..=n_requested).contains(&n_got) => &bytes[..],
                // The hub does not support ranges and sent the whole file.
                n_got if n_got == size => &bytes[n_bytes as usize..],
                n_got => {
                    let source = format!("requested {n_requested} bytes, got {n_got}").into();
                    return Err(Error::Client { file: self.wanted.clone(), source });
                }
            };
            self.append(&partial.path, rest)?;
            n_bytes += rest.len() as u64;
        }
        repository.folder.complete(&partial.path, &self.wanted)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let written = OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| error_of_disk(error, self.wanted.clone(), self.repository.source))
    }

    fn error_of(&self, error: CallError, n_bytes: u64) -> Error {
        self.repository.error_of(error, &self.wanted, n_bytes)
    }
}
