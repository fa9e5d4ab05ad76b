//! What an interrupted transfer has left: `NAME.partial`, and in `NAME.partial.json` what of.

use super::error::WebError;
use crate::cache::remove_file;
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

/// The file that the bytes are of, as the server described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The address.
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// Bytes of the whole file, where the server says so.
    pub(super) size: Option<u64>,
}

impl Note {
    /// What a server compares with the file that it has now. An ETag that is weak promises no equal bytes.
    pub(super) fn validator(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }

    /// Whether an answer may be about the same bytes.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        agree(self.etag.as_ref(), other.etag.as_ref())
            && agree(self.last_modified.as_ref(), other.last_modified.as_ref())
            && agree(self.size.as_ref(), other.size.as_ref())
    }
}

/// The incomplete file beside the one that is wanted.
pub(super) struct Partial {
    pub(super) path: PathBuf,
    note: PathBuf,
}

impl Partial {
    pub(super) fn of(to: &Path) -> Self {
        let named = |end: &str| {
            let mut name = to.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        Self { path: named(".partial"), note: named(".partial.json") }
    }

    /// Bytes that are there, and what of; `None` where a transfer has to begin at the first byte.
    pub(super) fn found(&self, url: &str) -> Option<(u64, Note)> {
        let note: Note = serde_json::from_slice(&fs::read(&self.note).ok()?).ok()?;
        let n_bytes = fs::metadata(&self.path).ok()?.len();
        let fits = note.size.is_none_or(|size| n_bytes <= size);
        (note.url == url && n_bytes > 0 && fits).then_some((n_bytes, note))
    }

    /// Opens the file to write behind what is there, or from its first byte.
    pub(super) fn open(&self, note: &Note, goes_on: bool) -> Result<File, WebError> {
        let bytes = serde_json::to_vec(note).map_err(|error| WebError::io("write", &self.note)(error.into()))?;
        let open = || {
            if !goes_on {
                // The note of another file must never be beside bytes of this one.
                File::create(&self.path)?;
            }
            fs::write(&self.note, bytes)?;
            OpenOptions::new().append(true).create(true).open(&self.path)
        };
        open().map_err(|error| WebError::disk(&note.url, &self.path, error))
    }

    /// Bytes that are there.
    pub(super) fn n_bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Gives the complete file its name.
    pub(super) fn complete(&self, to: &Path) -> Result<(), WebError> {
        fs::rename(&self.path, to).map_err(WebError::io("rename", &self.path))?;
        remove(&self.note)
    }

    pub(super) fn remove(&self) -> Result<(), WebError> {
        remove(&self.path)?;
        remove(&self.note)
    }
}

/// A file that does not exist is no error.
pub(super) fn remove(path: &Path) -> Result<(), WebError> {
    match remove_file(path) {
        Err(Error::Io { operation, path, source }) => Err(WebError::Io { operation, path, source }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(etag: Option<&str>, size: Option<u64>) -> Note {
        Note { url: "http://a/b".into(), etag: etag.map(Into::into), last_modified: Some("Mon".into()), size }
    }

    #[test]
    fn a_weak_etag_is_no_validator() {
        assert_eq!(note(Some("\"a\""), None).validator(), Some("\"a\""));
        assert_eq!(note(Some("W/\"a\""), None).validator(), Some("Mon"));
    }

    #[test]
    fn what_differs_in_anything_known_is_another_file() {
        assert!(note(Some("a"), None).may_be(&note(Some("a"), Some(3))));
        assert!(note(None, Some(3)).may_be(&note(Some("a"), Some(3))));
        assert!(!note(Some("a"), None).may_be(&note(Some("b"), None)));
        assert!(!note(None, Some(3)).may_be(&note(None, Some(4))));
    }

    #[test]
    fn bytes_of_another_address_or_without_a_note_are_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let partial = Partial::of(&dir.path().join("x.zip"));
        fs::write(&partial.path, "abc").unwrap();
        assert_eq!(partial.found("http://a/b"), None);
        partial.open(&note(None, Some(9)), true).unwrap();
        assert_eq!(partial.found("http://a/b").unwrap().0, 3);
        assert_eq!(partial.found("http://other/b"), None);
        fs::write(&partial.path, "abcdefghijkl").unwrap();
        assert_eq!(partial.found("http://a/b"), None);
        partial.open(&note(None, None), false).unwrap();
        assert_eq!(partial.n_bytes(), 0);
        partial.remove().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
