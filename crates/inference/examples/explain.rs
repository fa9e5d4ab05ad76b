//! What a model looked at in recordings: the map of each network over the spectrogram that it got, as tensors.
//!
//! ```text
//! explain RUN OUT.safetensors METHOD WAV...
//! ```
//!
//! METHOD is usual, rollout or gradient-rollout; the class is the one that each recording gets. Tensors are
//! `CLIP/MEMBER/{mel, map, class}`, CLIP and MEMBER numbers, the first two `[M, T]`; `scripts/check-saliency.sh` compares them with PyTorch.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use candle_core::{Device, Tensor};
use classifier::largest;
use inference::{Input, Model, SaliencyMethod, Window, Windows};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, out, method, wavs @ ..] = &arguments[..] else {
        return Err("usage: explain RUN OUT.safetensors METHOD WAV...".into());
    };
    let method = match method.as_str() {
        "usual" => None,
        "rollout" => Some(SaliencyMethod::Rollout),
        "gradient-rollout" => Some(SaliencyMethod::GradientRollout),
        other => return Err(format!("METHOD: expected usual, rollout or gradient-rollout, got {other}").into()),
    };
    let model = Model::open(run)?;
    let of_windows = Windows::as_trained(&model, None)?;
    let mut windows = Vec::new();
    for (nth, wav) in wavs.iter().enumerate() {
        windows.extend(of_windows.of(nth, &Input::file(Path::new(wav)))?.windows);
    }
    let windows: Vec<&Window> = windows.iter().collect();
    let outputs = of_windows.outputs(&model, None, &windows, |nth| &wavs[nth])?.ok_or("no window")?;
    let class: Vec<usize> = outputs.logits.chunks_exact(outputs.n_classes).map(largest).collect();
    let mut tensors = HashMap::new();
    for (clip, explained) in of_windows.saliency(&model, &windows, &class, method)?.into_iter().enumerate() {
        explained.without.iter().for_each(|why| println!("{}: {why}", wavs[windows[clip].input]));
        for (member, map) in explained.maps.into_iter().enumerate() {
            let size = (map.n_bands, map.n_frames);
            let mut put = |name: &str, tensor: Tensor| tensors.insert(format!("{clip}/{member}/{name}"), tensor);
            put("mel", Tensor::from_vec(map.mel, size, &Device::Cpu)?);
            put("map", Tensor::from_vec(map.values, size, &Device::Cpu)?);
            put("class", Tensor::new(class[clip] as u32, &Device::Cpu)?);
        }
    }
    Ok(candle_core::safetensors::save(&tensors, out)?)
}
