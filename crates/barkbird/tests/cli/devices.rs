//! `--device` with several devices: processes that share the work and end with the bytes of one.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::Work;
use serde_json::Value;
use std::fs;
use std::process::Stdio;

/// A model in `run` that has hardly learned, and what makes one in a moment.
const QUICK: [&str; 8] = [
    "--set",
    "train.epochs=2",
    "--set",
    "cnn.channels=[8, 8, 16]",
    "--set",
    "train.batch_size=16",
    "--set",
    "train.lr=0.003",
];

fn model(work: &Work) {
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&[&["train", "cnn", "--features", "features", "--out", "run"], &QUICK[..]].concat());
}

#[test]
fn two_processes_write_the_tables_of_one() {
    let work = Work::new();
    work.sounds(60);
    model(&work);
    fs::write(work.path("sounds/dog/silent.wav"), synth::to_wav_16(&vec![0.0; 3 * 22_050], 22_050)).unwrap();
    fs::write(work.path("sounds/dog/broken.wav"), "no sound").unwrap();
    let predict = |out: &str, device: &str| {
        let of = [
            "predict",
            "run",
            "sounds",
            "--events",
            "--format",
            "csv,raven",
            "--separate",
            "--out",
            out,
            "--device",
            device,
        ];
        let output = work.run(&of);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        said
    };
    predict("one", "cpu");
    let said = predict("two", "cpu,cpu");
    assert!(said.contains("warning: [cpu #") && said.contains("silent.wav: silent"), "{said}");
    assert!(said.contains("broken.wav") && said.contains("62 recordings"), "{said}");
    assert_eq!(crate::common::files(&work.path("one")), crate::common::files(&work.path("two")));

    // What a part has done before is not done again, and what one process has done neither.
    let journal = |name: &str| fs::read_dir(work.path("")).unwrap().any(|entry| entry.unwrap().file_name() == *name);
    let of = ["predict", "run", "sounds", "--out", "t.csv"];
    work.ok(&[&of[..], &["--part", "2/2", "--device", "cpu"]].concat());
    assert!(journal("t.csv.part-2-of-2.journal"), "a part is kept");
    let output = work.run(&[&of[..], &["--resume", "--device", "cpu,cpu", "--progress", "json"]].concat());
    let lines: Vec<Value> =
        String::from_utf8(output.stderr).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((count("pipeline_started"), count("file_completed"), count("pipeline_completed")), (1, 31, 1));
    work.ok_but_for_some(&["predict", "run", "sounds", "--out", "u.csv", "--device", "cpu"]);
    assert_eq!(fs::read(work.path("t.csv")).unwrap(), fs::read(work.path("u.csv")).unwrap());
    assert!(!journal("t.csv.part-1-of-2.journal") && !journal("t.csv.part-2-of-2.journal"));
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let work = Work::new();
    let line = work.fails(&["train", "cnn", "--features", "f", "--out", "r", "--device", "cpu,cpu"]);
    assert!(line.contains("computes on one device") && line.contains("compare --sizes"), "{line}");
    let line = work.fails(&["predict", "run", "sounds", "--device", "cpu,cpu"]);
    assert!(line.contains("expected --out"), "{line}");
    let line = work.fails(&["predict", "run", "sounds", "--out", "t.csv", "--part", "1/2", "--device", "cpu,cpu"]);
    assert!(line.contains("--part"), "{line}");
    assert!(work.fails(&["predict", "run", "a", "--device", "cpu,metal"]).contains("of one kind"));
    if !cfg!(feature = "cuda") {
        assert!(work.fails(&["predict", "run", "a", "--device", "cuda:0,1"]).contains("built without CUDA"));
    }
}

#[test]
fn a_process_that_fails_says_why_and_the_others_finish() {
    let work = Work::new();
    work.sounds(40);
    model(&work);
    // The journal of the second part is somebody else's.
    let of = ["predict", "run", "sounds", "--out", "t.csv", "--device", "cpu,cpu"];
    fs::write(work.path("t.csv.part-2-of-2.journal"), "no journal\n").unwrap();
    let line = work.fails(&of);
    assert!(line.contains("no journal of this version"), "{line}");
    fs::remove_file(work.path("t.csv.part-2-of-2.journal")).unwrap();
    fs::remove_file(work.path("t.csv.journal")).unwrap();
    fs::create_dir(work.path("t.csv.part-2-of-2.journal")).unwrap();
    let output = work.run(&of);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("part-2-of-2.journal"), "{said}");
}

/// A run that is asked to stop stops its processes, and goes on later to the same bytes.
#[cfg(unix)]
#[test]
fn a_stop_reaches_the_processes_and_the_rest_is_done_later() {
    use std::io::{BufRead, BufReader};
    let work = Work::new();
    work.sounds(200);
    model(&work);
    let of = ["predict", "run", "sounds", "--overlap", "4.9", "--out", "t.csv", "--device", "cpu,cpu"];
    let mut child = work.command(&[&of[..], &["--progress", "json"]].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap) {
        if line.contains("file_completed") && said.iter().all(|line: &String| !line.contains("file_completed")) {
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        }
        said.push(line);
    }
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{said:?}");
    assert!(said.last().unwrap().contains("cancelled"), "{said:?}");
    assert!(!work.path("t.csv").exists() && work.path("t.csv.part-1-of-2.journal").exists());
    work.ok(&[&of[..], &["--resume"]].concat());
    work.ok(&["predict", "run", "sounds", "--overlap", "4.9", "--out", "u.csv", "--device", "cpu"]);
    assert_eq!(fs::read(work.path("t.csv")).unwrap(), fs::read(work.path("u.csv")).unwrap());
}

#[test]
fn folds_and_sizes_are_trained_side_by_side_to_the_same_models() {
    let work = Work::new();
    work.sounds(40);
    let fit = |out: &str, device: &str| {
        work.ok(&["fit", "sounds/manifest.csv", "--out", out, "--backbone", "none", "--device", device]);
        fs::read(work.path(out).join("model.safetensors")).unwrap()
    };
    assert!(fit("one", "cpu") == fit("two", "cpu,cpu"), "other bytes");

    work.sounds(100);
    let sizes = |out: &str, device: &str| {
        let of = [
            "compare",
            "--sizes",
            "8,16",
            "--models",
            "cnn",
            "--seeds",
            "2",
            "--manifest",
            "manifest.csv",
            "--out",
            out,
        ];
        work.ok(&[&of[..], &["--device", device], &QUICK[..]].concat());
        let mut all: Value = serde_json::from_slice(&fs::read(work.path(out).join("sizes.json")).unwrap()).unwrap();
        for run in all["runs"].as_array_mut().unwrap() {
            run["train_seconds"] = Value::Null;
        }
        all["runs"].take()
    };
    let one = sizes("sizes-one", "cpu");
    assert_eq!((one.as_array().unwrap().len(), sizes("sizes-two", "cpu,cpu")), (4, one));
}
