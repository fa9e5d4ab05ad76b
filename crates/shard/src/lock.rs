//! One writer a folder: [`storage::lock_folder`] with this crate's errors.

use std::io::ErrorKind;
use std::path::Path;

pub use storage::FolderLock;

use crate::error::{Error, Result};

/// Locks a folder for writing, and creates it if it does not exist.
///
/// The lock file `.barkbird.lock` is removed again with the lock, and so is a folder that was created for it and is still
/// empty. After a crash the file stays, but the lock is free (in a bucket two minutes later). Readers need no lock: they
/// see whole files only.
///
/// On a file system without locks there is only a warning in the log.
///
/// # Errors
/// [`Error::Locked`] if another process holds the lock; [`Error::Io`] if the folder or the lock file cannot be created.
pub fn lock_folder(dir: &Path) -> Result<FolderLock> {
    storage::lock_folder(dir).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Error::Locked { dir: dir.into() },
        _ => Error::io("lock", dir)(error),
    })
}

/// Whether a folder contains nothing, or only what a crash can leave: a lock file and temporary files. A folder that does
/// not exist is empty too.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be listed.
pub fn is_empty_folder(dir: &Path) -> Result<bool> {
    storage::is_empty_folder(dir).map_err(Error::io("list", dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    /// The folder that a child process of a test locks.
    const CHILD: &str = "BARKBIRD_TEST_LOCK";

    #[test]
    fn a_second_writer_is_refused_until_the_first_has_finished() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("deep/run");
        let lock = lock_folder(&run).unwrap();
        let error = lock_folder(&run).unwrap_err().to_string();
        assert!(error.starts_with(&run.display().to_string()) && error.contains("another barkbird"), "{error}");
        assert!(is_empty_folder(&run).unwrap());
        fs::write(run.join("result"), b"kept").unwrap();
        assert!(!is_empty_folder(&run).unwrap());
        drop(lock);
        assert_eq!(fs::read_dir(&run).unwrap().count(), 1);
        lock_folder(&run).unwrap();
        assert_eq!(fs::read(run.join("result")).unwrap(), b"kept");
    }

    #[test]
    fn a_folder_that_stays_empty_is_removed_if_it_was_new() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("new");
        drop(lock_folder(&new).unwrap());
        assert!(!new.exists() && is_empty_folder(&new).unwrap());
        drop(lock_folder(dir.path()).unwrap());
        assert!(dir.path().exists());
    }

    #[test]
    fn of_many_writers_at_once_one_has_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let [n_inside, n_locks] = [0, 0].map(std::sync::atomic::AtomicUsize::new);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let _lock = match lock_folder(dir.path()) {
                            Ok(lock) => lock,
                            Err(error) => {
                                assert!(matches!(error, Error::Locked { .. }), "{error}");
                                continue;
                            }
                        };
                        n_locks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert_eq!(n_inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        n_inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(n_locks.into_inner() > 0);
    }

    #[test]
    fn a_killed_process_releases_its_lock() {
        if let Some(dir) = std::env::var_os(CHILD) {
            let _lock = lock_folder(Path::new(&dir)).unwrap();
            eprintln!("locked");
            std::thread::sleep(std::time::Duration::from_secs(60));
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::a_killed_process_releases_its_lock", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.map_while(std::result::Result::ok).any(|line| line == "locked"));
        assert!(matches!(lock_folder(dir.path()), Err(Error::Locked { .. })));
        child.kill().unwrap();
        child.wait().unwrap();
        lock_folder(dir.path()).unwrap();
    }
}
