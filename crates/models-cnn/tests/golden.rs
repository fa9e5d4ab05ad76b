//! Outputs, gradients and running statistics against PyTorch's; `scripts/golden-cnn.sh` makes the values.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use candle_core::{Device, Tensor};
use classifier::{Classifier, Mode, Parameters};
use models_cnn::{Cnn, CnnConfig, Downsample, MapPooling};
use std::collections::HashMap;
use std::path::Path;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden/cnn.safetensors");

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Equal within `tolerance` of the largest value.
fn assert_close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(got.elem_count(), expected.elem_count(), "{what}");
    let (got, expected) = (values(got), values(expected));
    let largest = expected.iter().fold(1e-3f32, |largest, v| largest.max(v.abs()));
    for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert!((got - expected).abs() <= tolerance * largest, "{what}[{i}]: got {got}, expected {expected}");
    }
}

fn check(case: &str, channels: &[usize], residual: bool, pooling: MapPooling) {
    check_with(case, channels, residual, pooling, Downsample::MaxPool);
}

fn check_with(case: &str, channels: &[usize], residual: bool, pooling: MapPooling, downsample: Downsample) {
    let all = candle_core::safetensors::load(FILE, &Device::Cpu).unwrap();
    let get = |part: &str, name: &str| &all[&format!("{case}/{part}/{name}")];
    let config = CnnConfig { channels: channels.to_vec(), downsample, residual, dropout: 0.0, pooling };
    let mut parameters = Parameters::seeded(1, &Device::Cpu);
    let cnn = Cnn::new(&config, 3, &mut parameters).unwrap();
    let prefix = format!("{case}/parameter/");
    let given: HashMap<String, Tensor> =
        all.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), value.clone()))).collect();
    parameters.restore(&given, Path::new(FILE)).unwrap();

    let output = cnn.forward(get("input", "mel"), Mode::Train { seed: 1 }).unwrap();
    assert_close(&format!("{case}: embedding"), &output.embedding, get("output", "embedding"), 2e-5);
    assert_close(&format!("{case}: logits"), &output.logits, get("output", "logits"), 2e-5);
    let label = get("input", "label").to_dtype(candle_core::DType::U32).unwrap();
    let loss = candle_nn::loss::cross_entropy(&output.logits, &label).unwrap();
    assert_close(&format!("{case}: loss"), &loss, get("output", "loss"), 2e-5);
    let gradients = loss.backward().unwrap();
    for (name, var) in parameters.trained() {
        assert_close(&format!("{case}: gradient of {name}"), gradients.get(var).unwrap(), get("gradient", name), 1e-4);
    }
    for (name, value) in parameters.snapshot().unwrap().iter().filter(|(name, _)| name.contains("running")) {
        assert_close(&format!("{case}: {name}"), value, get("after", name), 1e-5);
    }
    let output = cnn.forward(get("input", "mel"), Mode::Eval).unwrap();
    assert_close(&format!("{case}: embedding"), &output.embedding, get("output", "eval_embedding"), 2e-5);
    assert_close(&format!("{case}: logits"), &output.logits, get("output", "eval_logits"), 2e-5);
}

#[test]
fn even() {
    check("even", &[4, 8], false, MapPooling::MeanMax);
}

#[test]
fn odd() {
    check("odd", &[5, 7, 11], false, MapPooling::MeanMax);
}

#[test]
fn residual_even() {
    check("residual-even", &[6, 10, 16], true, MapPooling::MeanMax);
}

#[test]
fn residual_odd() {
    check("residual-odd", &[3, 9, 17], true, MapPooling::Mean);
}

#[test]
fn one_clip() {
    check("one-clip", &[4, 8], true, MapPooling::MeanMax);
}

#[test]
fn map_that_runs_out_of_rows() {
    check("flat", &[4, 8, 12], false, MapPooling::MeanMax);
}

#[test]
fn average_pool() {
    check_with("average-pool", &[4, 9], true, MapPooling::MeanMax, Downsample::AveragePool);
}

#[test]
fn stride_even() {
    check_with("stride-even", &[8, 16], true, MapPooling::MeanMax, Downsample::Stride);
}

#[test]
fn stride_odd() {
    check_with("stride-odd", &[5, 7, 11], false, MapPooling::Mean, Downsample::Stride);
}
