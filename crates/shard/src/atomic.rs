//! Files that appear under their final name completely or not at all: [`storage`] with this crate's errors.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use storage::{Durability, Existing};

use crate::error::{Error, Result};

/// Writes `bytes` to `path`: a temporary sibling with a name of its own, mode 0644, sync, rename, sync of the folder; or an
/// object of a bucket by one request.
///
/// A reader sees the old file or the new one, never a part. After any failure the temporary file is removed and `path` is
/// unchanged. The folder has to exist.
///
/// # Errors
/// [`Error::Io`] with the path and the step that failed.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    place(path, &[bytes], Durability::Synced, Existing::Replace)
}

/// As [`write_atomic`], for a file in pieces.
pub(crate) fn place(path: &Path, pieces: &[&[u8]], durability: Durability, existing: Existing) -> Result<()> {
    storage::place(path, pieces, durability, existing).map_err(Error::io("write", path))
}

/// A file that is written piece by piece and appears under its name with [`commit`](Self::commit); dropped before that, it
/// leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    file: storage::AtomicFile,
}

impl AtomicFile {
    /// Begins the file; its folder has to exist.
    ///
    /// # Errors
    /// [`Error::Io`] if no file can be created beside it.
    pub fn create(path: &Path) -> Result<Self> {
        let file = storage::AtomicFile::create(path).map_err(Error::io("create a file for", path))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Puts the file under its name, as [`write_atomic`] does.
    ///
    /// # Errors
    /// [`Error::Io`] with the path and the step that failed.
    pub fn commit(self) -> Result<()> {
        self.file.commit().map_err(Error::io("write", &self.path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Removes the temporary files of killed runs in `dir` that are at least `age` old; returns their number.
///
/// If another process may be writing to the same folder, choose an age that is longer than any write takes.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be listed. A temporary file that disappears meanwhile is no error.
pub fn remove_temporaries(dir: &Path, age: Duration) -> Result<usize> {
    storage::remove_temporaries(dir, age).map_err(Error::io("list", dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
        assert!(error.starts_with("cannot write ") && error.ends_with("gone/a"), "{error}");
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
