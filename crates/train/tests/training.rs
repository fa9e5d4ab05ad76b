//! Runs of a tiny classifier: learning, resumption to the byte, determinism, and what stops a run.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::runs::{config, header, outcome_of, run_model, start};
use common::{clips, tiny};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use train::{Control, Data, Error, Monitor, RunHeader, Schedule, Start, TrainConfig, run};

fn data(noise: f32) -> Data {
    Data::from_spectrograms(clips(41, 18, 0, noise), "train", "val").unwrap()
}

#[test]
fn separable_data_is_learned() {
    let out = tempfile::tempdir().unwrap();
    let config = TrainConfig { epochs: 30, schedule: Schedule::Cosine, ..config() };
    let outcome = start(&data(3.0), &config, out.path(), Start::Fresh, usize::MAX).unwrap();
    assert_eq!(outcome.best.val_accuracy, Some(1.0));
    assert_eq!(outcome.best.val_balanced_accuracy, Some(1.0));
    assert!(outcome.best.val_loss.unwrap() < 0.2 && outcome.best.train_loss_eval < 0.2, "{outcome:?}");
    let lines = outcome_of(out.path()).2;
    let numbers: Vec<u64> = lines.iter().map(|line| line["epoch"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=outcome.epochs as u64).collect::<Vec<_>>());
    assert_eq!(lines[0]["step"], 6); // 41 clips in batches of at most 8
}

#[test]
fn a_run_that_is_cut_anywhere_ends_as_an_unbroken_one() {
    // So high a rate that some epochs are worse than the one before: best and last differ, and the schedule drops.
    let (data, config) = (data(25.0), TrainConfig { lr: 0.5, ..config() });
    let whole = tempfile::tempdir().unwrap();
    let outcome = start(&data, &config, whole.path(), Start::Fresh, usize::MAX).unwrap();
    assert_eq!(outcome.epochs, 5);
    let expected = outcome_of(whole.path());
    assert!(expected.2.iter().any(|line| line["lr"] != expected.2[0]["lr"]), "the schedule never dropped");
    // 6 steps an epoch: before the first, within one, at its end, within others.
    for steps in [0, 1, 5, 6, 7, 12, 17, 18, 23, 24, 29] {
        let out = tempfile::tempdir().unwrap();
        let error = start(&data, &config, out.path(), Start::Fresh, steps).unwrap_err();
        assert!(
            matches!(error, Error::Cancelled { epochs_kept, .. } if epochs_kept == steps.saturating_sub(1) / 6),
            "{steps}: {error}"
        );
        assert!(!out.path().join("model.safetensors").exists());
        let resumed = start(&data, &config, out.path(), Start::Resume, usize::MAX).unwrap();
        assert_eq!(outcome_of(out.path()), expected, "cut after {steps} steps");
        assert_eq!(resumed.best_epoch, outcome.best_epoch);
    }
}

#[test]
fn a_run_that_is_cut_at_every_epoch_ends_as_an_unbroken_one() {
    let (data, config) = (data(25.0), TrainConfig { monitor: Monitor::ValBalancedAccuracy, ..config() });
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    start(&data, &config, whole.path(), Start::Fresh, usize::MAX).unwrap();
    for _ in 0..5 {
        let _ = start(&data, &config, cut.path(), Start::Resume, 9); // one epoch and a half at a time
    }
    start(&data, &config, cut.path(), Start::Resume, usize::MAX).unwrap();
    assert_eq!(outcome_of(cut.path()), outcome_of(whole.path()));
}

#[test]
fn averaged_weights_survive_a_cut_and_are_what_is_kept() {
    let config = TrainConfig { average: 0.9, micro_batch: 3, ..config() };
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    start(&data(25.0), &config, whole.path(), Start::Fresh, usize::MAX).unwrap();
    for steps in [7, 4, 13] {
        let _ = start(&data(25.0), &config, cut.path(), Start::Resume, steps);
    }
    start(&data(25.0), &config, cut.path(), Start::Resume, usize::MAX).unwrap();
    assert_eq!(outcome_of(cut.path()), outcome_of(whole.path()));
    let last = fs::read(whole.path().join("last.safetensors")).unwrap();
    let last = train::Checkpoint::from_bytes(&last, Path::new("last")).unwrap();
    let (weights, average) = (&last.weights["head.weight"], &last.average.as_ref().unwrap()["head.weight"]);
    assert_ne!(weights.to_vec2::<f32>().unwrap(), average.to_vec2::<f32>().unwrap());
    // The buffer is the last one: it belongs to no step.
    let mean =
        |all: &std::collections::BTreeMap<String, candle_core::Tensor>| all["running_mean"].to_vec1::<f32>().unwrap();
    assert_eq!(mean(&last.weights), mean(last.average.as_ref().unwrap()));
}

/// Without batch norm and dropout, parts of a batch add up to the batch.
#[test]
fn parts_of_a_batch_add_up() {
    let first_loss = |micro_batch| {
        let out = tempfile::tempdir().unwrap();
        let config = TrainConfig { epochs: 3, micro_batch, ..config() };
        let mut parameters = classifier::Parameters::seeded(11, &candle_core::Device::Cpu);
        let model = common::Linear::new(2, &mut parameters);
        let control = Control { cancel: &AtomicBool::new(false), progress: &|_| {} };
        let data = data(25.0);
        run(&model, &parameters, &data, &config, &header(), out.path(), Start::Fresh, &control).unwrap();
        let weight = parameters.state().unwrap()["weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let frozen = parameters.snapshot().unwrap()["frozen"].to_vec1::<f32>().unwrap();
        (weight, frozen)
    };
    let (whole, frozen) = first_loss(0);
    for micro_batch in [2, 3, 5, 100] {
        let (parts, still_frozen) = first_loss(micro_batch);
        assert_eq!(frozen, still_frozen);
        for (part, whole) in parts.iter().zip(&whole) {
            assert!((part - whole).abs() < 1e-4 * (1.0 + whole.abs()), "{micro_batch}: {part} {whole}");
        }
    }
    assert_eq!(frozen, common::FROZEN);
}

/// Not a test: what [`killed_by_the_system_it_ends_as_an_unbroken_one`] starts as a process of its own and kills.
#[test]
#[ignore = "started by another test"]
fn run_to_be_killed() {
    let Some(out) = std::env::var_os("BARKBIRD_TEST_RUN") else { return };
    start(&data(25.0), &long_config(), Path::new(&out), Start::Resume, usize::MAX).unwrap();
}

fn long_config() -> TrainConfig {
    TrainConfig { epochs: 40, patience: 0, ..config() }
}

#[test]
fn killed_by_the_system_it_ends_as_an_unbroken_one() {
    let whole = tempfile::tempdir().unwrap();
    start(&data(25.0), &long_config(), whole.path(), Start::Fresh, usize::MAX).unwrap();
    let killed = tempfile::tempdir().unwrap();
    let mut n_killed = 0;
    for moment_ms in [1, 7, 13, 29, 31, 47, 53, 71, 97, 101] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "run_to_be_killed", "--ignored"])
            .env("BARKBIRD_TEST_RUN", killed.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment_ms));
        child.kill().unwrap(); // SIGKILL
        n_killed += u32::from(!child.wait().unwrap().success());
    }
    assert!(n_killed > 0, "every child ended before it was killed");
    start(&data(25.0), &long_config(), killed.path(), Start::Resume, usize::MAX).unwrap();
    assert_eq!(outcome_of(killed.path()), outcome_of(whole.path()), "{n_killed} of 10 were killed in time");
}

/// A kill between any two writes leaves some of the files a step behind the checkpoint; each combination is made here.
#[test]
fn files_that_lag_behind_the_checkpoint_are_made_again() {
    let (data, config) = (data(25.0), config());
    let whole = tempfile::tempdir().unwrap();
    start(&data, &config, whole.path(), Start::Fresh, usize::MAX).unwrap();
    let expected = outcome_of(whole.path());
    for missing in ["metrics.jsonl", "best.safetensors", "model.safetensors"] {
        fs::remove_file(whole.path().join(missing)).unwrap();
        let outcome = start(&data, &config, whole.path(), Start::Resume, usize::MAX).unwrap();
        assert_eq!(outcome.was_finished, missing != "model.safetensors");
        assert_eq!(outcome_of(whole.path()), expected);
    }
    fs::write(whole.path().join("metrics.jsonl"), b"{\"epoch\": 1, \"ste").unwrap();
    fs::write(whole.path().join(".barkbird-0-0.tmp"), b"half").unwrap();
    start(&data, &config, whole.path(), Start::Resume, usize::MAX).unwrap();
    assert_eq!(outcome_of(whole.path()), expected);
    fs::remove_file(whole.path().join("last.safetensors")).unwrap();
    let error = start(&data, &config, whole.path(), Start::Resume, usize::MAX).unwrap_err();
    assert!(error.to_string().contains("last.safetensors: missing, beside "), "{error}");
    assert_eq!(outcome_of(whole.path()), expected);
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let (data, config) = (data(25.0), config());
    let with = |threads| {
        let out = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| start(&data, &config, out.path(), Start::Fresh, usize::MAX)).unwrap();
        outcome_of(out.path())
    };
    let one = with(1);
    assert_eq!(with(2), one);
    assert_eq!(with(3), one);
}

#[test]
fn another_seed_is_another_run() {
    let data = data(25.0);
    let with = |seed| {
        let out = tempfile::tempdir().unwrap();
        start(&data, &TrainConfig { seed, ..config() }, out.path(), Start::Fresh, usize::MAX).unwrap();
        outcome_of(out.path()).2
    };
    assert_ne!(with(0), with(1));
}

#[test]
fn a_folder_with_a_run_is_not_touched() {
    let (data, config) = (data(3.0), config());
    let out = tempfile::tempdir().unwrap();
    start(&data, &config, out.path(), Start::Fresh, usize::MAX).unwrap();
    let before = outcome_of(out.path());
    let message = start(&data, &config, out.path(), Start::Fresh, usize::MAX).unwrap_err().to_string();
    assert!(message.contains("--resume") && message.contains("--overwrite"), "{message}");

    let finished = start(&data, &config, out.path(), Start::Resume, usize::MAX).unwrap();
    assert!(finished.was_finished && finished.warnings.iter().any(|w| w.contains("had finished already")));

    let other = TrainConfig { lr: 0.5, ..config.clone() };
    let message = start(&data, &other, out.path(), Start::Resume, usize::MAX).unwrap_err().to_string();
    assert!(message.contains("lr: then 0.02, now 0.5"), "{message}");
    let changed = Data::from_spectrograms(clips(41, 18, 0, 3.5), "train", "val").unwrap();
    let message = start(&changed, &config, out.path(), Start::Resume, usize::MAX).unwrap_err().to_string();
    assert!(message.contains("the clips, their labels or their split"), "{message}");
    assert_eq!(outcome_of(out.path()), before);

    start(&data, &other, out.path(), Start::Overwrite, usize::MAX).unwrap();
    assert_ne!(outcome_of(out.path()), before);
}

#[test]
fn a_run_that_goes_on_elsewhere_says_so() {
    let out = tempfile::tempdir().unwrap();
    start(&data(1.0), &config(), out.path(), Start::Fresh, 12).unwrap_err();
    let (model, parameters) = tiny(2);
    let control = Control { cancel: &AtomicBool::new(false), progress: &|_| {} };
    let elsewhere = RunHeader { compute_record: serde_json::json!({"device": "metal"}), ..header() };
    let outcome =
        run(&model, &parameters, &data(1.0), &config(), &elsewhere, out.path(), Start::Resume, &control).unwrap();
    let warned = outcome.warnings.iter().any(|w| w.contains("began with") && w.contains("metal"));
    assert!(warned, "{:?}", outcome.warnings);
    let path = out.path().join("model.safetensors");
    let file = classifier::ModelFile::from_bytes(&fs::read(&path).unwrap(), &path).unwrap();
    assert_eq!(file.header.training["compute"]["device"], "metal");
}

#[test]
fn early_stopping_keeps_the_best_epoch() {
    let out = tempfile::tempdir().unwrap();
    // Far too high a rate: validation gets no better for long.
    let config = TrainConfig { epochs: 60, lr: 1.0, patience: 2, schedule: Schedule::Constant, ..config() };
    let outcome = start(&data(25.0), &config, out.path(), Start::Fresh, usize::MAX).unwrap();
    assert!(outcome.stopped_early && outcome.epochs == outcome.best_epoch + 2, "{outcome:?}");
    let lines = outcome_of(out.path()).2;
    let losses: Vec<f64> = lines.iter().map(|line| line["val_loss"].as_f64().unwrap()).collect();
    let smallest = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(losses[outcome.best_epoch - 1], smallest);
}

#[test]
fn without_validation_the_last_epoch_is_the_best() {
    let data = Data::from_spectrograms(clips(41, 0, 0, 25.0), "train", "val").unwrap();
    let out = tempfile::tempdir().unwrap();
    let outcome = start(&data, &config(), out.path(), Start::Fresh, usize::MAX).unwrap();
    assert_eq!((outcome.best_epoch, outcome.best.val_loss), (5, None));
    assert!(outcome.warnings[0].starts_with("no validation clip"));
    let path = out.path().join("model.safetensors");
    let file = classifier::ModelFile::from_bytes(&fs::read(&path).unwrap(), &path).unwrap();
    assert_eq!(file.header.calibration, None);
}

#[test]
fn values_that_are_no_numbers_stop_the_run_with_its_checkpoint_kept() {
    let mut bad = clips(41, 18, 0, 3.0);
    bad.mel[7] = f32::NAN;
    let data = Data::from_spectrograms(bad, "train", "val").unwrap();
    let out = tempfile::tempdir().unwrap();
    let message = start(&data, &config(), out.path(), Start::Fresh, usize::MAX).unwrap_err().to_string();
    assert!(message.starts_with("epoch 1, step 1: the loss is NaN; the clips were clip-"), "{message}");

    // A run that is good for an epoch, then meets a model that is not.
    let out = tempfile::tempdir().unwrap();
    let good = self::data(3.0);
    start(&good, &config(), out.path(), Start::Fresh, 7).unwrap_err();
    let kept = fs::read(out.path().join("last.safetensors")).unwrap();
    let (model, parameters) = tiny(2);
    let (cancel, header) = (AtomicBool::new(false), header());
    let poison = |_| {
        let (_, bias) = parameters.trained().nth(1).unwrap();
        bias.set(&(bias.as_tensor() * f64::NAN).unwrap()).unwrap();
    };
    let control = Control { cancel: &cancel, progress: &poison };
    let result = run(&model, &parameters, &good, &config(), &header, out.path(), Start::Resume, &control);
    let message = result.unwrap_err().to_string();
    assert!(message.starts_with("epoch 2, step 8: the loss is NaN"), "{message}");
    assert_eq!(fs::read(out.path().join("last.safetensors")).unwrap(), kept);
}

#[test]
fn a_learning_rate_far_too_high_is_a_warning() {
    let diverged = |lr| {
        let out = tempfile::tempdir().unwrap();
        let config = TrainConfig { lr, clip_norm: 0.0, schedule: Schedule::Constant, ..config() };
        let outcome = start(&data(25.0), &config, out.path(), Start::Fresh, usize::MAX).unwrap();
        outcome.warnings.iter().any(|warning| warning.starts_with("training diverged") && warning.contains("lr"))
    };
    assert!(diverged(1000.0) && !diverged(0.02));
    for lr in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        let message = TrainConfig { lr, ..config() }.validate().unwrap_err().to_string();
        assert!(message.starts_with("configuration: lr: expected a number above 0"), "{message}");
    }
}

#[test]
fn a_model_of_another_size_is_refused() {
    let (model, parameters) = tiny(3);
    let out = tempfile::tempdir().unwrap();
    let error = run_model(&model, &parameters, &data(3.0), &config(), out.path(), Start::Fresh, 9).unwrap_err();
    assert_eq!(error.to_string(), "classes of the training clips: expected 3, as the model has, got 2");
}
