//! The targets, by what they read.

mod audio;
mod hub;
mod models;
mod results;
mod shards;
mod tables;

use crate::target::Target;
use std::path::PathBuf;
use std::sync::OnceLock;

/// All targets, in the order in which a clip meets them.
#[must_use]
pub fn targets() -> Vec<Target> {
    [&audio::TARGETS[..], &tables::TARGETS, &shards::TARGETS, &models::TARGETS, &results::TARGETS, &hub::TARGETS]
        .concat()
}

/// A folder of this process for files that are read by name, in memory where the system has such a place.
fn scratch() -> PathBuf {
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

/// Removes that folder.
pub fn remove_scratch() {
    let _ = std::fs::remove_dir_all(scratch());
}
