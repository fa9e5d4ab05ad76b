//! Stationary noise in a spectrogram.

use rand::Rng;

use crate::config::SpectrogramAugment;
use crate::seed::{Step, generator, happens};

/// Adds stationary noise of a drawn level and color, in power. As in the spectrogram of real noise the power of a cell
/// varies about its mean: a chi-squared distribution of four degrees of freedom, that of two bins of a Fourier
/// transform together.
pub(crate) fn add_noise(mel: &mut [f32], n_frames: usize, config: &SpectrogramAugment, unit_per_db: f32, seed: u64) {
    let mut rng = generator(seed, Step::Noise);
    if unit_per_db <= 0.0 || !happens(config.noise_share, &mut rng) {
        return;
    }
    let [nearest, farthest] = config.noise_below_db;
    let below_db = nearest + (farthest - nearest) * rng.random::<f32>();
    let tilt_db = config.noise_tilt_db * (2.0 * rng.random::<f32>() - 1.0);
    let loudest = mel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let unit_per_e = unit_per_db * 10.0 / std::f32::consts::LN_10;
    let last = (mel.len() / n_frames - 1).max(1) as f32;
    for (b, band) in mel.chunks_exact_mut(n_frames).enumerate() {
        let offset_db = tilt_db * (2.0 * b as f32 / last - 1.0) - below_db;
        let mean = loudest + offset_db * unit_per_db;
        for cell in band {
            let [a, b]: [f32; 2] = rng.random();
            let power = -0.5 * ((1.0 - a) * (1.0 - b)).max(f32::MIN_POSITIVE).ln();
            let ratio = ((*cell - mean) / unit_per_e).exp();
            *cell = if ratio.is_finite() { mean + unit_per_e * (ratio + power).ln() } else { *cell };
        }
    }
}
