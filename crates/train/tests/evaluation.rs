//! Evaluation of a trained model: figures, unknown sounds, files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use candle_core::Device;
use classifier::{ModelFile, ModelHeader};
use common::{clips, tiny};
use std::fs;
use std::sync::atomic::AtomicBool;
use train::{
    Control, Data, EvaluateOptions, Evaluation, Metrics, RunHeader, Start, Thresholds, TrainConfig, evaluate, run,
};

/// Trains on data with this much noise and evaluates on one split of it.
fn evaluated(noise: f32, split: &str, options: EvaluateOptions) -> Result<(Evaluation, ModelHeader), train::Error> {
    let (model, parameters) = tiny(2);
    let data = Data::from_spectrograms(clips(60, 30, 60, noise), "train", "val").unwrap();
    let config = TrainConfig { epochs: 8, lr: 0.02, ..TrainConfig::default() };
    let front_end = data.spectrograms.header.front_end.clone();
    let header = RunHeader { version: "0".into(), compute: serde_json::json!({}), front_end, unit_per_db: 1.0 };
    let out = tempfile::tempdir().unwrap();
    let control = Control { cancel: &AtomicBool::new(false), progress: &|_| {} };
    run(&model, &parameters, &data, &config, &header, out.path(), Start::Fresh, &control).unwrap();
    let path = out.path().join("model.safetensors");
    let file = ModelFile::from_bytes(&fs::read(&path).unwrap(), &path).unwrap();
    // A new model, filled from the file alone.
    let (model, parameters) = tiny(2);
    file.load_into(&parameters, &path).unwrap();
    let evaluation = evaluate(&model, &Device::Cpu, &file.header, &data.spectrograms, split, options)?;
    Ok((evaluation, file.header))
}

#[test]
fn figures_agree_with_the_predictions() {
    let (evaluation, header) = evaluated(60.0, "test", EvaluateOptions::default()).unwrap();
    let metrics = &evaluation.metrics;
    assert_eq!(
        (metrics.n, metrics.n_unknowns, metrics.classes.as_slice()),
        (60, 1, ["bird".to_owned(), "dog".into()].as_slice())
    );
    assert!(header.calibration.is_some());
    let total: u64 = metrics.confusion.iter().flatten().sum();
    assert_eq!(total, 60);
    let right = evaluation
        .predictions
        .iter()
        .filter(|p| p.truth.as_deref() == Some(p.label(&header.classes, Thresholds::default()).0));
    assert_eq!(metrics.accuracy, Some(right.count() as f64 / 60.0));
    assert!(metrics.accuracy.unwrap() < 1.0, "the test needs some errors");
    let recalls = metrics.per_class.values().map(|class| class.recall.unwrap());
    assert!((metrics.balanced_accuracy.unwrap() - recalls.sum::<f64>() / 2.0).abs() < 1e-12);
    for (name, [low, high]) in &metrics.intervals {
        assert!(low < high && (0.0..=1.0).contains(low) && *high <= 1.0, "{name}: {low} {high}");
    }
    let within = |name: &str, value: f64| {
        let [low, high] = metrics.intervals[name];
        assert!(low <= value && value <= high, "{name}: {value} in {low} {high}");
    };
    within("accuracy", metrics.accuracy.unwrap());
    within("auroc", metrics.auroc.unwrap());
    within("recall_dog", metrics.per_class["dog"].recall.unwrap());
    assert_eq!(metrics.per_class["dog"].auroc, metrics.auroc);
}

#[test]
fn files_hold_what_was_measured() {
    let options = EvaluateOptions { unsure_below: 0.9, ..EvaluateOptions::default() };
    let (evaluation, _) = evaluated(60.0, "test", options).unwrap();
    let out = tempfile::tempdir().unwrap();
    evaluation.write(&out.path().join("deep/er")).unwrap();
    let read = |name: &str| fs::read_to_string(out.path().join("deep/er").join(name)).unwrap();
    assert_eq!(serde_json::from_str::<Metrics>(&read("metrics.json")).unwrap(), evaluation.metrics);
    let text = read("predictions.csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "path,start,end,label,probability,outlier_p,p_bird,p_dog,truth");
    assert_eq!(lines.len(), 1 + 61);
    assert!(lines[1..].iter().any(|line| line.contains(",unsure,")));
    assert!(lines[61].ends_with(',')); // the clip without a label
}

#[test]
fn perfect_predictions_still_have_an_interval() {
    let (evaluation, _) = evaluated(1.0, "test", EvaluateOptions::default()).unwrap();
    let metrics = evaluation.metrics;
    assert_eq!((metrics.accuracy, metrics.auroc), (Some(1.0), Some(1.0)));
    let [low, high] = metrics.intervals["accuracy"];
    assert!(high == 1.0 && (low - 0.025_f64.powf(1.0 / metrics.n_groups as f64)).abs() < 1e-12);
    assert!(metrics.interval_method["accuracy"].starts_with("exact"));
}

#[test]
fn unknowns_alone_have_predictions_and_no_figure() {
    let (evaluation, _) = evaluated(1.0, "ood-test", EvaluateOptions::default()).unwrap();
    assert_eq!((evaluation.metrics.n, evaluation.metrics.n_unknowns, evaluation.metrics.accuracy), (0, 2, None));
    let truths: Vec<_> = evaluation.predictions.iter().map(|p| p.truth.as_deref()).collect();
    assert_eq!(truths, [Some("cat"), Some("neither")]);
    let text = serde_json::to_string(&evaluation.metrics).unwrap();
    assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), evaluation.metrics);
}

#[test]
fn what_does_not_fit_is_named() {
    let message = evaluated(1.0, "field", EvaluateOptions::default()).unwrap_err().to_string();
    assert_eq!(message, "no clip of split field; the splits there are: train, val, test, ood-test");
    let (_, header) = evaluated(1.0, "test", EvaluateOptions::default()).unwrap();
    let mut other = clips(60, 30, 60, 1.0);
    other.header.front_end["n_mels"] = 64.into();
    let (model, _) = tiny(2);
    let options = EvaluateOptions::default();
    let message = evaluate(&model, &Device::Cpu, &header, &other.into(), "test", options).unwrap_err().to_string();
    assert!(message.contains("n_mels: the model has 6, the spectrograms have 64"), "{message}");
}
