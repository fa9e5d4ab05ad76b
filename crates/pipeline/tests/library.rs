//! The library as another program uses it: the example of every crate, and a model that is trained and asked.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use pipeline::{CancelToken, Event, Job, Observer, features, scan, synth, train};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Examples that scripts run with arguments, and `classify`, which a test below runs.
const WITH_ARGUMENTS: [&str; 23] = [
    "check_checkpoint",
    "check_yamnet",
    "classify",
    "decode_raw",
    "examine",
    "explain",
    "find_duplicates",
    "listen_to",
    "log_mel_raw",
    "lossy_raw",
    "make_shards",
    "measure_calibrate",
    "measure_review",
    "measure_saliency",
    "outputs",
    "sample_page",
    "score_rows",
    "serve_model",
    "search_many",
    "stress_sounds",
    "ten_thousand",
    "waveform_raw",
    "write_graph",
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The program of an example, which `cargo test --workspace` builds beside the tests.
fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.is_file(), "{}: not built; run `cargo test --release --workspace`", path.display());
    path
}

/// Names of a crate's examples.
fn examples(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("examples")) else { return Vec::new() };
    let is_one = |path: &PathBuf| path.extension().is_some_and(|e| e == "rs") || path.join("main.rs").is_file();
    let paths = entries.map(|entry| entry.unwrap().path()).filter(is_one);
    let mut names: Vec<String> = paths.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_library_has_an_example_that_runs() {
    for entry in std::fs::read_dir(crates()).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("src/lib.rs").is_file() {
            continue;
        }
        let names = examples(&folder);
        assert!(!names.is_empty(), "{}: no example", folder.display());
        for name in names.iter().filter(|name| !WITH_ARGUMENTS.contains(&name.as_str())) {
            let output = Command::new(program(name)).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}, example {name}: {error}", folder.display());
        }
    }
}

/// Remembers which tasks ran, and how many epochs.
#[derive(Default)]
struct Tasks(Mutex<(Vec<String>, usize)>);

impl Observer for Tasks {
    fn event(&self, event: Event<'_>) {
        let mut seen = self.0.lock().unwrap();
        match event {
            Event::Started { task, .. } => seen.0.push(task.to_owned()),
            Event::Epoch(_) => seen.1 += 1,
            _ => {}
        }
    }
}

#[test]
fn fifteen_lines_open_a_model_and_print_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let tasks = Tasks::default();
    let job = Job { observer: &tasks, ..Job::default() };
    let sounds = synth::run(&synth::Options { out: at("sounds"), clips: 60 }, &job).unwrap();
    scan::run(&scan::Options::new(&sounds.manifest, at("manifest.csv")), &job).unwrap();
    features::run(&features::Options::new(at("manifest.csv"), at("features")), &job).unwrap();
    let mut options = train::Options::new(train::ModelKind::Cnn, at("features"), at("run"));
    options.epochs = Some(1);
    train::run(&options, &job).unwrap();
    let (tasks, epochs) = tasks.0.into_inner().unwrap();
    assert_eq!((tasks, epochs), (["sounds", "scan", "features", "training"].map(str::to_owned).to_vec(), 1));

    let manifest = std::fs::read_to_string(&sounds.manifest).unwrap();
    let first = manifest.lines().nth(1).unwrap().split(',').next().unwrap();
    let wav = at("sounds").join(first);
    let output = Command::new(program("classify")).arg(at("run")).arg(&wav).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && ["bird", "dog", "unsure"].iter().any(|label| text.contains(label)), "{text}");
    let source = std::fs::read_to_string(crates().join("inference/examples/classify.rs")).unwrap();
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    assert!(source.lines().filter(is_code).count() <= 15, "{source}");
}

#[test]
fn a_stage_that_is_cancelled_stops_and_says_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let job = Job::default();
    job.cancel.cancel();
    let error = synth::run(&synth::Options { out: folder.path().join("sounds"), clips: 60 }, &job).unwrap_err();
    assert!(
        matches!(&error, pipeline::Error::Cancelled { kept } if kept.contains("no manifest was written")),
        "{error}"
    );
}

/// Asks to stop once a few recordings are done.
struct StopEarly(CancelToken);

impl Observer for StopEarly {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Advanced { task: "scan", done } if done >= 5) {
            self.0.cancel();
        }
    }
}

#[test]
fn a_scan_that_was_stopped_ends_with_the_bytes_of_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let sounds = synth::run(&synth::Options { out: folder.path().join("sounds"), clips: 60 }, &Job::default()).unwrap();
    let options = scan::Options::new(sounds.manifest, folder.path().join("m.csv"));
    let cancel = CancelToken::default();
    let stopping = Job { observer: &StopEarly(cancel.clone()), cancel, ..Job::default() };
    let error = scan::run(&options, &stopping).unwrap_err().to_string();
    assert!(error.contains("again to go on"), "{error}");
    assert!(!options.out.exists() && folder.path().join("m.scan.journal").exists());
    let bytes = |resume: bool| {
        let outcome = scan::run(&scan::Options { resume, ..options.clone() }, &Job::default()).unwrap();
        assert_eq!((outcome.usable, outcome.checks.iter().filter(Result::is_ok).count()), (60, 60));
        ["m.csv", "m.scan.json"].map(|name| std::fs::read(folder.path().join(name)).unwrap())
    };
    let resumed = bytes(true);
    assert_eq!(resumed, bytes(false));
    assert_eq!(resumed, bytes(true));
    let details: serde_json::Value = serde_json::from_slice(&resumed[1]).unwrap();
    assert_eq!(details["checks"].as_array().unwrap().len(), 60);
}
