//! A folder of sounds and near-sounds through the whole scan.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::f32::consts::TAU;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use audio_io::check::{MIN_SECONDS, check_file};
use audio_io::scan::{MEASURED, Scan, ScanOptions, scan};
use audio_io::{Damage, Manifest, Warning};

const RATE_HZ: u32 = 8000;

/// A tone as WAV of 16 bits.
fn tone(seconds: f32, hz: f32) -> Vec<u8> {
    let n = (seconds * RATE_HZ as f32) as usize;
    let data = (0..n).flat_map(|i| (((TAU * hz * i as f32 / RATE_HZ as f32).sin() * 16000.0) as i16).to_le_bytes());
    wav(data.collect(), 1, 16)
}

fn wav(data: Vec<u8>, tag: u8, bits: u16) -> Vec<u8> {
    let block = bits / 8;
    let mut out = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
    out.extend_from_slice(&[tag, 0, 1, 0]);
    out.extend_from_slice(&RATE_HZ.to_le_bytes());
    out.extend_from_slice(&(RATE_HZ * u32::from(block)).to_le_bytes());
    out.extend_from_slice(&block.to_le_bytes());
    out.extend_from_slice(&bits.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

/// The same tone as floats: another file, the same samples.
fn as_float(pcm16: &[u8]) -> Vec<u8> {
    let samples = pcm16[44..].as_chunks::<2>().0.iter();
    wav(samples.flat_map(|b| (f32::from(i16::from_le_bytes(*b)) / 32768.0).to_le_bytes()).collect(), 3, 32)
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn data() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..12 {
        write(dir.path(), &format!("dog/{i:02}.wav"), &tone(0.5, 200.0 + i as f32));
        write(dir.path(), &format!("bird/{i:02}.wav"), &tone(0.3, 2000.0 + i as f32));
    }
    write(dir.path(), "bird/copy-of-a-dog.wav", &as_float(&tone(0.5, 203.0)));
    write(dir.path(), "dog/copy.wav", &tone(0.5, 200.0));
    write(dir.path(), "dog/cut.wav", &tone(0.5, 300.0)[..3000]);
    write(dir.path(), "dog/empty.wav", b"");
    write(dir.path(), "dog/header.wav", &tone(0.5, 300.0)[..44]);
    write(dir.path(), "dog/noise.mp3", b"this is no sound at all");
    write(dir.path(), "dog/short.wav", &tone(0.01, 300.0));
    write(dir.path(), "dog/silent.wav", &wav(vec![0; 8000], 1, 16));
    write(dir.path(), "dog/notes.txt", b"x");
    dir
}

fn run(manifest: &Manifest) -> Scan {
    scan(manifest, &ScanOptions::default(), &|_| true).unwrap()
}

#[test]
fn nothing_is_dropped_without_a_reason() {
    let dir = data();
    let manifest = Manifest::from_folder(dir.path()).unwrap();
    let n_done = AtomicUsize::new(0);
    let result = scan(&manifest, &ScanOptions::default(), &|_| {
        n_done.fetch_add(1, Ordering::Relaxed);
        true
    })
    .unwrap();
    assert_eq!(n_done.into_inner(), manifest.rows.len());
    assert_eq!(result.manifest.rows.len() + result.unusable.len(), manifest.rows.len());
    let reasons: Vec<(&str, &str)> = result.unusable.iter().map(|row| (&*row.path, &*row.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("dog/empty.wav", "the file is empty (0 bytes)"),
            ("dog/header.wav", "a header without sound"),
            ("dog/noise.mp3", "not a sound file: it begins with 74 68 69 73 20 69 73 20 (\"this is \")"),
            ("dog/short.wav", "too short: 0.010 s, at least 0.05 s are needed"),
            ("dog/silent.wav", "pure silence"),
        ]
    );
    let cut = result.checks.iter().find(|check| check.path == "dog/cut.wav").unwrap();
    assert!(cut.usable && matches!(cut.damage[..], [Damage::Short { decoded: 1478, declared: 4000 }]));
    assert!(result.warnings.contains(&Warning::Ignored { paths: vec!["dog/notes.txt".into()] }));
}

#[test]
fn the_same_sound_in_another_file_is_found_kept_together_and_warned_about() {
    let dir = data();
    let result = run(&Manifest::from_folder(dir.path()).unwrap());
    assert_eq!(
        result.duplicates,
        [
            vec!["bird/copy-of-a-dog.wav".to_owned(), "dog/03.wav".into()],
            vec!["dog/00.wav".into(), "dog/copy.wav".into()]
        ]
    );
    let conflict = Warning::DuplicateLabels {
        paths: vec!["bird/copy-of-a-dog.wav".into(), "dog/03.wav".into()],
        labels: vec!["bird".into(), "dog".into()],
    };
    assert!(result.warnings.contains(&conflict));
    assert!(conflict.to_string().contains("bird/copy-of-a-dog.wav"));
    let split = |path: &str| &result.manifest.rows.iter().find(|row| row.path == path).unwrap().split;
    assert_eq!(split("dog/00.wav"), split("dog/copy.wav"));
    assert_eq!(split("bird/copy-of-a-dog.wav"), split("dog/03.wav"));
    assert!(result.manifest.rows.iter().all(|row| row.split.is_some()));
}

#[test]
fn threads_do_not_show_and_a_scan_of_a_scan_is_the_same() {
    let dir = data();
    let manifest = Manifest::from_folder(dir.path()).unwrap();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| run(&manifest));
    let four = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap().install(|| run(&manifest));
    assert_eq!(one, four);

    // Written elsewhere, read again, scanned again: measured columns are replaced, splits stay.
    let out = dir.path().join("out/deep");
    std::fs::create_dir_all(&out).unwrap();
    let csv = one.manifest.clone().rebased(&out).unwrap().to_csv();
    std::fs::write(out.join("manifest.csv"), &csv).unwrap();
    let again = run(&Manifest::read_csv(&out.join("manifest.csv")).unwrap());
    assert_eq!(again.manifest.extra_columns, MEASURED);
    assert_eq!(again.manifest.to_csv(), csv);
    assert_eq!(again.unusable, []);
}

#[test]
fn parts_of_files_are_checked_against_the_file() {
    let dir = data();
    let text = "path,label,start,end,channel,author,Peak\n\
        dog/00.wav,dog,0.1,0.4,,me,9\n\
        dog/00.wav,dog,0.4,0.6,,me,9\n\
        dog/00.wav,dog,0.1,0.12,,me,9\n\
        dog/00.wav,dog,,,1,me,9\n\
        dog/gone.wav,dog,,,,me,9\n\
        bird/00.wav,bird,,,0,me,9\n";
    write(dir.path(), "m.csv", text.as_bytes());
    let result = run(&Manifest::read_csv(&dir.path().join("m.csv")).unwrap());
    let reasons: Vec<&str> = result.unusable.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons[0], "the row asks for 0.4 s to 0.6 s, the file has 0.5 s");
    assert!(reasons[1].starts_with("too short: 0.020 s"));
    assert_eq!(reasons[2], "channel 1 is asked for (counted from 0), the file has 1");
    assert!(reasons[3].starts_with("cannot be read"));
    assert_eq!(result.manifest.extra_columns[0], "author");
    assert_eq!(result.manifest.extra_columns[1..], MEASURED);
    let extra: Vec<&str> = result.manifest.rows[0].extra.iter().take(4).collect();
    assert_eq!(extra, ["me", "8000", "1", "0.5000"]);
}

#[test]
fn sets_that_cannot_train_say_so() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "dog/a.wav", b"");
    let error = scan(&Manifest::from_folder(dir.path()).unwrap(), &ScanOptions::default(), &|_| true).unwrap_err();
    assert!(error.to_string().contains("none of 1 rows can be used; the first, dog/a.wav: the file is empty"));
    write(dir.path(), "dog/b.wav", &tone(0.2, 500.0));
    let result = run(&Manifest::from_folder(dir.path()).unwrap());
    assert!(result.warnings.contains(&Warning::OneClass { class: "dog".into() }));
    assert!(scan(&Manifest::default(), &ScanOptions::default(), &|_| true).is_err());
}

#[test]
fn a_check_measures_the_sound() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.wav", &tone(1.0, 500.0));
    let check = check_file(&dir.path().join("a.wav"), "a.wav", MIN_SECONDS);
    assert!(check.usable && check.damage.is_empty());
    assert_eq!((check.rate_hz, check.channels, check.seconds), (8000, 1, 1.0));
    assert!((check.peak - 16000.0 / 32768.0).abs() < 1e-3);
    assert!((check.rms - check.peak / 2f64.sqrt()).abs() < 1e-3);
    assert_eq!((check.clipped_share, check.silent_share), (0.0, 0.0));
    assert_eq!(check.sha256_file.len(), 64);
}
