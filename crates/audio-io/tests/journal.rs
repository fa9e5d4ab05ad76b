//! A scan with a journal finds what one in memory finds, goes on where it was broken off, and believes no damaged line.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use audio_io::scan::{Journal, Ledger, Outline, ScanOptions, scan, scan_with};
use audio_io::{Error, Manifest};

/// A WAV of 8 bits at 8 kHz whose samples depend on `seed`.
fn wav(seed: u8) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    bytes.extend_from_slice(&4000_u32.to_le_bytes());
    bytes.extend((0..4000_u32).map(|i| ((i * (u32::from(seed) + 3)) % 251) as u8));
    bytes
}

struct Data {
    dir: tempfile::TempDir,
}

impl Data {
    /// Twenty recordings in two classes, one of them there twice, one of them no sound; two rows of one recording.
    fn new() -> Self {
        let data = Data { dir: tempfile::tempdir().unwrap() };
        let mut text = "path,label,group,author\n".to_owned();
        for i in 0..20_u8 {
            data.write(&format!("{i:02}.wav"), &wav(if i == 7 { 3 } else { i }));
            text += &format!("{i:02}.wav,{},g{},\"Ann, {i}\"\n", ["dog", "bird"][usize::from(i % 2)], i / 2);
        }
        data.write("no.wav", b"this is no sound at all");
        text += "no.wav,dog,,\n./00.wav,dog,g0,again\n";
        data.write("m.csv", text.as_bytes());
        data
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn manifest(&self) -> Manifest {
        Manifest::read_csv(&self.path("m.csv")).unwrap()
    }

    fn journal(&self, resume: bool) -> Result<Journal, Error> {
        Journal::open(&self.path("m.scan.journal"), &ScanOptions::default(), resume)
    }

    /// A scan with a journal, and the manifest that it writes.
    fn scan(&self, resume: bool) -> (Outline, String) {
        let journal = self.journal(resume).unwrap();
        let outline = scan_with(self.manifest(), &ScanOptions::default(), &journal, &|_| true).unwrap();
        journal.finish().unwrap();
        (outline.clone(), written(&outline, &journal, self.dir.path()))
    }

    /// The manifest of a scan in memory.
    fn in_memory(&self) -> String {
        let scan = scan(&self.manifest(), &ScanOptions::default(), &|_| true).unwrap();
        String::from_utf8(scan.manifest.rebased(self.dir.path()).unwrap().to_csv()).unwrap()
    }
}

fn written(outline: &Outline, journal: &Journal, root: &Path) -> String {
    let mut text = Vec::new();
    outline.write_csv(journal, root, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Other bytes in a file that looks as before from outside.
fn replace_unseen(path: &Path, bytes: &[u8]) {
    let modified = std::fs::metadata(path).unwrap().modified().unwrap();
    std::fs::write(path, bytes).unwrap();
    std::fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn the_journal_gives_what_memory_gives() {
    let data = Data::new();
    let (outline, text) = data.scan(false);
    assert_eq!(text, data.in_memory());
    assert_eq!((outline.rows.len(), outline.n_files, outline.unusable.len(), outline.n_repeated), (20, 21, 1, 1));
    assert_eq!(outline.duplicates, [["03.wav", "07.wav"]]);
    // Again from the journal: no recording is read, so that one that was replaced unseen is taken for what it was.
    replace_unseen(&data.path("05.wav"), &wav(200));
    let (again, same) = data.scan(true);
    assert_eq!((again, &same), (outline, &text));
    assert_ne!(data.in_memory(), text);
    assert_eq!(data.scan(false).1, data.in_memory());
}

#[test]
fn new_changed_and_missing_recordings_are_looked_at() {
    let data = Data::new();
    data.scan(false);
    data.write("05.wav", &wav(200)[..3000]);
    data.write("20.wav", &wav(20));
    std::fs::remove_file(data.path("06.wav")).unwrap();
    let file = std::fs::File::options().write(true).open(data.path("09.wav")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(7)).unwrap();
    data.write(
        "m.csv",
        format!("{}20.wav,dog,g9,new\n", std::fs::read_to_string(data.path("m.csv")).unwrap()).as_bytes(),
    );
    let (outline, text) = data.scan(true);
    assert_eq!(text, data.in_memory());
    let gone = outline.unusable.iter().find(|row| row.path == "06.wav").unwrap();
    assert!(gone.reason.starts_with("cannot be read"), "{}", gone.reason);
    // What the system could not read is read when it is back.
    data.write("06.wav", &wav(6));
    assert_eq!(data.scan(true).1, data.in_memory());
    // Another part of a recording is another question.
    let rows = std::fs::read_to_string(data.path("m.csv"))
        .unwrap()
        .replace("path,label,group,author", "path,label,group,author,start");
    let parts: String =
        rows.lines().enumerate().map(|(i, row)| format!("{row}{}\n", ["", ",0.2"][usize::from(i > 0)])).collect();
    data.write("m.csv", parts.as_bytes());
    assert_eq!(data.scan(true).1, data.in_memory());
}

#[test]
fn a_scan_that_was_broken_off_goes_on() {
    let data = Data::new();
    let expected = data.in_memory();
    let journal = data.journal(false).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let stopped = pool.install(|| scan_with(data.manifest(), &ScanOptions::default(), &journal, &|n| n < 8));
    assert!(matches!(stopped, Err(Error::Cancelled)));
    journal.sync().unwrap();
    let busy = data.journal(false).unwrap_err().to_string();
    assert!(busy.contains("another scan writes it"), "{busy}");
    drop(journal);
    // Whoever runs the same command again goes on, asked or not.
    let journal = data.journal(false).unwrap();
    assert_eq!(journal.n_known(), 8);
    let n_done = AtomicUsize::new(0);
    let count = |_| n_done.fetch_add(1, Ordering::Relaxed) < usize::MAX;
    let outline = scan_with(data.manifest(), &ScanOptions::default(), &journal, &count).unwrap();
    assert_eq!((written(&outline, &journal, data.dir.path()), n_done.into_inner()), (expected, 21));
    journal.finish().unwrap();
    drop(journal);
    assert_eq!(data.journal(true).unwrap().n_known(), 21);
    assert_eq!(data.journal(false).unwrap().n_known(), 0);
}

#[test]
fn damaged_lines_are_read_anew_and_another_scan_is_refused() {
    let data = Data::new();
    data.scan(false);
    let path = data.path("m.scan.journal");
    let whole = std::fs::read(&path).unwrap();
    let expected = data.in_memory();
    // Cut anywhere, as a power cut leaves it.
    for n in (whole.iter().position(|byte| *byte == b'\n').unwrap() + 1..whole.len()).step_by(997) {
        std::fs::write(&path, &whole[..n]).unwrap();
        assert_eq!(data.scan(true).1, expected, "cut at {n}");
    }
    // A bit of a digit that would be believed without the checksum.
    let text = String::from_utf8(whole.clone()).unwrap();
    let at = text.find("\"rate_hz\":8000").unwrap() + "\"rate_hz\":".len();
    let mut flipped = whole.clone();
    flipped[at] ^= 1;
    std::fs::write(&path, &flipped).unwrap();
    assert_eq!(data.scan(true).1, expected);
    // Damaged after it was opened.
    std::fs::write(&path, &whole).unwrap();
    let journal = data.journal(true).unwrap();
    let outline = scan_with(data.manifest(), &ScanOptions::default(), &journal, &|_| true).unwrap();
    std::fs::write(&path, &flipped).unwrap();
    let damaged = (0..outline.n_files).filter(|file| journal.check(*file).is_err()).count();
    assert_eq!(damaged, 1);
    drop(journal);

    let options = ScanOptions { min_seconds: 0.3, ..ScanOptions::default() };
    let error = Journal::open(&path, &options, true).unwrap_err().to_string();
    assert!(error.contains("expected scan-journal/2") && error.contains("at least 0.05 s"), "{error}");
    std::fs::write(&path, b"path,label\n").unwrap();
    let error = data.journal(true).unwrap_err().to_string();
    assert!(error.contains("no journal of a scan") && error.contains("leave --resume away"), "{error}");
    assert_eq!(data.journal(false).unwrap().n_known(), 0);
}
