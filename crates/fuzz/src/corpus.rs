//! Inputs in files: `fixtures/fuzz/TARGET/` has those that found something, and others that are worth keeping.

use crate::target::Target;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of all targets' folders.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fuzz")
}

/// A target's seeds and the files of its folder, in the order of their names.
///
/// # Errors
/// A folder that is not there, is empty or cannot be read.
pub fn read(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = (target.seeds)();
    let kept = files(&folder().join(target.name))?;
    if kept.is_empty() {
        return Err(io::Error::other(format!("fixtures/fuzz/{}: no inputs", target.name)));
    }
    inputs.extend(kept);
    Ok(inputs)
}

/// The files of a folder, in the order of their names.
///
/// # Errors
/// A folder that is not there or cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    let mut paths =
        std::fs::read_dir(folder).map_err(named)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().filter(|path| path.is_file()).map(std::fs::read).collect()
}

/// A file of `fixtures`.
///
/// # Panics
/// There is none.
#[must_use]
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
