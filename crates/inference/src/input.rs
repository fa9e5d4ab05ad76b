//! What a model is asked about.

use crate::error::Result;
use crate::recording;
use audio_io::Row;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One recording, or a part of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// How results name it: as it was given.
    pub name: String,
    /// Part, channel and label, where a manifest has them.
    pub row: Row,
    /// Its bytes, where they do not come from a file but from standard input.
    pub bytes: Option<Arc<[u8]>>,
}

impl Input {
    /// A whole recording.
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), name: path.to_string_lossy().into_owned(), ..Self::default() }
    }

    /// The bytes of the recording.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self) -> Result<Cow<'_, [u8]>> {
        match &self.bytes {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => recording::read(&self.path).map(Cow::Owned),
        }
    }

    /// Whether the other is a row of the same recording.
    pub fn is_of_same_file(&self, other: &Self) -> bool {
        self.path == other.path && self.bytes == other.bytes
    }
}
