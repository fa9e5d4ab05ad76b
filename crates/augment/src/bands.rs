//! Steps that empty whole bands of a spectrogram.

use rand::Rng;

use crate::config::SpectrogramAugment;
use crate::seed::{Step, generator, happens};

/// Sets the bands from a drawn cutoff on to the clip's lowest cell.
pub(crate) fn limit_band(mel: &mut [f32], n_mels: usize, n_frames: usize, config: &SpectrogramAugment, seed: u64) {
    let mut rng = generator(seed, Step::BandLimit);
    if !happens(config.band_limit_share, &mut rng) {
        return;
    }
    let share = config.band_limit_lowest + (1.0 - config.band_limit_lowest) * rng.random::<f32>();
    let cutoff = ((share * n_mels as f32).ceil() as usize).min(n_mels);
    let lowest = mel.iter().copied().fold(f32::INFINITY, f32::min);
    mel[cutoff * n_frames..].fill(lowest);
}

/// Sets each band to its mean, with the same probability each.
pub(crate) fn drop_bands(mel: &mut [f32], n_frames: usize, fill: &[f32], config: &SpectrogramAugment, seed: u64) {
    let mut rng = generator(seed, Step::BandDropout);
    if config.band_dropout_share > 0.0 {
        for (band, &value) in mel.chunks_exact_mut(n_frames).zip(fill) {
            if happens(config.band_dropout_share, &mut rng) {
                band.fill(value);
            }
        }
    }
}
