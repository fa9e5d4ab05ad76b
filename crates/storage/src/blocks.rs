//! Blocks of objects on the local disk, so that what was read once is not transferred again; up to a limit.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// Bytes of a block: what one request reads.
pub(crate) const BLOCK_BYTES: u64 = 4 << 20;

/// Share of the limit that is left when the oldest blocks are removed.
const KEPT: f64 = 0.9;

const EXTENSION: &str = "block";

/// Where blocks of objects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The folder; several processes may use one.
    pub cache: PathBuf,
    /// Bytes that its blocks may take.
    pub cache_bytes: u64,
}

impl Default for Settings {
    /// 10 GB in the folder for temporary files.
    fn default() -> Self {
        Self { cache: std::env::temp_dir().join("barkbird-blocks"), cache_bytes: 10_000_000_000 }
    }
}

static SETTINGS: RwLock<Option<Settings>> = RwLock::new(None);

/// Bytes that the blocks in the folder take, as far as this process knows.
static TAKEN: Mutex<Option<u64>> = Mutex::new(None);

static HAS_WARNED: AtomicBool = AtomicBool::new(false);

/// Says where blocks are kept, for the whole process. No result depends on it.
pub fn settle(settings: Settings) {
    *SETTINGS.write().unwrap_or_else(PoisonError::into_inner) = Some(settings);
    *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

pub(crate) fn settings() -> Settings {
    SETTINGS.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

/// A file for a bucket that has not been written to for so long is of a process that is gone.
const ABANDONED: Duration = Duration::from_secs(7 * 86_400);

/// The folder for files that are still to be written to a bucket; made where there is none. What killed processes have left
/// is removed once it is a week old.
pub(crate) fn staging() -> io::Result<PathBuf> {
    let folder = settings().cache;
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&folder)?.flatten() {
        let age = |metadata: fs::Metadata| metadata.is_file().then(|| metadata.modified().ok()?.elapsed().ok())?;
        if entry.metadata().ok().and_then(age).is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(folder)
}

fn path_of(id: &str, n: u64) -> PathBuf {
    settings().cache.join(&id[..2]).join(format!("{id}-{n}.{EXTENSION}"))
}

/// A block that was kept, if it is whole.
pub(crate) fn get(id: &str, n: u64, n_bytes: u64) -> Option<Vec<u8>> {
    let path = path_of(id, n);
    let mut bytes = fs::read(&path).ok()?;
    let crc = bytes.split_off(bytes.len().checked_sub(4)?);
    if bytes.len() as u64 != n_bytes || crc != crc32fast::hash(&bytes).to_le_bytes() {
        // Written by half, or damaged since.
        let _ = fs::remove_file(&path);
        return None;
    }
    // Those that were not used for longest go first.
    if let Ok(file) = fs::File::open(&path) {
        let _ = file.set_modified(SystemTime::now());
    }
    Some(bytes)
}

/// Keeps a block. A disk that has no room for it costs a second transfer and no result.
pub(crate) fn keep(id: &str, n: u64, bytes: &[u8]) {
    if let Err(error) = write(&path_of(id, n), bytes)
        && !HAS_WARNED.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(cache = %settings().cache.display(), %error, "blocks of the bucket cannot be kept on disk");
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    make_room(bytes.len() as u64 + 4)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.write_all(&crc32fast::hash(bytes).to_le_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Removes blocks that were not used for longest where the limit would be passed.
fn make_room(more: u64) -> io::Result<()> {
    let Settings { cache, cache_bytes } = settings();
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = match *taken {
        Some(known) => known,
        None => blocks(&cache)?.iter().map(|(_, n_bytes, _)| n_bytes).sum(),
    };
    if known + more <= cache_bytes {
        *taken = Some(known + more);
        return Ok(());
    }
    // Other processes use the folder, too: count again.
    let mut all = blocks(&cache)?;
    all.sort_unstable();
    let mut total: u64 = all.iter().map(|(_, n_bytes, _)| n_bytes).sum();
    for (_, n_bytes, path) in all {
        if total + more <= (cache_bytes as f64 * KEPT) as u64 {
            break;
        }
        let _ = fs::remove_file(path);
        total -= n_bytes;
    }
    *taken = Some(total + more);
    Ok(())
}

/// Time of the last use, bytes and path of every block.
fn blocks(cache: &Path) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
    let mut all = Vec::new();
    for folder in fs::read_dir(cache)?.flatten() {
        // A file, or a folder that another process has removed.
        let Ok(entries) = fs::read_dir(folder.path()) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension() == Some(OsStr::new(EXTENSION))
                && let Ok(metadata) = entry.metadata()
            {
                all.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), path));
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_kept_up_to_the_limit_and_damaged_ones_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        settle(Settings { cache: cache.clone(), cache_bytes: 10_000 });
        let id = "ab12";
        for n in 0..20 {
            keep(id, n, &[n as u8; 1000]);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let total: u64 = blocks(&cache).unwrap().iter().map(|block| block.1).sum();
        assert!(total <= 10_000, "{total}");
        assert_eq!(get(id, 19, 1000), Some(vec![19; 1000]));
        assert_eq!(get(id, 0, 1000), None, "the oldest went first");
        assert_eq!(get(id, 19, 999), None, "another length");
        keep(id, 7, b"seven");
        let path = path_of(id, 7);
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(get(id, 7, 5), None);
        assert!(!path.exists());
    }
}
