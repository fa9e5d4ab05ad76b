//! Walking a folder: every file once, in order, and a reason for whatever is left out.
//!
//! Links are followed after everything else, so that a file is listed by its real name; a link to a folder or file that
//! is listed already is left out, which ends loops. Hidden files and folders (names that begin with a dot) are left out
//! without a word. Pipes, devices and sockets are never opened.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use storage::{Entry, Kind};

use crate::error::{Error, Result};

/// What a walk found, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Files of any kind.
    pub files: Vec<Found>,
    /// Folders, the one where the walk began not among them.
    pub folders: Vec<Found>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The path, which begins with that of the folder where the walk began.
    pub path: PathBuf,
    /// The path below that folder, with `/`.
    pub name: String,
}

/// Something that was left out of a walk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// The path below the folder where the walk began, with `/`; characters that are not UTF-8 are shown as `\u{fffd}`.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.name, self.reason)
    }
}

/// Walks a folder. `cancelled` is asked before every entry.
///
/// # Errors
/// A folder that cannot be read or whose path is not UTF-8, and [`Error::Cancelled`]. What cannot be read below it is in
/// [`Walk::skipped`].
#[tracing::instrument(level = "debug", skip_all, fields(root = %root.display()))]
pub fn walk(root: &Path, cancelled: &dyn Fn() -> bool) -> Result<Walk> {
    if root.to_str().is_none() {
        return Err(Error::NotUtf8 { path: root.to_owned() });
    }
    let fail = |source| Error::Read { path: root.to_owned(), source };
    let real = storage::canonical(root).map_err(fail)?;
    storage::list(root).map_err(fail)?;
    let mut walker = Walker { cancelled, ..Walker::default() };
    walker.seen.insert(real.clone());
    walker.open.push_back(Folder { path: root.to_owned(), name: String::new(), real });
    // Links last: what they lead to may have been found by its real name.
    loop {
        if let Some(folder) = walker.open.pop_front() {
            walker.list(&folder)?;
        } else if let Some(link) = walker.links.pop_front() {
            walker.follow(link);
        } else {
            break;
        }
    }
    let Walk { files, folders, skipped } = &mut walker.walk;
    files.sort();
    folders.sort();
    skipped.sort();
    tracing::debug!(files = files.len(), folders = folders.len(), skipped = skipped.len(), "walked");
    Ok(walker.walk)
}

/// The path as text.
///
/// # Errors
/// [`Error::NotUtf8`].
pub fn utf8_name(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::NotUtf8 { path: path.to_owned() })
}

/// A folder that is still to be listed.
struct Folder {
    path: PathBuf,
    name: String,
    /// Its path without links.
    real: PathBuf,
}

struct Walker<'a> {
    cancelled: &'a dyn Fn() -> bool,
    walk: Walk,
    open: VecDeque<Folder>,
    links: VecDeque<Found>,
    /// Paths without links of everything that is listed.
    seen: HashSet<PathBuf>,
}

impl Default for Walker<'_> {
    fn default() -> Self {
        Walker {
            cancelled: &|| false,
            walk: Walk::default(),
            open: VecDeque::new(),
            links: VecDeque::new(),
            seen: HashSet::new(),
        }
    }
}

impl Walker<'_> {
    fn skip(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        let (name, reason) = (name.into(), reason.into());
        tracing::debug!(name, reason, "left out");
        self.walk.skipped.push(Skipped { name, reason });
    }

    /// Lists one folder.
    fn list(&mut self, folder: &Folder) -> Result<()> {
        let entries = match storage::list(&folder.path) {
            Ok(entries) => entries,
            Err(error) => {
                self.skip(&folder.name, format!("the folder cannot be read: {error}"));
                return Ok(());
            }
        };
        for Entry { name: raw, kind } in entries {
            if (self.cancelled)() {
                return Err(Error::Cancelled);
            }
            let lossy = raw.to_string_lossy();
            if lossy.starts_with('.') {
                continue;
            }
            let name = if folder.name.is_empty() { lossy.to_string() } else { format!("{}/{lossy}", folder.name) };
            let found = Found { path: folder.path.join(&raw), name };
            if raw.to_str().is_none() {
                self.skip(found.name, "the name is not UTF-8: rename it");
                continue;
            }
            let real = folder.real.join(&raw);
            match kind {
                Kind::Other(what) => self.skip(found.name, format!("{what}, not a file")),
                Kind::Link => self.links.push_back(found),
                Kind::Folder => self.add(found, real, true),
                Kind::File => self.add(found, real, false),
            }
        }
        Ok(())
    }

    /// Adds a file, or a folder that is to be listed, unless it is there already.
    fn add(&mut self, found: Found, real: PathBuf, is_folder: bool) {
        if !self.seen.insert(real.clone()) {
            let what = if is_folder { "a folder" } else { "a file" };
            self.skip(found.name, format!("leads to {what} that is listed already"));
        } else if is_folder {
            self.walk.folders.push(found.clone());
            self.open.push_back(Folder { path: found.path, name: found.name, real });
        } else {
            self.walk.files.push(found);
        }
    }

    fn follow(&mut self, link: Found) {
        match storage::canonical(&link.path).and_then(|real| Ok((storage::metadata(&real)?.kind, real))) {
            Err(error) => self.skip(link.name, format!("a link that leads nowhere: {error}")),
            Ok((Kind::Other(what), _)) => self.skip(link.name, format!("a link to {what}, not to a file")),
            Ok((kind, real)) => self.add(link, real, kind == Kind::Folder),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        dir
    }

    fn names(found: &[Found]) -> Vec<&str> {
        found.iter().map(|found| found.name.as_str()).collect()
    }

    #[test]
    fn files_come_in_order_and_hidden_ones_do_not() {
        let dir = folder(&["b/z.wav", "a.wav", "b/.hidden", ".git/x", "a-b.wav", "b/c/d.txt"]);
        let found = walk(dir.path(), &|| false).unwrap();
        assert_eq!(names(&found.files), ["a-b.wav", "a.wav", "b/c/d.txt", "b/z.wav"]);
        assert_eq!(names(&found.folders), ["b", "b/c"]);
        assert_eq!(found.files[3].path, dir.path().join("b/z.wav"));
        assert!(found.skipped.is_empty());
    }

    #[test]
    fn links_add_nothing_twice_and_loops_end() {
        let dir = folder(&["d/a.wav", "d/e/b.wav"]);
        let outside = folder(&["c.wav"]);
        symlink(dir.path(), dir.path().join("d/all")).unwrap();
        symlink(dir.path().join("d"), dir.path().join("again")).unwrap();
        symlink("a.wav", dir.path().join("d/same.wav")).unwrap();
        symlink("nowhere", dir.path().join("d/broken.wav")).unwrap();
        symlink(outside.path(), dir.path().join("outside")).unwrap();
        symlink(dir.path(), outside.path().join("back")).unwrap();
        symlink("/dev/zero", dir.path().join("zero.wav")).unwrap();
        let found = walk(dir.path(), &|| false).unwrap();
        assert_eq!(names(&found.files), ["d/a.wav", "d/e/b.wav", "outside/c.wav"]);
        let skipped: Vec<&str> = found.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
        assert_eq!(skipped, ["again", "d/all", "d/broken.wav", "d/same.wav", "outside/back", "zero.wav"]);
        assert!(found.skipped[5].to_string().contains("a device"), "{}", found.skipped[5]);
    }

    #[test]
    fn what_cannot_be_named_or_opened_is_listed_and_the_rest_done() {
        let dir = folder(&["a.wav"]);
        let latin1 = std::ffi::OsStr::from_bytes(b"caf\xe9");
        std::fs::create_dir(dir.path().join(latin1)).unwrap();
        std::fs::write(dir.path().join(latin1).join("x.wav"), b"x").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s.wav")).unwrap();
        let found = walk(dir.path(), &|| false).unwrap();
        assert_eq!(names(&found.files), ["a.wav"]);
        let skipped: Vec<String> = found.skipped.iter().map(ToString::to_string).collect();
        assert_eq!(skipped, ["caf\u{fffd}: the name is not UTF-8: rename it", "s.wav: a socket, not a file"]);
        let error = walk(&dir.path().join(latin1), &|| false).unwrap_err();
        assert!(matches!(error, Error::NotUtf8 { .. }), "{error}");
    }

    #[test]
    fn a_walk_can_be_stopped() {
        let dir = folder(&["a/1.wav", "a/2.wav", "a/3.wav"]);
        let n = Cell::new(0);
        let cancelled = || {
            n.set(n.get() + 1);
            n.get() > 2
        };
        assert!(matches!(walk(dir.path(), &cancelled), Err(Error::Cancelled)));
    }
}
