//! Stationary noise in a spectrogram.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::config::SpectrogramAugment;
use crate::seed::{Step, generator, happens};

/// Adds stationary noise of a drawn level and color, in power. As in the spectrogram of real noise the power of a cell
/// varies about its mean: a chi-squared distribution of four degrees of freedom, that of two bins of a Fourier
/// transform together.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// How far the mean over the bands is below the loudest cell, in decibels.
    pub below_db: f32,
    /// The slope over the bands, in decibels.
    pub tilt_db: f32,
    /// Units of the spectrogram per decibel.
    pub unit_per_db: f32,
    /// Where the numbers of the cells come from: two words of 32 bits each, cell after cell.
    pub words: ChaCha8Rng,
}

pub(crate) fn draw_noise(config: &SpectrogramAugment, unit_per_db: f32, seed: u64) -> Option<Noise> {
    let mut words = generator(seed, Step::Noise);
    if unit_per_db <= 0.0 || !happens(config.noise_share, &mut words) {
        return None;
    }
    let [nearest, farthest] = config.noise_below_db;
    let below_db = nearest + (farthest - nearest) * words.random::<f32>();
    let tilt_db = config.noise_tilt_db * (2.0 * words.random::<f32>() - 1.0);
    Some(Noise { below_db, tilt_db, unit_per_db, words })
}

impl Noise {
    /// Units of the spectrogram per factor e of power.
    pub fn unit_per_e(&self) -> f32 {
        self.unit_per_db * 10.0 / std::f32::consts::LN_10
    }

    pub(crate) fn apply(&self, mel: &mut [f32], n_frames: usize) {
        let mut rng = self.words.clone();
        let loudest = mel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let unit_per_e = self.unit_per_e();
        let last = (mel.len() / n_frames - 1).max(1) as f32;
        for (b, band) in mel.chunks_exact_mut(n_frames).enumerate() {
            let offset_db = self.tilt_db * (2.0 * b as f32 / last - 1.0) - self.below_db;
            let mean = loudest + offset_db * self.unit_per_db;
            for cell in band {
                let [a, b]: [f32; 2] = rng.random();
                let power = -0.5 * ((1.0 - a) * (1.0 - b)).max(f32::MIN_POSITIVE).ln();
                let ratio = ((*cell - mean) / unit_per_e).exp();
                *cell = if ratio.is_finite() { mean + unit_per_e * (ratio + power).ln() } else { *cell };
            }
        }
    }
}
