//! Folders that grow while they are watched, and what observers are told.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use detections::Format;
use pipeline::predict::{self, Options, Outcome, Output, Table, To};
use pipeline::{CancelToken, Event, Job, JsonLines, Observer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use trained::trained;

const RATE_HZ: u32 = 22_050;

/// Longest wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(180);

/// Some seconds of made sounds.
fn sound(seconds: usize, seed: u64) -> Vec<u8> {
    let mut samples = Vec::new();
    for clip in ::synth::plan(20, seed) {
        let item = clip.render();
        samples.extend(audio_io::resample(&item.samples, item.rate_hz, RATE_HZ).unwrap());
    }
    let samples: Vec<f32> = samples.iter().copied().cycle().take(seconds * RATE_HZ as usize).collect();
    ::synth::to_wav_16(&samples, RATE_HZ)
}

/// What became of each recording, the last that was told, and how many recordings are in the tables.
#[derive(Default)]
struct Seen(Mutex<(BTreeMap<String, bool>, usize)>);

impl Observer for Seen {
    fn event(&self, event: Event<'_>) {
        let mut seen = self.0.lock().unwrap();
        match event {
            Event::Recording(one) => {
                let name = Path::new(one.path).file_name().unwrap().to_string_lossy().into_owned();
                seen.0.insert(name, one.failed.is_none());
            }
            Event::TablesWritten { recordings, .. } => seen.1 = recordings,
            _ => {}
        }
    }
}

/// Watches while `steps` changes the folder, and is stopped at its end.
fn watched(options: &Options, outputs: Vec<Output>, steps: impl FnOnce(&Seen)) -> Outcome {
    let (seen, cancel) = (Seen::default(), CancelToken::default());
    let job = Job { observer: &seen, cancel: cancel.clone(), ..Job::default() };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| predict::run(options, outputs, &job).unwrap());
        // Whatever happens in the steps, the run ends.
        let steps = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| steps(&seen)));
        cancel.cancel();
        let outcome = run.join();
        steps.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.unwrap()
    })
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited too long for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Rows of a recording in a table, the header left out.
fn rows(table: &Path, name: &str) -> usize {
    let table = std::fs::read_to_string(table).unwrap_or_default();
    table.lines().filter(|line| line.contains(name)).count()
}

#[test]
fn what_comes_is_classified_and_what_changes_is_again() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("in")).unwrap();
    std::fs::write(path("in/a.wav"), sound(10, 1)).unwrap();
    let mut options = Options::new(path("run"), vec![path("in")]);
    options.watch = Some(Duration::from_millis(200));
    options.activity = vec![path("activity.csv")];
    let outputs = || {
        vec![
            Output { table: Table::Windows, to: To::File(path("all.csv")) },
            Output { table: Table::Detections(Format::Csv), to: To::Folder(path("each")) },
        ]
    };
    let each = |name: &str| {
        let absolute = path(&format!("in/{name}.csv"));
        path("each").join(absolute.strip_prefix("/").unwrap())
    };
    let outcome = watched(&options, outputs(), |seen| {
        until("the recording that was there", || rows(&path("all.csv"), "a.wav,") == 2);
        // A new folder, and a recording that is written piece by piece.
        std::fs::create_dir(path("in/new")).unwrap();
        let bytes = sound(40, 2);
        let mut file = std::fs::File::create(path("in/new/SITE_20260501_213000.wav")).unwrap();
        for piece in bytes.chunks(bytes.len() / 15) {
            file.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(30));
        }
        drop(file);
        until("all of the recording", || rows(&path("all.csv"), "SITE_20260501_213000.wav,") == 8);
        // What cannot be read, and what it becomes.
        std::fs::write(path("in/b.wav"), "no sound").unwrap();
        until("the reason", || seen.0.lock().unwrap().0.get("b.wav") == Some(&false));
        until("its row", || rows(&path("all.csv"), "b.wav,,") == 1);
        std::fs::write(path("in/b.wav"), sound(15, 3)).unwrap();
        until("its sound", || rows(&path("all.csv"), "b.wav,") == 3 && rows(&path("all.csv"), "b.wav,,") == 0);
        // A recording that grows after it was done, and one that goes away.
        std::fs::write(path("in/b.wav"), sound(25, 3)).unwrap();
        until("more of it", || rows(&path("all.csv"), "b.wav,") == 5);
        assert_eq!(rows(&each("b"), "b.wav"), 5);
        std::fs::rename(path("in/a.wav"), path("a.wav")).unwrap();
        std::fs::write(path("in/c.wav"), sound(5, 4)).unwrap();
        until("the last", || seen.0.lock().unwrap().1 == 4);
        assert_eq!(rows(&path("all.csv"), "a.wav,"), 2, "it keeps its rows");
    });
    assert_eq!((outcome.recordings, outcome.windows, outcome.skipped.len()), (4, 16, 0));
    assert!(path("all.csv.journal").exists() && outcome.waited_s > 0.0);
    assert!(std::fs::read_to_string(path("activity.csv")).unwrap().contains("\n21,0.0111,"));

    // Refused without --resume, and goes on with it.
    let refused = predict::run(&options, outputs(), &Job::default()).unwrap_err().to_string();
    assert!(refused.contains("--resume goes on with it"), "{refused}");
    options.resume = true;
    std::fs::write(path("in/d.wav"), sound(5, 5)).unwrap();
    // Of tables for each, those that are as they should be are left alone.
    let written = std::fs::metadata(each("b")).unwrap().modified().unwrap();
    let expected = std::fs::read(each("c")).unwrap();
    std::fs::write(each("c"), "something else").unwrap();
    let outcome = watched(&options, outputs(), |seen| {
        until("one more", || seen.0.lock().unwrap().1 == 5);
        assert_eq!(seen.0.lock().unwrap().0.len(), 1, "only the new one");
    });
    assert_eq!((outcome.resumed, outcome.recordings), (4, 5));
    assert_eq!(std::fs::metadata(each("b")).unwrap().modified().unwrap(), written);
    assert_eq!(std::fs::read(each("c")).unwrap(), expected);
    assert!(each("d").exists());

    // The same bytes as those of a run that finds all of them.
    std::fs::rename(path("a.wav"), path("in/a.wav")).unwrap();
    let plain = Options { watch: None, resume: false, activity: Vec::new(), ..options };
    let output = Output { table: Table::Windows, to: To::File(path("plain.csv")) };
    predict::run(&plain, vec![output], &Job::default()).unwrap();
    assert_eq!(std::fs::read(path("plain.csv")).unwrap(), std::fs::read(path("all.csv")).unwrap());
}

#[test]
fn an_empty_folder_is_no_error_and_other_inputs_are() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("in")).unwrap();
    let mut options = Options::new(path("run"), vec![path("in")]);
    options.watch = Some(Duration::from_millis(100));
    let output = || vec![Output { table: Table::Windows, to: To::File(path("all.csv")) }];
    let outcome = watched(&options, output(), |_| std::thread::sleep(Duration::from_millis(300)));
    assert!(outcome.recordings == 0 && outcome.files.is_empty() && !path("all.csv").exists());
    options.inputs = vec![path("run/model.safetensors")];
    let error = predict::run(&options, output(), &Job::default()).unwrap_err().to_string();
    assert!(error.contains("expected a folder"), "{error}");
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn progress_counts_seconds_of_sound() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("in")).unwrap();
    // One is long, many are short, one is none.
    std::fs::write(path("in/long.wav"), sound(600, 1)).unwrap();
    for nth in 0..40 {
        std::fs::write(path(&format!("in/{nth}.wav")), sound(5, 2)).unwrap();
    }
    std::fs::write(path("in/none.wav"), "no sound").unwrap();
    #[derive(Default)]
    struct Log(Mutex<Vec<pipeline::SoundProgress>>);
    impl Observer for Log {
        fn event(&self, event: Event<'_>) {
            if let Event::Sound(progress) = event {
                self.0.lock().unwrap().push(*progress);
            }
        }
    }
    let log = Log::default();
    let mut options = Options::new(path("run"), vec![path("in")]);
    options.half_overlap = true;
    options.predictor.max_windows = 64;
    let output = |name: &str| vec![Output { table: Table::Windows, to: To::File(path(name)) }];
    let job = Job { observer: &log, ..Job::default() };
    let outcome = predict::run(&options, output("a.csv"), &job).unwrap();
    assert!((outcome.classified_s - 800.0).abs() < 0.01, "overlap counts once: {}", outcome.classified_s);
    let all = log.0.into_inner().unwrap();
    assert!(all.windows(2).all(|two| two[0].done_s <= two[1].done_s + 1e-6), "{all:?}");
    let total_s: Vec<f64> = all.iter().map(|one| one.total_s.unwrap()).collect();
    assert!(total_s.iter().all(|total_s| (total_s - 800.0).abs() < 8.0), "known before the first is done: {total_s:?}");
    assert!(all.iter().any(|one| one.recordings_done < 41 && one.done_s > 300.0), "inside the long one: {all:?}");
    let last = all.last().unwrap();
    assert_eq!((last.recordings_done, last.recordings, last.failed, last.is_estimate), (42, 42, 1, false));
    assert_eq!((last.done_s.round(), last.remaining_s.map(f64::round)), (800.0, Some(0.0)));

    let kept = Kept::default();
    let lines = JsonLines::new(kept.clone());
    let job = Job { observer: &lines, ..Job::default() };
    predict::run(&options, output("b.csv"), &job).unwrap();
    let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).map(|line| &line["payload"]).collect();
    let (started, done, ended): (Vec<&Value>, Vec<&Value>, Vec<&Value>) =
        (of("pipeline_started"), of("file_completed"), of("pipeline_completed"));
    assert_eq!((started.len(), done.len(), ended.len()), (1, 42, 1));
    assert!(started[0]["total_files"] == 42 && started[0]["model_sha256"].as_str().unwrap().len() == 64);
    let failed: Vec<&&Value> = done.iter().filter(|one| one["status"] == "failed").collect();
    assert!(failed.len() == 1 && failed[0]["file"].as_str().unwrap().ends_with("none.wav"));
    assert!(!failed[0]["error"]["message"].as_str().unwrap().is_empty());
    assert_eq!((&ended[0]["status"], &ended[0]["files_failed"]), (&"partial_success".into(), &1.into()));
    let progress: Vec<&Value> = of("progress");
    let last = progress.last().unwrap();
    assert_eq!((&last["batch"]["current"], &last["batch"]["percent"]), (&42.into(), &100.0.into()));
    assert!(lines.iter().all(|line| line["spec_version"] == "1.0" && line["timestamp"].is_string()));
}
