//! Reading files and objects.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::faults::{self, Fault, Operation};
use crate::folder::Version;
use crate::location::{local, remote};
use crate::object::Object;

/// A file or an object that is open for reading. Several threads may read one by [`read_at`](Self::read_at).
#[derive(Debug, Clone)]
pub struct StoredFile {
    path: PathBuf,
    inner: Inner,
    n_bytes: u64,
    position: u64,
}

#[derive(Debug, Clone)]
enum Inner {
    Disk(Arc<File>),
    Object(Arc<Object>),
}

/// Opens a file or an object.
///
/// # Errors
/// One that is not there or cannot be read.
pub fn open(path: impl AsRef<Path>) -> io::Result<StoredFile> {
    let path = path.as_ref();
    if let Some((bucket, key)) = remote(path)? {
        let object = Object::open(path, bucket, key)?;
        let n_bytes = object.info().n_bytes;
        return Ok(StoredFile { path: path.to_owned(), inner: Inner::Object(Arc::new(object)), n_bytes, position: 0 });
    }
    faults::check(Operation::Read, path)?;
    StoredFile::of(File::open(local(path))?, path)
}

/// All bytes of a file or an object.
///
/// # Errors
/// One that is not there or cannot be read; an object that has another SHA-256 than its writer has noted.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    if let Some((bucket, key)) = remote(path)? {
        return Object::open(path, bucket, key)?.read_all();
    }
    let fault = faults::meet(Operation::Read, path)?;
    let mut bytes = std::fs::read(local(path))?;
    faults::damage(fault, &mut bytes);
    Ok(bytes)
}

/// All of a file or an object as text.
///
/// # Errors
/// As of [`read`], and [`ErrorKind::InvalidData`] where it is not UTF-8.
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let path = path.as_ref();
    let text = String::from_utf8(read(path)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

impl StoredFile {
    /// A local file that is open already; `path` names it.
    ///
    /// # Errors
    /// A file of which the system says nothing.
    pub fn of(file: File, path: &Path) -> io::Result<Self> {
        let n_bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), inner: Inner::Disk(Arc::new(file)), n_bytes, position: 0 })
    }

    /// Bytes, when it was opened.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// What changes when the file is written.
    ///
    /// # Errors
    /// A file of which the system says nothing.
    pub fn version(&self) -> io::Result<Version> {
        match &self.inner {
            Inner::Disk(file) => Ok(Version::of_file(&file.metadata()?)),
            Inner::Object(object) => Ok(Version::Tag(object.info().version.clone())),
        }
    }

    /// Reads from a place on; 0 at the end only.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = match &self.inner {
            Inner::Object(object) => return object.read_at(at, into),
            Inner::Disk(file) => file,
        };
        read_from(file, &self.path, at, into)
    }

    /// Fills `into` from a place on.
    ///
    /// # Errors
    /// [`ErrorKind::UnexpectedEof`] where there are fewer bytes.
    pub fn read_exact_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        fill(at, into, |at, into| self.read_at(at, into))
    }
}

/// Fills `into` from a place of a local file on.
pub(crate) fn read_exact_from(file: &File, path: &Path, at: u64, into: &mut [u8]) -> io::Result<()> {
    fill(at, into, |at, into| read_from(file, path, at, into))
}

fn fill(mut at: u64, mut into: &mut [u8], read: impl Fn(u64, &mut [u8]) -> io::Result<usize>) -> io::Result<()> {
    while !into.is_empty() {
        match read(at, into) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                at += n as u64;
                into = &mut into[n..];
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads from a place of a local file on; 0 at the end only.
fn read_from(file: &File, path: &Path, at: u64, into: &mut [u8]) -> io::Result<usize> {
    let fault = faults::meet(Operation::Read, path)?;
    if fault == Some(Fault::Truncate) {
        return Ok(0);
    }
    let n = read_file_at(file, at, into)?;
    if fault == Some(Fault::Flip) && n > 0 {
        into[n / 2] ^= 0x10;
    }
    Ok(n)
}

#[cfg(unix)]
fn read_file_at(file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_file_at(file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

#[cfg(not(any(unix, windows)))]
fn read_file_at(mut file: &File, at: u64, into: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(at))?;
    file.read(into)
}

impl Read for StoredFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.read_at(self.position, into)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for StoredFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(more) => self.n_bytes.checked_add_signed(more),
            SeekFrom::Current(more) => self.position.checked_add_signed(more),
        };
        self.position = at.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
