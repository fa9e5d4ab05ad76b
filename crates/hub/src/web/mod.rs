//! Published files by their addresses.

mod error;
mod partial;
mod request;

pub use error::WebError;

use crate::checksum::sha256_of_file;
use crate::client::TICK;
use crate::progress::{OnProgress, Progress};
use crate::retry::{N_ATTEMPTS, PAUSE, pause};
use partial::{Partial, remove};
use request::{Body, Connection};
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Damaged copies after which it is an error.
const MAX_DAMAGED: u32 = 2;
/// Times in a row that a server may refuse the rest of a file.
const MAX_REFUSED: u32 = 2;

/// A file at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebFile {
    /// The address: `https://` or `http://`.
    pub url: String,
    /// SHA-256s in hex (small letters), one of which it must have. Empty where the caller verifies what is in the file.
    pub sha256: Vec<String>,
    /// Bytes that it may have at most.
    pub most_bytes: u64,
    /// How many attempts in a row may fail without any new bytes before the last error is returned, at least 1.
    pub n_attempts: u32,
    /// Pause after the first failed attempt; it doubles with each further one.
    pub pause: Duration,
}

impl WebFile {
    /// The file at `url`, of at most `most_bytes`.
    pub fn new(url: impl Into<String>, sha256: Vec<String>, most_bytes: u64) -> Self {
        Self { url: url.into(), sha256, most_bytes, n_attempts: N_ATTEMPTS, pause: PAUSE }
    }
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Its length in bytes.
    pub n_bytes: u64,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// It was there before, and nothing was requested.
    pub cached: bool,
}

/// Downloads a file to `to`, verified, or finds it there.
///
/// An interrupted transfer leaves `TO.partial`, and is continued by this call or a later one where the server supports
/// ranges and still has the same file (`If-Range`, ETag, length). The file has its name only once it is complete and has the
/// right checksum. Two processes never fetch one file: the second waits (`TO.lock`). The variables of the proxy are obeyed
/// (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
///
/// `progress` is called on this thread, and at least every 100 ms; `Break` stops there.
///
/// # Errors
/// See [`WebError`].
pub fn download(file: &WebFile, to: &Path, progress: &OnProgress<'_>) -> Result<Downloaded, WebError> {
    if !file.sha256.iter().all(|hex| is_sha256(hex)) {
        let got = file.sha256.join(", ");
        return Err(WebError::Invalid { what: "SHA-256", expected: "64 digits of 0 to 9 and a to f", got });
    }
    let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let partial = Partial::of(to);
    let connection = Connection::new(&file.url, name, &partial.path, progress)?;
    let _lock = lock(to, &connection)?;
    let mut transfer =
        Transfer { file, to, partial: &partial, connection, n_bytes: 0, n_failed: 0, n_damaged: 0, n_refused: 0 };
    let sha256 = transfer.found()?;
    let cached = sha256.is_some();
    let sha256 = sha256.map_or_else(|| transfer.run(), Ok)?;
    let n_bytes = fs::metadata(to).map_err(WebError::io("read", to))?.len();
    transfer.connection.report(Progress::Ready { file: &transfer.connection.name, n_bytes, cached })?;
    Ok(Downloaded { n_bytes, sha256, cached })
}

/// Whether a text is a SHA-256 as this crate writes it.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Held while a file is fetched. The file stays: one that is removed would lock nobody out.
fn lock(to: &Path, connection: &Connection<'_>) -> Result<File, WebError> {
    let mut path = to.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(WebError::io("create", &path))?;
    let mut is_reported = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut is_reported, true) {
                    connection.report(Progress::Waiting { file: &connection.name })?;
                }
                connection.sleep(TICK)?;
            }
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(WebError::io("lock", &path)(error)),
        }
    }
}

/// The download of one file: attempts, pauses, and continuing an interrupted transfer.
struct Transfer<'a> {
    file: &'a WebFile,
    to: &'a Path,
    partial: &'a Partial,
    connection: Connection<'a>,
    /// Bytes that were there after the last attempt.
    n_bytes: u64,
    /// Failed attempts since one brought any bytes.
    n_failed: u32,
    /// Copies that were downloaded and damaged.
    n_damaged: u32,
    /// Times that the server had no rest of the file.
    n_refused: u32,
}

impl Transfer<'_> {
    /// The checksum of the file, if it is there and right; a damaged one is removed.
    fn found(&self) -> Result<Option<String>, WebError> {
        if !self.to.exists() {
            return Ok(None);
        }
        match self.verify(self.to) {
            Ok(sha256) => Ok(Some(sha256)),
            Err(error @ WebError::Checksum { .. }) => {
                remove(self.to)?;
                let reason = error.to_string();
                self.connection.report(Progress::Damaged { file: &self.connection.name, reason: &reason })?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn verify(&self, path: &Path) -> Result<String, WebError> {
        let got = sha256_of_file(path).map_err(WebError::io("read", path))?;
        if self.file.sha256.is_empty() || self.file.sha256.contains(&got) {
            return Ok(got);
        }
        let expected = self.file.sha256.join(" or ");
        Err(WebError::Checksum { url: self.connection.url.clone(), expected, got })
    }

    fn run(&mut self) -> Result<String, WebError> {
        loop {
            let error = match self.attempt() {
                Ok(Some(sha256)) => return Ok(sha256),
                Ok(None) => continue,
                Err(error) => error,
            };
            let Some(pause) = self.pause_after(&error)? else { return Err(error) };
            self.retrying(&error.to_string(), pause)?;
            self.connection.sleep(pause)?;
        }
    }

    fn retrying(&self, reason: &str, pause: Duration) -> Result<(), WebError> {
        self.connection.report(Progress::Retrying { file: &self.connection.name, reason, pause })
    }

    /// How long to wait before the next attempt; `None` if there is none.
    fn pause_after(&mut self, error: &WebError) -> Result<Option<Duration>, WebError> {
        if let WebError::Checksum { .. } = error {
            self.partial.remove()?;
            self.n_damaged += 1;
            return Ok((self.n_damaged < MAX_DAMAGED).then_some(Duration::ZERO));
        }
        if let WebError::TooLarge { .. } = error {
            self.partial.remove()?;
        }
        if !error.is_transient() {
            return Ok(None);
        }
        let n_before = std::mem::replace(&mut self.n_bytes, self.partial.n_bytes());
        self.n_failed = if self.n_bytes > n_before { 1 } else { self.n_failed + 1 };
        let is_last = self.n_failed >= self.file.n_attempts;
        Ok((!is_last).then(|| pause(self.file.pause, self.n_failed, error.retry_after())))
    }

    /// One request; the checksum of the complete file, or nothing where another request has to follow at once.
    fn attempt(&mut self) -> Result<Option<String>, WebError> {
        let from = self.partial.found(&self.connection.url);
        if let Some((n_bytes, note)) = &from
            && note.size == Some(*n_bytes)
        {
            return self.complete().map(Some);
        }
        let Some(Body { mut response, note, goes_on }) = self.connection.ask(from.as_ref())? else {
            self.partial.remove()?;
            self.n_refused += 1;
            if self.n_refused > MAX_REFUSED {
                let source = "the server has no rest of the file, again and again".into();
                return Err(WebError::Client { url: self.connection.url.clone(), source });
            }
            self.retrying(&self.begins_again(), Duration::ZERO)?;
            return Ok(None);
        };
        let mut n_bytes = 0;
        if let Some((n_found, _)) = from {
            if goes_on {
                n_bytes = n_found;
                let size = note.size.unwrap_or(n_bytes);
                self.connection.report(Progress::Resuming { file: &self.connection.name, n_bytes, size })?;
            } else {
                self.retrying(&self.begins_again(), Duration::ZERO)?;
            }
        }
        let most = self.file.most_bytes;
        let too_large = || WebError::TooLarge { url: self.connection.url.clone(), most };
        if note.size.is_some_and(|size| size > most) {
            return Err(too_large());
        }
        let mut into = self.partial.open(&note, goes_on)?;
        while let Some(bytes) = self.connection.next(&mut response, n_bytes)? {
            let bytes = bytes.as_ref();
            n_bytes += bytes.len() as u64;
            if n_bytes > most {
                return Err(too_large());
            }
            into.write_all(bytes).map_err(|error| WebError::disk(&self.connection.url, &self.partial.path, error))?;
            let progress = Progress::Receiving { file: &self.connection.name, n_bytes, size: note.size };
            self.connection.report(progress)?;
        }
        if let Some(size) = note.size.filter(|size| n_bytes < *size) {
            let source = format!("expected {size} bytes").into();
            return Err(WebError::Interrupted { url: self.connection.url.clone(), n_bytes, source });
        }
        into.sync_all().map_err(|error| WebError::disk(&self.connection.url, &self.partial.path, error))?;
        drop(into);
        self.complete().map(Some)
    }

    fn begins_again(&self) -> String {
        format!(
            "{}: the server sends no rest of what is here: the file has changed, or it cannot send parts",
            self.connection.url
        )
    }

    fn complete(&self) -> Result<String, WebError> {
        let sha256 = self.verify(&self.partial.path)?;
        self.partial.complete(self.to)?;
        Ok(sha256)
    }
}
