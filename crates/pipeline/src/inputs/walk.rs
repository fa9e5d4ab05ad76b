//! The files below a folder.

use crate::error::{Context, Result};
use crate::observer::CancelToken;
use shard::Skipped;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What is below a folder, by name.
pub(super) struct Walk {
    /// Files, each once.
    pub(super) files: Vec<PathBuf>,
    /// What could not be taken, and why.
    pub(super) skipped: Vec<Skipped>,
}

/// All files below a folder; hidden ones are left alone, links that lead to what is listed already too.
pub(super) fn walk(folder: &Path, cancel: &CancelToken) -> Result<Walk> {
    let mut found = Walk { files: Vec::new(), skipped: Vec::new() };
    let real = folder.canonicalize().with_context(|| format!("{}: cannot be read", folder.display()))?;
    std::fs::read_dir(folder).with_context(|| format!("{}: cannot be read", folder.display()))?;
    list(folder, &mut HashSet::from([real]), cancel, &mut found)?;
    Ok(found)
}

fn list(folder: &Path, seen: &mut HashSet<PathBuf>, cancel: &CancelToken, found: &mut Walk) -> Result<()> {
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
    let mut entries: Vec<PathBuf> = match entries {
        Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
        Err(error) => {
            found.skipped.push(skipped(folder, &format!("the folder cannot be read: {error}")));
            return Ok(());
        }
    };
    entries.sort();
    for path in entries {
        cancel.check("nothing was written")?;
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.to_str().is_none() {
            found.skipped.push(skipped(&path, "the name is not UTF-8; rename it"));
            continue;
        }
        // A link that leads nowhere is no recording.
        let Ok(real) = path.canonicalize() else { continue };
        if !seen.insert(real) {
            continue;
        }
        if path.is_dir() {
            list(&path, seen, cancel, found)?;
        } else if path.is_file() {
            found.files.push(path);
        }
    }
    Ok(())
}

fn skipped(path: &Path, reason: &str) -> Skipped {
    Skipped { path: path.to_string_lossy().into_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn links_end_and_what_cannot_be_named_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("sub")).unwrap();
        for name in ["b.wav", "sub/a.wav", ".hidden.wav"] {
            std::fs::write(path(name), b"x").unwrap();
        }
        for (to, link) in [(".", "one"), (".", "two"), ("b.wav", "c.wav"), ("nowhere", "d.wav")] {
            std::os::unix::fs::symlink(to, path(link)).unwrap();
        }
        std::fs::write(folder.path().join(OsStr::from_bytes(b"caf\xe9.wav")), b"x").unwrap();
        let found = walk(folder.path(), &CancelToken::default()).unwrap();
        assert_eq!(found.files, [path("b.wav"), path("sub/a.wav")]);
        assert_eq!(found.skipped.len(), 1);
        assert!(found.skipped[0].path.contains("caf\u{fffd}.wav"), "{:?}", found.skipped);
    }
}
