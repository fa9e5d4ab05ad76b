//! ZIP archives that nobody vouches for, unpacked so that nothing is written outside of one new folder, and never more than is stated.

mod directory;
mod error;
mod name;

pub use error::UnpackError;

use crate::client::TICK;
use directory::{Broken, Entry, Method};
use flate2::read::DeflateDecoder;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes that are written at once.
const BLOCK: usize = 1 << 16;

/// Bounds of an archive. What its headers say is never believed: what comes out is counted, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, folders included.
    pub n_entries: usize,
    /// Bytes of all files.
    pub n_bytes: u64,
    /// Bytes of all files for each compressed one.
    pub ratio: u64,
    /// Bytes that are let pass whatever the ratio.
    pub free: u64,
}

impl Limits {
    /// For an archive of recordings with at most `n_bytes`: 60,000 entries, and 20 bytes for each compressed one beyond the
    /// first 16 MiB. Silence compresses better, sound does not.
    #[must_use]
    pub fn recordings(n_bytes: u64) -> Self {
        Self { n_entries: 60_000, n_bytes, ratio: 20, free: 16 << 20 }
    }
}

/// A ZIP archive whose directory was read and found harmless: names below one folder and each another one, no links, no
/// encryption, no bytes of two files at once, within [`Limits`].
pub struct Archive<R> {
    from: R,
    /// Its name, for errors.
    name: String,
    entries: Vec<Entry>,
    /// Bytes of the folder that all files have in common, and its slash.
    n_common: usize,
}

impl Archive<File> {
    /// Opens the archive at `path`.
    ///
    /// # Errors
    /// See [`UnpackError`].
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, UnpackError> {
        let file = File::open(path).map_err(UnpackError::io("read", path))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::read(file, &name, limits)
    }
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the directory of an archive; errors name it `name`.
    ///
    /// # Errors
    /// See [`UnpackError`].
    pub fn read(mut from: R, name: &str, limits: &Limits) -> Result<Self, UnpackError> {
        let entries = directory::read(&mut from, limits).map_err(|broken| of_broken(broken, name))?;
        let n_common = n_common(&entries);
        Ok(Self { from, name: name.to_owned(), entries, n_common })
    }

    /// The files and their lengths in bytes. The folder that all have in common, as in archives of code hosts, is left out.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.iter().map(|entry| (&entry.name[self.n_common..], entry.n_bytes))
    }

    /// A small file's bytes; none where there is no such file.
    ///
    /// # Errors
    /// More than `most_bytes`, or a damaged file.
    pub fn bytes_of(&mut self, file: &str, most_bytes: u64) -> Result<Option<Vec<u8>>, UnpackError> {
        let n_common = self.n_common;
        let Some(entry) = self.entries.iter().find(|entry| &entry.name[n_common..] == file) else { return Ok(None) };
        if entry.n_bytes > most_bytes {
            let what = format!("{file}: {} bytes, and at most {most_bytes} are let pass", entry.n_bytes);
            return Err(UnpackError::Archive { archive: self.name.clone(), what });
        }
        let mut bytes = Vec::new();
        let written = copy(&mut self.from, entry, &mut |block| {
            bytes.extend_from_slice(block);
            Ok(())
        });
        written.map_err(|error| of_stop(error, &self.name, Path::new(file)))?;
        Ok(Some(bytes))
    }

    /// Writes the files for which `is_wanted` returns true below `folder`, which must not be there yet. `on_bytes` is called
    /// with the bytes written so far, at least every 100 ms; `Break` stops there. What is written before an error stays, for the
    /// caller to remove.
    ///
    /// # Errors
    /// A folder that is there, a file whose bytes are not those of the directory, no space, or a stop.
    pub fn unpack(
        &mut self,
        folder: &Path,
        is_wanted: &dyn Fn(&str) -> bool,
        on_bytes: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), UnpackError> {
        fs::create_dir(folder).map_err(UnpackError::io("create", folder))?;
        let mut n_bytes = 0;
        let mut told = Instant::now();
        for entry in &self.entries {
            let name = &entry.name[self.n_common..];
            if !is_wanted(name) {
                continue;
            }
            let path = folder.join(name);
            let create = || {
                fs::create_dir_all(path.parent().unwrap_or(folder))?;
                File::options().write(true).create_new(true).open(&path)
            };
            let mut file = create().map_err(UnpackError::io("create", &path))?;
            let mut write = |block: &[u8]| {
                file.write_all(block).map_err(Stop::Write)?;
                n_bytes += block.len() as u64;
                if told.elapsed() >= TICK {
                    told = Instant::now();
                    if on_bytes(n_bytes).is_break() {
                        return Err(Stop::Cancelled);
                    }
                }
                Ok(())
            };
            copy(&mut self.from, entry, &mut write).map_err(|stop| of_stop(stop, &self.name, &path))?;
        }
        match on_bytes(n_bytes) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(UnpackError::Cancelled { archive: self.name.clone() }),
        }
    }
}

/// Why the bytes of a file were not copied.
enum Stop {
    Broken(Broken),
    Write(io::Error),
    Cancelled,
}

fn of_stop(stop: Stop, archive: &str, path: &Path) -> UnpackError {
    match stop {
        Stop::Broken(broken) => of_broken(broken, archive),
        Stop::Write(error) => UnpackError::io("write", path)(error),
        Stop::Cancelled => UnpackError::Cancelled { archive: archive.to_owned() },
    }
}

fn of_broken(broken: Broken, archive: &str) -> UnpackError {
    match broken {
        Broken::What(what) => UnpackError::Archive { archive: archive.to_owned(), what },
        Broken::Read(error) => UnpackError::io("read", Path::new(archive))(error),
    }
}

/// Gives a file's bytes to `write`, never more than the directory says, and compares number and checksum.
fn copy(
    from: &mut (impl Read + Seek),
    entry: &Entry,
    write: &mut dyn FnMut(&[u8]) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let broken = |what: &str| Stop::Broken(Broken::What(format!("{}: {what}", entry.name)));
    from.seek(SeekFrom::Start(entry.at)).map_err(|error| Stop::Broken(error.into()))?;
    let compressed = from.take(entry.n_compressed);
    let mut bytes: Box<dyn Read + '_> = match entry.method {
        Method::Stored => Box::new(compressed),
        Method::Deflated => Box::new(DeflateDecoder::new(compressed)),
    };
    let mut block = vec![0; BLOCK];
    let mut crc = crc32fast::Hasher::new();
    let mut n_bytes = 0;
    loop {
        let n = match bytes.read(&mut block) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
                return Err(broken("its bytes are damaged"));
            }
            Err(error) => return Err(Stop::Broken(error.into())),
        };
        n_bytes += n as u64;
        if n_bytes > entry.n_bytes {
            return Err(broken("it has more bytes than its header says"));
        }
        crc.update(&block[..n]);
        write(&block[..n])?;
    }
    if n_bytes != entry.n_bytes || crc.finalize() != entry.crc {
        return Err(broken("its bytes are damaged: another length or checksum than its header says"));
    }
    Ok(())
}

/// Bytes of the first folder, and of its slash, where all names begin with it.
fn n_common(entries: &[Entry]) -> usize {
    let Some(n) = entries.first().and_then(|entry| entry.name.find('/')).map(|at| at + 1) else { return 0 };
    let first = &entries[0].name[..n];
    if entries.iter().all(|entry| entry.name.starts_with(first)) { n } else { 0 }
}

/// Gives a complete folder its name. A folder that is there is replaced: it is moved aside, and removed once the new one has
/// its name.
///
/// # Errors
/// A folder that cannot be renamed or removed.
pub fn place_folder(complete: &Path, to: &Path) -> Result<(), UnpackError> {
    let aside = sibling(to, ".old");
    if to.exists() {
        fs::rename(to, &aside).map_err(UnpackError::io("rename", to))?;
    }
    if let Err(error) = fs::rename(complete, to) {
        // The folder that was there is better than none.
        let _ = fs::rename(&aside, to);
        return Err(UnpackError::io("rename", complete)(error));
    }
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(UnpackError::io("remove", &aside)(error)),
        _ => Ok(()),
    }
}

/// A path with something behind its name.
fn sibling(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
