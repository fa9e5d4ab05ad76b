//! `predict`: sets of classes with a stated coverage, and thresholds with a stated precision.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, error_line};
use crate::odd::stderr;
use classifier::ModelFile;
use serde_json::{Value, json};
use std::fs;

/// A model in `run`, and in `with` the same with calibration scores: birds in 19 groups, dogs in 5.
fn models() -> Work {
    let work = Work::new();
    work.sounds(60);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let quick = ["--epochs", "2", "--set", "cnn.channels=[8, 8, 16]", "--set", "train.batch_size=16"];
    work.ok(&[&["train", "cnn", "--features", "features", "--out", "run", "--seed", "5"], &quick[..]].concat());
    let path = work.path("run/model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let mut file = ModelFile::from_bytes(&bytes, &path).unwrap();
    assert!(
        ModelFile::to_bytes(&file.header, &file.tensors).unwrap() == bytes,
        "a model without scores keeps its bytes"
    );
    let class = |groups: usize| json!({"groups": groups, "scores": vec![0.5; groups], "sharing": vec![1; groups]});
    file.header.coverage = Some(json!({"schema": "coverage/1", "classes": [class(19), class(5)]}));
    fs::create_dir(work.path("with")).unwrap();
    fs::write(work.path("with/model.safetensors"), ModelFile::to_bytes(&file.header, &file.tensors).unwrap()).unwrap();
    let silence = synth::to_wav_16(&vec![0.0; 3 * 22_050], 22_050);
    fs::write(work.path("sounds/dog/silent.wav"), silence).unwrap();
    fs::write(work.path("sounds/dog/broken.wav"), "no sound").unwrap();
    work
}

#[test]
fn sets_of_classes_say_what_a_window_may_be() {
    let work = models();
    let line = work.fails(&["predict", "run", "sounds", "--coverage", "0.95"]);
    assert!(line.contains("no calibration scores") && line.contains("barkbird fit"), "{line}");
    let before = work.ok_but_for_some(&["predict", "run", "sounds"]);
    assert_eq!(work.ok_but_for_some(&["predict", "with", "sounds"]), before, "no column unless it is asked for");

    let output = work.run(&["predict", "with", "sounds", "--coverage", "0.95"]);
    let note = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(note.contains("dog (5 groups) in every set") && note.contains("19 calibration groups"), "{note}");
    let table = String::from_utf8(output.stdout).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    assert_eq!(
        reader.headers().unwrap().iter().skip(7).collect::<Vec<_>>(),
        ["p_bird", "p_dog", "set", "truth", "note"]
    );
    let mut seen = [0; 3];
    for record in reader.records().map(Result::unwrap) {
        let expected = match (record[4].is_empty() || record[11].contains("silent"), record[7].parse::<f64>()) {
            (false, Ok(p)) if p >= 0.5 => (1, "bird|dog"),
            (false, _) => (2, "dog"),
            (true, _) => (0, ""),
        };
        seen[expected.0] += 1;
        assert_eq!(&record[9], expected.1, "{record:?}");
    }
    assert!(seen[0] >= 2 && seen[1] + seen[2] >= 48, "{seen:?}");

    let said: Value = serde_json::from_str(&work.ok_but_for_some(&[
        "predict",
        "with",
        "sounds",
        "--coverage",
        "0.95",
        "--format",
        "json",
    ]))
    .unwrap();
    let expected = json!({"asked": 0.95, "calibration_groups": {"bird": 19, "dog": 5}, "always_in": ["dog"]});
    assert_eq!(said["coverage"], expected);
    let of_recordings = work.ok_but_for_some(&["predict", "with", "sounds", "--coverage", "0.95", "--per-recording"]);
    for recording in said["recordings"].as_array().unwrap() {
        let set: Vec<&str> = recording["set"].as_array().unwrap().iter().map(|class| class.as_str().unwrap()).collect();
        let is_silent = recording["note"].as_str().is_some_and(|note| note.contains("silent"));
        assert_eq!(set.is_empty(), is_silent, "{recording}");
        assert!(
            of_recordings.lines().any(|line| line.contains(recording["path"].as_str().unwrap())
                && line.contains(&format!(",{},", set.join("|"))))
        );
    }
    assert!(
        said["predictions"].as_array().unwrap().iter().all(|one| one["set"].is_array() && one["evidence"].is_null())
    );
}

#[test]
fn thresholds_have_the_precision_that_was_asked_for() {
    let work = models();
    let asked = |run: &str, precision: &str| {
        work.run(&["predict", run, "sounds", "--events", "--target-precision", precision, "--format", "jsonl"])
    };
    let line = error_line(&asked("run", "0.9"));
    assert!(line.contains("no held-out clips") && line.contains("barkbird fit"), "{line}");
    let path = work.path("with/model.safetensors");
    let mut file = ModelFile::from_bytes(&fs::read(&path).unwrap(), &path).unwrap();
    // Ten clips of each class in groups of their own. One dog looks like a bird, and one unknown sound like a dog.
    file.header.held_out = Some(json!({
        "schema": "held_out/1",
        "class": (0..20).map(|i| json!(i / 10)).chain([Value::Null]).collect::<Vec<_>>(),
        "group": (0..21).collect::<Vec<_>>(),
        "outlier_p": vec![Value::Null; 21],
        "probability": (0..20)
            .map(|i| match i {
                10 => json!([[0, 7500], [1, 2500]]),
                i if i < 10 => json!([[0, 6000 + 300 * i]]),
                i => json!([[1, 6000 + 300 * (i - 10)]]),
            })
            .chain([json!([[1, 9900]])])
            .collect::<Vec<_>>(),
    }));
    fs::write(&path, ModelFile::to_bytes(&file.header, &file.tensors).unwrap()).unwrap();
    let line = error_line(&asked("with", "0.9"));
    assert!(
        line.contains("highest precision of dog") && line.contains("is 0.474 (threshold 0.5000, 10 clips)"),
        "{line}"
    );
    let output = asked("with", "0.45");
    assert_eq!(output.status.code(), Some(3), "a recording is broken");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // All birds and one dog of ten; nine dogs and the unknown sound, which weighs as much as ten.
    assert!(said.contains("bird: threshold 0.5000, precision 0.909") && said.contains("recall 1.000"), "{said}");
    assert!(said.contains("dog: threshold 0.5000, precision 0.474"), "{said}");
    let table = String::from_utf8(output.stdout).unwrap();
    let first: Value = serde_json::from_str(table.lines().next().unwrap()).unwrap();
    assert!(first["settings"]["events"].as_str().unwrap().contains("\"bird\":0.5"), "{first}");
    fs::write(work.path("night.toml"), "[events]\nthreshold = 0.7\nmax_gap_s = 2.0\n").unwrap();
    let command = ["predict", "with", "sounds", "--events", "--config", "night.toml", "--max-gap", "3"];
    let table = work.ok_but_for_some(&[&command[..], &["--format", "jsonl"]].concat());
    let first: Value = serde_json::from_str(table.lines().next().unwrap()).unwrap();
    let events: Value = serde_json::from_str(first["settings"]["events"].as_str().unwrap()).unwrap();
    assert_eq!((events["threshold"].as_f64(), events["max_gap_s"].as_f64()), (Some(0.7), Some(3.0)), "{first}");
    for (text, said) in [("[train]\n", "section [events]"), ("[events]\ngap = 1\n", "gap"), ("[events", "not TOML")] {
        fs::write(work.path("night.toml"), text).unwrap();
        let line = error_line(&work.run(&command));
        assert!(line.contains("night.toml") && line.contains(said), "{line}");
    }
    let output = work.run(&["predict", "with", "sounds", "--target-precision", "0.9"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--events"), "{}", stderr(&output));
}

#[test]
fn progress_for_programs_is_an_object_a_line() {
    let work = models();
    let lines = |arguments: &[&str]| -> (Option<i32>, Vec<Value>) {
        let output = work.run(&[arguments, &["--progress", "json", "--threads", "2"]].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    };
    let events = |lines: &[Value]| -> Vec<String> {
        lines.iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
    };
    let (code, predicted) = lines(&["predict", "run", "sounds", "--out", "p.csv"]);
    let names = events(&predicted);
    assert_eq!((code, names[0].as_str()), (Some(3), "pipeline_started"));
    let n = |name: &str| names.iter().filter(|event| *event == name).count();
    assert_eq!((n("file_completed"), n("pipeline_completed")), (62, 1));
    assert!(n("progress") >= 2 && n("warning") >= 1 && n("message") >= 1, "{names:?}");

    let (code, failed) = lines(&["predict", "nowhere", "sounds"]);
    let last = failed.last().unwrap();
    assert!(code == Some(1) && last["event"] == "error" && last["payload"]["severity"] == "fatal", "{last}");
    assert!(last["payload"]["message"].as_str().unwrap().contains("nowhere"), "{last}");

    let (code, scanned) = lines(&["scan", "sounds/manifest.csv", "--out", "again.csv"]);
    let names = events(&scanned);
    assert_eq!(code, Some(0), "{names:?}");
    assert!(["task_started", "progress", "task_completed"].iter().all(|event| names.iter().any(|name| name == event)));
}

#[cfg(unix)]
#[test]
fn a_watch_ends_with_its_tables_written() {
    let work = models();
    let arguments = ["predict", "run", "sounds/dog", "--watch", "--watch-interval", "0.2", "--out", "p.csv"];
    let mut child = work.command(&arguments).spawn().unwrap();
    let began = std::time::Instant::now();
    while !work.path("p.csv").exists() {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed().as_secs() < 180, "no table");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    // One of the recordings is no sound.
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(fs::read_to_string(work.path("p.csv")).unwrap().contains("dog/broken.wav"));
    assert!(work.path("p.csv.journal").exists());
}
