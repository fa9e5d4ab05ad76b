//! Files that appear under their final name completely or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, Result};

const PREFIX: &str = ".barkbird-";
const SUFFIX: &str = ".tmp";

/// What survives a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Bytes and name are on the medium when the call returns.
    Synced,
    /// Bytes are on the medium, and the name will be when a later file of the folder is [`Synced`](Self::Synced).
    BytesSynced,
    /// A lost file is only lost time.
    Unsynced,
}

/// Writes `bytes` to `path`: a temporary sibling with a name of its own, mode 0644, sync, rename, sync of the folder.
///
/// A reader sees the old file or the new one, never a part. After any failure the temporary file is removed and `path` is
/// unchanged. The folder has to exist.
///
/// # Errors
/// [`Error::Io`] with the step that failed and its path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    place(path, &[bytes], Durability::Synced)
}

/// A file that is written piece by piece and appears under its name with [`commit`](Self::commit); dropped before that, it
/// leaves nothing.
pub struct AtomicFile {
    path: PathBuf,
    writer: BufWriter<File>,
    temporary: Temporary,
}

impl AtomicFile {
    /// Begins the file; its folder has to exist.
    ///
    /// # Errors
    /// [`Error::Io`] if no file can be created beside it.
    pub fn create(path: &Path) -> Result<Self> {
        let (file, temporary) = create_sibling(folder_of(path))?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(file), temporary })
    }

    /// Puts the file under its name, as [`write_atomic`] does.
    ///
    /// # Errors
    /// [`Error::Io`] with the step that failed and its path.
    pub fn commit(mut self) -> Result<()> {
        let path = &self.path;
        let io = |operation| Error::io(operation, path);
        self.writer.flush().map_err(io("write"))?;
        set_mode(self.writer.get_ref()).map_err(io("set the mode of"))?;
        self.writer.get_ref().sync_all().map_err(io("sync"))?;
        drop(self.writer);
        fs::rename(&self.temporary.path, path).map_err(Error::io("write", path))?;
        self.temporary.keep();
        sync_folder(folder_of(path)).map_err(Error::io("sync", folder_of(path)))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Removes the temporary files of killed runs in `dir` that are at least `age` old; returns their number.
///
/// If another process may be writing to the same folder, choose an age that is longer than any write takes.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be listed. A temporary file that disappears meanwhile is no error.
pub fn remove_temporaries(dir: &Path, age: Duration) -> Result<usize> {
    let mut n_removed = 0;
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok().map(|elapsed| elapsed >= age);
        if is_temporary(&entry.file_name()) && (age.is_zero() || old() == Some(true)) {
            n_removed += usize::from(fs::remove_file(entry.path()).is_ok());
        }
    }
    Ok(n_removed)
}

/// As [`write_atomic`], for a file in pieces.
pub(crate) fn place(path: &Path, pieces: &[&[u8]], durability: Durability) -> Result<()> {
    let dir = folder_of(path);
    let (file, temporary) = create_sibling(dir)?;
    let io = |operation| Error::io(operation, path);
    write_pieces(&file, pieces).map_err(io("write"))?;
    set_mode(&file).map_err(io("set the mode of"))?;
    if durability != Durability::Unsynced {
        file.sync_all().map_err(io("sync"))?;
    }
    drop(file);
    fs::rename(&temporary.path, path).map_err(Error::io("write", path))?;
    temporary.keep();
    if durability == Durability::Synced {
        sync_folder(dir).map_err(Error::io("sync", dir))?;
    }
    Ok(())
}

/// Small pieces are combined; a large one is written directly.
fn write_pieces(file: &File, pieces: &[&[u8]]) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    pieces.iter().try_for_each(|piece| writer.write_all(piece))?;
    writer.flush()
}

/// A file that is removed when dropped, unless it was renamed to its final name.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Called after the rename: nothing is left to remove.
    fn keep(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // The error that led here is reported, not one of the clean-up.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Process number and counter make the name unique on one machine; if another machine shares the folder, `create_new`
/// fails for a name in use and the next one is tried.
fn create_sibling(dir: &Path) -> Result<(File, Temporary)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("{PREFIX}{}-{n}{SUFFIX}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, Temporary { path })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io("create a file in", dir)(error)),
        }
    }
}

pub(crate) fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

#[cfg(unix)]
fn set_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_mode(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A folder cannot be opened for this elsewhere; the rename itself is journaled there.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_the_file_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"old").unwrap();
        write_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(dir.path()), ["a.json"]);
    }

    #[test]
    fn a_file_in_pieces_appears_at_the_end_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert!(names(dir.path()).is_empty());
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"one").unwrap();
        assert!(!path.exists());
        file.write_all(b"two").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        assert_eq!(names(dir.path()), ["a.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn mode_is_0644() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_atomic(&path, b"x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_atomic(&dir.path().join("gone/a"), b"x").unwrap_err().to_string();
        assert!(error.starts_with("cannot create a file in ") && error.ends_with("gone"), "{error}");
    }

    #[test]
    fn a_rename_that_fails_leaves_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(write_atomic(&path, b"x").is_err());
        assert_eq!(names(dir.path()), ["taken"]);
    }

    #[test]
    fn many_threads_can_write_one_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::thread::scope(|scope| {
            for i in 0..8_u8 {
                let path = &path;
                scope.spawn(move || write_atomic(path, &[i; 1000]).unwrap());
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 1000 && bytes.iter().all(|b| *b == bytes[0]));
        assert_eq!(names(dir.path()), ["a"]);
    }

    #[test]
    fn temporaries_of_killed_runs_go_by_age() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".barkbird-1-0.tmp"), b"half").unwrap();
        fs::write(dir.path().join(".other.tmp"), b"not ours").unwrap();
        assert_eq!(remove_temporaries(dir.path(), Duration::from_secs(3600)).unwrap(), 0);
        assert_eq!(remove_temporaries(dir.path(), Duration::ZERO).unwrap(), 1);
        assert_eq!(names(dir.path()), [".other.tmp"]);
    }
}
