//! Compares pretrained networks with reference values: see `scripts/check-pretrained.sh`.
//!
//!     cargo run --release -p models-vit --example check_checkpoint -- DIR...
//!
//! Each DIR is a checkpoint as the hub has it, with a `golden.safetensors`: for every case `CASE.pixel_values` [1, C, H, W]
//! and what the reference makes of it, of `CASE.cls`, `CASE.patch_mean`, `CASE.pooled` and `CASE.hidden_N_cls` [1, D] those
//! that are there. Fails where a difference is larger than it may be.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use candle_core::{Device, Tensor};
use classifier::{Mode, Parameters};
use models_vit::{Checkpoint, Trained, View, Vit, VitConfig};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

/// The largest difference that is let pass.
const TOLERANCE: f32 = 1e-4;

fn main() -> Result<(), Box<dyn Error>> {
    let dirs: Vec<String> = std::env::args().skip(1).collect();
    if dirs.is_empty() {
        return Err("usage: check_checkpoint DIR...".into());
    }
    let mut n_failed = 0;
    for dir in dirs {
        n_failed += check(Path::new(&dir))?;
    }
    if n_failed > 0 { Err(format!("{n_failed} differences are too large").into()) } else { Ok(()) }
}

fn check(dir: &Path) -> Result<usize, Box<dyn Error>> {
    let checkpoint = Checkpoint::open(dir)?;
    let golden = candle_core::safetensors::load(dir.join("golden.safetensors"), &Device::Cpu)?;
    let cases: BTreeSet<&str> = golden.keys().filter_map(|key| key.strip_suffix(".pixel_values")).collect();
    let mut n_failed = 0;
    for case in cases {
        let image = &golden[&format!("{case}.pixel_values")];
        let (_, channels, height, width) = image.dims4()?;
        let config = checkpoint.vit_config([height, width], View::OwnGrid)?;
        let config = VitConfig { channels, ..config };
        let mut parameters = Parameters::seeded(0, &Device::Cpu);
        let vit = Vit::new(&config, 2, Trained::Head, 1.0, &mut parameters)?;
        let weights = checkpoint.weights(&config)?;
        let left = parameters.load(&weights.tensors, dir)?;
        if left.missing != ["head.bias", "head.weight"] || !left.unknown.is_empty() {
            return Err(format!("{}: {left:?}", dir.display()).into());
        }
        let embedded = vit.embed(image, Mode::Eval)?;
        let last = vit.normalize(&vit.layers(&embedded, 0..config.layers, Mode::Eval)?)?;
        let token = |tokens: &Tensor, nth: usize| tokens.narrow(1, nth, 1)?.squeeze(1);
        let first_patch = config.n_output_tokens() + config.registers;
        for (key, expected) in &golden {
            let Some(what) = key.strip_prefix(case).and_then(|rest| rest.strip_prefix('.')) else { continue };
            let got = match what {
                "pixel_values" => continue,
                "cls" => token(&last, 0)?,
                "patch_mean" => last.narrow(1, first_patch, config.n_patches())?.mean(1)?,
                "pooled" => last.narrow(1, 0, config.n_output_tokens())?.mean(1)?,
                other => match other.strip_prefix("hidden_").and_then(|rest| rest.strip_suffix("_cls")) {
                    Some(nth) => token(&vit.layers(&embedded, 0..nth.parse()?, Mode::Eval)?, 0)?,
                    None => return Err(format!("{}: {key}: what is that?", dir.display()).into()),
                },
            };
            let difference = (&got - expected)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
            println!("{} ({}) {key}: largest difference {difference:.2e}", dir.display(), checkpoint.kind());
            n_failed += usize::from(difference.is_nan() || difference > TOLERANCE);
        }
        println!("  not used: {}", weights.ignored.join(", "));
    }
    Ok(n_failed)
}
