//! A layer of the small Vision Transformer on `[8, 197, 384]`, forward and training step, in each precision: milliseconds, and
//! the share of the operations a second that a large product of the same precision reaches. Prints a JSON line each.
//!
//!     cargo bench -p kernels --bench transformer_layer -- [--threads 2] [--runs 15] [--clips 8] [--tokens 197]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use candle_core::{Device, Result, Tensor, Var};
use kernels::{
    Compute, DirectGradients, LinearWeights, Precision, TransformerForm, TransformerWeights, product_peak,
    transformer_layer, with,
};
use std::hint::black_box;
use std::time::Instant;

/// The allocator of the binary: it keeps its memory from step to step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DIM: usize = 384;
const HEADS: usize = 6;

fn weights() -> Result<TransformerWeights> {
    let device = Device::Cpu;
    let var = |dims: &[usize], mean: f32, std: f32| {
        Ok::<_, candle_core::Error>(Var::randn(mean, std, dims, &device)?.into_inner())
    };
    let linear = |n_out: usize, n_in: usize| {
        Ok::<_, candle_core::Error>(LinearWeights {
            weight: var(&[n_out, n_in], 0.0, 0.05)?,
            bias: var(&[n_out], 0.0, 0.05)?,
            adapter: None,
        })
    };
    Ok(TransformerWeights {
        norm1: [var(&[DIM], 1.0, 0.1)?, var(&[DIM], 0.0, 0.1)?],
        qkv: linear(3 * DIM, DIM)?,
        out: linear(DIM, DIM)?,
        scale1: None,
        norm2: [var(&[DIM], 1.0, 0.1)?, var(&[DIM], 0.0, 0.1)?],
        up: linear(4 * DIM, DIM)?,
        down: linear(DIM, 4 * DIM)?,
        scale2: None,
    })
}

/// The number behind a flag; others (cargo adds one) are passed over.
fn argument(flag: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != flag).skip(1);
    arguments.next().map_or(default, |value| value.parse().expect("a number"))
}

/// Median seconds of a call, after two that are not counted.
fn median_s<T>(runs: usize, mut call: impl FnMut() -> T) -> f64 {
    let mut seconds: Vec<f64> = (0..runs + 2)
        .map(|_| {
            let began = Instant::now();
            black_box(call());
            began.elapsed().as_secs_f64()
        })
        .skip(2)
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn main() -> Result<()> {
    let [threads, runs, clips, tokens] =
        [("--threads", 2), ("--runs", 15), ("--clips", 8), ("--tokens", 197)].map(|(flag, n)| argument(flag, n));
    kernels::settle_process(Some(threads), kernels::Pages::Huge);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().expect("the only pool");
    let (weights, form) = (weights()?, TransformerForm { n_heads: HEADS, epsilon: 1e-6, keep: None });
    let x = Tensor::randn(0f32, 1., (clips, tokens, DIM), &Device::Cpu)?;
    // A multiplication and an addition are two.
    let gflop = 2e-9 * (clips * (12 * tokens * DIM * DIM + 2 * tokens * tokens * DIM)) as f64;
    for precision in Precision::ALL.into_iter().filter(|precision| precision.is_available()) {
        let compute = Compute { precision, ..Compute::default() };
        let forward =
            median_s(runs, || with(compute, || transformer_layer(&x, &weights, &form, None)).expect("forward"));
        let input = Var::from_tensor(&x)?;
        let step = median_s(runs, || {
            let gradients = DirectGradients::default();
            let out = with(compute, || transformer_layer(&input, &weights, &form, Some(&gradients))).expect("forward");
            gradients.backward(&out.sum_all().expect("sum")).expect("backward")
        });
        let peak = product_peak(compute);
        println!(
            "{{\"precision\": \"{precision}\", \"threads\": {threads}, \"forward_ms\": {:.3}, \"step_ms\": {:.3}, \
             \"product_gflop_per_s\": {peak:.0}, \"forward_share\": {:.3}, \"step_share\": {:.3}}}",
            1e3 * forward,
            1e3 * step,
            gflop / forward / peak,
            3.0 * gflop / step / peak,
        );
    }
    Ok(())
}
