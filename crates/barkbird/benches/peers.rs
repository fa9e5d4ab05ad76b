//! What `scripts/bench-peers.sh` sets beside PyTorch: forward and whole training step (forward, loss, backward, AdamW)
//! of the peers' network through the model, loss and optimizer of the program. Prints one JSON line.
//!
//!     cargo bench -p barkbird --bench peers -- [--threads 2] [--runs 7]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};
use classifier::{Classifier, Mode, Parameters};
use models_cnn::{Cnn, CnnConfig, MapPooling};
use std::hint::black_box;
use std::time::Instant;
use train::{AdamW, TrainConfig, soft_cross_entropy};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Clips, bands and frames of the peers' batch.
const SHAPE: (usize, usize, usize) = (32, 128, 216);

/// Rows and columns of the product that speeds are compared with.
const SIDE: usize = 2048;

fn main() -> Result<()> {
    let threads = argument("--threads")?.unwrap_or(2);
    let runs = argument("--runs")?.unwrap_or(7);
    kernels::settle_process(Some(threads), kernels::Pages::Huge);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;

    let device = Device::Cpu;
    let mut parameters = Parameters::seeded(0, &device);
    let config = CnnConfig { pooling: MapPooling::Mean, dropout: 0.0, ..CnnConfig::small() };
    let cnn = Cnn::new(&config, 2, &mut parameters)?;
    let mut optimizer = AdamW::new(&parameters, &TrainConfig::default())?;
    let mel = Tensor::randn(0f32, 1., SHAPE, &device)?;
    let targets: Vec<f32> = (0..SHAPE.0).flat_map(|clip| if clip % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    let targets = Tensor::from_vec(targets, (SHAPE.0, 2), &device)?;

    let mut seed = 0;
    let step = median_s(runs, || {
        seed += 1;
        let loss = soft_cross_entropy(&cnn.forward(&mel, Mode::Train { seed })?.logits, &targets)?;
        black_box(loss.to_scalar::<f32>()?);
        Ok(black_box(optimizer.step(&parameters.backward(&loss)?, 1e-3)?))
    })?;
    let forward = median_s(runs, || Ok(black_box(cnn.forward(&mel, Mode::Eval)?)))?;
    // What the whole is to be measured by: a large product of matrices, as candle computes it.
    let square = Tensor::randn(0f32, 1., (SIDE, SIDE), &device)?;
    let product = median_s(runs, || Ok(black_box(square.matmul(&square)?)))?;
    let per_s = |seconds: f64| (SHAPE.0 as f64 / seconds * 100.0).round() / 100.0;
    println!(
        "{}",
        serde_json::json!({
            "ours": "barkbird", "model": "cnn", "mode": kernels::Compute::current().path.to_string(), "threads": threads,
            "forward_per_s": per_s(forward), "step_per_s": per_s(step),
            "product_gflop_per_s": (2.0 * (SIDE as f64).powi(3) / product / 1e9).round(),
        })
    );
    Ok(())
}

/// The number behind a flag; others (cargo adds one) are passed over.
fn argument(flag: &str) -> Result<Option<usize>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != flag).skip(1);
    arguments.next().map(|value| value.parse().with_context(|| format!("{flag} {value}"))).transpose()
}

/// Median time of a call, after two that are not counted.
fn median_s<T>(runs: usize, mut call: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut seconds = Vec::new();
    for run in 0..runs + 2 {
        let began = Instant::now();
        call()?;
        if run >= 2 {
            seconds.push(began.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}
