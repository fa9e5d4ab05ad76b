//! The directory at the end of a ZIP archive (PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16), read strictly: what
//! is not as every common program writes it is refused. Nothing is allocated for what the bytes cannot hold.

use super::Limits;
use super::name::Names;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of the record at the end, of an entry of the directory, and of what is before a file's bytes, without names.
const END: usize = 22;
const ENTRY: usize = 46;
const LOCAL: usize = 30;
/// The longest comment behind the record at the end.
const MOST_COMMENT: usize = 0xffff;

/// The types of a file in the mode of Unix systems.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// How the bytes of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
}

/// A file in an archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its path, with the folder that all may have in common.
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) crc: u32,
    /// Where its bytes begin, and how many there are.
    pub(super) at: u64,
    pub(super) n_compressed: u64,
    /// Bytes of the file. What comes out is compared with it.
    pub(super) n_bytes: u64,
}

/// What is wrong with an archive, or the error of reading it.
#[derive(Debug)]
pub(super) enum Broken {
    What(String),
    Read(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::What("it is cut off".into()),
            _ => Self::Read(error),
        }
    }
}

fn broken<T>(what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken::What(what.into()))
}

/// The files of an archive, in the order of their bytes.
pub(super) fn read(archive: &mut (impl Read + Seek), limits: &Limits) -> Result<Vec<Entry>, Broken> {
    let n_archive = archive.seek(SeekFrom::End(0))?;
    let (end_at, end) = end_record(archive, n_archive)?;
    let [disk, first_disk, here, n_entries] = [4, 6, 8, 10].map(|at| u16_at(&end, at));
    let (n_directory, directory_at) = (u32_at(&end, 12), u32_at(&end, 16));
    if disk != 0 || first_disk != 0 || here != n_entries {
        return broken("it is one part of several, which are not supported");
    }
    if n_entries == 0xffff || n_directory == u32::MAX || directory_at == u32::MAX {
        return broken("it is a ZIP64 archive (65,535 files or 4 GiB and more), which is not supported");
    }
    let n_entries = usize::from(n_entries);
    if n_entries > limits.n_entries {
        return broken(format!("{n_entries} entries, and at most {} are let pass", limits.n_entries));
    }
    let (n_directory, directory_at) = (u64::from(n_directory), u64::from(directory_at));
    if directory_at + n_directory != end_at || (n_entries * ENTRY) as u64 > n_directory {
        return broken("its directory is not where its end says");
    }
    archive.seek(SeekFrom::Start(directory_at))?;
    let mut directory = vec![0; n_directory as usize];
    archive.read_exact(&mut directory)?;
    let mut rest = directory.as_slice();
    let mut names = Names::default();
    let mut entries = Vec::new();
    let (mut n_bytes, mut n_compressed) = (0u64, 0u64);
    for _ in 0..n_entries {
        let Some((entry, after)) = entry(rest, &mut names)? else { return broken("its directory is damaged") };
        rest = after;
        let Some(entry) = entry else { continue };
        n_bytes += entry.n_bytes;
        n_compressed += entry.n_compressed;
        entries.push(entry);
    }
    if !rest.is_empty() {
        return broken("its directory has more than its entries");
    }
    if n_bytes > limits.n_bytes {
        return broken(format!("{n_bytes} bytes unpacked, and at most {} are let pass", limits.n_bytes));
    }
    if n_bytes > n_compressed.saturating_mul(limits.ratio).saturating_add(limits.free) {
        return broken(format!(
            "{n_bytes} bytes from {n_compressed} compressed ones: that is no archive of recordings"
        ));
    }
    entries.sort_by_key(|entry| entry.at);
    let mut free_from = 0;
    for entry in &mut entries {
        let start = entry.at;
        local_header(archive, entry)?;
        if start < free_from || entry.at + entry.n_compressed > directory_at {
            return broken(format!("{}: its bytes are those of another file, too", entry.name));
        }
        free_from = entry.at + entry.n_compressed;
    }
    Ok(entries)
}

/// The record at the end of an archive, whose comment ends where the archive does, and its position.
fn end_record(archive: &mut (impl Read + Seek), n_archive: u64) -> Result<(u64, Vec<u8>), Broken> {
    let n_tail = n_archive.min((END + MOST_COMMENT) as u64);
    archive.seek(SeekFrom::Start(n_archive - n_tail))?;
    let mut tail = vec![0; n_tail as usize];
    archive.read_exact(&mut tail)?;
    let ends = |at: &usize| {
        let record = &tail[*at..];
        record.starts_with(b"PK\x05\x06") && usize::from(u16_at(record, 20)) == record.len() - END
    };
    match (0..(tail.len() + 1).saturating_sub(END)).rev().find(ends) {
        Some(at) => Ok((n_archive - n_tail + at as u64, tail[at..].to_vec())),
        None => broken("no ZIP archive, or cut off: it has no directory at its end"),
    }
}

/// The first entry of a directory, none for a folder, and what is behind it; `None` where it is damaged.
type Found<'a> = Option<(Option<Entry>, &'a [u8])>;

fn entry<'a>(directory: &'a [u8], names: &mut Names) -> Result<Found<'a>, Broken> {
    let Some((fixed, rest)) = directory.split_at_checked(ENTRY) else { return Ok(None) };
    if !fixed.starts_with(b"PK\x01\x02") {
        return Ok(None);
    }
    let [n_name, n_extra, n_comment] = [28, 30, 32].map(|at| usize::from(u16_at(fixed, at)));
    let Some((name, rest)) = rest.split_at_checked(n_name) else { return Ok(None) };
    let Some(rest) = rest.get(n_extra + n_comment..) else { return Ok(None) };
    let (name, is_folder) = names.add(name).map_err(Broken::What)?;
    let (flags, kind) = (u16_at(fixed, 8), (u32_at(fixed, 38) >> 16) & TYPE);
    if flags & 1 != 0 {
        return broken(format!("{name}: it is encrypted"));
    }
    let [n_compressed, n_bytes, at] = [20, 24, 42].map(|at| u32_at(fixed, at));
    if u16_at(fixed, 34) != 0 || [n_compressed, n_bytes, at].contains(&u32::MAX) {
        return broken(format!("{name}: ZIP64 and archives in parts are not supported"));
    }
    match (kind, is_folder) {
        (0 | FOLDER, true) if n_bytes == 0 => return Ok(Some((None, rest))),
        (0 | REGULAR, false) => {}
        _ => return broken(format!("{name}: it is neither a file nor a folder, but a link or a device")),
    }
    let method = match u16_at(fixed, 10) {
        0 if n_compressed == n_bytes => Method::Stored,
        8 => Method::Deflated,
        other => return broken(format!("{name}: compressed by method {other}; only deflate is supported")),
    };
    let [n_compressed, n_bytes, at] = [n_compressed, n_bytes, at].map(u64::from);
    Ok(Some((Some(Entry { name, method, crc: u32_at(fixed, 16), at, n_compressed, n_bytes }), rest)))
}

/// Moves `entry.at` from the header before a file's bytes to the bytes. The header has to be of the same file.
fn local_header(archive: &mut (impl Read + Seek), entry: &mut Entry) -> Result<(), Broken> {
    let mut fixed = [0; LOCAL];
    archive.seek(SeekFrom::Start(entry.at))?;
    archive.read_exact(&mut fixed)?;
    let mut name = vec![0; usize::from(u16_at(&fixed, 26))];
    archive.read_exact(&mut name)?;
    let method = match entry.method {
        Method::Stored => 0,
        Method::Deflated => 8,
    };
    if !fixed.starts_with(b"PK\x03\x04") || name != entry.name.as_bytes() || u16_at(&fixed, 8) != method {
        return broken(format!("{}: its two headers differ", entry.name));
    }
    entry.at += (LOCAL + name.len() + usize::from(u16_at(&fixed, 28))) as u64;
    Ok(())
}

/// Numbers in bytes that are known to be there.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
