//! Files that are read by name.

use std::path::PathBuf;
use std::sync::OnceLock;

/// A folder of this process for files that are read by name, in memory where the system has such a place.
pub(crate) fn scratch() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let memory = PathBuf::from("/dev/shm");
        let root = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = root.join(format!("barkbird-fuzz-{}", std::process::id()));
        // Where it cannot be made, every file fails and the replay test says so.
        let _ = std::fs::create_dir_all(&folder);
        folder
    };
    FOLDER.get_or_init(make).clone()
}

/// Removes the folder of this process in which targets put files.
pub fn remove_scratch() {
    let _ = std::fs::remove_dir_all(scratch());
}
