//! Models side by side.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use detections::read_csv;
use pipeline::compare::{Options, run};
use pipeline::{Job, features, one_line, scan, strategy::ModelKind, synth, train};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The share of each class's recordings of `predictions.csv` that are called by it, and the mean of these.
fn balanced_accuracy(table: &Path) -> f64 {
    let mut of_class: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    // Made sounds have one window each.
    for row in read_csv(&fs::read(table).unwrap()[..]).unwrap().rows {
        let truth = Some(row.truth).filter(|truth| truth != "neither");
        let Some(truth) = truth else { continue };
        let (hits, all) = of_class.entry(truth.clone()).or_default();
        *hits += f64::from(u8::from(row.label == truth));
        *all += 1.0;
    }
    of_class.values().map(|(hits, all)| hits / all).sum::<f64>() / of_class.len() as f64
}

#[test]
fn models_are_measured_on_the_same_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let job = Job::default();
    let sounds = synth::run(&synth::Options { out: path("sounds"), clips: 160 }, &job).unwrap().manifest;
    scan::run(&scan::Options::new(&sounds, path("manifest.csv")), &job).unwrap();
    features::run(&features::Options::new(path("manifest.csv"), path("features")), &job).unwrap();
    let train = |features: &str, out: &str, channels: &str, epochs: &str, lr: &str| {
        let mut options = train::Options::new(ModelKind::Cnn, path(features), path(out));
        let set = [("cnn.channels", channels), ("train.epochs", epochs), ("train.batch_size", "16"), ("train.lr", lr)];
        options.config.set = set.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        train::run(&options, &job).unwrap();
    };
    train("features", "strong", "[16, 16, 32]", "20", "0.003");
    train("features", "weak", "[4, 4, 4]", "1", "1e-7");
    let models = |all: &[&[&str]]| -> Vec<Vec<PathBuf>> {
        all.iter().map(|runs| runs.iter().map(|run| path(run)).collect()).collect()
    };
    let options = Options {
        models: models(&[&["weak"], &["strong"], &["strong", "weak"]]),
        manifests: vec![path("manifest.csv")],
        // Test clips alone are few.
        split: "train,val,test".into(),
        stress: false,
        out: path("comparison"),
    };
    let outcome = run(&options, &job).unwrap();
    let names: Vec<&str> = outcome.models.iter().map(|model| model.name.as_str()).collect();
    assert!(names[0].starts_with("weak") && outcome.models[2].runs.len() == 2, "{names:?}");
    let weak = balanced_accuracy(&path("comparison/models").join(names[0]).join("predictions.csv"));
    let strong = balanced_accuracy(&path("comparison/models").join(names[1]).join("predictions.csv"));
    assert!(strong > weak + 0.1, "{strong} {weak}");
    let close = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} {expected}");
    close(outcome.models[0].balanced_accuracy, weak);
    close(outcome.models[1].balanced_accuracy, strong);
    close(outcome.models[2].balanced_accuracy, (strong + weak) / 2.0);
    assert_eq!(outcome.best, names[1]);
    let of_weak = &outcome.differences[0];
    close(of_weak.below_best, strong - weak);
    assert!(!of_weak.is_level && of_weak.interval[0] > 0.0 && of_weak.interval[1] > of_weak.below_best, "{of_weak:?}");
    assert_eq!(outcome.smallest, names[1], "{:?}", outcome.sentences);
    assert!(outcome.sentences[0].starts_with(names[1]) && outcome.sentences[1].contains("is below"));
    assert!(outcome.models.iter().all(|model| model.cost.bytes > 0 && model.cost.recordings_per_s > 0.0));
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path("comparison/compare.json")).unwrap()).unwrap();
    assert_eq!(json["n"].as_u64().unwrap() as usize, outcome.n);
    assert!(fs::read_to_string(path("comparison/compare.svg")).unwrap().contains("as recorded"));

    // Two that answer alike cannot be distinguished.
    fs::create_dir(path("copy")).unwrap();
    fs::copy(path("strong/model.safetensors"), path("copy/model.safetensors")).unwrap();
    let alike = Options { models: models(&[&["strong"], &["copy"]]), out: path("alike"), ..options.clone() };
    let outcome = run(&alike, &job).unwrap();
    assert!(outcome.differences[0].is_level && outcome.differences[0].interval == [0.0, 0.0]);

    let one = Options { models: models(&[&["strong"]]), ..options.clone() };
    assert!(one_line(&run(&one, &job).unwrap_err()).contains("expected two models"));
    let table = fs::read_to_string(path("manifest.csv")).unwrap().replace(",dog,", ",hound,");
    fs::write(path("other.csv"), table).unwrap();
    features::run(&features::Options::new(path("other.csv"), path("features-other")), &job).unwrap();
    train("features-other", "other", "[4, 4, 4]", "1", "1e-7");
    let other = Options { models: models(&[&["strong"], &["other"]]), ..options };
    let error = one_line(&run(&other, &job).unwrap_err());
    assert!(error.contains("bird, hound") && error.contains("same classes"), "{error}");
}
