//! The data doctor on sets whose mistakes are known.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, error_line, files};
use std::fs;

/// A 16-bit WAV of one channel.
fn wav(rate_hz: u32, samples: impl Iterator<Item = f32>) -> Vec<u8> {
    let data: Vec<u8> = samples.flat_map(|sample| ((sample * 32_000.0) as i16).to_le_bytes()).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend((2 * rate_hz).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// Noise that is another for every number.
fn noise(number: u64) -> impl FnMut() -> f32 {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

fn json(work: &Work, out: &str) -> serde_json::Value {
    let text = fs::read_to_string(work.path(&format!("{out}/doctor.json"))).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["examination"].take()
}

/// Rows of doctor.csv as (path, kind, the rest).
fn findings(work: &Work, out: &str) -> Vec<(String, String, String)> {
    let text = fs::read_to_string(work.path(&format!("{out}/doctor.csv"))).unwrap();
    assert_eq!(text.lines().next(), Some("path,kind,severity,evidence,suggestion"));
    let row = |line: &str| {
        let mut cells = line.splitn(3, ',').map(str::to_owned);
        (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn copies_faults_and_leaks_are_found_and_cleaned_away() {
    let work = Work::new();
    work.sounds(40);
    let manifest = fs::read_to_string(work.path("manifest.csv")).unwrap();
    let columns: Vec<&str> = manifest.lines().next().unwrap().split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let rows: Vec<Vec<&str>> = manifest.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let original = rows.iter().find(|row| row[at("label")] == "dog" && row[at("split")] == "train").unwrap();
    // The same sound under another name, group and split; bytes that are no sound; and a second of nothing.
    let mut copy: Vec<String> = original.iter().map(|cell| (*cell).to_owned()).collect();
    copy[at("path")] = "copy.wav".into();
    copy[at("group")] = "elsewhere".into();
    copy[at("split")] = "test".into();
    let other = |name: &str| {
        let mut row = copy.clone();
        row[at("path")] = name.into();
        row[at("group")] = name.into();
        row.join(",")
    };
    fs::copy(work.path(original[at("path")]), work.path("copy.wav")).unwrap();
    fs::write(work.path("broken.wav"), b"RIFF????WAVE and no more").unwrap();
    fs::write(work.path("silent.wav"), wav(16_000, std::iter::repeat_n(0.0, 16_000))).unwrap();
    let more = [copy.join(","), other("broken.wav"), other("silent.wav")].join("\n");
    fs::write(work.path("worse.csv"), format!("{}\n{more}\n", manifest.trim_end())).unwrap();

    work.ok(&["doctor", "worse.csv", "--out", "found", "--suspects", "4"]);
    let found = findings(&work, "found");
    let kinds = |path: &str| -> Vec<&str> {
        found.iter().filter(|(p, _, _)| p == path).map(|(_, kind, _)| kind.as_str()).collect()
    };
    assert!(kinds("copy.wav").contains(&"duplicate") && kinds("copy.wav").contains(&"leak"), "{found:?}");
    assert_eq!(kinds("broken.wav"), ["fault"]);
    assert!(!kinds("silent.wav").is_empty() && kinds("silent.wav").iter().all(|kind| *kind == "fault"), "{found:?}");
    let clean = fs::read_to_string(work.path("found/manifest.clean.csv")).unwrap();
    assert_eq!(clean.lines().next(), manifest.lines().next());
    assert!(!["copy.wav", "broken.wav", "silent.wav"].iter().any(|name| clean.contains(name)), "{clean}");
    assert!(clean.lines().nth(1).unwrap().starts_with("../sounds/"), "{clean}");
    let html = fs::read_to_string(work.path("found/doctor.html")).unwrap();
    assert!(html.contains("copy.wav") && html.contains("data:image/png;base64,") && html.contains("<audio"));
    assert!(!html.contains("http://") && !html.contains("https://"), "no network");
    let report = json(&work, "found");
    assert_eq!(report["changes"]["unusable"], 2);
    assert_eq!(report["mislabels"]["ranked"].as_array().unwrap().len(), 4);
    assert!(report["leak"]["random"]["value"].is_number() && report["leak"]["grouped"]["n_groups"].is_number());

    // Whatever the threads; and what --fail-on names fails once everything is written.
    work.ok(&["doctor", "worse.csv", "--out", "again", "--suspects", "4", "--threads", "1"]);
    assert!(files(&work.path("found")) == files(&work.path("again")));
    let failed = work.run(&["doctor", "worse.csv", "--out", "failed", "--suspects", "4", "--fail-on", "mislabel,leak"]);
    assert!(error_line(&failed).contains("of kind leak"), "{}", error_line(&failed));
    assert!(work.path("failed/doctor.html").exists());
    work.ok(&["doctor", "found/manifest.clean.csv", "--out", "clean", "--suspects", "4", "--fail-on", "duplicate"]);
}

#[test]
fn a_shortcut_is_named_in_words_and_its_cure_is_measured() {
    let work = Work::new();
    let mut manifest = "path,label,group,split\n".to_owned();
    for number in 0..48u64 {
        // One class at 8 kHz, the other at 16 kHz; beside that they are the same: noise, and a tone of any pitch that
        // comes and goes, for under what never pauses there is no floor to tell.
        let (label, rate_hz) = if number < 24 { ("low", 8000) } else { ("high", 16_000) };
        let (mut hiss, mut pitch) = (noise(number), noise(number + 1000));
        let hz = 800.0 + 500.0 * pitch();
        let sample = |i: u32| (f64::from(i) * f64::from(hz) * std::f64::consts::TAU / f64::from(rate_hz)).sin() as f32;
        // Noise of a level of its own in each group: of one level they would be taken for one session.
        let level = 0.002 * 1.3_f32.powi((number / 2 % 12) as i32);
        let sounds = |i: u32| i % (rate_hz / 4) < rate_hz / 10;
        let samples = (0..rate_hz).map(|i| if sounds(i) { 0.3 * sample(i) } else { 0.0 } + level * hiss());
        fs::write(work.path(&format!("{number}.wav")), wav(rate_hz, samples)).unwrap();
        manifest.push_str(&format!("{number}.wav,{label},{},\n", number / 2));
    }
    fs::write(work.path("manifest.csv"), manifest).unwrap();
    let shortcut = |report: &serde_json::Value, place: &str, name: &str| {
        let all = report[place].as_array().unwrap();
        let found = all.iter().find(|shortcut| shortcut["nuisance"] == name).unwrap();
        (found["is_shortcut"].as_bool().unwrap(), found["balanced_accuracy"]["value"].as_f64().unwrap())
    };
    work.ok(&["doctor", "manifest.csv", "--out", "found", "--page-mb", "0"]);
    let report = json(&work, "found");
    for name in ["sample_rate", "bandwidth_and_noise_floor"] {
        let (is_shortcut, value) = shortcut(&report, "shortcuts", name);
        assert!(is_shortcut && value > 0.95, "{name}: {value}");
    }
    assert!(!shortcut(&report, "shortcuts", "level").0 && !shortcut(&report, "shortcuts", "folder").0);
    let summary = report["summary"].to_string();
    assert!(summary.contains("The sample rate alone separates low from high with a balanced accuracy of 1.00"), "{summary}");
    // One band for all, and noise that hides what is left of each one's own.
    let cure = ["--equalize", "band", "--set", "clip.equalize.floor_db=[10.0, 10.0]"];
    work.ok(&[&["doctor", "manifest.csv", "--out", "cured", "--page-mb", "0"][..], &cure].concat());
    let (is_shortcut, value) = shortcut(&json(&work, "cured"), "shortcuts_in_clips", "bandwidth_and_noise_floor");
    assert!(!is_shortcut, "{value}");
}

#[test]
fn a_trained_model_is_what_content_is_compared_by() {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&["train", "cnn", "--features", "features", "--out", "run", "--set", "train.epochs=2"]);
    work.ok(&["doctor", "manifest.csv", "--out", "plain", "--page-mb", "0"]);
    work.ok(&["doctor", "manifest.csv", "--out", "found", "--page-mb", "0", "--run", "run"]);
    let whole = |out: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(work.path(&format!("{out}/doctor.json"))).unwrap()).unwrap()
    };
    let (plain, found) = (whole("plain"), whole("found"));
    assert_eq!((&plain["content"], &found["content"]), (&"spectrogram statistics".into(), &"embeddings".into()));
    assert_eq!(plain["front_end"], found["front_end"], "that of the model, which is the default");
    // What is measured on recordings is the same; what rests on content is not.
    let (plain, found) = (&plain["examination"], &found["examination"]);
    assert_eq!((&plain["shortcuts"], &plain["pairs"]), (&found["shortcuts"], &found["pairs"]));
    assert_ne!(plain["mislabels"], found["mislabels"]);
    let refused = work.run(&["doctor", "manifest.csv", "--out", "x", "--run", "run", "--equalize", "band"]);
    assert_eq!(refused.status.code(), Some(2), "a run has its own clips");
}

#[test]
fn a_set_too_small_for_statistics_is_examined_all_the_same() {
    let work = Work::new();
    fs::create_dir_all(work.path("sounds/dog")).unwrap();
    let mut hiss = noise(1);
    fs::write(work.path("sounds/dog/a.wav"), wav(8000, (0..8000).map(|_| 0.1 * hiss()))).unwrap();
    work.ok(&["doctor", "sounds", "--out", "found"]);
    let report = json(&work, "found");
    assert!(report["not_measured"].to_string().contains("two classes"), "{report}");
    assert!(report["leak"].is_null());
    assert_eq!(fs::read_to_string(work.path("found/manifest.clean.csv")).unwrap().lines().count(), 2);
    fs::write(work.path("sounds/dog/a.wav"), b"").unwrap();
    let error = work.fails(&["doctor", "sounds", "--out", "found"]);
    assert!(error.contains("none of the 1 recordings could be used"), "{error}");
}
