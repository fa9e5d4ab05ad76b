//! What a model is asked about.

use crate::error::{Context, Result};
use crate::recording;
use audio_io::{Recording, Row};
use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// One recording, or a part of one.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// How results name it: as it was given.
    pub name: String,
    /// Part, channel and label, where a manifest has them.
    pub row: Row,
    /// Its bytes, where they are in memory.
    pub bytes: Option<Arc<[u8]>>,
    /// The file itself, where it has no name: what came through a pipe is kept in such a file.
    pub file: Option<Arc<File>>,
    /// What it comes through, where it is decoded while it comes.
    pub stream: Option<Arc<Stream>>,
}

/// A recording that comes through a stream, and can be read once.
pub struct Stream(Mutex<Option<Box<dyn Read + Send>>>);

impl Stream {
    /// Of a stream whose beginning [can be streamed](audio_io::can_stream).
    pub fn new(stream: Box<dyn Read + Send>) -> Self {
        Self(Mutex::new(Some(stream)))
    }

    fn take(&self) -> Option<Box<dyn Read + Send>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Stream")
    }
}

impl Input {
    /// A whole recording.
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), name: path.to_string_lossy().into_owned(), ..Self::default() }
    }

    /// Opens the recording.
    ///
    /// # Errors
    /// A file that cannot be read, and bytes that are no sound.
    pub fn open(&self) -> Result<Recording<'_>> {
        if let Some(stream) = &self.stream {
            let stream =
                stream.take().with_context(|| format!("{}: a stream can be read once", self.path.display()))?;
            return Ok(Recording::of_stream(stream, &self.path)?);
        }
        Ok(match (&self.bytes, &self.file) {
            (Some(bytes), _) => Recording::of_bytes(bytes, &self.path)?,
            (None, Some(file)) => Recording::of_file(self.rewound(file)?, &self.path)?,
            (None, None) => Recording::open(&self.path)?,
        })
    }

    /// The bytes of the recording.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self) -> Result<Cow<'_, [u8]>> {
        match (&self.bytes, &self.file) {
            (Some(bytes), _) => Ok(Cow::Borrowed(bytes)),
            (None, Some(file)) => {
                let mut bytes = Vec::new();
                let name = || format!("{}: cannot be read", self.path.display());
                self.rewound(file)?.read_to_end(&mut bytes).with_context(name)?;
                Ok(Cow::Owned(bytes))
            }
            (None, None) => recording::read(&self.path).map(Cow::Owned),
        }
    }

    fn rewound(&self, file: &File) -> Result<File> {
        let open = || -> std::io::Result<File> {
            let mut file = file.try_clone()?;
            file.rewind()?;
            Ok(file)
        };
        open().with_context(|| format!("{}: cannot be read", self.path.display()))
    }

    /// Whether the other is a row of the same recording.
    pub fn is_of_same_file(&self, other: &Self) -> bool {
        let is_same_stream = is_same(self.stream.as_ref(), other.stream.as_ref());
        self.path == other.path
            && self.bytes == other.bytes
            && is_same(self.file.as_ref(), other.file.as_ref())
            && is_same_stream
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        self.is_of_same_file(other) && self.name == other.name && self.row == other.row
    }
}

fn is_same<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        _ => false,
    }
}
