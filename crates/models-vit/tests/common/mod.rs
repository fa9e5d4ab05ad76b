//! Checkpoints and comparing, for the tests.
#![allow(dead_code, unreachable_pub, reason = "each test file takes what it needs")]

use candle_core::{Device, Tensor};
use classifier::Init;
use models_vit::{AdapterConfig, Checkpoint, Pooling, VitConfig};
use std::path::PathBuf;

/// A checkpoint that `scripts/golden-checkpoints.sh` has made.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/checkpoints").join(name)
}

pub fn open(name: &str) -> Checkpoint {
    Checkpoint::open(&fixture(name)).unwrap_or_else(|error| panic!("{error}"))
}

pub fn random(dims: &[usize], name: &str) -> Tensor {
    Tensor::from_vec(Init::Normal { std: 1.0 }.draw(dims.iter().product(), 1, name), dims, &Device::Cpu).unwrap()
}

pub fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

pub fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    flat(a).iter().zip(flat(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A small network with everything that there is.
pub fn config() -> VitConfig {
    VitConfig {
        input: [12, 20],
        resize: None,
        channels: 1,
        input_scale: 1.0,
        normalization: None,
        patch: [4, 5],
        stride: [4, 3],
        dim: 16,
        layers: 3,
        heads: 2,
        hidden: 24,
        epsilon: 1e-6,
        layer_scale: true,
        registers: 2,
        distillation: true,
        pooling: Pooling::ClassMean,
        dropout: 0.0,
        stochastic_depth: 0.0,
        patchout: [0, 0],
        adapter: None,
    }
}

pub fn with_adapters() -> VitConfig {
    VitConfig { adapter: Some(AdapterConfig { rank: 2, alpha: 4.0, mlp: true }), ..config() }
}
