//! Where results go: checked, created and locked before any work is done for them.

use crate::error::{Context, Error, Result, bail};
use shard::FolderLock;
use std::path::Path;
use std::time::Duration;
use storage::{Durability, Existing};

/// A temporary file that has not been written to for so long is of a process that is gone.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Makes sure that a file can be written, and creates its folder.
///
/// # Errors
/// A folder or device in its place, or a folder that cannot be created or written.
pub fn file(path: &Path) -> Result<()> {
    refuse_other_text(path)?;
    if path.as_os_str() == "-" {
        bail!("-: only `barkbird predict` writes its table to standard output; name a file (./- for one of that name)");
    }
    if storage::is_dir(path) {
        bail!("{}: a folder; expected the name of a file to write", path.display());
    }
    if storage::exists(path) && !storage::is_file(path) {
        bail!("{}: not a file; expected the name of a file to write", path.display());
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    probe(folder).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Writes a file in one step: under another name, which then becomes its own.
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(shard::write_atomic(path, bytes)?)
}

/// Creates a folder where there is none, and locks it for this process until the lock is dropped.
///
/// # Errors
/// A file in its place, a folder that cannot be created or written, or another process that writes to it.
pub fn folder(path: &Path) -> Result<FolderLock> {
    refuse_file(path)?;
    match shard::lock_folder(path) {
        Ok(lock) => {
            // Of processes that were killed. What is written to a file of this folder without its lock is younger.
            shard::remove_temporaries(path, ABANDONED)?;
            Ok(lock)
        }
        Err(error @ shard::Error::Locked { .. }) => Err(error.into()),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be written", path.display())),
    }
}

/// Creates a folder that several processes write parts to at the same time, and makes sure that it can be written.
///
/// # Errors
/// A file in its place, or a folder that cannot be created or written.
pub fn shared_folder(path: &Path) -> Result<()> {
    refuse_file(path)?;
    probe(path).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Refuses a folder that is to be read as the one to write to: a writer empties its folder before it begins.
///
/// # Errors
/// The two are one folder.
pub fn apart(input: &Path, out: &Path) -> Result<()> {
    if let (Ok(from), Ok(to)) = (storage::canonical(input), storage::canonical(out))
        && from == to
    {
        bail!("{}: read and written at once; name another folder with --out", input.display());
    }
    Ok(())
}

fn refuse_file(path: &Path) -> Result<()> {
    refuse_other_text(path)?;
    if storage::exists(path) && !storage::is_dir(path) {
        bail!("{}: a file; expected the name of a folder to write to", path.display());
    }
    Ok(())
}

/// Creates the folder, and writes and removes a file in it. Its name is that of a temporary file, which a later run
/// removes.
fn probe(folder: &Path) -> Result<(), Error> {
    storage::create_dir_all(folder)?;
    let path = folder.join(format!(".barkbird-{}-probe.tmp", std::process::id()));
    storage::place(&path, &[b"probe"], Durability::Unsynced, Existing::Replace)?;
    Ok(storage::remove_file(&path)?)
}

/// Refuses a path that is not UTF-8: manifests, tables and JSON cannot name it.
pub(crate) fn refuse_other_text(path: &Path) -> Result<()> {
    if path.to_str().is_none() {
        bail!("{}: the name is not UTF-8; rename it", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_and_folders_in_each_others_place_are_refused() {
        let work = tempfile::tempdir().unwrap();
        let path = |name: &str| work.path().join(name);
        fs::write(path("a"), b"x").unwrap();
        file(&path("a")).unwrap();
        file(&path("new/deep/m.csv")).unwrap();
        assert!(path("new/deep").read_dir().unwrap().next().is_none(), "nothing stays behind");
        assert!(file(&path("new")).unwrap_err().to_string().contains("a folder; expected the name of a file"));
        assert!(folder(&path("a")).unwrap_err().to_string().contains("a file; expected the name of a folder"));
        assert!(shared_folder(&path("a")).is_err());
        assert!(file(&path("a/m.csv")).unwrap_err().to_string().contains("m.csv: cannot be written"));
        assert!(folder(&path("a/run")).unwrap_err().to_string().contains("run: cannot be written"));
        assert!(file(Path::new("-")).is_err());
        #[cfg(unix)]
        assert!(file(Path::new("/dev/null")).unwrap_err().to_string().contains("not a file"));
    }

    #[test]
    fn a_second_writer_is_refused_until_the_first_is_done() {
        let work = tempfile::tempdir().unwrap();
        let out = work.path().join("run");
        let lock = folder(&out).unwrap();
        assert!(matches!(folder(&out), Err(Error::Shard(shard::Error::Locked { .. }))));
        drop(lock);
        assert!(!out.exists(), "an empty folder goes with its lock");
        drop(folder(&out).unwrap());
    }
}
