//! An object that is read in blocks, and how one is written.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use crate::atomic::Existing;
use crate::blocks::{self, BLOCK_BYTES};
use crate::bucket::{Body, Bucket, Mode, ObjectInfo};
use crate::{faults, owned};

/// Blocks of one object that are transferred at a time when all of it is read.
const AT_ONCE: u64 = 4;

type Block = Arc<Vec<u8>>;

/// One version of an object, open for reading.
#[derive(Debug)]
pub(crate) struct Object {
    path: PathBuf,
    source: Source,
    latest: Mutex<Latest>,
}

/// What a thread of its own needs to read a block.
#[derive(Debug, Clone)]
struct Source {
    bucket: Arc<dyn Bucket>,
    key: String,
    /// Names the object and its version on disk.
    id: String,
    info: ObjectInfo,
}

/// The block that was read last, and the next one, which is on its way where blocks are read one after the other.
#[derive(Debug, Default)]
struct Latest {
    block: Option<(u64, Block)>,
    ahead: Option<(u64, JoinHandle<io::Result<Block>>)>,
}

impl Object {
    pub(crate) fn open(path: &Path, bucket: Arc<dyn Bucket>, key: String) -> io::Result<Self> {
        faults::check(faults::Operation::Read, path)?;
        let info = bucket.head(&key)?;
        let id = hex(&Sha256::digest(format!("{}\n{}", path.display(), info.version)));
        Ok(Self { path: path.to_owned(), source: Source { bucket, key, id, info }, latest: Mutex::default() })
    }

    pub(crate) fn info(&self) -> &ObjectInfo {
        &self.source.info
    }

    /// Reads from a place on; less than asked for at the end of a block.
    pub(crate) fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let fault = faults::meet(faults::Operation::Read, &self.path)?;
        if at >= self.source.info.n_bytes || into.is_empty() || fault == Some(faults::Fault::Truncate) {
            return Ok(0);
        }
        let block = self.block(at / BLOCK_BYTES)?;
        let from = &block[(at % BLOCK_BYTES) as usize..];
        let n = from.len().min(into.len());
        into[..n].copy_from_slice(&from[..n]);
        if fault == Some(faults::Fault::Flip) {
            into[n / 2] ^= 0x10;
        }
        Ok(n)
    }

    /// All bytes; several blocks are transferred at a time.
    pub(crate) fn read_all(&self) -> io::Result<Vec<u8>> {
        let fault = faults::meet(faults::Operation::Read, &self.path)?;
        let n_blocks = self.source.info.n_bytes.div_ceil(BLOCK_BYTES);
        let mut bytes = Vec::new();
        for first in (0..n_blocks).step_by(AT_ONCE as usize) {
            let next = first..(first + AT_ONCE).min(n_blocks);
            let parts: Vec<io::Result<Block>> = std::thread::scope(|scope| {
                let reading: Vec<_> = next.map(|n| scope.spawn(move || self.source.read(n))).collect();
                reading.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
            });
            for part in parts {
                bytes.extend_from_slice(&part?);
            }
        }
        if let Some(expected) = &self.source.info.sha256 {
            let got = hex(&Sha256::digest(&bytes));
            if *expected != got {
                let what = format!("SHA-256: expected {expected}, as it was written, got {got}");
                return Err(io::Error::new(ErrorKind::InvalidData, what));
            }
        }
        faults::damage(fault, &mut bytes);
        Ok(bytes)
    }

    fn block(&self, n: u64) -> io::Result<Block> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match &latest.block {
            Some((last, block)) if *last == n => return Ok(Arc::clone(block)),
            last => last.as_ref().map(|(last, _)| *last),
        };
        let block = match latest.ahead.take() {
            Some((next, thread)) if next == n => thread.join().unwrap_or_else(|_| Err(panicked()))?,
            _ => self.source.read(n)?,
        };
        // Read in order: the next one is fetched while this one is used.
        if last.is_none_or(|last| last + 1 == n) && (n + 1) * BLOCK_BYTES < self.source.info.n_bytes {
            let source = self.source.clone();
            latest.ahead = Some((n + 1, std::thread::spawn(move || source.read(n + 1))));
        }
        latest.block = Some((n, Arc::clone(&block)));
        Ok(block)
    }
}

impl Source {
    fn read(&self, n: u64) -> io::Result<Block> {
        let start = n * BLOCK_BYTES;
        let n_bytes = BLOCK_BYTES.min(self.info.n_bytes - start);
        if let Some(bytes) = blocks::get(&self.id, n, n_bytes) {
            return Ok(Arc::new(bytes));
        }
        let bytes =
            self.bucket.get(&self.key, start, n_bytes, &self.info.version).map_err(|error| match error.kind() {
                ErrorKind::StaleNetworkFileHandle => {
                    io::Error::new(ErrorKind::StaleNetworkFileHandle, "it was replaced while it was read; start again")
                }
                _ => error,
            })?;
        if bytes.len() as u64 != n_bytes {
            let what = format!("expected {n_bytes} bytes from {start}, got {}", bytes.len());
            return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
        }
        blocks::keep(&self.id, n, &bytes);
        Ok(Arc::new(bytes))
    }
}

fn panicked() -> io::Error {
    io::Error::other("a thread that reads the bucket has failed")
}

/// Writes an object. What another process has written since this one looked is never replaced.
pub(crate) fn put(
    path: &Path,
    bucket: &Arc<dyn Bucket>,
    key: &str,
    body: Body<'_>,
    existing: Existing,
) -> io::Result<()> {
    use faults::{Fault, Operation};
    if owned::is_lost(path) {
        let what = "another process has taken over the lock of this folder: this one was not seen for too long";
        return Err(io::Error::new(ErrorKind::ResourceBusy, what));
    }
    if faults::meet(Operation::Write, path)? == Some(Fault::Short) {
        return Err(io::Error::new(ErrorKind::WriteZero, "injected: the connection broke"));
    }
    let known = owned::version(path);
    let mode = known.as_deref().map_or(Mode::Create, Mode::Update);
    let refused = match bucket.put(key, body, mode) {
        Ok(info) => {
            owned::set(path, info.version);
            return Ok(());
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => error,
        // Removed by another process since; what is there then is nothing.
        Err(error) if error.kind() == ErrorKind::NotFound && known.is_some() => {
            owned::forget(path);
            let info = bucket.put(key, body, Mode::Create)?;
            owned::set(path, info.version);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let there = bucket.head(key)?;
    // A request whose answer was lost has been sent twice, or another worker has made the same.
    if is_same(bucket, key, &there, body)? {
        owned::set(path, there.version);
        return Ok(());
    }
    if known.is_some() || existing == Existing::Refuse {
        let what = "another process has written it with other bytes; only one may write to a folder";
        return Err(io::Error::new(refused.kind(), what));
    }
    let info = bucket.put(key, body, Mode::Update(&there.version))?;
    owned::set(path, info.version);
    Ok(())
}

fn is_same(bucket: &Arc<dyn Bucket>, key: &str, there: &ObjectInfo, body: Body<'_>) -> io::Result<bool> {
    let (n_bytes, sha256) = digest(body)?;
    if there.n_bytes != n_bytes {
        return Ok(false);
    }
    if let Some(other) = &there.sha256 {
        return Ok(*other == sha256);
    }
    Ok(hex(&Sha256::digest(bucket.get(key, 0, n_bytes, &there.version)?)) == sha256)
}

/// Length and SHA-256 of what is to be written.
///
/// # Errors
/// A file that cannot be read.
pub fn digest(body: Body<'_>) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let n_bytes = match body {
        Body::Pieces(pieces) => {
            pieces.iter().for_each(|piece| hash.update(piece));
            pieces.iter().map(|piece| piece.len() as u64).sum()
        }
        Body::File(path) => {
            let mut file = std::fs::File::open(path)?;
            let (mut n_bytes, mut part) = (0, vec![0; 1 << 20]);
            loop {
                match file.read(&mut part)? {
                    0 => break n_bytes,
                    n => {
                        hash.update(&part[..n]);
                        n_bytes += n as u64;
                    }
                }
            }
        }
    };
    Ok((n_bytes, hex(&hash.finalize())))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
