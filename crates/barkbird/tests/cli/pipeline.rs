//! The stages, run as a person runs them.

use crate::common::{Work, files, loads_nothing};
use std::fs;

/// A small network and few epochs: these tests are about the path, not about the figures.
const QUICK: [&str; 6] = ["--epochs", "2", "--set", "cnn.channels=[8, 8, 16]", "--set", "train.batch_size=16"];

fn train(work: &Work, features: &str, run: &str) {
    let mut arguments = vec!["train", "cnn", "--features", features, "--out", run, "--seed", "5"];
    arguments.extend(QUICK);
    work.ok(&arguments);
}

#[test]
fn from_sounds_to_a_report() {
    let work = Work::new();
    work.sounds(60);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    train(&work, "features", "run");
    let metrics =
        work.ok(&["evaluate", "run", "--features", "features", "--split", "test", "--out", "run/test", "--json"]);
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    for key in ["n", "accuracy", "balanced_accuracy", "per_class", "confusion", "auroc", "ece", "intervals", "loss"] {
        assert!(!metrics[key].is_null(), "{key}: {metrics}");
    }
    let lines = fs::read_to_string(work.path("run/metrics.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for key in ["epoch", "step", "lr", "train_loss", "train_loss_eval", "val_loss", "val_accuracy", "seconds"] {
        assert!(lines[1][key].is_number(), "{key}: {}", lines[1]);
    }
    let header = "path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,truth,note";
    let predictions = fs::read_to_string(work.path("run/test/predictions.csv")).unwrap();
    assert_eq!(predictions.lines().next(), Some(header));
    assert_eq!(predictions.lines().count() as u64, metrics["n"].as_u64().unwrap() + 1);
    let csv = work.ok(&["predict", "run", "manifest.csv"]);
    assert_eq!(csv.lines().next(), Some(header));
    let json = work.ok(&["predict", "run", "sounds/dog", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["predictions"].as_array().unwrap().len() >= 10, "{json}");
    work.ok(&["report", "run", "--manifest", "manifest.csv", "--out", "report.html"]);
    let html = fs::read_to_string(work.path("report.html")).unwrap();
    assert!(html.contains("<audio") && html.contains("data:image/png;base64,"));
    assert!(loads_nothing(&html), "the page would open a connection");
}

#[test]
fn parts_threads_and_a_warm_cache_give_the_same_bytes() {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "whole", "--threads", "2"]);
    work.ok(&["features", "manifest.csv", "--out", "single", "--threads", "1", "--no-cache"]);
    for part in ["3/3", "1/3", "2/3"] {
        work.ok(&["features", "manifest.csv", "--out", "parts", "--part", part]);
    }
    assert!(!work.path("parts/index.json").exists());
    work.ok(&["features", "manifest.csv", "--out", "parts"]);
    let whole = files(&work.path("whole"));
    assert!(whole.len() >= 2);
    assert!(whole == files(&work.path("single")) && whole == files(&work.path("parts")));
    work.ok(&["features", "manifest.csv", "--out", "whole"]);
    assert!(whole == files(&work.path("whole")));
}

#[test]
fn a_changed_recording_is_computed_again() {
    let work = Work::new();
    work.sounds(20);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let before = files(&work.path("features"));
    let entries = || fs::read_dir(work.path("features/cache")).unwrap().count();
    let n = entries();
    let sounds = fs::read_dir(work.path("sounds/dog")).unwrap();
    let mut sounds: Vec<_> = sounds.map(|entry| entry.unwrap().path()).collect();
    sounds.sort();
    fs::copy(&sounds[1], &sounds[0]).unwrap();
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    assert!(before != files(&work.path("features")));
    assert_eq!(entries(), n, "the copy's spectrogram was there already");
}

#[test]
fn the_model_does_not_depend_on_threads() {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    let model = |threads: &str, run: &str| {
        let mut arguments = vec!["train", "cnn", "--features", "features", "--out", run, "--threads", threads];
        arguments.extend(QUICK);
        work.ok(&arguments);
        fs::read(work.path(run).join("model.safetensors")).unwrap()
    };
    assert!(model("1", "one") == model("2", "two"));
}

#[test]
fn a_picture_is_a_png() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "5"]);
    let sound = fs::read_dir(work.path("sounds/dog")).unwrap().next().unwrap().unwrap().path();
    for front_end in ["log-mel", "yamnet", "ast"] {
        let picture = ["--picture", sound.to_str().unwrap(), "--out", "bark.png", "--front-end", front_end];
        work.ok(&[&["features"], &picture[..]].concat());
        assert!(fs::read(work.path("bark.png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"), "{front_end}");
        fs::remove_file(work.path("bark.png")).unwrap();
    }
}

#[test]
fn the_front_ends_of_models_bring_their_rate() {
    let work = Work::new();
    work.sounds(5);
    for (front_end, n_mels) in [("yamnet", 64), ("ast", 128)] {
        work.ok(&["features", "manifest.csv", "--out", front_end, "--front-end", front_end]);
        let index = fs::read(work.path(front_end).join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
        for part in ["clip", "spectrogram"] {
            assert_eq!(index["front_end"][part]["sample_rate_hz"], 16_000, "{front_end}: {part}");
        }
        assert_eq!(index["front_end"]["spectrogram"]["kind"]["mel"]["n_mels"], n_mels);
        work.ok(&["features", "manifest.csv", "--out", "like", "--like", front_end, "--no-cache"]);
        assert!(files(&work.path("like")) == files(&work.path(front_end)), "{front_end}");
        fs::remove_dir_all(work.path("like")).unwrap();
    }
}

#[test]
fn absolute_paths_stay_out_of_the_shards() {
    let work = Work::new();
    work.sounds(8);
    let sounds = work.path("sounds").canonicalize().unwrap();
    let manifest = fs::read_to_string(work.path("sounds/manifest.csv")).unwrap();
    let mut lines = manifest.lines();
    let mut absolute = format!("{}\n", lines.next().unwrap());
    lines.for_each(|line| absolute.push_str(&format!("{}/{line}\n", sounds.display())));
    fs::write(work.path("absolute.csv"), absolute).unwrap();
    work.ok(&["features", "absolute.csv", "--out", "features"]);
    let shard = fs::read(work.path("features/shard-00000.safetensors")).unwrap();
    let text = String::from_utf8_lossy(&shard).into_owned();
    assert!(text.contains("sounds/dog/dog-0001.wav") && !text.contains(&*sounds.to_string_lossy()));
}

#[test]
fn equalized_features_say_so_and_prediction_does_the_same() {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features", "--equalize", "band,level,length"]);
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(work.path("features/index.json")).unwrap()).unwrap();
    let clip = &index["front_end"]["clip"];
    assert_eq!(
        (&clip["equalize"]["floor_db"], &clip["window"]["placement"]),
        (&serde_json::json!([45.0, 25.0]), &"loudest".into())
    );
    train(&work, "features", "run");
    work.ok(&["features", "manifest.csv", "--out", "like", "--like", "run"]);
    assert!(files(&work.path("like")) == files(&work.path("features")));
    let csv = work.ok(&["predict", "run", "sounds/dog"]);
    assert!(csv.lines().count() > 10, "{csv}");
}

/// What a model trained on clips as they are makes of clips of one band and one floor is asked for by name alone.
#[test]
fn a_model_is_measured_on_clips_of_one_recorder() {
    let work = Work::new();
    work.sounds(20);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    train(&work, "features", "run");
    work.ok(&["features", "manifest.csv", "--like", "run", "--equalize", "band", "--out", "same"]);
    let ask = ["evaluate", "run", "--features", "same", "--split", "test", "--out", "out"];
    assert!(work.fails(&ask).contains("clip.equalize"));
    work.ok(&[&ask[..], &["--equalized"]].concat());
    let metrics: serde_json::Value = serde_json::from_slice(&fs::read(work.path("out/metrics.json")).unwrap()).unwrap();
    assert!(metrics["warnings"].to_string().contains("equalized clips"), "{metrics}");
    let ask = ["evaluate", "run", "--features", "features", "--split", "test", "--out", "out", "--equalized"];
    assert!(work.fails(&ask).contains("clips as they are"));
    let error = work.fails(&["features", "manifest.csv", "--like", "run", "--equalize", "length", "--out", "other"]);
    assert!(error.contains("only band"), "{error}");
}

#[test]
fn each_source_becomes_a_fold() {
    let work = Work::new();
    work.ok(&["synth", "--out", "sounds", "--clips", "20", "--seed", "3"]);
    let mut csv = "path,label,group,recordist\n".to_owned();
    for (i, recordist) in ["ann", "bob", "ann", "cid"].into_iter().enumerate() {
        csv.push_str(&format!("sounds/dog/dog-000{0}.wav,dog,g{0},{recordist}\n", i + 1));
        csv.push_str(&format!("sounds/bird/bird-000{0}.wav,bird,b{0},{recordist}\n", i + 1));
    }
    fs::write(work.path("sources.csv"), csv).unwrap();
    let scan = work.ok(&["scan", "sources.csv", "--out", "m.csv", "--leave-out", "recordist", "--json"]);
    let scan: serde_json::Value = serde_json::from_str(&scan).unwrap();
    assert_eq!(scan["fold_values"], serde_json::json!(["ann", "bob", "cid"]));
    assert_eq!(scan["counts"]["dog"], serde_json::json!({"fold-0": [2, 2], "fold-1": [1, 1], "fold-2": [1, 1]}));
    assert!(work.fails(&["scan", "sources.csv", "--out", "m.csv", "--leave-out", "place"]).contains("recordist"));
}
