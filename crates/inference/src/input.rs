//! What a model is asked about.

use audio_io::Row;
use std::path::{Path, PathBuf};

/// One recording, or a part of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// How results name it: as it was given.
    pub name: String,
    /// Part, channel and label, where a manifest has them.
    pub row: Row,
}

impl Input {
    /// A whole recording.
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), name: path.to_string_lossy().into_owned(), row: Row::default() }
    }
}
