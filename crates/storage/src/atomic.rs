//! Files that appear under their final name completely or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::bucket::Body;
use crate::faults::{self, Fault, Operation};
use crate::location::{local, remote};
use crate::{blocks, object};

const PREFIX: &str = ".barkbird-";
const SUFFIX: &str = ".tmp";

/// What survives a power cut. A bucket keeps whatever it has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Bytes and name are on the medium when the call returns.
    Synced,
    /// Bytes are on the medium, and the name will be when a later file of the folder is [`Synced`](Self::Synced).
    BytesSynced,
    /// A lost file is only lost time.
    Unsynced,
}

/// What becomes of an object that is there already, with other bytes. A local folder has a lock for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced, unless another process writes it at the same time.
    Replace,
    /// It is an error.
    Refuse,
}

/// Writes `bytes` to `path` for good, and replaces what is there; see [`place`].
///
/// # Errors
/// As of [`place`].
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let path = path.as_ref();
    place(path, &[bytes], Durability::Synced, Existing::Replace)
}

/// Writes a file: a temporary sibling with a name of its own, mode 0644, sync, rename, sync of the folder; or an object, by
/// one conditional request.
///
/// A reader sees the old file or the new one, never a part. After any failure the temporary file is removed and `path` is
/// unchanged. The folder has to exist.
///
/// # Errors
/// The step that failed, and the system's reason.
pub fn place(path: &Path, pieces: &[&[u8]], durability: Durability, existing: Existing) -> io::Result<()> {
    if let Some((bucket, key)) = remote(path)? {
        return object::put(path, &bucket, &key, Body::Pieces(pieces), existing);
    }
    let mut file = Sibling::create(&local(path))?;
    write_pieces(&mut file, pieces).map_err(step("write"))?;
    file.commit(durability)
}

/// Small pieces are combined; a large one is written directly.
fn write_pieces(file: &mut Sibling, pieces: &[&[u8]]) -> io::Result<()> {
    let mut writer = BufWriter::new(file);
    pieces.iter().try_for_each(|piece| writer.write_all(piece))?;
    writer.flush()
}

/// Where files that will be in a folder are put together: the folder itself, or one of the local disk for a bucket.
///
/// # Errors
/// A folder that cannot be made.
pub fn scratch(folder: &Path) -> io::Result<PathBuf> {
    if remote(folder)?.is_some() { blocks::staging() } else { Ok(local(folder)) }
}

/// Puts a finished file of the [`scratch`] folder under its name; of a bucket, where there is no such object.
///
/// # Errors
/// The step that failed, and the system's reason.
pub fn place_file(temporary: &Path, path: &Path) -> io::Result<()> {
    if let Some((bucket, key)) = remote(path)? {
        object::put(path, &bucket, &key, Body::File(temporary), Existing::Refuse)?;
        return fs::remove_file(temporary);
    }
    faults::check(Operation::Sync, path)?;
    File::open(temporary)?.sync_all().map_err(step("sync"))?;
    faults::check(Operation::Rename, path)?;
    fs::rename(temporary, local(path)).map_err(step("rename"))
}

/// A file that is written piece by piece and appears under its name with [`commit`](Self::commit); dropped before that, it
/// leaves nothing.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Disk(BufWriter<Sibling>),
    /// On the local disk until it is whole.
    Object(BufWriter<tempfile::NamedTempFile>),
}

impl AtomicFile {
    /// Begins the file; its folder has to exist.
    ///
    /// # Errors
    /// No file can be created beside it, or in the folder for blocks of objects.
    pub fn create(path: &Path) -> io::Result<Self> {
        let inner = match remote(path)? {
            Some(_) => Inner::Object(BufWriter::new(tempfile::NamedTempFile::new_in(blocks::staging()?)?)),
            None => Inner::Disk(BufWriter::new(Sibling::create(&local(path))?)),
        };
        Ok(Self { path: path.to_owned(), inner })
    }

    /// Puts the file under its name, as [`write()`] does.
    ///
    /// # Errors
    /// The step that failed, and the system's reason.
    pub fn commit(self) -> io::Result<()> {
        match self.inner {
            Inner::Disk(writer) => {
                let sibling = writer.into_inner().map_err(|error| step("write")(error.into_error()))?;
                sibling.commit(Durability::Synced)
            }
            Inner::Object(writer) => {
                let file = writer.into_inner().map_err(|error| step("write")(error.into_error()))?;
                let (bucket, key) = remote(&self.path)?.ok_or(ErrorKind::InvalidInput)?;
                object::put(&self.path, &bucket, &key, Body::File(file.path()), Existing::Replace)
            }
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Disk(writer) => writer.write(bytes),
            Inner::Object(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Disk(writer) => writer.flush(),
            Inner::Object(writer) => writer.flush(),
        }
    }
}

/// Removes the temporary files of killed runs in `dir` that are at least `age` old; returns their number. A bucket has none.
///
/// If another process may be writing to the same folder, choose an age that is longer than any write takes.
///
/// # Errors
/// A folder that cannot be listed. A temporary file that disappears meanwhile is no error.
pub fn remove_temporaries(dir: &Path, age: Duration) -> io::Result<usize> {
    if remote(dir)?.is_some() {
        return Ok(0);
    }
    faults::check(Operation::Read, dir)?;
    let mut n_removed = 0;
    for entry in fs::read_dir(local(dir))? {
        let entry = entry?;
        let old = || entry.metadata().ok()?.modified().ok()?.elapsed().ok().map(|elapsed| elapsed >= age);
        if is_temporary(&entry.file_name()) && (age.is_zero() || old() == Some(true)) {
            n_removed += usize::from(fs::remove_file(entry.path()).is_ok());
        }
    }
    Ok(n_removed)
}

/// Says which step failed, and keeps the kind.
fn step(name: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| {
        let kind = error.kind();
        io::Error::new(kind, format!("{name}: {error}"))
    }
}

/// A temporary file beside the one that it will be; removed when dropped, unless it was renamed.
#[derive(Debug)]
struct Sibling {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Sibling {
    /// Process number and counter make the name unique on one machine; if another machine shares the folder, `create_new`
    /// fails for a name in use and the next one is tried.
    fn create(path: &Path) -> io::Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        faults::check(Operation::Create, path)?;
        loop {
            let n = COUNTER.fetch_add(1, Ordering::Relaxed);
            let temporary = folder_of(path).join(format!("{PREFIX}{}-{n}{SUFFIX}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    faults::unsynced(&temporary);
                    return Ok(Self { file, temporary, path: path.to_owned() });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn commit(mut self, durability: Durability) -> io::Result<()> {
        set_mode(&self.file).map_err(step("set the mode"))?;
        if durability != Durability::Unsynced {
            faults::check(Operation::Sync, &self.path)?;
            self.file.sync_all().map_err(step("sync"))?;
            faults::synced(&self.temporary);
        }
        faults::check(Operation::Rename, &self.path)?;
        fs::rename(&self.temporary, &self.path).map_err(step("rename"))?;
        faults::renamed(&self.temporary, &self.path);
        self.temporary = PathBuf::new();
        if durability == Durability::Synced {
            faults::check(Operation::Sync, &self.path)?;
            sync_folder(folder_of(&self.path)).map_err(step("sync the folder"))?;
        }
        Ok(())
    }
}

impl Write for Sibling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if faults::meet(Operation::Write, &self.path)? == Some(Fault::Short) {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::Error::new(ErrorKind::WriteZero, "injected: half of it was written"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        // The error that led here is reported, not one of the clean-up. A process whose power is off removes nothing.
        if !self.temporary.as_os_str().is_empty() && faults::check(Operation::Remove, &self.path).is_ok() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

pub(crate) fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

#[cfg(unix)]
fn set_mode(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_mode(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A folder cannot be opened for this elsewhere; the rename itself is journaled there.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
