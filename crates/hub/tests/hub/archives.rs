//! ZIP archives as common programs write them, and others.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

/// A file of an archive, and what its headers say of it.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) deflated: bool,
    pub(crate) mode: u32,
    pub(crate) flags: u16,
    /// In place of the true ones.
    pub(crate) method: Option<u16>,
    pub(crate) length: Option<u32>,
    pub(crate) crc: Option<u32>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) local_at: Option<u32>,
}

pub(crate) fn entry(name: &str, bytes: &[u8]) -> Entry {
    Entry {
        name: name.into(),
        bytes: bytes.into(),
        deflated: true,
        mode: 0o100_644,
        flags: 0,
        method: None,
        length: None,
        crc: None,
        local_name: None,
        local_at: None,
    }
}

pub(crate) fn packed(entries: &[Entry], comment: &[u8]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = entry.local_at.unwrap_or(all.len() as u32);
        let mut body = entry.bytes.clone();
        if entry.deflated {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&entry.bytes).unwrap();
            body = encoder.finish().unwrap();
        }
        let method = entry.method.unwrap_or(if entry.deflated { 8 } else { 0 });
        let crc = entry.crc.unwrap_or(crc32fast::hash(&entry.bytes));
        let length = entry.length.unwrap_or(entry.bytes.len() as u32);
        let mut middle = Vec::new();
        for word in [20, entry.flags, method, 0, 0] {
            middle.extend(word.to_le_bytes());
        }
        for word in [crc, body.len() as u32, length] {
            middle.extend(word.to_le_bytes());
        }
        let local = entry.local_name.as_ref().unwrap_or(&entry.name);
        all.extend(b"PK\x03\x04");
        all.extend(&middle);
        all.extend((local.len() as u16).to_le_bytes());
        all.extend(0u16.to_le_bytes());
        all.extend(local);
        all.extend(&body);
        directory.extend(b"PK\x01\x02");
        directory.extend((3u16 << 8 | 20).to_le_bytes());
        directory.extend(&middle);
        for word in [entry.name.len() as u16, 0, 0, 0, 0] {
            directory.extend(word.to_le_bytes());
        }
        directory.extend((entry.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let at = all.len() as u32;
    let n = entries.len().min(0xffff) as u16;
    all.extend(&directory);
    all.extend(b"PK\x05\x06\0\0\0\0");
    all.extend([n.to_le_bytes(), n.to_le_bytes()].concat());
    all.extend((directory.len() as u32).to_le_bytes());
    all.extend(at.to_le_bytes());
    all.extend((comment.len() as u16).to_le_bytes());
    all.extend(comment);
    all
}
