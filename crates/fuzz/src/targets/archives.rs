//! Archives that others made.

use crate::repair;
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use hub::{Archive, Limits, UnpackError};
use std::io::{Cursor, Write};
use std::ops::ControlFlow;

const LIMITS: Limits = Limits { n_entries: 1000, n_bytes: 1 << 20, ratio: 20, free: 1 << 16 };

/// The targets.
pub(super) const TARGETS: [Target; 1] = [Target {
    name: "zip",
    reads: "ZIP archives: their directory, names and bytes, and what is written (`hub::Archive`)",
    seeds: || vec![archive(&[("a/", b""), ("a/1.wav", &[7; 300]), ("a/LICENSE", b"free")]), archive(&[("x", b"1")])],
    words: &[
        b"PK\x01\x02",
        b"PK\x03\x04",
        b"PK\x05\x06",
        b"PK\x06\x06",
        b"../",
        b"/",
        b"\\",
        b"C:",
        b"con",
        b"\xff\xff",
        b"\xff\xff\xff\xff",
        b"\x00\x00\xff\xa1",
    ],
    repair: repair::zip,
    run: unpack,
    memory: Memory { per_byte: 64, free: 2 << 20 },
}];

/// An archive as common programs write it.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        // Into memory.
        let _ = encoder.write_all(bytes);
        let deflated = encoder.finish().unwrap_or_default();
        let (method, body) = if deflated.len() < bytes.len() { (8u16, &deflated[..]) } else { (0, *bytes) };
        let at = all.len() as u32;
        let words = [20u16, 0, method, 0, 0].map(u16::to_le_bytes).concat();
        let numbers = [crc32fast::hash(bytes), body.len() as u32, bytes.len() as u32].map(u32::to_le_bytes).concat();
        let lengths = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
        let common = [&words[..], &numbers, &lengths].concat();
        all.extend([b"PK\x03\x04", &common[..], name.as_bytes(), body].concat());
        directory.extend([b"PK\x01\x02\x14\x03", &common[..], &[0; 6]].concat());
        let mode: u32 = if name.ends_with('/') { 0o040_755 } else { 0o100_644 };
        directory.extend([(mode << 16).to_le_bytes(), at.to_le_bytes()].concat());
        directory.extend(name.as_bytes());
    }
    let (n, at) = (files.len() as u16, all.len() as u32);
    all.extend(&directory);
    all.extend([&b"PK\x05\x06\0\0\0\0"[..], &n.to_le_bytes(), &n.to_le_bytes()].concat());
    all.extend([&(directory.len() as u32).to_le_bytes()[..], &at.to_le_bytes(), &[0; 2]].concat());
    all
}

fn unpack(input: &[u8]) -> Outcome {
    let folder = scratch().join("zip");
    let read = || -> Result<String, UnpackError> {
        let mut archive = Archive::read(Cursor::new(input), "a.zip", &LIMITS)?;
        let n_bytes: u64 = archive.files().map(|(_, n_bytes)| n_bytes).sum();
        archive.unpack(&folder, &|_| true, &mut |_| ControlFlow::Continue(()))?;
        Ok(format!("{} {}", archive.files().count(), about(n_bytes as usize)))
    };
    let outcome = Outcome::of(read());
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}
