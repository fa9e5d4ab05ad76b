//! Everything that can be wrong from outside: one line that says what to do, and no work lost.

use crate::common::{Work, files};
use std::fs;
use std::path::Path;

fn trained() -> Work {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&[
        "train",
        "cnn",
        "--features",
        "features",
        "--out",
        "run",
        "--epochs",
        "1",
        "--set",
        "cnn.channels=[8, 8]",
    ]);
    work
}

#[test]
fn folders_that_hold_nothing_to_learn() {
    let work = Work::new();
    assert!(work.fails(&["scan", "nowhere", "--out", "m.csv"]).contains("nowhere"));
    fs::create_dir_all(work.path("data/dog")).unwrap();
    assert!(work.fails(&["scan", "data", "--out", "m.csv"]).contains("no sound in any class folder"));
    work.ok(&["synth", "--out", "sounds", "--clips", "20"]);
    fs::rename(work.path("sounds/bird"), work.path("data/bird")).unwrap();
    assert!(work.fails(&["scan", "data", "--out", "m.csv"]).contains("data/dog: a class without a sound"));
    fs::create_dir_all(work.path("one")).unwrap();
    fs::rename(work.path("sounds/dog"), work.path("one/dog")).unwrap();
    work.ok(&["scan", "one", "--out", "m.csv"]);
    work.ok(&["features", "m.csv", "--out", "features"]);
    let message = work.fails(&["train", "cnn", "--features", "features", "--out", "run"]);
    assert!(message.contains("dog") && message.contains("class"), "{message}");
}

#[test]
fn a_corrupt_recording_is_listed_and_the_others_go_on() {
    let work = Work::new();
    work.sounds(30);
    let manifest = fs::read_to_string(work.path("manifest.csv")).unwrap();
    let victim = manifest.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    fs::write(work.path(&victim), b"RIFF this was a recording once").unwrap();
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(work.path("features/index.json")).unwrap()).unwrap();
    assert_eq!(index["skipped"][0]["path"], victim.as_str());
    assert_eq!(index["n_clips"], 29);
    let scan = work.ok(&["scan", "manifest.csv", "--out", "again.csv", "--json"]);
    let scan: serde_json::Value = serde_json::from_str(&scan).unwrap();
    assert_eq!((&scan["recordings"], &scan["usable"]), (&30.into(), &29.into()));
    assert!(!fs::read_to_string(work.path("again.csv")).unwrap().contains(&victim));
    work.ok(&["train", "cnn", "--features", "features", "--out", "run", "--epochs", "1", "--set", "cnn.channels=[8]"]);
    let csv = work.ok_but_for_some(&["predict", "run", &victim, "sounds/bird"]);
    let row = csv.lines().find(|line| line.starts_with(&victim)).unwrap();
    assert!(row.contains(",,,,,,,,,,\"not a sound file: "), "{row}");
    let message = work.fails(&["predict", "run", &victim]);
    assert!(message.contains("none of the 1 recordings"), "{message}");
}

#[test]
fn manifests_name_the_line() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "5"]);
    fs::write(work.path("m.csv"), "file,label\nsounds/dog/a.wav,dog\n").unwrap();
    let message = work.fails(&["scan", "m.csv", "--out", "o.csv"]);
    assert!(message.contains("m.csv") && message.contains("path"), "{message}");
    fs::write(work.path("m.csv"), "path,label,start\na.wav,dog,0\nb.wav,dog,soon\n").unwrap();
    let message = work.fails(&["features", "m.csv", "--out", "f"]);
    assert!(message.contains("m.csv") && message.contains("m.csv:3"), "{message}");
}

#[test]
fn features_of_another_front_end_are_refused() {
    let work = trained();
    work.ok(&["features", "manifest.csv", "--out", "other", "--set", "front_end.hop=256"]);
    let message = work.fails(&["evaluate", "run", "--features", "other", "--out", "e"]);
    assert!(message.contains("hop: the model has 1024, the spectrograms have 256"), "{message}");
    work.ok(&["features", "manifest.csv", "--out", "alike", "--like", "run"]);
    work.ok(&["evaluate", "run", "--features", "alike", "--out", "e"]);
    let message = work.fails(&["evaluate", "run", "--features", "alike", "--split", "tset", "--out", "e"]);
    assert!(message.contains("tset") && message.contains("test"), "{message}");
}

#[test]
fn damaged_results_are_refused() {
    let work = trained();
    let model = work.path("run/model.safetensors");
    let bytes = fs::read(&model).unwrap();
    fs::write(&model, &bytes[..bytes.len() / 2]).unwrap();
    let message = work.fails(&["predict", "run", "sounds"]);
    assert!(message.contains("model.safetensors"), "{message}");
    let shard = work.path("features/shard-00000.safetensors");
    let mut bytes = fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let message = work.fails(&["train", "cnn", "--features", "features", "--out", "again"]);
    assert!(message.contains("shard-00000.safetensors"), "{message}");
    fs::remove_file(work.path("features/index.json")).unwrap();
    let message = work.fails(&["train", "cnn", "--features", "features", "--out", "again"]);
    assert!(message.contains("index.json"), "{message}");
}

#[test]
fn a_run_is_not_overwritten_unasked() {
    let work = trained();
    let before = files(&work.path("run"));
    let again = ["train", "cnn", "--features", "features", "--out", "run", "--epochs", "1"];
    let message = work.fails(&again);
    assert!(message.contains("--resume") && message.contains("--overwrite"), "{message}");
    assert!(before == files(&work.path("run")));
}

#[test]
fn wrong_usage_ends_with_two() {
    let work = Work::new();
    for arguments in [&["train"][..], &["features", "m.csv"], &["features", "m.csv", "--out", "f", "--part", "5/4"]] {
        assert_eq!(work.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let message = work.fails(&["predict", "run", "x.wav", "--device", "gpu"]);
    assert!(message.contains("expected auto, cpu"), "{message}");
}

/// A file-size limit makes writes fail in the middle, as a full disk does.
#[cfg(unix)]
#[test]
fn a_write_that_fails_leaves_nothing_half_written() {
    let work = Work::new();
    work.sounds(20);
    let command = format!(
        "trap '' XFSZ; ulimit -f 64; exec '{}' features manifest.csv --out features --no-cache",
        env!("CARGO_BIN_EXE_barkbird")
    );
    let output =
        std::process::Command::new("bash").args(["-c", &command]).current_dir(work.path(".")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: ") && text.contains("shard-00000"), "{text}");
    assert_eq!(left(&work.path("features")), Vec::<String>::new());
    work.ok(&["features", "manifest.csv", "--out", "features"]);
}

fn left(folder: &Path) -> Vec<String> {
    if !folder.exists() {
        return Vec::new();
    }
    files(folder).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn groups_that_cross_splits_are_refused_unless_the_user_knows() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "20", "--seed", "3"]);
    let mut csv = "path,label,group,split\n".to_owned();
    for (i, split) in ["train", "test", "val", "train"].into_iter().enumerate() {
        csv.push_str(&format!("sounds/dog/dog-000{}.wav,dog,rex,{split}\n", i + 1));
    }
    fs::write(work.path("crossing.csv"), csv).unwrap();
    let message = work.fails(&["features", "crossing.csv", "--out", "features"]);
    for part in ["crossing.csv", "`rex`", "test: sounds/dog/dog-0002.wav", "--allow-crossing-groups"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!work.path("features/index.json").exists());
    work.ok(&["features", "crossing.csv", "--out", "features", "--allow-crossing-groups"]);
}
