//! A file of which only a few parts are read.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::read::{metadata, special};

/// Bytes that are read of one chunk at most: texts of recorders have a few thousand.
pub(super) const MAX_BODY_BYTES: u64 = 64 << 10;

/// Chunks that are looked at in one file at most.
pub(super) const MAX_CHUNKS: usize = 1000;

/// An open file and its length.
pub(super) struct Source {
    file: File,
    len: u64,
}

impl Source {
    /// Opens a plain file.
    ///
    /// # Errors
    /// A sentence about what cannot be opened, or is no plain file. Pipes and devices are not opened.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let kind = metadata(path).map_err(|error| error.to_string())?.file_type();
        if let Some(found) = special(kind).or_else(|| kind.is_dir().then_some("a folder")) {
            return Err(format!("{}: expected a file, got {found}", path.display()));
        }
        let open = || {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            Ok(Source { file, len })
        };
        open().map_err(|error: io::Error| format!("{}: cannot be read: {error}", path.display()))
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
