//! What is where: asking for files and folders, listing, making and removing them.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::bucket::Listed;
use crate::faults::{self, Operation};
use crate::location::{Location, local, remote};
use crate::owned;

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file, or an object.
    File,
    /// A folder, or a prefix of objects.
    Folder,
    /// A link, in a listing alone.
    Link,
    /// What is never opened, in words: `a pipe (FIFO)`.
    Other(&'static str),
}

/// What changes when a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Bytes and time of the last change, of a file.
    Changed(u64, Option<SystemTime>),
    /// The tag of an object.
    Tag(String),
}

impl Version {
    pub(crate) fn of_file(metadata: &fs::Metadata) -> Self {
        Self::Changed(metadata.len(), metadata.modified().ok())
    }
}

/// What is known without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file.
    pub n_bytes: u64,
    /// When it was written, where known.
    pub modified: Option<SystemTime>,
    /// Which version it is.
    pub version: Version,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: OsString,
    /// What it is; links are not followed.
    pub kind: Kind,
}

impl Entry {
    /// What it is, links followed; [`Kind::Link`] where one leads nowhere.
    pub fn leads_to(&self, folder: &Path) -> Kind {
        match self.kind {
            Kind::Link => metadata(folder.join(&self.name)).map_or(Kind::Link, |metadata| metadata.kind),
            kind => kind,
        }
    }
}

impl Kind {
    fn of(kind: FileType) -> Self {
        if kind.is_file() {
            return Self::File;
        }
        if kind.is_dir() {
            return Self::Folder;
        }
        if kind.is_symlink() {
            return Self::Link;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt;
            if kind.is_fifo() {
                return Self::Other("a pipe (FIFO)");
            }
            if kind.is_socket() {
                return Self::Other("a socket");
            }
            if kind.is_char_device() || kind.is_block_device() {
                return Self::Other("a device");
            }
        }
        Self::Other("something that is no plain file")
    }
}

/// What a path leads to, links followed.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is nothing.
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    faults::check(Operation::Read, path)?;
    let Some((bucket, key)) = remote(path)? else {
        let metadata = fs::metadata(local(path))?;
        return Ok(Metadata {
            kind: Kind::of(metadata.file_type()),
            n_bytes: metadata.len(),
            modified: metadata.modified().ok(),
            version: Version::of_file(&metadata),
        });
    };
    let found = if key.is_empty() { Err(ErrorKind::NotFound.into()) } else { bucket.head(&key) };
    match found {
        Ok(info) => {
            let version = Version::Tag(info.version);
            Ok(Metadata { kind: Kind::File, n_bytes: info.n_bytes, modified: Some(info.modified), version })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if bucket.list(&key)?.is_empty() && !key.is_empty() {
                return Err(error);
            }
            Ok(Metadata { kind: Kind::Folder, n_bytes: 0, modified: None, version: Version::Tag(String::new()) })
        }
        Err(error) => Err(error),
    }
}

/// Whether there is a file or folder. A disk or bucket that fails to say is asked again; where it goes on failing, there
/// is one: reading it then says what is wrong, and nothing is left out in silence.
pub fn exists(path: impl AsRef<Path>) -> bool {
    look(path.as_ref()).is_none_or(|kind| kind.is_some())
}

/// Whether there is a file; as for [`exists`], one that cannot be looked at counts.
pub fn is_file(path: impl AsRef<Path>) -> bool {
    look(path.as_ref()).is_none_or(|kind| kind == Some(Kind::File))
}

/// Whether there is a folder; as for [`exists`], one that cannot be looked at counts.
pub fn is_dir(path: impl AsRef<Path>) -> bool {
    look(path.as_ref()).is_none_or(|kind| kind == Some(Kind::Folder))
}

/// Times that a disk is asked.
const LOOKS: u32 = 3;

/// What there is, or nothing; `None` where nobody says.
fn look(path: &Path) -> Option<Option<Kind>> {
    for nth in 1..=LOOKS {
        match metadata(path) {
            Ok(metadata) => return Some(Some(metadata.kind)),
            Err(error) if is_absent(&error) => return Some(None),
            Err(_) => std::thread::sleep(Duration::from_millis(u64::from(nth))),
        }
    }
    None
}

/// Whether an error says that there is nothing, or that nobody may look.
fn is_absent(error: &io::Error) -> bool {
    use ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied, Unsupported};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied | InvalidInput | InvalidFilename | Unsupported)
        || error.raw_os_error().is_some_and(|code| cfg!(unix) && ELOOP.contains(&code))
}

/// Links that lead to each other: Linux, macOS.
const ELOOP: [i32; 2] = [40, 62];

/// The entries of a folder, sorted by name.
///
/// # Errors
/// A folder that is not there or cannot be read. A prefix without objects is an empty folder.
pub fn list(folder: impl AsRef<Path>) -> io::Result<Vec<Entry>> {
    let folder = folder.as_ref();
    faults::check(Operation::Read, folder)?;
    let mut entries = Vec::new();
    match remote(folder)? {
        Some((bucket, key)) => {
            entries.extend(bucket.list(&key)?.into_iter().map(|listed| match listed {
                Listed::Object(name, _) => Entry { name: name.into(), kind: Kind::File },
                Listed::Folder(name) => Entry { name: name.into(), kind: Kind::Folder },
            }));
        }
        None => {
            for entry in fs::read_dir(local(folder))? {
                let entry = entry?;
                match entry.file_type() {
                    Ok(kind) => entries.push(Entry { name: entry.file_name(), kind: Kind::of(kind) }),
                    // Removed while the folder was listed.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Makes a folder and those above it. Buckets have none: nothing is done.
///
/// # Errors
/// A folder that cannot be made.
pub fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    faults::check(Operation::Create, path)?;
    match Location::of(path) {
        Location::Local(path) => fs::create_dir_all(path),
        Location::Remote { .. } => Ok(()),
    }
}

/// Removes a file or an object.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is none, and what cannot be removed.
pub fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    faults::check(Operation::Remove, path)?;
    match remote(path)? {
        None => fs::remove_file(local(path)),
        Some((bucket, key)) => {
            owned::forget(&Location::of(path).to_path());
            bucket.delete(&key)
        }
    }
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// [`ErrorKind::NotFound`] where there is none, and what cannot be removed.
pub fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    faults::check(Operation::Remove, path)?;
    if !Location::of(path).is_remote() {
        return fs::remove_dir_all(local(path));
    }
    for Entry { name, kind } in list(path)? {
        let path = path.join(name);
        if kind == Kind::Folder { remove_dir_all(&path)? } else { remove_file(&path)? }
    }
    Ok(())
}

/// The absolute path, whether it is there or not; of an object its usual form.
///
/// # Errors
/// The working folder cannot be found out.
pub fn absolute(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    match Location::of(path.as_ref()) {
        Location::Local(path) => std::path::absolute(path),
        remote @ Location::Remote { .. } => Ok(remote.to_path()),
    }
}

/// The absolute path without links; of an object its usual form, whether it is there or not.
///
/// # Errors
/// A file or folder that is not there.
pub fn canonical(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref();
    match Location::of(path) {
        Location::Local(path) => path.canonicalize(),
        remote @ Location::Remote { .. } => Ok(remote.to_path()),
    }
}
