//! A file of which only a few parts are read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use storage::StoredFile;

use crate::error::Error;
use crate::read::open_file;

/// Bytes that are read of one chunk at most: texts of recorders have a few thousand.
pub(super) const MAX_BODY_BYTES: u64 = 64 << 10;

/// Chunks that are looked at in one file at most.
pub(super) const MAX_CHUNKS: usize = 1000;

/// An open file and its length.
pub(super) struct Source {
    file: StoredFile,
    len: u64,
}

impl Source {
    /// Opens a plain file.
    ///
    /// # Errors
    /// A sentence about what cannot be opened, or is no plain file. Pipes and devices are not opened.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = open_file(path).map_err(|error| match error {
            Error::Read { path, source } => format!("{}: cannot be read: {source}", path.display()),
            other => other.to_string(),
        })?;
        let len = file.n_bytes();
        Ok(Source { file, len })
    }

    /// A file that is open already; `path` names it.
    ///
    /// # Errors
    /// A sentence about a file of which the system says nothing.
    pub(super) fn of(file: File, path: &Path) -> Result<Self, String> {
        let file =
            StoredFile::of(file, path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
        let len = file.n_bytes();
        Ok(Source { file, len })
    }

    /// The bytes from a place on: `n`, [`MAX_BODY_BYTES`], or what is left of the file, whichever is least.
    pub(super) fn read(&mut self, at: u64, n: u64) -> io::Result<Vec<u8>> {
        let n = n.min(MAX_BODY_BYTES).min(self.left(at));
        let mut bytes = Vec::with_capacity(n as usize);
        if n > 0 {
            self.file.seek(SeekFrom::Start(at))?;
            self.file.by_ref().take(n).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Bytes from a place to the end of the file.
    pub(super) fn left(&self, at: u64) -> u64 {
        self.len.saturating_sub(at)
    }
}
