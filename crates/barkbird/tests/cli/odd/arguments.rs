//! Arguments that are no inputs, outputs that are taken, and a terminal that goes away.

use super::{index, stderr, tone, trained, wav};
use crate::common::{Work, error_line};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn a_folder_has_one_writer() {
    let work = trained();
    let predict = ["anomaly", "discover", "run", "sounds/dog"];
    let commands: [&[&str]; 12] = [
        &["synth", "--clips", "5"],
        &["features", "manifest.csv"],
        &["augment", "manifest.csv"],
        &["augment", "features"],
        &["augment", "--preview", "sounds/dog/dog-0001.wav"],
        &["train", "cnn", "--features", "features", "--epochs", "1"],
        &["embed", "run", "--features", "features"],
        &["evaluate", "run", "--features", "features"],
        &["doctor", "manifest.csv"],
        &["anomaly", "bench", "run", "--features", "features"],
        &["anomaly", "fit", "run", "--features", "features"],
        &predict,
    ];
    let lock = shard::lock_folder(&work.path("out")).unwrap();
    for command in commands.iter().chain([&&["demo", "--clips", "40"][..]]) {
        let line = work.fails(&[command, &["--out", "out"][..]].concat());
        assert!(line.contains("out: another barkbird is writing"), "{command:?}: {line}");
    }
    // Parts of one folder may be computed at the same time.
    work.ok(&["features", "manifest.csv", "--out", "out", "--part", "1/2"]);
    drop(lock);
    work.ok(&["features", "manifest.csv", "--out", "out"]);
    assert!(!work.path("out/.barkbird.lock").exists());
    let lock = shard::lock_folder(&work.path("run")).unwrap();
    assert!(work.fails(&["anomaly", "fit", "run", "--features", "features"]).contains("another barkbird"));
    drop(lock);
}

#[test]
fn an_output_that_cannot_be_is_found_before_the_work() {
    let work = Work::new();
    work.sounds(20);
    fs::write(work.path("taken"), b"x").unwrap();
    // The inputs are not there either: the output is looked at first.
    let into_files: [&[&str]; 4] = [
        &["scan", "nowhere"],
        &["predict", "nowhere", "x.wav"],
        &["report", "nowhere"],
        &["features", "--picture", "x.wav"],
    ];
    for command in into_files {
        let line = work.fails(&[command, &["--out", "sounds"]].concat());
        assert!(line.contains("sounds: a folder; expected the name of a file"), "{command:?}: {line}");
        let line = work.fails(&[command, &["--out", "taken/below.csv"]].concat());
        assert!(line.contains("taken/below.csv: cannot be written"), "{command:?}: {line}");
    }
    let into_folders: [&[&str]; 10] = [
        &["synth"],
        &["doctor", "nowhere"],
        &["features", "nowhere"],
        &["augment", "nowhere"],
        &["train", "cnn", "--features", "nowhere"],
        &["embed", "nowhere", "--features", "nowhere"],
        &["evaluate", "nowhere", "--features", "nowhere"],
        &["anomaly", "bench", "nowhere", "--features", "nowhere"],
        &["anomaly", "discover", "nowhere", "x.wav"],
        &["demo"],
    ];
    for command in into_folders {
        let line = work.fails(&[command, &["--out", "taken"]].concat());
        assert!(line.contains("taken: a file; expected the name of a folder"), "{command:?}: {line}");
        let line = work.fails(&[command, &["--out", "taken/below"]].concat());
        assert!(line.contains("taken/below: cannot be written"), "{command:?}: {line}");
    }
    assert_eq!(fs::read(work.path("taken")).unwrap(), b"x");
    assert!(work.fails(&["scan", "sounds", "--out", "-"]).contains("standard output"));
    // A folder that was made for nothing goes away.
    work.fails(&["train", "cnn", "--features", "nowhere", "--out", "new"]);
    assert!(!work.path("new").exists());
}

#[test]
fn things_in_each_others_place_are_named() {
    let work = trained();
    work.ok(&["embed", "run", "--features", "features", "--out", "embeddings"]);
    let song = "sounds/dog/dog-0001.wav";
    let model = "run/model.safetensors";
    let cases: [(&[&str], &[&str]); 17] = [
        (&["predict", song, "run"], &["dog-0001.wav is a recording", "barkbird predict RUN"]),
        (&["predict", "sounds", "run"], &["sounds is a folder of recordings", "predict RUN sounds"]),
        (&["predict", "run", "features"], &["features is a features folder", "evaluate RUN"]),
        (&["predict", "run", model], &["is a model file", "the run comes first"]),
        (&["predict", "features", song], &["features is a features folder", "barkbird train"]),
        (&["scan", song, "--out", "m.csv"], &["is a recording", "predict RUN"]),
        (&["scan", "features", "--out", "m.csv"], &["is a features folder", "expected a manifest"]),
        (&["features", "features", "--out", "f"], &["is a features folder", "expected a manifest"]),
        (&["features", "run", "--out", "f"], &["is the folder of a run", "barkbird scan"]),
        (&["features", "--picture", "manifest.csv", "--out", "p.png"], &["is a table", "expected a recording"]),
        (&["features", "manifest.csv", "--like", song, "--out", "f"], &["is a recording", "folder of a run"]),
        (
            &["train", "cnn", "--features", "sounds", "--out", "r"],
            &["is a folder of recordings", "barkbird scan sounds"],
        ),
        (&["train", "cnn", "--features", "manifest.csv", "--out", "r"], &["is a table", "features manifest.csv"]),
        (&["evaluate", "run", "--features", "run", "--out", "e"], &["is the folder of a run", "a features folder"]),
        (&["embed", song, "--features", "features", "--out", "e"], &["is a recording", "folder of a run"]),
        (&["anomaly", "fit", "manifest.csv", "--features", "features"], &["is a table", "folder of a run"]),
        (&["report", "embeddings", "--out", "r.html"], &["is a folder of embeddings", "folder of a run"]),
    ];
    for (command, parts) in cases {
        let line = work.fails(command);
        assert!(parts.iter().all(|part| line.contains(part)), "{command:?}: {line}");
    }
    // A writer empties its folder first.
    let line = work.fails(&["embed", "run", "--features", "features", "--out", "features"]);
    assert!(line.contains("read and written at once"), "{line}");
    assert!(shard::read_spectrograms(&work.path("features")).is_ok());
    let line = work.fails(&["doctor", model, "--out", "d"]);
    assert!(line.contains("is a model file") && line.contains("barkbird scan"), "{line}");
}

/// Runs a command whose stderr nobody reads.
fn unwatched(work: &Work, arguments: &[&str]) {
    let mut child = work.command(arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
}

#[test]
fn the_work_goes_on_when_nobody_watches() {
    let work = Work::new();
    unwatched(&work, &["synth", "--out", "sounds", "--clips", "40"]);
    unwatched(&work, &["scan", "sounds", "--out", "manifest.csv", "-vv"]);
    unwatched(&work, &["features", "manifest.csv", "--out", "features"]);
    let quick = ["--epochs", "2", "--set", "cnn.channels=[8]"];
    unwatched(&work, &[&["train", "cnn", "--features", "features", "--out", "run"], &quick[..]].concat());
    unwatched(&work, &["predict", "run", "sounds/dog", "--out", "p.csv"]);
    assert!(work.path("run/model.safetensors").exists() && work.path("p.csv").exists());
    let mut child = work.command(&["train", "--help-me"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    // Nobody reads the results either.
    let mut child = work.command(&["predict", "run", "sounds/dog"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_refused_by_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let work = trained();
    let name = OsStr::from_bytes(b"caf\xe9");
    let commands: [&[&str]; 6] = [
        &["scan", "--out", "m.csv"],
        &["features", "--out", "f"],
        &["doctor", "--out", "d"],
        &["predict", "run"],
        &["train", "cnn", "--features", "features", "--out"],
        &["report", "run", "--out"],
    ];
    for command in commands {
        let output = work.command(command).arg(name).output().unwrap();
        let line = error_line(&output);
        assert!(line.contains("caf\u{fffd}") && line.contains("not UTF-8"), "{command:?}: {line}");
    }
    fs::create_dir(work.path("in")).unwrap();
    let sound = fs::read(work.path("sounds/dog/dog-0001.wav")).unwrap();
    fs::write(work.path("in/good.wav"), &sound).unwrap();
    fs::write(work.path("in").join(OsStr::from_bytes(b"caf\xe9.wav")), &sound).unwrap();
    let output = work.run(&["predict", "run", "in"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("caf\u{fffd}.wav: the name is not UTF-8"), "{}", stderr(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains("in/good.wav"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_between_files() {
    let work = trained();
    fs::create_dir(work.path("in")).unwrap();
    fs::write(work.path("in/0.wav"), wav(44_100, 1, &tone(44_100 * 60))).unwrap();
    for i in 1..1500 {
        fs::hard_link(work.path("in/0.wav"), work.path(&format!("in/{i}.wav"))).unwrap();
    }
    let command = ["predict", "run", "in", "--out", "p.csv", "--threads", "1"];
    let mut child = work.command(&command).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // From then on recordings are classified.
    while !work.path("p.csv.journal").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without a journal");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let started = std::time::Instant::now();
    let text = lines.fold(String::new(), |text, line| text + &line.unwrap() + "\n");
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.contains("stopped; the journal has what is done; --resume goes on"), "{text}");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert!(!work.path("p.csv").exists());
}

#[cfg(unix)]
#[test]
fn the_work_goes_on_under_nohup() {
    let work = Work::new();
    let mut child = std::process::Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" synth --clips 400 --out sounds -vvv", env!("CARGO_BIN_EXE_barkbird")])
        .current_dir(work.path(""))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(std::process::Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    let text = lines.fold(first, |text, line| text + "\n" + &line.unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}");
}

#[test]
fn numbers_that_make_no_sense_are_refused_at_the_edge() {
    let work = Work::new();
    let train = ["train", "cnn", "--features", "f", "--out", "r"];
    let scan = ["scan", "d", "--out", "m.csv"];
    let cases: [(&[&str], &[&str]); 12] = [
        (&scan, &["--min-seconds", "nan"]),
        (&scan, &["--min-seconds=-1"]),
        (&scan, &["--folds", "1"]),
        (&scan, &["--threads", "0"]),
        (&["doctor", "m.csv", "--out", "d"], &["--page-mb", "inf"]),
        (&["predict", "r", "x.wav"], &["--overlap", "nan"]),
        (&["predict", "r", "x.wav"], &["--overlap=-1"]),
        (&train, &["--lr", "0"]),
        (&train, &["--lr", "nan"]),
        (&train, &["--epochs", "0"]),
        (&train, &["--batch-size", "0"]),
        (&train, &["--minutes=-3"]),
    ];
    for (command, option) in cases {
        let output = work.run(&[command, option].concat());
        assert_eq!(output.status.code(), Some(2), "{option:?}");
        assert!(stderr(&output).contains("expected a"), "{option:?}: {}", stderr(&output));
    }
}

#[test]
fn a_training_that_fails_to_learn_is_warned_of() {
    let work = trained();
    let output = work.run(&["train", "cnn", "--features", "features", "--out", "wild", "--lr", "10", "--epochs", "4"]);
    assert!(stderr(&output).contains("warning: training diverged"), "{}", stderr(&output));
}

#[test]
fn words_of_predictions_are_no_classes() {
    let work = Work::new();
    work.sounds(20);
    for class in ["neither", "Unsure", "silent"] {
        let line = work.fails(&["features", "manifest.csv", "--out", "f", "--classes", &format!("dog,{class}")]);
        assert!(line.contains(class) && line.contains("rename"), "{line}");
    }
    let csv = fs::read_to_string(work.path("manifest.csv")).unwrap().replace(",neither,", ",Neither,");
    fs::write(work.path("spelled.csv"), csv).unwrap();
    work.ok(&["features", "spelled.csv", "--out", "f"]);
    assert_eq!(index(&work, "f")["classes"], serde_json::json!(["bird", "dog"]));
}
