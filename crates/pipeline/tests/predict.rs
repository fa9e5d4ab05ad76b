//! Long and short recordings, events, tables, and runs that were broken off.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use detections::{EventSettings, Format};
use pipeline::inputs::StandardInput;
use pipeline::predict::{self, Options, Outcome, Output, Part, Table, To};
use pipeline::{CancelToken, Event, Job, Observer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use trained::trained;

/// The rate that the model takes: resampling differs in the last bit with the place.
const RATE_HZ: u32 = 22_050;

/// Some minutes of the made sounds one after the other, with silence in between.
fn night(seconds: usize, rate_hz: u32) -> Vec<u8> {
    let mut samples = Vec::new();
    for (nth, clip) in ::synth::plan(40, 3).into_iter().enumerate() {
        let item = clip.render();
        samples.extend(std::iter::repeat_n(0.0, (nth % 4) * 60_000));
        samples.extend(audio_io::resample(&item.samples, item.rate_hz, rate_hz).unwrap());
    }
    let n = seconds * rate_hz as usize;
    let samples: Vec<f32> = samples.iter().copied().cycle().take(n).collect();
    ::synth::to_wav_16(&samples, rate_hz)
}

fn run(options: &Options, outputs: Vec<Output>) -> Outcome {
    predict::run(options, outputs, &Job::default()).unwrap()
}

fn options(folder: &TempDir, inputs: &[&str]) -> Options {
    let inputs = inputs.iter().map(|name| folder.path().join(name)).collect();
    Options::new(folder.path().join("run"), inputs)
}

fn to_file(table: Table, path: &Path) -> Vec<Output> {
    vec![Output { table, to: To::File(path.to_owned()) }]
}

#[test]
fn a_long_recording_gives_what_its_parts_give_whatever_the_memory_and_the_way_it_comes() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("night.wav"), night(301, 16_000)).unwrap();
    let mut plain = options(&folder, &["night.wav"]);
    plain.predictor.max_windows = 100_000; // all at once
    run(&plain, to_file(Table::Windows, &path("whole.csv")));
    let whole = std::fs::read_to_string(path("whole.csv")).unwrap();
    assert_eq!(whole.lines().count(), 61);
    assert!(whole.contains(",silent"), "{whole}");
    for (max_windows, memory_mib) in [(8, None), (64, None), (1, Some(16))] {
        let mut few = plain.clone();
        few.predictor.max_windows = max_windows;
        few.memory_mib = memory_mib;
        run(&few, to_file(Table::Windows, &path("few.csv")));
        assert_eq!(std::fs::read_to_string(path("few.csv")).unwrap(), whole);
    }
    // Through a pipe, with another name.
    let mut piped = options(&folder, &[]);
    piped.inputs = vec!["-".into()];
    piped.standard_input = Some(StandardInput::new(Box::new(std::fs::File::open(path("night.wav")).unwrap())).unwrap());
    run(&piped, to_file(Table::Windows, &path("piped.csv")));
    let name = path("night.wav").to_string_lossy().into_owned();
    assert_eq!(std::fs::read_to_string(path("piped.csv")).unwrap(), whole.replace(&name, "-"));
    // Rows of a manifest are the same seconds.
    let table = format!("path,start,end\n{name},0,150\n{name},150,301\n");
    std::fs::write(path("rows.csv"), table).unwrap();
    run(&options(&folder, &["rows.csv"]), to_file(Table::Windows, &path("of-rows.csv")));
    assert_eq!(std::fs::read_to_string(path("of-rows.csv")).unwrap(), whole);
}

#[test]
fn events_are_those_of_the_same_recording_cut_at_silence() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    let bytes = night(120, RATE_HZ);
    let samples: Vec<f32> =
        bytes[44..].as_chunks::<2>().0.iter().map(|b| f32::from(i16::from_le_bytes(*b)) / 32768.0).collect();
    // No window holds sound of both halves.
    let silence = vec![0.0; 10 * RATE_HZ as usize];
    let one = [&silence[..], &samples, &silence].concat();
    let joined = [&one[..], &one].concat();
    std::fs::write(path("joined.wav"), ::synth::to_wav_16(&joined, RATE_HZ)).unwrap();
    std::fs::write(path("one.wav"), ::synth::to_wav_16(&one, RATE_HZ)).unwrap();
    let events = |input: &str| {
        let mut options = options(&folder, &[input]);
        options.half_overlap = true;
        // A small model is never sure.
        options.events = Some(EventSettings { threshold: 0.503, low: 1.0, min_s: 1.0, ..EventSettings::default() });
        let out = path("events.jsonl");
        let outcome = run(&options, to_file(Table::Detections(Format::JsonLines), &out));
        let rows = detections::read_table(&std::fs::read(out).unwrap()[..], "events", None).unwrap();
        assert_eq!(outcome.labels.values().sum::<usize>(), rows.len());
        rows.into_iter().map(|row| (row.start_ms, row.end_ms, row.label, row.score)).collect::<Vec<_>>()
    };
    let (one, both) = (events("one.wav"), events("joined.wav"));
    assert!(one.len() > 3, "{one:?}");
    let later = one.iter().map(|(start, end, label, score)| (start + 140_000, end + 140_000, label.clone(), *score));
    let expected: Vec<_> = one.iter().cloned().chain(later).collect();
    assert_eq!(both, expected);
}

/// Stops a run after some recordings.
struct StopAfter(Mutex<usize>, CancelToken);

impl Observer for StopAfter {
    fn event(&self, event: Event<'_>) {
        if let Event::Advanced { .. } = event {
            let mut left = self.0.lock().unwrap();
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.1.cancel();
            }
        }
    }
}

/// Recordings, two of which are none.
fn many(folder: &TempDir) {
    let recordings = folder.path().join("many");
    std::fs::create_dir(&recordings).unwrap();
    for (nth, clip) in ::synth::plan(90, 5).into_iter().enumerate() {
        let item = clip.render();
        std::fs::write(recordings.join(format!("{nth:03}.wav")), ::synth::to_wav_16(&item.samples, item.rate_hz))
            .unwrap();
    }
    std::fs::write(recordings.join("017.wav"), "no sound").unwrap();
    std::fs::write(recordings.join("060.wav"), "").unwrap();
}

#[test]
fn a_run_that_was_broken_off_ends_with_the_same_bytes() {
    let folder = trained();
    many(&folder);
    let path = |name: &str| folder.path().join(name);
    let whole = run(&options(&folder, &["many"]), to_file(Table::Windows, &path("whole.csv")));
    assert_eq!((whole.recordings, whole.skipped.len()), (90, 2));
    assert!(!path("whole.csv.journal").exists() && path("whole.csv.json").exists());
    let expected = std::fs::read_to_string(path("whole.csv")).unwrap();
    assert!(expected.contains("017.wav,,,") && expected.contains("060.wav,,,"), "{expected}");

    let out = path("broken.csv");
    let journal = path("broken.csv.journal");
    let cancel = CancelToken::default();
    let observer = StopAfter(Mutex::new(2), cancel.clone());
    let job = Job { observer: &observer, cancel, ..Job::default() };
    let stopped = predict::run(&options(&folder, &["many"]), to_file(Table::Windows, &out), &job);
    assert!(stopped.unwrap_err().to_string().contains("--resume") && !out.exists());
    // A line that was written by half, as by a power cut.
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes.truncate(bytes.len() - 100);
    std::fs::write(&journal, &bytes).unwrap();

    let refused = predict::run(&options(&folder, &["many"]), to_file(Table::Windows, &out), &Job::default());
    assert!(refused.unwrap_err().to_string().contains("--resume goes on with it"));
    let mut resume = options(&folder, &["many"]);
    resume.resume = true;
    resume.predictor.unsure_below = 0.7;
    let other = predict::run(&resume, to_file(Table::Windows, &out), &Job::default()).unwrap_err().to_string();
    assert!(other.contains("the journal of another run") && other.contains("unsure_below"), "{other}");
    resume.predictor.unsure_below = 0.5;
    let locked = std::fs::File::open(&journal).unwrap();
    locked.lock().unwrap();
    let other = predict::run(&resume, to_file(Table::Windows, &out), &Job::default()).unwrap_err().to_string();
    assert!(other.contains("another process writes to it"), "{other}");
    drop(locked);
    let outcome = run(&resume, to_file(Table::Windows, &out));
    assert!(outcome.resumed > 40 && outcome.resumed < 90, "{}", outcome.resumed);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), expected);
    assert!(!journal.exists());

    // A recording that has changed since is classified again.
    let cancel = CancelToken::default();
    let observer = StopAfter(Mutex::new(2), cancel.clone());
    let job = Job { observer: &observer, cancel, ..Job::default() };
    predict::run(&options(&folder, &["many"]), to_file(Table::Windows, &out), &job).unwrap_err();
    std::fs::copy(path("many/001.wav"), path("many/000.wav")).unwrap();
    run(&resume, to_file(Table::Windows, &out));
    run(&options(&folder, &["many"]), to_file(Table::Windows, &path("new.csv")));
    assert_eq!(std::fs::read_to_string(&out).unwrap(), std::fs::read_to_string(path("new.csv")).unwrap());
}

#[test]
fn a_pipe_is_never_taken_for_another_and_nothing_is_kept_of_nothing() {
    let folder = trained();
    let out = folder.path().join("piped.csv");
    let piped = |bytes: Vec<u8>| {
        let mut options = options(&folder, &[]);
        options.inputs = vec!["-".into(), folder.path().join("many")];
        options.standard_input = Some(StandardInput::new(Box::new(std::io::Cursor::new(bytes))).unwrap());
        options.resume = true;
        options
    };
    many(&folder);
    let cancel = CancelToken::default();
    let observer = StopAfter(Mutex::new(2), cancel.clone());
    let job = Job { observer: &observer, cancel, ..Job::default() };
    predict::run(&piped(night(20, RATE_HZ)), to_file(Table::Windows, &out), &job).unwrap_err();
    run(&piped(night(10, RATE_HZ)), to_file(Table::Windows, &out));
    let table = std::fs::read_to_string(&out).unwrap();
    assert_eq!(table.lines().filter(|line| line.starts_with("-,")).count(), 2, "ten seconds, not twenty");

    std::fs::write(folder.path().join("bad.wav"), "no sound").unwrap();
    let bad = folder.path().join("bad.csv");
    for _ in 0..2 {
        let error = predict::run(&options(&folder, &["bad.wav"]), to_file(Table::Windows, &bad), &Job::default());
        assert!(error.unwrap_err().to_string().contains("none of the 1 recordings"));
    }
}

#[test]
fn parts_join_to_the_whole() {
    let folder = trained();
    many(&folder);
    let path = |name: &str| folder.path().join(name);
    run(&options(&folder, &["many"]), to_file(Table::Windows, &path("whole.csv")));
    let out = path("parts.csv");
    for index in [3, 1, 2] {
        let mut part = options(&folder, &["many"]);
        part.part = Some(Part { index, count: 3 });
        let outcome = run(&part, to_file(Table::Windows, &out));
        assert!(outcome.files.is_empty() && !out.exists());
    }
    let outcome = run(&options(&folder, &["many"]), to_file(Table::Windows, &out));
    assert_eq!((outcome.resumed, outcome.classified_s), (90, 0.0));
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(path("whole.csv")).unwrap());
    let left: Vec<PathBuf> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The scan keeps its own.
    let is_left =
        |path: &&PathBuf| path.to_string_lossy().contains("journal") && !path.ends_with("manifest.scan.journal");
    assert_eq!(left.iter().find(is_left), None, "{left:?}");
}

#[test]
fn tables_of_each_recording_and_of_all() {
    let folder = trained();
    many(&folder);
    let path = |name: &str| folder.path().join(name);
    // When it was recorded is in the name.
    std::fs::rename(path("many/005.wav"), path("many/20260501_233000.wav")).unwrap();
    let mut options = options(&folder, &["many"]);
    options.predictor.reject = predict::Reject::Off;
    let outputs = vec![
        Output { table: Table::Detections(Format::Raven), to: To::Folder(path("each")) },
        Output { table: Table::Detections(Format::Kaleidoscope), to: To::File(path("id.csv")) },
        Output { table: Table::Detections(Format::Parquet), to: To::File(path("all.parquet")) },
        Output { table: Table::Detections(Format::Csv), to: To::File(path("all.csv")) },
    ];
    let outcome = run(&options, outputs);
    assert_eq!(outcome.files.len(), 4);
    let each: Vec<PathBuf> = files(&path("each"));
    assert_eq!(each.len(), 90, "one a recording, also for those without sound");
    let raven = each.iter().find(|path| path.to_string_lossy().contains("20260501_233000")).unwrap();
    assert!(raven.to_string_lossy().ends_with("20260501_233000.selections.txt"));
    assert!(std::fs::read_to_string(raven).unwrap().contains("2026-05-01T23:30:00"));
    let all = detections::read_table(&std::fs::read(path("all.csv")).unwrap()[..], "all.csv", None).unwrap();
    assert_eq!(all.len(), outcome.windows);
    assert!(path("id.csv.json").is_file() && !path("all.csv.json").exists());
    assert!(std::fs::read(path("all.parquet")).unwrap().starts_with(b"PAR1"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn a_stream_has_each_recording_as_soon_as_it_is_done() {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = trained();
    many(&folder);
    let kept = Kept::default();
    let to = || vec![Output { table: Table::Windows, to: To::Stream(Box::new(kept.clone())) }];
    run(&options(&folder, &["many"]), to());
    run(&options(&folder, &["many"]), to_file(Table::Windows, &folder.path().join("whole.csv")));
    assert_eq!(*kept.0.lock().unwrap(), std::fs::read(folder.path().join("whole.csv")).unwrap());
    let mut part = options(&folder, &["many"]);
    part.part = Some(Part { index: 1, count: 2 });
    let error = predict::run(&part, to(), &Job::default()).unwrap_err().to_string();
    assert!(error.contains("--out FILE"), "{error}");
}

#[test]
fn activity_is_the_same_after_a_stop_and_from_parts() {
    let folder = trained();
    many(&folder);
    let path = |name: &str| folder.path().join(name);
    for (from, to) in [("005", "20260501_232955"), ("006", "A_20260501_235900"), ("007", "20260502_120000")] {
        std::fs::rename(path(&format!("many/{from}.wav")), path(&format!("many/{to}.wav"))).unwrap();
    }
    let mut options = options(&folder, &["many"]);
    options.predictor.reject = predict::Reject::Off;
    options.activity = vec![path("whole.svg"), path("whole.csv"), path("whole.png")];
    let outcome = run(&options, to_file(Table::Windows, &path("windows.csv")));
    let activity = outcome.activity.as_ref().unwrap();
    assert_eq!((activity.with_time, activity.without_time, outcome.files.len()), (3, 85, 4));
    let hours: Vec<usize> = (0..predict::HOURS).filter(|&hour| activity.recorded_ms[hour] > 0).collect();
    assert_eq!(hours, [12, 23]);
    let n: u64 = activity.classes.iter().flat_map(|(_, counts)| counts).sum();
    assert!(n >= 2, "{activity:?}");
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();

    options.activity = vec![path("parts.svg"), path("parts.csv")];
    for index in 1..=2 {
        let part = Options { part: Some(Part { index, count: 2 }), ..options.clone() };
        run(&part, to_file(Table::Windows, &path("joined.csv")));
        assert!(!path("parts.svg").exists());
    }
    run(&options, to_file(Table::Windows, &path("joined.csv")));
    assert_eq!((read("parts.svg"), read("parts.csv")), (read("whole.svg"), read("whole.csv")));

    options.activity = vec![path("resumed.csv")];
    let cancel = CancelToken::default();
    let observer = StopAfter(Mutex::new(2), cancel.clone());
    let job = Job { observer: &observer, cancel, ..Job::default() };
    predict::run(&options, to_file(Table::Windows, &path("again.csv")), &job).unwrap_err();
    options.resume = true;
    run(&options, to_file(Table::Windows, &path("again.csv")));
    assert_eq!(read("resumed.csv"), read("whole.csv"));

    // Where no time is known, there is no empty picture.
    let mut without =
        Options { inputs: vec![path("many/001.wav")], activity: vec![path("none.svg")], ..options.clone() };
    let outcome = run(&without, to_file(Table::Windows, &path("one.csv")));
    assert!(outcome.files.len() == 1 && !path("none.svg").exists());
    without.activity = vec![path("none.pdf")];
    let error = predict::run(&without, to_file(Table::Windows, &path("one.csv")), &Job::default()).unwrap_err();
    assert!(error.to_string().contains(".svg, .png or .csv"), "{error}");
}
