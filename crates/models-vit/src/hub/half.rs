//! What a transfer that broke off has left. hf-hub names it after the ETag, which is known to whoever asked the hub, but
//! not to a later run: so it is noted here, beside the lock, which file it is.

use super::cache::{Folder, INCOMPLETE};
use super::checksum::Checksum;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// A file that is not all there.
pub(super) struct Half {
    pub(super) path: PathBuf,
    /// Bytes that it has.
    pub(super) n_bytes: u64,
    /// Bytes that the whole has.
    pub(super) size: u64,
}

/// What says whether a half has been written to.
#[derive(PartialEq)]
pub(super) struct Written {
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
    /// The half of a file. It may be one of another revision: its checksum tells, once it is whole.
    pub(super) fn half(&self, file: &str) -> Option<Half> {
        let note: Note = serde_json::from_slice(&fs::read(self.note()).ok()?).ok()?;
        let known = note.file == file && Checksum::from_etag(&note.etag).is_some();
        let path = known.then(|| self.blobs().join(note.etag + INCOMPLETE))?;
        let metadata = fs::symlink_metadata(&path).ok()?;
        let n_bytes = metadata.len();
        (metadata.is_file() && 0 < n_bytes && n_bytes <= note.size).then_some(Half { path, n_bytes, size: note.size })
    }

    /// The halves in the cache, each with its length and when it was written.
    pub(super) fn halves(&self) -> Vec<Written> {
        let halves =
            self.list_blobs().into_iter().filter(|path| path.to_str().is_some_and(|p| p.ends_with(INCOMPLETE)));
        let written = halves.filter_map(|path| {
            let metadata = fs::metadata(&path).ok()?;
            Some(Written { path, n_bytes: metadata.len(), at: metadata.modified().ok()? })
        });
        written.collect()
    }

    /// Notes that the half which was written since `before` is `file`. Called with the lock held.
    pub(super) fn note_half(&self, before: &[Written], file: &str, size: u64) -> io::Result<()> {
        let written = self.halves().into_iter().find(|half| !before.contains(half));
        let name = written.as_ref().and_then(|half| half.path.file_name()?.to_str()?.strip_suffix(INCOMPLETE));
        let Some(etag) = name else { return Ok(()) };
        let sibling = self.note().with_extension("new");
        fs::write(&sibling, serde_json::to_vec(&Note { file: file.into(), etag: etag.into(), size })?)?;
        fs::rename(sibling, self.note())
    }

    fn note(&self) -> PathBuf {
        self.lock.with_extension("half")
    }
}
