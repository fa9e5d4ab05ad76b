//! One writer a folder: a lock that ends with its process, however that ends.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::atomic::is_temporary;
use crate::faults::{self, Operation};
use crate::folder::{exists, list};
use crate::lease::Lease;
use crate::location::{local, remote};

/// The lock file's name. It is no part of any result.
const LOCK: &str = ".barkbird.lock";

/// A folder that only this process writes to, until this is dropped.
#[derive(Debug)]
pub struct FolderLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    Disk {
        dir: PathBuf,
        /// Closing it releases the lock.
        _file: File,
        /// Whether the folder was created for the lock.
        is_new: bool,
    },
    Bucket {
        _lease: Lease,
    },
}

/// Locks a folder for writing, and creates it if it does not exist.
///
/// The lock file `.barkbird.lock` is removed again with the lock, and so is a folder that was created for it and is still
/// empty. After a crash the file stays, but the lock is free: at once on a disk, after two minutes in a bucket. Readers
/// need no lock: they see whole files only.
///
/// On a file system without locks there is only a warning in the log.
///
/// # Errors
/// [`ErrorKind::WouldBlock`] if another process has the lock; and where the folder or the lock file cannot be created.
pub fn lock_folder(dir: &Path) -> io::Result<FolderLock> {
    if let Some((bucket, key)) = remote(dir)? {
        let lease = Lease::take(dir, bucket, &join_key(&key, LOCK))?;
        return Ok(FolderLock { held: Held::Bucket { _lease: lease } });
    }
    let is_new = !exists(dir);
    let dir = local(dir);
    faults::check(Operation::Create, &dir)?;
    fs::create_dir_all(&dir)?;
    let path = dir.join(LOCK);
    loop {
        let file = File::options().write(true).create(true).truncate(false).open(&path)?;
        lock(&file, &dir)?;
        // Another process may have removed the file after it was opened here: such a lock excludes nobody.
        if is_same(&file, &path) {
            return Ok(FolderLock { held: Held::Disk { dir, _file: file, is_new } });
        }
    }
}

/// Locks an open file; on a file system without locks there is only a warning.
///
/// # Errors
/// [`ErrorKind::WouldBlock`] if another process has the lock.
pub(crate) fn lock(file: &File, named: &Path) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            tracing::warn!(path = %named.display(), "the file system has no locks: make sure that only one process writes");
            Ok(())
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a folder contains nothing, or only what a crash can leave: a lock file and temporary files. A folder that does
/// not exist is empty too.
///
/// # Errors
/// A folder that cannot be listed.
pub fn is_empty_folder(dir: &Path) -> io::Result<bool> {
    match list(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        entries => Ok(entries?.iter().all(|entry| entry.name == LOCK || is_temporary(&entry.name))),
    }
}

/// The key of a name below another key.
pub(crate) fn join_key(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        let Held::Disk { dir, is_new, .. } = &self.held else { return };
        // A process whose power is off removes nothing.
        if faults::check(Operation::Remove, dir).is_err() {
            return;
        }
        // Only where a file can be told from a new one of the same name; elsewhere the file stays.
        if cfg!(unix) {
            let _ = fs::remove_file(dir.join(LOCK));
        }
        if *is_new {
            // Fails unless the folder is empty.
            let _ = fs::remove_dir(dir);
        }
    }
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(named)) => (opened.dev(), opened.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_same(_: &File, _: &Path) -> bool {
    true
}
