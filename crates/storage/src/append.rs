//! A file that grows at its end, such as a journal, which one process writes.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::atomic::Existing;
use crate::bucket::{Body, Bucket};
use crate::faults::{self, Fault, Operation};
use crate::lease::Lease;
use crate::location::{local, remote};
use crate::{blocks, lock, object};

/// A bucket gets the whole of it again each time, so not more often than this.
const UPLOAD: Duration = Duration::from_secs(30);

/// A file that is locked for this process, read anywhere and written at its end.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
    remote: Option<Remote>,
}

/// Of an object, which has a copy on the local disk while it is written.
#[derive(Debug)]
struct Remote {
    bucket: Arc<dyn Bucket>,
    key: String,
    copy: tempfile::TempPath,
    is_changed: bool,
    uploaded: Instant,
    _lease: Lease,
}

impl AppendFile {
    /// Opens the file for reading and appending, and makes it where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] if another process has it open so; and what cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        if let Some((bucket, key)) = remote(path)? {
            let lease = Lease::take(path, Arc::clone(&bucket), &format!("{key}.lock"))?;
            let (mut file, copy) = tempfile::NamedTempFile::new_in(blocks::staging()?)?.into_parts();
            match crate::read(path) {
                Ok(bytes) => file.write_all(&bytes)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            file.rewind()?;
            let uploaded = Instant::now();
            let remote = Remote { bucket, key, copy, is_changed: false, uploaded, _lease: lease };
            return Ok(Self { path: path.to_owned(), file, remote: Some(remote) });
        }
        faults::check(Operation::Create, path)?;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(local(path))?;
        // Where a file system has no locks, a second writer is not noticed.
        lock::lock(&file, path)?;
        Ok(Self { path: path.to_owned(), file, remote: None })
    }

    /// Bytes.
    ///
    /// # Errors
    /// A file of which the system says nothing.
    pub fn n_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Fills `into` from a place on, wherever reading is.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] where there are fewer bytes, and what cannot be read.
    pub fn read_exact_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        crate::file::read_exact_from(&self.file, &self.path, at, into)
    }

    /// Cuts the file to a length and writes bytes after it.
    ///
    /// # Errors
    /// What cannot be written; some of the bytes may then be there.
    pub fn write_from(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        faults::unsynced(&self.path);
        let fault = faults::meet(Operation::Write, &self.path)?;
        if self.file.metadata()?.len() != at {
            self.file.set_len(at)?;
        }
        self.file.seek(SeekFrom::Start(at))?;
        if let Some(remote) = &mut self.remote {
            remote.is_changed = true;
        }
        if fault == Some(Fault::Short) {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::new(ErrorKind::WriteZero, "injected: half of it was written"));
        }
        self.file.write_all(bytes)
    }

    /// Makes sure that what was written survives a power cut; of a bucket, that at most half a minute's work is lost.
    ///
    /// # Errors
    /// What cannot be synced.
    pub fn sync(&mut self) -> io::Result<()> {
        faults::check(Operation::Sync, &self.path)?;
        match &mut self.remote {
            None => {
                self.file.sync_data()?;
                faults::synced(&self.path);
                Ok(())
            }
            Some(remote) if remote.uploaded.elapsed() < UPLOAD => Ok(()),
            Some(remote) => remote.upload(&self.path),
        }
    }
}

impl Remote {
    fn upload(&mut self, path: &Path) -> io::Result<()> {
        if self.is_changed {
            object::put(path, &self.bucket, &self.key, Body::File(&self.copy), Existing::Replace)?;
            self.is_changed = false;
            self.uploaded = Instant::now();
        }
        Ok(())
    }
}

impl Drop for AppendFile {
    fn drop(&mut self) {
        if let Some(remote) = &mut self.remote
            && let Err(error) = remote.upload(&self.path)
        {
            tracing::error!(path = %self.path.display(), %error, "the last lines could not be written to the bucket");
        }
    }
}

impl Read for AppendFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

impl Seek for AppendFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
