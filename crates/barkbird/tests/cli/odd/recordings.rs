//! Recordings that are cut short, silent, corrupt, very many, or on standard input.

use super::{index, stderr, tone, trained, wav};
use crate::common::Work;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::Stdio;

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
