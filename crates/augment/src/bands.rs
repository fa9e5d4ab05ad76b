//! Steps that empty whole bands of a spectrogram.

use rand::Rng;

use crate::config::SpectrogramAugment;
use crate::seed::{Step, generator, happens};

/// The first band that is lost, if any is.
pub(crate) fn draw_cutoff(config: &SpectrogramAugment, n_mels: usize, seed: u64) -> Option<usize> {
    let mut rng = generator(seed, Step::BandLimit);
    if !happens(config.band_limit_share, &mut rng) {
        return None;
    }
    let share = config.band_limit_lowest + (1.0 - config.band_limit_lowest) * rng.random::<f32>();
    Some(((share * n_mels as f32).ceil() as usize).min(n_mels))
}

/// Sets the bands from a cutoff on to the clip's lowest cell.
pub(crate) fn limit_band(mel: &mut [f32], n_frames: usize, cutoff: usize) {
    let lowest = mel.iter().copied().fold(f32::INFINITY, f32::min);
    mel[cutoff * n_frames..].fill(lowest);
}

/// Whether each band is lost, with the same probability each; empty where the step is off.
pub(crate) fn draw_dropped(config: &SpectrogramAugment, n_mels: usize, seed: u64) -> Vec<bool> {
    let mut rng = generator(seed, Step::BandDropout);
    let n = if config.band_dropout_share > 0.0 { n_mels } else { 0 };
    (0..n).map(|_| happens(config.band_dropout_share, &mut rng)).collect()
}
