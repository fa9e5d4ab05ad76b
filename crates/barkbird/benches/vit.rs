//! What `scripts/bench-peers.sh` sets beside PyTorch: forward and whole training step of a Vision Transformer of the
//! small size on 224 x 224 x 3, batch 8, as `torch_train.py` builds it. Prints one JSON line a precision.
//!
//!     cargo bench -p barkbird --bench vit -- [--threads 2] [--runs 7]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use classifier::{Init, Parameters};
use kernels::{DirectGradients, LinearWeights, Precision, TransformerForm, TransformerWeights};
use std::hint::black_box;
use std::time::Instant;
use train::{AdamW, TrainConfig, soft_cross_entropy};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 8;
const SIDE: usize = 224;
const PATCH: usize = 16;
const DIM: usize = 384;
const DEPTH: usize = 12;

struct Vit {
    patch: [Var; 2],
    class: Var,
    position: Var,
    layers: Vec<TransformerWeights>,
    norm: [Var; 2],
    head: [Var; 2],
}

impl Vit {
    fn new(p: &mut Parameters) -> Result<Self> {
        let init = Init::Normal { std: 0.02 };
        let n_patches = (SIDE / PATCH) * (SIDE / PATCH);
        let mut layers = Vec::new();
        for i in 0..DEPTH {
            let mut vector = |name: &str, dim: usize, value: f64| -> Result<Tensor> {
                Ok(p.trainable(&format!("{i}.{name}"), &[dim], Init::Constant(value as f32))?.as_tensor().clone())
            };
            let norm1 = [vector("n1w", DIM, 1.0)?, vector("n1b", DIM, 0.0)?];
            let norm2 = [vector("n2w", DIM, 1.0)?, vector("n2b", DIM, 0.0)?];
            let mut linear = |name: &str, n_out: usize, n_in: usize| -> Result<LinearWeights> {
                Ok(LinearWeights {
                    weight: p.trainable(&format!("{i}.{name}.w"), &[n_out, n_in], init)?.as_tensor().clone(),
                    bias: p.trainable(&format!("{i}.{name}.b"), &[n_out], Init::Constant(0.0))?.as_tensor().clone(),
                    adapter: None,
                })
            };
            layers.push(TransformerWeights {
                norm1,
                qkv: linear("qkv", 3 * DIM, DIM)?,
                out: linear("out", DIM, DIM)?,
                scale1: None,
                norm2,
                up: linear("up", 4 * DIM, DIM)?,
                down: linear("down", DIM, 4 * DIM)?,
                scale2: None,
            });
        }
        Ok(Self {
            patch: [p.trainable("patch.w", &[DIM, 3 * PATCH * PATCH], init)?, p.trainable("patch.b", &[DIM], init)?],
            class: p.trainable("class", &[1, 1, DIM], init)?,
            position: p.trainable("position", &[1, n_patches + 1, DIM], init)?,
            layers,
            norm: [p.trainable("norm.w", &[DIM], Init::Constant(1.0))?, p.trainable("norm.b", &[DIM], init)?],
            head: [p.trainable("head.w", &[2, DIM], init)?, p.trainable("head.b", &[2], init)?],
        })
    }

    fn forward(&self, image: &Tensor, gradients: Option<&DirectGradients>) -> Result<Tensor> {
        let n = SIDE / PATCH;
        let patches = image.reshape(&[BATCH, 3, n, PATCH, n, PATCH])?.permute(vec![0, 2, 4, 1, 3, 5])?;
        let patches = patches.contiguous()?.reshape((BATCH * n * n, 3 * PATCH * PATCH))?;
        let tokens =
            patches.matmul(&self.patch[0].t()?)?.broadcast_add(&self.patch[1])?.reshape((BATCH, n * n, DIM))?;
        let class = self.class.broadcast_as((BATCH, 1, DIM))?.contiguous()?;
        let mut tokens = Tensor::cat(&[&class, &tokens], 1)?.broadcast_add(&self.position)?;
        let form = TransformerForm { n_heads: DIM / 64, epsilon: 1e-6, keep: None };
        for layer in &self.layers {
            tokens = kernels::transformer_layer(&tokens, layer, &form, gradients)?;
        }
        let first = tokens.narrow(1, 0, 1)?.squeeze(1)?;
        let normal = kernels::layer_norm(&first, &self.norm[0], &self.norm[1], 1e-6)?;
        Ok(normal.matmul(&self.head[0].t()?)?.broadcast_add(&self.head[1])?)
    }
}

fn main() -> Result<()> {
    let threads = argument("--threads")?.unwrap_or(2);
    let runs = argument("--runs")?.unwrap_or(7);
    kernels::settle_process(Some(threads), kernels::Pages::Huge);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let device = Device::Cpu;
    let image = Tensor::randn(0f32, 1., (BATCH, 3, SIDE, SIDE), &device)?;
    let targets: Vec<f32> = (0..BATCH).flat_map(|clip| if clip % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    let targets = Tensor::from_vec(targets, (BATCH, 2), &device)?;
    for precision in Precision::ALL.into_iter().filter(|precision| precision.is_available()) {
        let compute = kernels::Compute { precision, ..kernels::Compute::default() };
        let mut parameters = Parameters::seeded(0, &device);
        let vit = Vit::new(&mut parameters)?;
        let mut optimizer = AdamW::new(&parameters, &TrainConfig::default())?;
        let step = median_s(runs, || {
            let logits = kernels::with(compute, || vit.forward(&image, Some(parameters.direct_gradients())))?;
            let loss = soft_cross_entropy(&logits, &targets)?;
            black_box(loss.to_scalar::<f32>()?);
            Ok(black_box(optimizer.step(&parameters.backward(&loss)?, 1e-4)?))
        })?;
        let forward = median_s(runs, || Ok(black_box(kernels::with(compute, || vit.forward(&image, None))?)))?;
        // What the whole is to be measured by: large products in the same precision.
        let product = kernels::product_peak(compute);
        let per_s = |seconds: f64| (BATCH as f64 / seconds * 100.0).round() / 100.0;
        println!(
            "{}",
            serde_json::json!({
                "ours": "barkbird", "model": "vit_small", "mode": precision.to_string(), "threads": threads,
                "forward_per_s": per_s(forward), "step_per_s": per_s(step), "product_gflop_per_s": product.round(),
            })
        );
    }
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
