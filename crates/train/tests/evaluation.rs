//! Evaluation of a trained model: metrics and unknown sounds.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use candle_core::Device;
use classifier::{ModelFile, ModelHeader, largest};
use common::{clips, tiny};
use kernels::Compute;
use std::fs;
use std::sync::atomic::AtomicBool;
use train::{Control, Data, EvaluateOptions, Evaluation, Metrics, RunHeader, Start, TrainConfig, evaluate, run};

/// Trains on data with this much noise and evaluates on one split of it.
fn evaluated(noise: f32, split: &str, options: EvaluateOptions) -> Result<(Evaluation, ModelHeader), train::Error> {
    let (model, parameters) = tiny(2);
    let data = Data::from_spectrograms(clips(60, 30, 60, noise), "train", "val").unwrap();
    let config = TrainConfig { epochs: 8, lr: 0.02, ..TrainConfig::default() };
    let front_end = data.spectrograms.header.front_end.clone();
    let header = RunHeader {
        version: "0".into(),
        compute: Compute::default(),
        compute_record: serde_json::json!({}),
        front_end,
        unit_per_db: 1.0,
    };
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
fn metrics_agree_with_the_outputs() {
    let (evaluation, header) = evaluated(60.0, "test", EvaluateOptions::default()).unwrap();
    let metrics = &evaluation.metrics;
    assert_eq!(
        (metrics.n, metrics.n_unknowns, metrics.classes.as_slice()),
        (60, 1, ["bird".to_owned(), "dog".into()].as_slice())
    );
    assert!(header.calibration.is_some());
    let total: u64 = metrics.confusion.iter().flatten().sum();
    assert_eq!(total, 60);
    let predicted = |i: usize| header.classes[largest(evaluation.rows.probability(i))].as_str();
    let right = evaluation.truth.iter().enumerate().filter(|(i, truth)| truth.as_deref() == Some(predicted(*i)));
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
fn outputs_are_in_the_order_of_the_clips() {
    let (evaluation, _) = evaluated(60.0, "test", EvaluateOptions::default()).unwrap();
    let n = evaluation.rows.n_clips();
    assert_eq!((n, evaluation.clips.len(), evaluation.truth.len()), (61, 61, 61));
    assert!(evaluation.clips.is_sorted());
    assert_eq!(evaluation.truth[60], None); // the clip without a label
    let text = serde_json::to_string(&evaluation.metrics).unwrap();
    assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), evaluation.metrics);
    let batched = EvaluateOptions { batch_size: 7, ..EvaluateOptions::default() };
    assert_eq!(evaluated(60.0, "test", batched).unwrap().0.rows, evaluation.rows);
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
fn unknowns_alone_have_outputs_and_no_metric() {
    let (evaluation, _) = evaluated(1.0, "ood-test", EvaluateOptions::default()).unwrap();
    assert_eq!((evaluation.metrics.n, evaluation.metrics.n_unknowns, evaluation.metrics.accuracy), (0, 2, None));
    let truths: Vec<_> = evaluation.truth.iter().map(Option::as_deref).collect();
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
