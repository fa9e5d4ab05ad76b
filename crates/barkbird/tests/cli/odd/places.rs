//! Outputs that cannot be written, readers that go away, and recordings that come through a slow pipe.

use super::{stderr, trained, wav};
use crate::common::Work;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

const FORMATS: [&str; 9] =
    ["csv", "json", "jsonl", "parquet", "raven", "audacity", "kaleidoscope", "birdnet", "birdnet-table"];

fn spawn(work: &Work, arguments: &[&str]) -> Child {
    let mut command = work.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A recording of some seconds as a recorder writes it into a pipe, and where its sound begins.
fn streamed(seconds: usize, size: u32) -> Vec<u8> {
    let sample = |i: usize| (8000.0 * (i as f32 * 0.1).sin()) as i16 + (i * i % 997) as i16;
    let samples: Vec<i16> = (0..22_050 * seconds).map(sample).collect();
    let mut wav = wav(22_050, 1, &samples);
    wav[4..8].copy_from_slice(&size.to_le_bytes());
    wav[40..44].copy_from_slice(&size.to_le_bytes());
    wav
}

#[test]
fn rows_come_while_a_recording_goes_on() {
    let work = trained();
    let whole = streamed(20, u32::MAX);
    fs::write(work.path("night.wav"), &whole).unwrap();
    for (format, marker) in [("csv", "-,0.000,"), ("jsonl", "\"start\":0.0")] {
        for size in [0, u32::MAX, 0x7fff_f000] {
            let mut child = spawn(&work, &["predict", "run", "-", "--format", format]);
            let mut stdin = child.stdin.take().unwrap();
            let bytes = streamed(20, size);
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            for part in first.chunks(10_000) {
                stdin.write_all(part).unwrap();
                stdin.flush().unwrap();
            }
            // The recording goes on, and a row is there already.
            let mut out = BufReader::new(child.stdout.take().unwrap());
            let mut text = String::new();
            while !text.contains(marker) {
                assert!(out.read_line(&mut text).unwrap() > 0, "{format}: {text}");
            }
            stdin.write_all(rest).unwrap();
            drop(stdin);
            out.read_to_string(&mut text).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
            if format == "csv" {
                let of_file = work.ok(&["predict", "run", "night.wav", "--format", format]);
                assert_eq!(text, of_file.replace("night.wav", "-"));
            } else {
                assert!(text.contains("\"seconds\":20.0") && text.contains("finished"), "{text}");
            }
        }
    }
    // What needs all of the recording says so.
    let mut child = spawn(&work, &["predict", "run", "-", "--events"]);
    child.stdin.take().unwrap().write_all(&whole).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("once the recording has ended"), "{}", stderr(&output));
}

#[test]
fn a_recording_that_is_cut_in_a_pipe_keeps_its_rows_and_is_reported() {
    let work = trained();
    let mut bytes = streamed(20, 22_050 * 2 * 20);
    bytes.truncate(bytes.len() / 2);
    let mut child = spawn(&work, &["predict", "run", "-"]);
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("cut short"), "{}", stderr(&output));
    assert!(String::from_utf8_lossy(&output.stdout).lines().count() > 2);

    let mut child = spawn(&work, &["predict", "run", "-"]);
    child.stdin.take().unwrap().write_all(&[b'x'; 100_000]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not a sound file"), "{}", stderr(&output));
}

#[test]
fn a_reader_that_goes_away_ends_the_work_quietly() {
    let work = trained();
    fs::write(work.path("night.wav"), streamed(600, u32::MAX)).unwrap();
    for format in FORMATS {
        let mut child = spawn(&work, &["predict", "run", "night.wav", "-q", "--format", format]);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{format}");
    }
    for command in [&["docs"][..], &["--help"], &["scan", "sounds", "--out", "m.csv", "--json", "-q"]] {
        let mut child = spawn(&work, command);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(!stderr(&output).contains("error"), "{command:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{command:?}: {}", stderr(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_named_with_what_to_do() {
    let work = trained();
    for format in FORMATS {
        let full = fs::File::create("/dev/full").unwrap();
        let mut command = work.command(&["predict", "run", "sounds/dog/dog-0001.wav", "-q", "--format", format]);
        let output = command.stdout(full).output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{format}: {text}");
        assert!(text.contains("standard output") && text.contains("make room"), "{format}: {text}");
    }
}

#[test]
fn unusual_recordings_are_classified_or_named() {
    let work = trained();
    fs::create_dir_all(work.path("odd/dog")).unwrap();
    let samples = |n: usize| -> Vec<i16> { (0..n).map(|i| (9000.0 * (i as f32 * 0.05).sin()) as i16).collect() };
    let write = |name: &str, bytes: &[u8]| fs::write(work.path(&format!("odd/dog/{name}")), bytes).unwrap();
    write("fast.wav", &wav(384_000, 1, &samples(384_000)));
    write("many.wav", &wav(44_100, 8, &samples(8 * 44_100)));
    write("none.wav", &wav(44_100, 1, &[]));
    let plain = wav(22_050, 1, &samples(44_100));
    write("cut.wav", &plain[..plain.len() / 2]);
    let sized = |size: u32| [&plain[..40], &size.to_le_bytes(), &plain[44..]].concat();
    write("zero.wav", &sized(0));
    write("most.wav", &sized(u32::MAX));
    write("text.wav", b"path,label\na.wav,dog\n");
    let table = work.ok_but_for_some(&["predict", "run", "odd"]);
    for (name, of) in [("fast", "0.000"), ("many", "0.000"), ("cut", "cut short"), ("zero", "0.000"), ("most", "0.000")]
    {
        assert!(
            table.lines().any(|line| line.contains(&format!("{name}.wav")) && line.contains(of)),
            "{name}: {table}"
        );
    }
    for (name, reason) in [("none", "holds no sound"), ("text", "not a sound file")] {
        assert!(table.lines().any(|line| line.contains(&format!("{name}.wav")) && line.contains(reason)), "{table}");
    }
    for command in [
        &["scan", "odd", "--out", "odd.csv"][..],
        &["features", "odd", "--out", "odd-features"],
        &["doctor", "odd", "--out", "odd-doctor"],
    ] {
        let output = work.run(command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", stderr(&output));
    }
    let doctor = fs::read_to_string(work.path("odd-doctor/doctor.csv")).unwrap();
    assert!(doctor.contains("none.wav") && doctor.contains("text.wav") && doctor.contains("cut short"), "{doctor}");
    fs::create_dir(work.path("empty")).unwrap();
    for command in [
        &["predict", "run", "empty"][..],
        &["scan", "empty", "--out", "x.csv"],
        &["features", "empty", "--out", "x"],
        &["doctor", "empty", "--out", "x"],
    ] {
        assert!(work.fails(command).contains("empty: "), "{command:?}");
    }
}
