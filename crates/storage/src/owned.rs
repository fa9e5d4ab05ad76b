//! Which version of an object this process has written or has decided to replace.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Owned {
    versions: HashMap<PathBuf, String>,
    /// Folders whose lock another process has taken over.
    lost: HashSet<PathBuf>,
}

static OWNED: Mutex<Option<Owned>> = Mutex::new(None);

fn owned() -> MutexGuard<'static, Option<Owned>> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn version(path: &Path) -> Option<String> {
    owned().as_ref()?.versions.get(path).cloned()
}

pub(crate) fn set(path: &Path, version: String) {
    owned().get_or_insert_default().versions.insert(path.to_owned(), version);
}

pub(crate) fn forget(path: &Path) {
    owned().get_or_insert_default().versions.remove(path);
}

/// A folder is another process's from now on.
pub(crate) fn lose(folder: &Path) {
    owned().get_or_insert_default().lost.insert(folder.to_owned());
}

/// A folder is ours again.
pub(crate) fn regain(folder: &Path) {
    owned().get_or_insert_default().lost.remove(folder);
}

/// Whether the lock of a folder above has been lost.
pub(crate) fn is_lost(path: &Path) -> bool {
    owned().as_ref().is_some_and(|owned| path.ancestors().any(|folder| owned.lost.contains(folder)))
}
