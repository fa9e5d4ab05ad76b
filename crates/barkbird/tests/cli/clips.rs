//! `clips` and `check`: tables of detections, with their recordings beside them or elsewhere.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, files};
use serde_json::Value;
use std::fs;

/// Names of all files below a folder.
fn names(work: &Work, folder: &str) -> Vec<String> {
    files(&work.path(folder)).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn clips_of_another_tools_table() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "10", "--seed", "3"]);
    let rows = ["0.2\t0.5\tbark 0.93", "0.4\t0.8\tbark 0.51", "0.1\t0.9\tsong 0.70"];
    fs::write(work.path("night.txt"), rows.join("\n")).unwrap();
    let message = work.fails(&["clips", "night.txt", "--out", "clips"]);
    assert!(message.contains("name the recording with --recordings FILE"), "{message}");
    let recording = "sounds/dog/dog-0001.wav";
    let output = work.run(&[
        "clips",
        "night.txt",
        "--out",
        "clips",
        "--recordings",
        recording,
        "--context",
        "0",
        "--pictures",
        "--json",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&outcome["clips"], &outcome["labels"]["bark"], &outcome["pictures"]),
        (&3.into(), &2.into(), &3.into())
    );
    let expected = [
        "bark/0.51_dog-0001_0.400s.png",
        "bark/0.51_dog-0001_0.400s.wav",
        "bark/0.93_dog-0001_0.200s.png",
        "bark/0.93_dog-0001_0.200s.wav",
        "clips.csv",
        "clips.selections.txt",
        "song/0.70_dog-0001_0.100s.png",
        "song/0.70_dog-0001_0.100s.wav",
    ];
    assert_eq!(names(&work, "clips"), expected);
    let flags = ["--label", "bark", "--min-score", "0.6", "--format", "flac", "--per-class", "1", "--pick", "top"];
    work.ok(&[&["clips", "night.txt", "--out", "best", "--recordings", recording], &flags[..]].concat());
    assert_eq!(names(&work, "best"), ["bark/0.93_dog-0001_0.200s.flac", "clips.csv", "clips.selections.txt"]);

    // A recording that is missing is listed; where nothing is left, that is an error.
    fs::write(work.path("two.csv"), "path,start,end,label\ndog-0001.wav,0,1,dog\ngone.wav,0,1,dog\n").unwrap();
    let arguments = ["clips", "two.csv", "--out", "two", "--recordings", "sounds", "--json"];
    let output = work.run(&arguments);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(3) && text.contains("warning: gone.wav: not found"), "{text}");
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&outcome["skipped"][0]["path"], &outcome["clips"]), (&"gone.wav".into(), &1.into()));
    assert!(work.fails(&["clips", "two.csv", "--out", "none"]).contains("none of the 2 detections"));
    assert!(!work.path("none").exists());
    for arguments in [
        &["clips", "nowhere.csv", "--out", "x"][..],
        &["clips", "sounds", "--out", "x"],
        &["check", "sounds", "sounds"],
    ] {
        work.fails(arguments);
    }
}

#[test]
fn a_model_checks_another_tools_table() {
    let work = Work::new();
    work.sounds(60);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let quick = ["--epochs", "2", "--set", "cnn.channels=[8, 8, 16]", "--set", "train.batch_size=16"];
    work.ok(&[&["train", "cnn", "--features", "features", "--out", "run", "--seed", "5"], &quick[..]].concat());
    let header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tKind\n";
    let row = |nth: u32, class: &str| {
        format!(
            "{nth}\tSpectrogram 1\t1\t{nth}\t{}\tsounds/{class}/{class}-000{nth}.wav\t0.1\t{class} owl\n",
            f64::from(nth) + 0.7
        )
    };
    let rows: Vec<String> = (1..=3).flat_map(|nth| [row(nth, "dog"), row(nth, "bird")]).collect();
    fs::write(work.path("owls.txt"), format!("{header}{}", rows.concat())).unwrap();
    let output = work.run(&["check", "owls.txt", "run", "--label-column", "kind", "--mark", "dog,neither"]);
    let (table, summary) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for (before, after) in header.lines().chain(rows.iter().map(|row| row.trim_end())).zip(table.lines()) {
        let added = after.strip_prefix(before).unwrap();
        assert_eq!(added.matches('\t').count(), 7, "{added}");
    }
    assert!(table.lines().count() == 7 && table.lines().next().unwrap().ends_with("\tbarkbird_note\tbarkbird_mark"));
    assert!(summary.contains("label") && summary.contains("dog owl") && summary.contains("unchecked"), "{summary}");
    assert!(work.fails(&["check", "owls.txt", "run"]).contains("Annotation"));

    work.ok(&[
        "check",
        "owls.txt",
        "run",
        "--label-column",
        "Kind",
        "--mark",
        "dog,neither",
        "--out",
        "checked.txt",
        "-q",
    ]);
    assert_eq!(fs::read_to_string(work.path("checked.txt")).unwrap(), table);
    let sidecar: Value = serde_json::from_slice(&fs::read(work.path("checked.txt.json")).unwrap()).unwrap();
    assert_eq!(sidecar["settings"]["label_column"], "Kind");
    // What our model says can be cut.
    work.ok(&["clips", "checked.txt", "--label-column", "barkbird_label", "--out", "clips"]);
    assert!(names(&work, "clips").len() == 8);
}
