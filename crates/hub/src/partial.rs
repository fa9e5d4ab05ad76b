//! What an interrupted transfer has left in the cache. hf-hub names it after the ETag, which a later run does not know:
//! so a note beside the lock says which file it is.

use crate::cache::{Folder, INCOMPLETE};
use crate::checksum::Checksum;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// A file that is not complete.
pub(crate) struct Partial {
    pub(crate) path: PathBuf,
    /// Bytes that it has.
    pub(crate) n_bytes: u64,
    /// Bytes of the complete file.
    pub(crate) size: u64,
}

/// What says whether a half has been written to.
#[derive(PartialEq)]
pub(crate) struct Written {
    path: PathBuf,
    n_bytes: u64,
    at: SystemTime,
}

#[derive(Serialize, Deserialize)]
struct Note {
    file: String,
    etag: String,
    size: u64,
}

impl Folder {
    /// What there is of a file. It may be of another revision: its checksum shows that once it is complete.
    pub(crate) fn partial(&self, file: &str) -> Option<Partial> {
        let note: Note = serde_json::from_slice(&fs::read(self.note()).ok()?).ok()?;
        let known = note.file == file && Checksum::from_etag(&note.etag).is_some();
        let path = known.then(|| self.blobs().join(note.etag + INCOMPLETE))?;
        let metadata = fs::symlink_metadata(&path).ok()?;
        let n_bytes = metadata.len();
        (metadata.is_file() && 0 < n_bytes && n_bytes <= note.size).then_some(Partial {
            path,
            n_bytes,
            size: note.size,
        })
    }

    /// The partial files in the cache, each with its length and when it was written.
    pub(crate) fn partials(&self) -> Vec<Written> {
        let paths = self.list_blobs().into_iter().filter(|path| path.to_str().is_some_and(|p| p.ends_with(INCOMPLETE)));
        let written = paths.filter_map(|path| {
            let metadata = fs::metadata(&path).ok()?;
            Some(Written { path, n_bytes: metadata.len(), at: metadata.modified().ok()? })
        });
        written.collect()
    }

    /// Notes that the partial file which was written since `before` is `file`. Called with the lock held.
    pub(crate) fn note_partial(&self, before: &[Written], file: &str, size: u64) -> io::Result<()> {
        let written = self.partials().into_iter().find(|partial| !before.contains(partial));
        let name = written.as_ref().and_then(|partial| partial.path.file_name()?.to_str()?.strip_suffix(INCOMPLETE));
        let Some(etag) = name else { return Ok(()) };
        let sibling = self.note().with_extension("new");
        fs::write(&sibling, serde_json::to_vec(&Note { file: file.into(), etag: etag.into(), size })?)?;
        fs::rename(sibling, self.note())
    }

    fn note(&self) -> PathBuf {
        self.lock.with_extension("half")
    }
}
