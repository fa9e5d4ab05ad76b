//! Odd inputs, outputs that are taken, and people who press Ctrl-C.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, error_line};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

/// A WAV file of 16 bits; `samples` are `[n_frames][channels]`, one after the other.
fn wav(rate_hz: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
    let n_bytes = 2 * samples.len() as u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + n_bytes).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend(channels.to_le_bytes());
    out.extend(rate_hz.to_le_bytes());
    out.extend((rate_hz * u32::from(channels) * 2).to_le_bytes());
    out.extend((channels * 2).to_le_bytes());
    out.extend(b"\x10\0data");
    out.extend(n_bytes.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    out
}

/// A tone that swells and fades.
fn tone(n: usize) -> Vec<i16> {
    (0..n).map(|i| (9000.0 * (i as f32 * 0.3).sin() * (i as f32 * 0.001).sin()) as i16).collect()
}

/// Sounds, features and a small network in `run`.
fn trained() -> Work {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&["train", "cnn", "--features", "features", "--out", "run", "--epochs", "1", "--set", "cnn.channels=[8]"]);
    work
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn index(work: &Work, folder: &str) -> Value {
    serde_json::from_slice(&fs::read(work.path(folder).join("index.json")).unwrap()).unwrap()
}

/// `odd/`: cut short, silent in three ways, silent in its second half, and `odd.csv`, which lists them.
fn odd_sounds(work: &Work) {
    fs::create_dir(work.path("odd")).unwrap();
    let sound = tone(80_000);
    let whole = wav(8000, 1, &sound);
    let opposite: Vec<i16> = sound.iter().flat_map(|sample| [*sample, -*sample]).collect();
    let half = [&sound[..40_000], &[0; 80_000]].concat();
    let files = [
        ("cancelled", wav(8000, 2, &opposite)),
        ("constant", wav(8000, 1, &[1000; 40_000])),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("half", wav(8000, 1, &half)),
        ("silent", wav(8000, 1, &[0; 40_000])),
        ("whole", whole),
    ];
    let mut csv = "path,label,split\n".to_owned();
    for (i, (name, bytes)) in files.iter().enumerate() {
        fs::write(work.path("odd").join(format!("{name}.wav")), bytes).unwrap();
        csv.push_str(&format!("odd/{name}.wav,{},train\n", ["dog", "bird"][i % 2]));
    }
    fs::write(work.path("odd.csv"), csv).unwrap();
}

#[test]
fn damage_and_silence_are_said_and_no_silence_gets_a_class() {
    let work = trained();
    odd_sounds(&work);
    let output = work.run(&["predict", "run", "odd"]);
    let (csv, text) = (String::from_utf8(output.stdout.clone()).unwrap(), stderr(&output));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let [path, start, label, note] = ["path", "start", "label", "note"].map(column);
    let mut seen = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let name = record[path].trim_start_matches("odd/").trim_end_matches(".wav").to_owned();
        let (is_silent, is_damaged) = (record[note].starts_with("silent"), record[note].contains("cut short"));
        let late = record[start].parse::<f64>().unwrap() > 4.0;
        let expected = match name.as_str() {
            "cut" => (false, true),
            "whole" => (false, false),
            "half" => (late, false),
            _ => (true, false),
        };
        assert_eq!((is_silent, is_damaged), expected, "{record:?}");
        assert_eq!(&record[label] == "neither", is_silent, "{record:?}");
        seen.push(name);
    }
    assert_eq!(seen, ["cancelled", "cancelled", "constant", "cut", "half", "half", "half", "silent", "whole", "whole"]);
    for (line, n) in [("odd/cut.wav: cut short", 1), ("odd/silent.wav: silent", 1), ("odd/whole.wav", 0)] {
        assert_eq!(text.lines().filter(|l| l.starts_with(&format!("warning: {line}"))).count(), n, "{line}: {text}");
    }
    assert!(text.contains("odd/half.wav: 2 of 3 windows are silent"), "{text}");

    let json: Value = serde_json::from_str(&work.ok(&["predict", "run", "odd", "--format", "json", "-q"])).unwrap();
    let of = |list: &str, name: &str| -> Value {
        let path = format!("odd/{name}.wav");
        json[list].as_array().unwrap().iter().find(|one| one["path"] == path.as_str()).unwrap().clone()
    };
    assert!(of("predictions", "cut")["note"].as_str().unwrap().contains("cut short"));
    assert!(of("predictions", "whole")["note"].is_null());
    assert_eq!(
        (&of("recordings", "silent")["label"], &of("recordings", "silent")["note"]),
        (&"neither".into(), &"silent".into())
    );
    // The silent windows have no part in the recording's answer.
    assert_eq!(of("recordings", "half")["probabilities"], of("predictions", "half")["probabilities"]);
    assert!(of("recordings", "half")["note"].is_null());
}

#[test]
fn features_leave_out_silence_and_warn_of_damage() {
    let work = Work::new();
    odd_sounds(&work);
    // Again from the cache: it knows of the damage.
    for _ in 0..2 {
        let output = work.run(&["features", "odd.csv", "--out", "features"]);
        let text = stderr(&output);
        assert!(output.status.success(), "{text}");
        assert!(text.contains("1 recordings are damaged and kept:\n  odd/cut.wav: cut short"), "{text}");
        let index = index(&work, "features");
        let skipped: Vec<&str> =
            index["skipped"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
        assert_eq!(skipped, ["odd/cancelled.wav", "odd/constant.wav", "odd/silent.wav"]);
        assert!(index["skipped"][2]["reason"].as_str().unwrap().contains("silence"), "{index}");
    }
    let text = stderr(&work.run(&["augment", "odd.csv", "--out", "views"]));
    assert!(text.contains("odd/cut.wav: cut short") && text.contains("odd/silent.wav: pure silence"), "{text}");
    let output = work.run(&["scan", "odd.csv", "--out", "scanned.csv"]);
    assert!(stderr(&output).contains("odd/silent.wav"), "{}", stderr(&output));
    assert!(!fs::read_to_string(work.path("scanned.csv")).unwrap().contains("odd/silent.wav"));
}

#[test]
fn rows_of_one_recording_are_what_they_are_alone() {
    let work = Work::new();
    fs::write(work.path("a.wav"), wav(44_100, 1, &tone(400_000))).unwrap();
    fs::write(work.path("b.wav"), wav(44_100, 2, &tone(400_000))).unwrap();
    let row = |name: &str, i: usize| format!("{name}.wav,dog,train,{},{}\n", i as f32 * 0.5, i as f32 * 0.5 + 0.5);
    let header = "path,label,split,start,end\n".to_owned();
    let together: String = ["a", "b"].iter().flat_map(|name| (0..8).map(|i| row(name, i))).collect();
    let apart: String = (0..8).flat_map(|i| ["a", "b"].map(|name| row(name, i))).collect();
    for (name, rows) in [("together", together), ("apart", apart)] {
        fs::write(work.path(name).with_extension("csv"), header.clone() + &rows).unwrap();
        work.ok(&["features", &format!("{name}.csv"), "--out", name]);
    }
    let clips = |name: &str| {
        let shard = shard::read_spectrograms(&work.path(name)).unwrap();
        let clip = |i: usize| (shard.header.clips[i].id.clone(), shard.clip(i).to_vec(), shard.frames[i]);
        let mut clips: Vec<_> = (0..shard.n_clips()).map(clip).collect();
        clips.sort_by(|a, b| a.0.cmp(&b.0));
        clips
    };
    assert_eq!(clips("together").len(), 16);
    assert!(clips("together") == clips("apart"));
}

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
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
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
    let child = work.command(&command).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let started = std::time::Instant::now();
    let output = child.wait_with_output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("stopped; nothing was written"), "{text}");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert!(!work.path("p.csv").exists());
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
fn three_hundred_classes_stay_readable() {
    let work = Work::new();
    let mut csv = "path,label,group,split\n".to_owned();
    fs::create_dir(work.path("clips")).unwrap();
    for class in 0..300 {
        for (clip, split) in ["train", "val", "test"].iter().enumerate() {
            let name = format!("clips/{class:03}-{clip}.wav");
            let samples: Vec<i16> =
                (0..2000).map(|i| (8000.0 * (i as f32 * (0.01 + class as f32 * 0.008)).sin()) as i16).collect();
            fs::write(work.path(&name), wav(8000, 1, &samples)).unwrap();
            csv.push_str(&format!("{name},a long name of class {class:03},{class}-{clip},{split}\n"));
        }
    }
    fs::write(work.path("manifest.csv"), csv).unwrap();
    let window = ["--set", "clip.window.seconds=0.25"];
    let quick = ["--epochs", "1", "--set", "cnn.channels=[8]"];
    let commands: [&[&[&str]]; 6] = [
        &[&["scan", "manifest.csv", "--out", "scanned.csv"]],
        &[&["features", "manifest.csv", "--out", "features"], &window],
        &[&["train", "cnn", "--features", "features", "--out", "run"], &quick],
        &[&["evaluate", "run", "--features", "features", "--out", "run/test"]],
        &[&["report", "run", "--out", "report.html"]],
        &[&["augment", "manifest.csv", "--out", "views", "--views", "1"], &window],
    ];
    for command in commands {
        let output = work.run(&command.concat());
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {text}");
        assert!(output.stdout.is_empty() && text.len() < 20_000, "{command:?}: {} bytes", text.len());
        let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(longest < 500, "{command:?}: a line of {longest}");
    }
}

#[test]
fn a_recording_comes_from_standard_input() {
    let work = trained();
    let song = fs::read(work.path("sounds/dog/dog-0001.wav")).unwrap();
    let piped = |arguments: &[&str]| {
        let mut command = work.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&song).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = piped(&["predict", "run", "-", "--out", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let from_file = work.ok(&["predict", "run", "sounds/dog/dog-0001.wav"]);
    let expected = from_file.replace("sounds/dog/dog-0001.wav", "-");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert!(!work.path("-").exists());
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

#[test]
fn one_corrupt_recording_stops_no_command() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "200", "--seed", "3"]);
    work.ok(&["scan", "sounds/manifest.csv", "--out", "manifest.csv", "--split", "0.5,0.3,0.2"]);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let quick = ["--epochs", "1", "--set", "cnn.channels=[8]"];
    work.ok(&[&["train", "cnn", "--features", "features", "--out", "run"], &quick[..]].concat());
    work.ok(&["anomaly", "fit", "run", "--features", "features", "--method", "knn"]);
    work.ok(&["evaluate", "run", "--features", "features", "--out", "run/test"]);
    let csv = fs::read_to_string(work.path("manifest.csv")).unwrap();
    let of_split = |split: &str| -> Vec<String> {
        let rows = csv.lines().filter(|line| line.split(',').nth(3) == Some(split));
        rows.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    fs::create_dir(work.path("noise")).unwrap();
    fs::write(work.path("noise/good.wav"), wav(8000, 1, &tone(8000))).unwrap();
    let bad = of_split("train").swap_remove(0);
    let corrupt = |name: &str| fs::write(work.path(name), b"RIFF this was a recording once").unwrap();
    corrupt("noise/bad.wav");
    corrupt(&bad);
    of_split("test").iter().for_each(|name| corrupt(name));
    let commands: [(&[&str], &str); 4] = [
        (&["augment", "manifest.csv", "--out", "views", "--views", "1", "--background", "noise"], "noise/bad.wav"),
        (&["anomaly", "discover", "run", "manifest.csv", "--out", "found", "--alpha", "0.2"], &bad),
        (&["doctor", "manifest.csv", "--out", "doctor"], ""),
        (
            &["report", "run", "--manifest", "manifest.csv", "--out", "report.html", "--examples", "100"],
            "could not be read",
        ),
    ];
    for (command, said) in commands {
        let output = work.run(command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{command:?}: {}", stderr(&output));
    }
    assert!(fs::read_to_string(work.path("doctor/doctor.csv")).unwrap().contains(&bad));
}
