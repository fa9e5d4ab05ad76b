//! Data sets that went wrong, through `scan`: what is wrong is said by name, and the rest is done.

use crate::common::Work;
use std::fs;

/// What a scan says on stderr, and its JSON.
fn scan(work: &Work, data: &str) -> (String, serde_json::Value) {
    let output = work.run(&["scan", data, "--out", "out.csv", "--json"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    (text, serde_json::from_slice(&output.stdout).unwrap())
}

/// A few recordings in `sounds/`.
fn made() -> Work {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "40", "--seed", "3"]);
    work
}

#[test]
fn names_of_classes_that_are_easily_confused() {
    let work = made();
    for (n, class) in ["dog", "Dog", "dog ", "bird", "Neither"].into_iter().enumerate() {
        fs::create_dir_all(work.path(&format!("data/{class}"))).unwrap();
        for i in 1..4 {
            let from = work.path(&format!("sounds/dog/dog-{:04}.wav", 3 * n + i));
            fs::copy(from, work.path(&format!("data/{class}/{i}.wav"))).unwrap();
        }
    }
    let (text, json) = scan(&work, "data");
    for part in ["`Dog` and `dog`", "the folders `dog` and `dog ` are one class"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let labels: Vec<&String> = json["counts"].as_object().unwrap().keys().collect();
    assert_eq!(labels, ["Dog", "bird", "dog", "neither"]);
    fs::rename(work.path("data/bird"), work.path("data/Unsure")).unwrap();
    assert!(work.fails(&["scan", "data", "--out", "out.csv"]).contains("`Unsure` cannot be a class"));
}

#[test]
fn splits_repeated_rows_and_tables_of_spreadsheets() {
    let work = made();
    let mut table = "path;label;split;start\n".to_owned();
    let splits = ["Train", "training", "Validation", "valid", "Test", "testing", "field", "train"];
    for (i, split) in splits.into_iter().enumerate() {
        for animal in ["dog", "bird"] {
            table.push_str(&format!("sounds\\{animal}\\{animal}-{:04}.wav;{animal};{split};0,1\n", i + 1));
        }
    }
    table.push_str("sounds/dog/dog-0001.wav;dog;Train;0,1\n");
    fs::write(work.path("m.csv"), table).unwrap();
    let (text, json) = scan(&work, "m.csv");
    assert!(text.contains("split `field`") && text.contains("2 rows unless"), "{text}");
    assert!(text.contains("1 rows name the same part"), "{text}");
    assert_eq!((&json["recordings"], &json["usable"]), (&16.into(), &16.into()));
    assert_eq!(json["counts"]["dog"]["train"][0], 3);
    assert_eq!(work.run(&["scan", "m.csv", "--out", "o.csv", "--min-seconds", "nan"]).status.code(), Some(2));
    let message = work.fails(&["scan", "sounds/dog/dog-0001.wav", "--out", "o.csv"]);
    assert!(message.contains("is a recording; expected a manifest"), "{message}");
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_refused_and_loops_end() {
    use std::os::unix::ffi::OsStringExt;
    let work = made();
    let name = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    fs::rename(work.path("sounds"), work.path(".").join(&name)).unwrap();
    let output = work.command(&["scan"]).arg(&name).args(["--out", "m.csv"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("not UTF-8"), "{text}");
    assert!(!work.path("m.csv").exists());
    fs::rename(work.path(".").join(&name), work.path("sounds")).unwrap();
    std::os::unix::fs::symlink("..", work.path("sounds/dog/one")).unwrap();
    std::os::unix::fs::symlink("../..", work.path("sounds/dog/two")).unwrap();
    let (text, json) = scan(&work, "sounds");
    assert!(text.contains("dog/one: leads to a folder that is listed already"), "{text}");
    assert_eq!(json["recordings"], 40);
}
