//! Cache entries: a payload that proves itself whole, or counts as absent.
//!
//! | bytes | content |
//! | --- | --- |
//! | 0 to 7 | the letters `barkche1` |
//! | 8 to 39 | SHA-256 of the payload |
//! | 40 to 47 | length of the payload, unsigned, little-endian |
//! | 48 to the end | the payload |
//!
//! An entry is written under a temporary name and renamed, without a sync: after a power cut it may be torn, and then
//! it reads as absent and is made again. The name of an entry is the [`key`] of everything that made it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::atomic::{Durability, place};
use crate::error::{Error, Result};
use crate::hash::{sha256, sha256_hex};

const MAGIC: &[u8; 8] = b"barkche1";
const HEAD: usize = 48;

/// The payload of the entry at `path`; `None` when there is none or when it is not whole.
///
/// # Errors
/// [`Error::Io`] when a file is there and the system cannot read it.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut entry = match fs::read(path) {
        Ok(entry) => entry,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    Ok(unpack(&entry).is_some().then(|| {
        entry.drain(..HEAD);
        entry
    }))
}

/// Writes `payload` as the entry at `path`, whose folder has to exist; readers see all of it or nothing.
///
/// # Errors
/// [`Error::Io`] that says which step failed; no temporary is left then.
pub fn write(path: &Path, payload: &[u8]) -> Result<()> {
    let mut entry = Vec::with_capacity(HEAD + payload.len());
    entry.extend(MAGIC);
    entry.extend(sha256(payload));
    entry.extend((payload.len() as u64).to_le_bytes());
    entry.extend(payload);
    place(path, &entry, Durability::Unsynced)
}

/// The payload inside the bytes of an entry; `None` when they are torn, flipped or something else.
pub fn unpack(entry: &[u8]) -> Option<&[u8]> {
    let (head, payload) = entry.split_at_checked(HEAD)?;
    let n = (payload.len() as u64).to_le_bytes();
    (head[..8] == MAGIC[..] && head[40..] == n && head[8..40] == sha256(payload)).then_some(payload)
}

/// A name for what `parts` determine: SHA-256 over each part's length and bytes, in hexadecimal.
///
/// ```
/// // The lengths keep ("ab", "c") apart from ("a", "bc").
/// assert_ne!(shard::cache::key(&[b"ab", b"c"]), shard::cache::key(&[b"a", b"bc"]));
/// ```
pub fn key(parts: &[&[u8]]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(*part);
    }
    sha256_hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entry");
        assert_eq!(read(&path).unwrap(), None);
        for payload in [&b""[..], b"payload"] {
            write(&path, payload).unwrap();
            assert_eq!(read(&path).unwrap().as_deref(), Some(payload));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_cut_and_every_flip_reads_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("entry");
        write(&path, b"payload").unwrap();
        let entry = fs::read(&path).unwrap();
        for n in 0..entry.len() {
            assert_eq!(unpack(&entry[..n]), None, "cut at {n}");
            let mut flipped = entry.clone();
            flipped[n] ^= 0x10;
            assert_eq!(unpack(&flipped), None, "flipped at {n}");
        }
        fs::write(&path, &entry[..20]).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn a_folder_in_the_way_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().starts_with("cannot read "));
    }
}
