//! Archives: those of every common program, and hostile ones.

use crate::archives::{Entry, entry, packed};
use hub::{Archive, Limits, UnpackError};
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;

const LIMITS: Limits = Limits { n_entries: 100, n_bytes: 10 << 20, ratio: 20, free: 1 << 20 };

fn unpack(bytes: &[u8], to: &Path) -> Result<Vec<String>, String> {
    let unpacked = || {
        let mut archive = Archive::read(Cursor::new(bytes), "a.zip", &LIMITS)?;
        archive.unpack(to, &|_| true, &mut |_| ControlFlow::Continue(()))
    };
    unpacked().map_err(|error: UnpackError| error.to_string())?;
    Ok(hub::files_below(to).unwrap())
}

fn refusal(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let message = unpack(bytes, &dir.path().join("out")).unwrap_err();
    assert!(message.starts_with("a.zip: ") && message.lines().count() == 1, "{message}");
    // Nothing is written outside of the folder.
    let beside: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(beside.is_empty() || beside == ["out"], "{beside:?}");
    message
}

#[test]
fn files_are_unpacked_without_the_folder_that_they_have_in_common() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, stored) = (entry("set-1/", b""), entry("set-1/LICENSE", b"free"));
    let folder = Entry { deflated: false, mode: 0o040_755, ..folder };
    let sound = vec![7; 100_000];
    let stored = Entry { deflated: false, mode: 0, ..stored };
    let all = [folder, stored, entry("set-1/audio/1.wav", &sound), entry("set-1/empty", b"")];
    let bytes = packed(&all, b"33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6");
    let out = dir.path().join("out");
    assert_eq!(unpack(&bytes, &out).unwrap(), ["LICENSE", "audio/1.wav", "empty"]);
    assert_eq!(std::fs::read(out.join("audio/1.wav")).unwrap(), sound);
    let mut archive = Archive::read(Cursor::new(&bytes), "a.zip", &LIMITS).unwrap();
    assert_eq!(archive.files().map(|(_, n)| n).sum::<u64>(), 100_004);
    assert_eq!(archive.bytes_of("LICENSE", 4).unwrap().unwrap(), b"free");
    assert!(archive.bytes_of("LICENSE", 3).is_err());
    assert_eq!(archive.bytes_of("set-1/LICENSE", 9).unwrap(), None);
    // A folder that is there is never written into.
    assert!(archive.unpack(&out, &|_| true, &mut |_| ControlFlow::Continue(())).is_err());
    let stopped = archive.unpack(&dir.path().join("other"), &|_| true, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(UnpackError::Cancelled { .. })));
    // Only what is wanted.
    let some = dir.path().join("some");
    archive.unpack(&some, &|file| file == "LICENSE", &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(hub::files_below(&some).unwrap(), ["LICENSE"]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let names = [
        "../evil",
        "/etc/evil",
        "a/../../evil",
        "c:/evil",
        "a\\..\\evil",
        "..",
        "a/./b",
        "//server/share",
        "nul.wav",
        "a\0b",
    ];
    for name in names {
        let message = refusal(&packed(&[entry("good", b"1"), entry(name, b"2")], b""));
        assert!(message.contains("a name that leads out of the folder"), "{name:?}: {message}");
    }
    let message = refusal(&packed(&[Entry { name: vec![b'a', 0xff], ..entry("", b"") }], b""));
    assert!(message.contains("not UTF-8"), "{message}");
}

#[test]
fn links_and_devices_are_refused() {
    for mode in [0o120_777, 0o020_644, 0o060_644, 0o010_644, 0o140_755] {
        let message = refusal(&packed(&[Entry { mode, ..entry("link", b"/etc/passwd") }], b""));
        assert!(message.contains("but a link or a device"), "{mode:o}: {message}");
    }
    let message = refusal(&packed(&[Entry { mode: 0o040_755, ..entry("file", b"1") }], b""));
    assert!(message.contains("neither a file nor a folder"), "{message}");
}

#[test]
fn two_files_of_one_name_are_refused() {
    for (a, b) in [("a.wav", "a.wav"), ("a.wav", "A.WAV"), ("a", "a/b"), ("a/b", "a")] {
        let message = refusal(&packed(&[entry(a, b"1"), entry(b, b"2")], b""));
        assert!(message.contains("two files have this name"), "{a} {b}: {message}");
    }
}

#[test]
fn bombs_are_refused() {
    // 9 MB of zeros in 9 kB: within the bytes, not within the ratio.
    let message = refusal(&packed(&[entry("zeros", &vec![0; 9 << 20])], b""));
    assert!(message.contains("that is no archive of recordings"), "{message}");
    // More than may be unpacked at all, in several files.
    let noise: Vec<u8> = (0..4u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let all: Vec<_> = ["a", "b", "c"].map(|name| Entry { deflated: false, ..entry(name, &noise) }).into();
    let message = refusal(&packed(&all, b""));
    assert!(message.contains("12582912 bytes unpacked, and at most 10485760 are let pass"), "{message}");
    // Headers that say less than there is.
    let message = refusal(&packed(&[Entry { length: Some(10), ..entry("liar", &vec![0; 9 << 20]) }], b""));
    assert!(message.contains("more bytes than its header says"), "{message}");
    // Files that share their bytes.
    let all = [entry("a", b"same"), Entry { local_at: Some(0), local_name: Some(b"a".into()), ..entry("b", b"same") }];
    let message = refusal(&packed(&all, b""));
    assert!(message.contains("its two headers differ") || message.contains("those of another file"), "{message}");
    let message = refusal(&packed(&[entry("a", b"x"), Entry { local_at: Some(0), ..entry("a2", b"x") }], b""));
    assert!(message.contains("its two headers differ"), "{message}");
    // Too many files, and a number that the bytes cannot hold.
    let many: Vec<_> = (0..101).map(|i| entry(&i.to_string(), b"")).collect();
    assert!(refusal(&packed(&many, b"")).contains("101 entries, and at most 100 are let pass"));
    let mut bytes = packed(&[entry("a", b"1")], b"");
    let end = bytes.len() - 22;
    for at in [8, 10] {
        bytes[end + at] = 90;
    }
    assert!(refusal(&bytes).contains("its directory is not where its end says"));
}

#[test]
fn what_is_not_supported_is_named() {
    let message = refusal(&packed(&[Entry { flags: 1, ..entry("a", b"1") }], b""));
    assert!(message.contains("encrypted"), "{message}");
    let message = refusal(&packed(&[Entry { method: Some(12), ..entry("a", b"1") }], b""));
    assert!(message.contains("method 12; only deflate is supported"), "{message}");
    let message = refusal(&packed(&[Entry { length: Some(u32::MAX), ..entry("a", b"1") }], b""));
    assert!(message.contains("ZIP64"), "{message}");
    let mut bytes = packed(&[entry("a", b"1")], b"");
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].fill(0xff);
    assert!(refusal(&bytes).contains("ZIP64"), "end");
    for other in [&b"not an archive"[..], b"", b"\x1f\x8b\x08gzip", &[0; 70_000]] {
        assert!(refusal(other).contains("no ZIP archive"));
    }
}

#[test]
fn damage_is_found() {
    let message = refusal(&packed(&[Entry { crc: Some(1), ..entry("a", b"text") }], b""));
    assert!(message.contains("a: its bytes are damaged"), "{message}");
    let message = refusal(&packed(&[Entry { length: Some(5), ..entry("a", b"text") }], b""));
    assert!(message.contains("a: its bytes are damaged"), "{message}");
    let message = refusal(&packed(&[Entry { local_name: Some(b"b".into()), ..entry("a", b"text") }], b""));
    assert!(message.contains("its two headers differ"), "{message}");
}

#[test]
fn an_archive_cut_or_changed_anywhere_is_refused_or_right() {
    let sound: Vec<u8> = (0..2000u32).map(|i| ((i * i) >> 5) as u8).collect();
    let whole = packed(&[entry("x/a.wav", &sound), entry("x/b", b"text")], b"comment");
    for end in 0..whole.len() {
        assert!(!refusal(&whole[..end]).is_empty());
    }
    let dir = tempfile::tempdir().unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        let out = dir.path().join(at.to_string());
        if unpack(&changed, &out).is_ok() {
            // A date, a version, or a name: never other bytes.
            let files = hub::files_below(&out).unwrap();
            assert_eq!(files.len(), 2, "byte {at}");
            let mut contents: Vec<_> = files.iter().map(|file| std::fs::read(out.join(file)).unwrap()).collect();
            contents.sort_by_key(Vec::len);
            assert_eq!(contents, [b"text".to_vec(), sound.clone()], "byte {at}");
        }
    }
}

#[test]
fn a_new_folder_takes_the_place_of_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (new, to) = (dir.path().join("new"), dir.path().join("to"));
    for text in ["1", "2"] {
        std::fs::create_dir(&new).unwrap();
        std::fs::write(new.join("file"), text).unwrap();
        hub::place_folder(&new, &to).unwrap();
        assert_eq!(std::fs::read_to_string(to.join("file")).unwrap(), text);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(hub::place_folder(&new, &to).is_err());
    assert_eq!(std::fs::read_to_string(to.join("file")).unwrap(), "2");
}
