//! Views of recordings and of spectrograms, and that what reads them keeps views and clips apart.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use crate::common::{Work, files};
use shard::{Spectrograms, read_spectrograms};
use std::collections::BTreeSet;
use std::fs;

const N_VIEWS: usize = 2;

/// 40 sounds, scanned, and their features.
fn work() -> Work {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work
}

fn augment(work: &Work, input: &str, out: &str, more: &[&str]) {
    let n_views = N_VIEWS.to_string();
    work.ok(&[&["augment", input, "--out", out, "--views", &n_views, "--seed", "7"], more].concat());
}

fn split_of(clips: &Spectrograms, row: usize) -> &str {
    &clips.header.splits[usize::from(clips.split[row])]
}

/// Every clip of `features` is there, bit for bit, followed by its views if it is of `split`; views carry its label.
fn check_views(work: &Work, views: &str, split: &str) -> Spectrograms {
    let clips = read_spectrograms(&work.path("features")).unwrap();
    let views = read_spectrograms(&work.path(views)).unwrap();
    let (mut row, mut n_changed) = (0, 0);
    for clip in 0..clips.n_clips() {
        let n_views = if split_of(&clips, clip) == split { N_VIEWS } else { 0 };
        let mut pictures = BTreeSet::new();
        let mut n_seen = 0;
        for view in 0..=n_views {
            let (record, source) = (&views.header.clips[row], &clips.header.clips[clip]);
            assert_eq!((record.view as usize, &record.id, &record.path), (view, &source.id, &source.path));
            assert_eq!(
                (&record.group, record.start_s, record.seconds),
                (&source.group, source.start_s, source.seconds)
            );
            assert_eq!((views.label[row], views.split[row]), (clips.label[clip], clips.split[clip]));
            if view == 0 {
                assert!(views.clip(row) == clips.clip(clip) && record.steps.is_empty(), "{}", record.id);
            }
            // A gain and the polarity alone can't be seen: every clip is brought to one level.
            let seen = |step: &String| !step.starts_with("gain") && step != "polarity";
            n_seen += usize::from(record.steps.iter().any(seen));
            pictures.insert(views.clip(row).iter().map(|value| value.to_bits()).collect::<Vec<_>>());
            row += 1;
        }
        assert!(pictures.len() > n_seen, "{}: views differ", clips.header.clips[clip].id);
        n_changed += n_seen;
    }
    assert_eq!(row, views.n_clips());
    assert!(4 * n_changed > 3 * (row - clips.n_clips()), "{n_changed} of {}", row - clips.n_clips());
    views
}

#[test]
fn a_clip_is_mixed_with_others_of_its_class_and_split() {
    let work = work();
    let mix = ["--augment", "off", "--set", "augment.mix.share=0.5"];
    augment(&work, "manifest.csv", "views", &mix);
    let clips = read_spectrograms(&work.path("features")).unwrap();
    let views = read_spectrograms(&work.path("views")).unwrap();
    let row_of = |path: &str| (0..clips.n_clips()).find(|row| clips.header.clips[*row].path == path).unwrap();
    let (mut n_mixed, mut n_views) = (0, 0);
    for (row, record) in views.header.clips.iter().enumerate().filter(|(_, record)| record.view > 0) {
        n_views += 1;
        let own = row_of(&record.path);
        let Some(step) = record.steps.first() else {
            // It is brought to its level again, which rounds.
            let cells = views.clip(row).iter().zip(clips.clip(own));
            assert!(cells.map(|(view, clip)| (view - clip).abs()).fold(0.0, f32::max) < 0.1, "nothing was done to it");
            continue;
        };
        n_mixed += 1;
        let (share, path) = step.strip_prefix("mix: ").unwrap().split_once(" of ").unwrap();
        let other = row_of(path);
        assert!(share.parse::<f32>().unwrap() <= 0.5 && other != own, "{step}");
        assert_eq!((clips.label[other], clips.split[other]), (views.label[row], views.split[row]));
        assert!(views.clip(row) != clips.clip(own) && views.label[row] == clips.label[own], "{step}");
    }
    assert!(n_mixed > n_views / 5 && n_mixed < n_views * 4 / 5, "{n_mixed} of {n_views}");
    let whole = files(&work.path("views"));
    augment(&work, "manifest.csv", "views", &mix);
    assert!(whole == files(&work.path("views")), "from the cache");
    let error = work.fails(&["augment", "manifest.csv", "--out", "x", "--set", "augment.mix.share=2.0"]);
    assert!(error.contains("augment: mix.share: expected 0 to 1, got 2"), "{error}");
}

#[test]
fn views_of_equalized_clips_have_a_noise_floor_in_their_padding_too() {
    let work = work();
    let cure = ["--set", "clip.equalize.floor_db=[30.0, 30.0]", "--set", "clip.window.seconds=8.0"];
    augment(&work, "manifest.csv", "views", &[&["--augment", "off"][..], &cure].concat());
    let views = read_spectrograms(&work.path("views")).unwrap();
    let (n_mels, n_frames) = (views.n_mels, views.n_frames);
    for row in 0..views.n_clips() {
        // The last frame but one holds nothing of the sound.
        let last = (0..n_mels).map(|band| views.clip(row)[band * n_frames + n_frames - 2]).fold(f32::MIN, f32::max);
        let loudest = views.clip(row).iter().copied().fold(f32::MIN, f32::max);
        assert!(last > loudest - 60.0, "{}: {last} dB where the loudest is {loudest}", views.header.clips[row].id);
    }
}

#[test]
fn recordings_get_views_that_depend_on_the_seed_alone() {
    let work = work();
    augment(&work, "manifest.csv", "views", &["--augment", "strong", "--threads", "2"]);
    let views = check_views(&work, "views", "train");
    let steps: BTreeSet<&str> = views
        .header
        .clips
        .iter()
        .flat_map(|clip| &clip.steps)
        .map(|step| step.split([':', ' ']).next().unwrap())
        .collect();
    for step in ["speed", "time", "pitch", "shift", "room", "polarity", "gain"] {
        assert!(steps.contains(step), "{step}: {steps:?}");
    }
    let whole = files(&work.path("views"));
    augment(&work, "manifest.csv", "views", &["--augment", "strong"]);
    assert!(whole == files(&work.path("views")), "from the cache");
    augment(&work, "manifest.csv", "single", &["--augment", "strong", "--threads", "1", "--no-cache"]);
    assert!(whole == files(&work.path("single")));
    for part in ["2/2", "1/2"] {
        augment(&work, "manifest.csv", "parts", &["--augment", "strong", "--part", part]);
    }
    assert!(!work.path("parts/index.json").exists());
    augment(&work, "manifest.csv", "parts", &["--augment", "strong"]);
    assert!(whole == files(&work.path("parts")));
    augment(&work, "manifest.csv", "light", &["--no-cache"]);
    work.ok(&["augment", "manifest.csv", "--out", "seed", "--views", "2", "--seed", "8", "--no-cache"]);
    assert!(files(&work.path("light")) != files(&work.path("seed")));
    check_views(&work, "seed", "train");
}

#[test]
fn spectrograms_get_views_too() {
    let work = work();
    augment(&work, "features", "views", &["--threads", "2"]);
    check_views(&work, "views", "train");
    augment(&work, "features", "single", &["--threads", "1"]);
    assert!(files(&work.path("views")) == files(&work.path("single")));
    augment(&work, "features", "test", &["--splits", "test", "--augment", "strong"]);
    check_views(&work, "test", "test");
    let message = work.fails(&["augment", "features", "--out", "features"]);
    assert!(message.contains("features: read and written at once"), "{message}");
    assert!(work.path("features/index.json").exists());
    let message = work.fails(&["augment", "views", "--out", "again"]);
    assert!(message.contains("is a view already"), "{message}");
    let message = work.fails(&["augment", "features", "--out", "again", "--background", "sounds"]);
    assert!(message.contains("--background is for a manifest"), "{message}");
}

#[test]
fn all_views_are_trained_on_and_only_clips_are_measured() {
    let work = work();
    // Views everywhere, so that whoever does not look at `view` is found out.
    augment(&work, "manifest.csv", "views", &["--splits", "train,val,test"]);
    let n = |split: &str| {
        let clips = read_spectrograms(&work.path("features")).unwrap();
        let of_class = |row: &usize| clips.label[*row] != shard::NO_LABEL && split_of(&clips, *row) == split;
        (0..clips.n_clips()).filter(of_class).count()
    };
    let quick = ["--epochs", "1", "--set", "cnn.channels=[8, 8]"];
    let output = work.run(&[&["train", "cnn", "--features", "views", "--out", "run"], &quick[..]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let expected = format!("{} training and {} validation clips", n("train") * (1 + N_VIEWS), n("val"));
    assert!(said.contains(&expected), "expected {expected}: {said}");
    let metrics = |features: &str| {
        let out = format!("run/{features}");
        let metrics = work.ok(&["evaluate", "run", "--features", features, "--out", &out, "--json"]);
        let mut metrics = serde_json::from_str::<serde_json::Value>(&metrics).unwrap();
        metrics.as_object_mut().unwrap().remove("command").unwrap();
        metrics
    };
    let of_views = metrics("views");
    assert_eq!(of_views["n"], n("test"));
    assert_eq!(of_views, metrics("features"));
}

#[test]
fn backgrounds_are_mixed_in_and_bad_ones_left_out() {
    let work = work();
    fs::create_dir_all(work.path("noises")).unwrap();
    let noise: Vec<f32> = (0..40_000).map(|i| ((i * 37) % 101) as f32 / 500.0 - 0.1).collect();
    fs::write(work.path("noises/a.wav"), synth::to_wav_16(&noise, 16_000)).unwrap();
    fs::write(work.path("noises/b.wav"), synth::to_wav_16(&noise, 22_050)).unwrap();
    fs::write(work.path("noises/broken.wav"), b"RIFF").unwrap();
    let always = ["--set", "augment.waveform.background.share=1.0"];
    let arguments = ["augment", "manifest.csv", "--out", "views", "--views", "1", "--background", "noises"];
    let output = work.run(&[&arguments[..], &always[..]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("background left out: noises/broken.wav"), "{said}");
    let views = read_spectrograms(&work.path("views")).unwrap();
    let has_background = |clip: &shard::ClipRecord| clip.steps.iter().any(|step| step.starts_with("background "));
    assert!(views.header.clips.iter().all(|clip| has_background(clip) == (clip.view == 1)));
    assert_eq!(views.header.provenance.inputs.keys().filter(|name| name.starts_with("background")).count(), 2);
    fs::remove_file(work.path("noises/a.wav")).unwrap();
    fs::remove_file(work.path("noises/b.wav")).unwrap();
    let message = work.fails(&arguments);
    assert!(message.contains("noises: none of its recordings can be used"), "{message}");
}

#[test]
fn what_is_wrong_is_named() {
    let work = Work::new();
    work.sounds(8);
    let fails = |more: &[&str]| work.fails(&[&["augment", "manifest.csv", "--out", "views"], more].concat());
    let message = fails(&["--splits", "trian"]);
    assert!(message.contains("no split trian; the splits there are: "), "{message}");
    let message = fails(&["--set", "augment.waveform.pitch.semitones=[3.0, 1.0]"]);
    assert!(message.contains("augment.waveform: augmentation: pitch.semitones[1]: expected"), "{message}");
    let message = fails(&["--set", "augment.waveform.pich.share=1.0"]);
    assert!(message.contains("unknown field `pich`") && message.contains("pitch"), "{message}");
    fs::write(work.path("c.toml"), "[augment.waveform.room]\nshare = 2.0\n").unwrap();
    let message = fails(&["--config", "c.toml"]);
    assert!(message.contains("room.share: expected a share from 0 to 1, got 2"), "{message}");
}

#[test]
fn a_preview_is_sounds_and_one_picture() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "5"]);
    let sound = fs::read_dir(work.path("sounds/dog")).unwrap().next().unwrap().unwrap().path();
    let sound = sound.to_str().unwrap();
    let result = work.ok(&["augment", "--preview", sound, "--out", "preview", "--augment", "strong", "--json"]);
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let sounds = result["sounds"].as_array().unwrap();
    // The original, every step but the background, and all together.
    assert_eq!(sounds.len(), 17, "{result}");
    let there = files(&work.path("preview"));
    assert_eq!(there.len(), 18);
    assert!(there.iter().any(|(name, bytes)| name == "preview.png" && bytes.starts_with(b"\x89PNG\r\n\x1a\n")));
    let waves: BTreeSet<&Vec<u8>> =
        there.iter().filter(|(name, _)| name.ends_with(".wav")).map(|(_, bytes)| bytes).collect();
    // A gain alone is undone by the level that every clip is brought to.
    assert!(waves.len() >= 16 && waves.iter().all(|bytes| bytes.starts_with(b"RIFF")), "{}", waves.len());
    let again = work.run(&["augment", "--preview", "nowhere.wav", "--out", "preview"]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("nowhere.wav: cannot be read"));
}
