//! Compares YAMNet with reference values, from both of its weight files: see `scripts/check-pretrained.sh`.
//!
//!     cargo run --release -p models-cnn --example check_yamnet -- DIR
//!
//! DIR holds `model.safetensors`, `yamnet.tflite` and `golden.safetensors` (`log_mel` [96, 64], `embedding` [1024], `scores`
//! [521]). Fails where a difference is larger than it may be.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use candle_core::{DType, Device, Tensor};
use classifier::Parameters;
use models_cnn::{Yamnet, YamnetConfig, yamnet_weights};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// The largest difference that is let pass.
const TOLERANCE: f32 = 1e-3;

/// The same for weights that were not rounded to half precision, as those of the reference were.
const HALF_PRECISION: f32 = 1e-2;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: check_yamnet DIR")?;
    let dir = Path::new(&dir);
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display())).map(|bytes| (bytes, path))
    };
    let (golden, _) = read("golden.safetensors")?;
    let golden = candle_core::safetensors::load_buffer(&golden, &Device::Cpu)?;
    let of = |name: &str| golden.get(name).ok_or_else(|| format!("golden.safetensors: no {name}"));
    let mel = of("log_mel")?.t()?.unsqueeze(0)?.contiguous()?; // [1, 64, 96]
    let mut files = Vec::new();
    let mut failed = false;
    let mut report = |what: String, difference: f32, most: f32| {
        failed |= difference.is_nan() || difference > most;
        println!("{what}: largest difference {difference:.2e} (at most {most:.0e})");
    };
    for (name, tolerance) in [("model.safetensors", TOLERANCE), ("yamnet.tflite", HALF_PRECISION)] {
        let (bytes, path) = read(name)?;
        let weights = yamnet_weights(&bytes, &path)?;
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let yamnet = Yamnet::new(&YamnetConfig::default(), 2, 0, &mut parameters)?;
        let left = parameters.load(&weights, &path)?;
        println!("{name}: missing: {}; unknown: {}", left.missing.join(", "), left.unknown.join(", "));
        let (embedding, scores) = yamnet.listen(&mel)?;
        let scores = (scores.neg()?.exp()? + 1.0)?.recip()?;
        report(format!("{name}, embedding"), largest(&embedding.flatten_all()?, of("embedding")?)?, tolerance);
        report(format!("{name}, scores"), largest(&scores.flatten_all()?, of("scores")?)?, tolerance);
        files.push(weights);
    }
    let mut worst = 0f32;
    for (name, weight) in &files[0] {
        let other = files[1].get(name).ok_or_else(|| format!("yamnet.tflite: no {name}"))?;
        let rounded = other.to_dtype(DType::F16)?.to_dtype(DType::F32)?;
        worst = worst.max(largest(weight, other)?.min(largest(weight, &rounded)?));
    }
    report("the two files' weights, rounded to half precision where the first one's are".into(), worst, 0.0);

    // Five seconds as the front end gives them, and windows every 0.48 s.
    let mut parameters = Parameters::seeded(0, &Device::Cpu);
    let yamnet = Yamnet::new(&YamnetConfig::default(), 2, 0, &mut parameters)?;
    parameters.load(&files[0], dir)?;
    let clips = Tensor::randn(-3f32, 2., (8, 64, 498), &Device::Cpu)?;
    let mut seconds = Vec::new();
    for _ in 0..12 {
        let began = Instant::now();
        yamnet.listen(&clips)?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!("embeddings of 5 s, 9 windows: {:.0} clips/s", 8.0 / seconds[seconds.len() / 2]);
    if failed { Err("a difference is too large".into()) } else { Ok(()) }
}

fn largest(a: &Tensor, b: &Tensor) -> candle_core::Result<f32> {
    (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar()
}
