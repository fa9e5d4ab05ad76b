//! Runs of the tiny classifier, as several test files start them.

use super::{Tiny, tiny};
use augment::SpectrogramAugment;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use train::{Control, Data, Error, Outcome, Progress, RunHeader, Schedule, Start, TrainConfig, run};

pub(crate) fn config() -> TrainConfig {
    TrainConfig {
        epochs: 5,
        batch_size: 8,
        lr: 0.02,
        augment: SpectrogramAugment { frequency_mask_bands: 2, ..SpectrogramAugment::strong() },
        schedule: Schedule::Plateau { factor: 0.5, patience: 0 },
        ..TrainConfig::default()
    }
}

pub(crate) fn header() -> RunHeader {
    RunHeader {
        version: "0.1.0".into(),
        compute: kernels::Compute::default(),
        compute_record: serde_json::json!({"device": "cpu"}),
        front_end: serde_json::json!({"kind": "test", "n_mels": 6}),
        unit_per_db: 1.0,
    }
}

/// A run with a new model that is cancelled after `steps` steps.
pub(crate) fn start(
    data: &Data,
    config: &TrainConfig,
    out: &Path,
    start: Start,
    steps: usize,
) -> Result<Outcome, Error> {
    let (model, parameters) = tiny(2);
    run_model(&model, &parameters, data, config, out, start, steps)
}

pub(crate) fn run_model(
    model: &Tiny,
    parameters: &classifier::Parameters,
    data: &Data,
    config: &TrainConfig,
    out: &Path,
    start: Start,
    steps: usize,
) -> Result<Outcome, Error> {
    let (cancel, seen) = (AtomicBool::new(steps == 0), AtomicUsize::new(0));
    let progress = |progress: Progress| {
        if matches!(progress, Progress::Step { .. }) && seen.fetch_add(1, Ordering::Relaxed) + 1 == steps {
            cancel.store(true, Ordering::Relaxed);
        }
    };
    let control = Control { cancel: &cancel, progress: &progress };
    run(model, parameters, data, config, &header(), out, start, &control)
}

/// All that must be equal: model files whole, lines of metrics without their wall time.
pub(crate) fn outcome_of(out: &Path) -> (Vec<u8>, Vec<u8>, Vec<serde_json::Value>) {
    let read = |name: &str| fs::read(out.join(name)).unwrap();
    let lines = String::from_utf8(read("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value.as_object_mut().unwrap().remove("seconds").unwrap();
        value
    };
    (read("model.safetensors"), read("best.safetensors"), lines.lines().map(line).collect())
}
