use super::answer::error_of_disk;
use super::cache::{is_same, remove_file};
use super::client::{At, Heard};
use super::half::Half;
use super::repository::Repository;
use super::{Error, Missing, Progress, RepoFile};
use hf_hub::HFError;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Bytes that are asked for at once where a transfer goes on; what a piece has brought when it is cut is lost.
const PIECE: u64 = 8 << 20;
/// Copies that may be damaged before it is an error.
const MAX_DAMAGED: u32 = 2;

/// One file on its way from the hub: attempts, pauses, and going on where one broke off.
pub(super) struct Transfer<'a> {
    repository: &'a Repository<'a>,
    at: At<'a>,
    wanted: RepoFile,
    progress: &'a dyn Fn(Progress<'_>),
    /// Bytes that were there after the last attempt.
    n_bytes: u64,
    /// Failed attempts since one brought anything.
    n_failed: u32,
    /// Copies that were fetched and damaged.
    n_damaged: u32,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        repository: &'a Repository<'a>,
        at: At<'a>,
        wanted: RepoFile,
        progress: &'a dyn Fn(Progress<'_>),
    ) -> Self {
        Self { repository, at, wanted, progress, n_bytes: 0, n_failed: 0, n_damaged: 0 }
    }

    /// The verified file, and whether it is `here`: what the cache had and is known to be good.
    pub(super) fn run(mut self, here: Option<&Path>) -> Result<(PathBuf, bool), Error> {
        loop {
            let error = match self.attempt(here) {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(pause) = self.pause_after(&error)? else { return Err(error) };
            (self.progress)(Progress::Retrying { file: self.at.file, reason: &error.to_string(), pause });
            thread::sleep(pause);
        }
    }

    fn half(&self) -> Option<Half> {
        self.repository.folder.half(self.at.file)
    }

    /// How long to wait before the next attempt; `None` if there is none.
    fn pause_after(&mut self, error: &Error) -> Result<Option<Duration>, Error> {
        if error.is_damage() {
            self.n_damaged += 1;
            return Ok((self.n_damaged < MAX_DAMAGED).then_some(Duration::ZERO));
        }
        if matches!(error, Error::DiskFull { .. } | Error::Io { .. }) {
            return Ok(None);
        }
        let half = self.half();
        if !error.is_passing() {
            // A hub that does not give the rest may give the whole.
            let Some(half) = half else { return Ok(None) };
            remove_file(&half.path)?;
            self.n_bytes = 0;
            return Ok(Some(Duration::ZERO));
        }
        let n_before = std::mem::replace(&mut self.n_bytes, half.map_or(0, |half| half.n_bytes));
        self.n_failed = if self.n_bytes > n_before { 1 } else { self.n_failed + 1 };
        Ok(self.repository.source.pause_after(error, self.n_failed))
    }

    fn attempt(&mut self, here: Option<&Path>) -> Result<(PathBuf, bool), Error> {
        // Where the cache has the file, a half is of another commit, until the hub says that the file is another one.
        let is_wanted = here.is_none() || self.n_failed > 0;
        if let Some(half) = self.half().filter(|_| is_wanted) {
            self.resume(half)?;
        }
        let (path, size) = self.download()?;
        if here.is_some_and(|here| is_same(here, &path)) {
            return Ok((path, true));
        }
        match self.repository.folder.verify(&path, &self.wanted, size) {
            Ok(()) => Ok((path, false)),
            Err(error) if error.is_damage() => {
                self.repository.folder.remove(&path)?;
                // hf-hub stores error pages too; a request that looks at the status tells them from damage.
                self.repository.ask(self.at, &self.wanted)?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Lets hf-hub fetch the whole file; the path is not verified. With it, the length that the hub says.
    fn download(&mut self) -> Result<(PathBuf, Option<u64>), Error> {
        let (mut size, mut n_bytes) = (None, 0);
        let Self { repository, at, progress, .. } = *self;
        let halves = repository.folder.halves();
        let mut hear = |heard| match heard {
            Heard::Size(said) => size = said,
            Heard::Bytes(so_far) => {
                if let (0, Some(size)) = (n_bytes, size) {
                    // Where this fails, a transfer that breaks off begins again.
                    let _ = repository.folder.note_half(&halves, at.file, size);
                }
                n_bytes = so_far;
                progress(Progress::Receiving { file: at.file, n_bytes, size });
            }
        };
        let error = match repository.client.download(at, self.n_damaged > 0, &mut hear) {
            Ok(path) => return Ok((path, size)),
            Err(error) => self.error_of(error, n_bytes),
        };
        if let Error::NotFound { what: Missing::Unsaid, .. } = error
            && let Err(error @ Error::NotFound { .. }) = repository.ask(at, &self.wanted)
        {
            // hf-hub does not look at why.
            return Err(error);
        }
        Err(error)
    }

    /// Fetches the rest of a transfer that broke off, piece by piece, and puts the whole where hf-hub finds it.
    fn resume(&self, half: Half) -> Result<(), Error> {
        let (file, progress, size) = (self.at.file, self.progress, half.size);
        let mut n_bytes = half.n_bytes;
        progress(Progress::Resuming { file, n_bytes, size });
        while n_bytes < size {
            let mut hear = |heard| {
                if let Heard::Bytes(more) = heard {
                    progress(Progress::Receiving { file, n_bytes: n_bytes + more, size: Some(size) });
                }
            };
            let range = n_bytes..size.min(n_bytes + PIECE);
            let n_asked = range.end - range.start;
            let bytes = self.repository.client.range(self.at, range, &mut hear);
            let bytes = bytes.map_err(|error| self.error_of(error, n_bytes))?;
            let rest = match bytes.len() as u64 {
                n_got if (1..=n_asked).contains(&n_got) => &bytes[..],
                // The hub does not know ranges and sent the whole.
                n_got if n_got == size => &bytes[n_bytes as usize..],
                n_got => {
                    let source = format!("asked for {n_asked} bytes, got {n_got}").into();
                    return Err(Error::Client { file: self.wanted.clone(), source });
                }
            };
            self.append(&half.path, rest)?;
            n_bytes += rest.len() as u64;
        }
        self.repository.folder.complete(&half.path, &self.wanted)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let written = OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| error_of_disk(error, self.wanted.clone(), self.repository.source))
    }

    fn error_of(&self, error: HFError, n_bytes: u64) -> Error {
        self.repository.error_of(error, &self.wanted, n_bytes)
    }
}
