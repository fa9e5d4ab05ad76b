//! Sounds for tests.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// As `fingerprint::RATE_HZ`, which is not imported so that the modules do not depend on each other.
const RATE_HZ: u32 = 8000;

/// Syllables, each a gliding tone with a harmonic, over faint noise; another song for each seed.
pub(crate) fn song(seed: u64, seconds: f64) -> Vec<f32> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let n = (seconds * f64::from(RATE_HZ)) as usize;
    let mut samples: Vec<f32> = (0..n).map(|_| draw.random_range(-0.01..0.01)).collect();
    let mut start = draw.random_range(0..800);
    while start < n {
        let n_syllable = draw.random_range(400..2400);
        let (from_hz, to_hz) = (draw.random_range(400.0..3000.0f32), draw.random_range(400.0..3000.0f32));
        let mut phase = 0.0f32;
        for (i, sample) in samples[start..].iter_mut().take(n_syllable).enumerate() {
            let at = i as f32 / n_syllable as f32;
            phase += std::f32::consts::TAU * (from_hz + (to_hz - from_hz) * at) / RATE_HZ as f32;
            *sample += (phase.sin() + 0.2 * (2.0 * phase).sin()) * 0.4 * (std::f32::consts::PI * at).sin();
        }
        start += n_syllable + draw.random_range(100..1200);
    }
    samples
}

/// The part from `start_s` to `end_s`.
pub(crate) fn excerpt(samples: &[f32], start_s: f64, end_s: f64) -> Vec<f32> {
    let at = |seconds: f64| ((seconds * f64::from(RATE_HZ)) as usize).min(samples.len());
    samples[at(start_s)..at(end_s)].to_vec()
}
