//! What was computed before, by what made it: packs of entries that prove themselves whole, or count as absent.
//!
//! A pack holds the entries that were finished together, one after the other, each as
//!
//! | bytes | content |
//! | --- | --- |
//! | 0 to 7 | the letters `barkche2` |
//! | 8 to 39 | the entry's [`key`] |
//! | 40 to 47 | length of the payload, unsigned, little-endian |
//! | 48 to 51 | CRC-32 of the payload, little-endian |
//! | 52 to 55 | CRC-32 of the 52 bytes before, little-endian |
//! | 56 to the end | the payload |
//!
//! One file for many entries, since making a file costs as much as computing a short clip. A pack is written under a
//! temporary name and renamed, without a sync: after a power cut it may be torn, and then what is not whole reads as
//! absent and is made again.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use storage::{Durability, Existing};

use crate::atomic::{place, remove_temporaries};
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::hash::{hex, sha256_of};

const MAGIC: &[u8; 8] = b"barkche2";
const HEAD: usize = 56;
const EXTENSION: &str = "pack";

/// A name for what determines an entry, see [`key`].
pub type Key = [u8; 32];

/// SHA-256 over each part's length and bytes.
///
/// ```
/// // The lengths keep ("ab", "c") apart from ("a", "bc").
/// assert_ne!(shard::cache::key(&[b"ab", b"c"]), shard::cache::key(&[b"a", b"bc"]));
/// ```
pub fn key(parts: &[&[u8]]) -> Key {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(*part);
    }
    sha256_of(&[&bytes])
}

/// A folder of packs, as it was when it was opened. Several processes may use one folder.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    places: HashMap<Key, Place>,
}

/// Where an entry's payload is.
#[derive(Debug, Clone)]
struct Place {
    pack: Arc<Path>,
    offset: u64,
    head: Head,
}

impl Cache {
    /// Makes the folder where there is none, removes temporaries that are older than `abandoned`, and looks which
    /// entries there are.
    ///
    /// # Errors
    /// [`Error::Io`] for a folder or a pack that cannot be read.
    pub fn open(dir: &Path, abandoned: Duration) -> Result<Self> {
        storage::create_dir_all(dir).map_err(Error::io("create", dir))?;
        remove_temporaries(dir, abandoned)?;
        let mut places = HashMap::new();
        for entry in storage::list(dir).map_err(Error::io("list", dir))? {
            let path = dir.join(entry.name);
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                look_through(&path, &mut places).map_err(Error::io("read", &path))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), places })
    }

    /// The payload under `key`; `None` when there is none or when it is not whole.
    ///
    /// # Errors
    /// [`Error::Io`] when a pack is there and the system cannot read it.
    pub fn get(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.places.get(key) else { return Ok(None) };
        match place.read() {
            Ok(payload) => Ok((crc32fast::hash(&payload) == place.head.payload_crc).then_some(payload)),
            // Cut off or removed since.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof) => Ok(None),
            Err(error) => Err(Error::io("read", &place.pack)(error)),
        }
    }

    /// Writes entries as a pack; readers that open the folder later see all of it or nothing. Of equal keys the first
    /// is written.
    ///
    /// # Errors
    /// [`Error::Io`] that says which step failed; no temporary is left then.
    pub fn put(&self, entries: &[(Key, Encoded<'_>)]) -> Result<()> {
        let mut seen = HashSet::new();
        let entries: Vec<_> = entries.iter().filter(|(key, _)| seen.insert(key)).collect();
        if entries.is_empty() {
            return Ok(());
        }
        let heads: Vec<_> = entries.iter().map(|(key, payload)| Head::of(key, payload).to_bytes()).collect();
        let pieces: Vec<_> = entries
            .iter()
            .zip(&heads)
            .flat_map(|((_, payload), head)| std::iter::once(&head[..]).chain(payload.pieces()))
            .collect();
        let keys: Vec<_> = entries.iter().map(|(key, _)| &key[..]).collect();
        let name = format!("{}.{EXTENSION}", hex(&sha256_of(&keys)));
        place(&self.dir.join(name), &pieces, Durability::Unsynced, Existing::Replace)
    }
}

impl Place {
    fn read(&self) -> std::io::Result<Vec<u8>> {
        let file = storage::open(&self.pack)?;
        let mut payload = vec![0; usize::try_from(self.head.length).unwrap_or(0)]; // was checked against the pack's length
        file.read_exact_at(self.offset, &mut payload)?;
        Ok(payload)
    }
}

/// What stands in front of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    key: Key,
    length: u64,
    payload_crc: u32,
}

impl Head {
    fn of(key: &Key, payload: &Encoded<'_>) -> Self {
        let mut crc = crc32fast::Hasher::new();
        payload.pieces().into_iter().for_each(|piece| crc.update(piece));
        Self { key: *key, length: payload.n_bytes(), payload_crc: crc.finalize() }
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.key);
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(self.payload_crc.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// `None` where these are not the bytes of a head.
    fn from_bytes(bytes: &[u8; HEAD]) -> Option<Self> {
        let (head, crc) = bytes.split_last_chunk::<4>()?;
        let (magic, rest) = head.split_first_chunk::<8>()?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let payload_crc = u32::from_le_bytes(rest.try_into().ok()?);
        let whole = magic == MAGIC && crc32fast::hash(head) == u32::from_le_bytes(*crc);
        whole.then_some(Self { key: *key, length: u64::from_le_bytes(*length), payload_crc })
    }
}

/// Adds the entries of a pack, as far as its heads are whole.
fn look_through(path: &Path, places: &mut HashMap<Key, Place>) -> std::io::Result<()> {
    let mut file = match storage::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let (pack, n_bytes) = (Arc::from(path), file.n_bytes());
    heads(&mut file, n_bytes, |offset, head| {
        places.insert(head.key, Place { pack: Arc::clone(&pack), offset, head });
    })
}

/// Calls `found` with each head and where its payload begins, up to what is no head or has no whole payload.
fn heads(mut file: impl Read + Seek, n_bytes: u64, mut found: impl FnMut(u64, Head)) -> std::io::Result<()> {
    let mut at = 0;
    let mut bytes = [0; HEAD];
    while n_bytes - at >= HEAD as u64 {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        at += HEAD as u64;
        match Head::from_bytes(&bytes) {
            Some(head) if head.length <= n_bytes - at => {
                found(at, head);
                at += head.length;
            }
            _ => break,
        }
    }
    Ok(())
}

/// The whole entries in the bytes of a pack, for whoever wants to look into one.
pub fn entries(pack: &[u8]) -> Vec<(Key, &[u8])> {
    let mut all = Vec::new();
    // Reading from memory does not fail.
    let _ = heads(std::io::Cursor::new(pack), pack.len() as u64, |offset, head| {
        let start = offset as usize;
        let payload = &pack[start..start + head.length as usize];
        if crc32fast::hash(payload) == head.payload_crc {
            all.push((head.key, payload));
        }
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn encoded(bytes: &[u8]) -> Encoded<'_> {
        Encoded { head: Vec::new(), bodies: vec![bytes.into()] }
    }

    fn open(dir: &Path) -> Cache {
        Cache::open(dir, Duration::ZERO).unwrap()
    }

    fn packs(dir: &Path) -> Vec<PathBuf> {
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let dir = &dir.path().join("cache");
        let cache = open(dir);
        assert_eq!(cache.get(&key(&[b"a"])).unwrap(), None);
        cache.put(&[]).unwrap();
        assert!(packs(dir).is_empty());
        let (a, b) = (key(&[b"a"]), key(&[b"b"]));
        cache.put(&[(a, encoded(b"payload")), (b, encoded(b"")), (a, encoded(b"again"))]).unwrap();
        let cache = open(dir);
        assert_eq!(cache.get(&a).unwrap().as_deref(), Some(&b"payload"[..]));
        assert_eq!(cache.get(&b).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(cache.get(&key(&[b"c"])).unwrap(), None);
        assert_eq!(packs(dir).len(), 1);
        fs::remove_file(&packs(dir)[0]).unwrap();
        assert_eq!(cache.get(&a).unwrap(), None);
    }

    #[test]
    fn every_cut_and_every_flip_loses_what_it_hits_and_nothing_before() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let (a, b) = (key(&[b"a"]), key(&[b"b"]));
        open(dir).put(&[(a, encoded(b"first")), (b, encoded(b"second"))]).unwrap();
        let path = packs(dir).remove(0);
        let pack = fs::read(&path).unwrap();
        let end_of_first = HEAD + 5;
        assert_eq!(entries(&pack), [(a, &b"first"[..]), (b, b"second")]);
        for n in 0..pack.len() {
            fs::write(&path, &pack[..n]).unwrap();
            let cache = open(dir);
            let found = |key| cache.get(key).unwrap().is_some();
            assert_eq!((found(&a), found(&b)), (n >= end_of_first, false), "cut at {n}");
            let mut flipped = pack.clone();
            flipped[n] ^= 0x10;
            fs::write(&path, &flipped).unwrap();
            let cache = open(dir);
            let found = |key| cache.get(key).unwrap();
            assert_eq!(found(&a).is_some(), n >= end_of_first, "flipped at {n}");
            assert!(n < end_of_first || found(&b).is_none(), "flipped at {n}");
        }
    }

    #[test]
    fn a_pack_that_changes_after_it_was_opened_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let a = key(&[b"a"]);
        open(dir.path()).put(&[(a, encoded(b"payload"))]).unwrap();
        let cache = open(dir.path());
        fs::write(&packs(dir.path())[0], b"short").unwrap();
        assert_eq!(cache.get(&a).unwrap(), None);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cache"), b"").unwrap();
        let error = Cache::open(&dir.path().join("cache"), Duration::ZERO).unwrap_err().to_string();
        assert!(error.starts_with("cannot create "), "{error}");
    }
}
