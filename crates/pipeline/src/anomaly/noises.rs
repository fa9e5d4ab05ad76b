//! Made unknown sounds: noises, silence, tones and music, through the same front ends as recordings.

use crate::error::{Context, Result};
use audio_io::Row;
use inference::unknown::{Backbone, ClipKey, Mels, Outputs, Wants};
use inference::{Chain, Model, decode};
use rayon::prelude::*;
use std::path::Path;
use synth::TestSound;

/// The rate that they are made at, as most recordings have it.
const RATE_HZ: u32 = 44_100;

/// `n` sounds of each kind, each as long as the model's window; their split is their kind.
pub(super) fn noises(n: usize, seed: u64, model: &Model, backbone: Option<&Backbone>) -> Result<Outputs> {
    let chain = model.chain()?;
    let backbone_chain = Backbone::chain(&chain);
    let n_samples = (chain.clip.window.seconds * f64::from(RATE_HZ)).ceil() as usize;
    let kinds: Vec<(TestSound, usize)> =
        TestSound::ALL.into_iter().flat_map(|kind| (0..n).map(move |nth| (kind, nth))).collect();
    let files: Vec<(String, Vec<u8>)> = kinds
        .par_iter()
        .map(|&(kind, nth)| {
            let samples = kind.render(n_samples, RATE_HZ, seed, nth as u64);
            (format!("{}-{nth:02}.wav", kind.name()), synth::to_wav_16(&samples, RATE_HZ))
        })
        .collect();
    let (mels, n_frames) = spectrograms(&chain, &files)?;
    let of_backbone = match backbone {
        None => None,
        Some(backbone) => {
            let (mels, n_frames) = spectrograms(&backbone_chain, &files)?;
            Some(backbone.outputs(&mels.iter().map(Vec::as_slice).collect::<Vec<_>>(), n_frames)?)
        }
    };
    let key = |((name, _), (kind, _)): (&(String, Vec<u8>), &(TestSound, usize))| ClipKey {
        id: name.clone(),
        path: name.clone(),
        start_ms: 0,
        group: name.clone(),
        class: None,
        split: kind.name().to_owned(),
    };
    let keys = files.iter().zip(&kinds).map(key).collect();
    let mels = Mels { mels: mels.iter().map(Vec::as_slice).collect(), n_frames, wants: Wants::ALL };
    Ok(Outputs::of_mels(model.forward()?, &mels, of_backbone, keys)?)
}

/// The first window of each file, and its frames.
fn spectrograms(chain: &Chain, files: &[(String, Vec<u8>)]) -> Result<(Vec<Vec<f32>>, usize)> {
    let front_end = chain.build()?;
    let of_file = |(name, bytes): &(String, Vec<u8>)| {
        let row = Row::default();
        let decoded = decode(bytes, Path::new(name), chain.until(&row))?;
        let clips = chain.spectrograms(&front_end, &decoded, &row)?;
        let first = clips.into_iter().next().with_context(|| format!("{name}: no window"))?;
        Ok((first.mel, first.n_frames))
    };
    let all: Vec<(Vec<f32>, usize)> = files.par_iter().map(of_file).collect::<Result<_>>()?;
    let n_frames = all.first().map_or(0, |(_, n_frames)| *n_frames);
    Ok((all.into_iter().map(|(mel, _)| mel).collect(), n_frames))
}
