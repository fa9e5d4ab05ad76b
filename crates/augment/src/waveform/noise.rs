//! Noise at a drawn signal-to-noise ratio: made (white, pink, brown), or recorded.

use super::draw::{Draw, between, is_drawn, normal};
use crate::seed::Step;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// How the power of noise falls with frequency.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// Not at all: the hiss of an amplifier.
    White,
    /// By 3 dB an octave: rain, leaves, much of what is outdoors.
    Pink,
    /// By 6 dB an octave: wind, traffic.
    Brown,
}

/// The step: made noise.
///
/// D. Snyder and others ("X-vectors: robust DNN embeddings for speaker recognition", 2018) add noise at 0 to 15 dB; a
/// clip's own noise is rarely more than 40 dB down.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// The clip's power over the noise's in decibels, drawn between the two.
    pub snr_db: [f32; 2],
    /// The colors that one is drawn from.
    #[serde(rename = "colours", alias = "colors")]
    pub colors: Vec<Color>,
}

impl Noise {
    /// Applies the step in place and returns a description of it. Silence stays silence: no ratio can be set.
    pub(crate) fn apply(&self, samples: &mut [f32], rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::WaveNoise)?;
        let snr_db = between(self.snr_db, &mut rng);
        let color = *self.colors.get(rng.random_range(0..self.colors.len().max(1)))?;
        let noise = noise(samples.len(), rate_hz, color, &mut rng);
        add_at(samples, &noise, snr_db)?;
        let name = format!("{color:?}").to_lowercase();
        Some(format!("{name} noise at {snr_db:.1} dB"))
    }
}

/// The step: a recorded background, of those that the caller passes.
///
/// The range is that of D. Snyder and others ("X-vectors: robust DNN embeddings for speaker recognition", 2018) for noise
/// and music, 0 to 20 dB.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Background {
    /// The probability of the step, 0 to 1; without a background it does not happen.
    pub share: f32,
    /// The clip's power over the background's in decibels, drawn between the two.
    pub snr_db: [f32; 2],
}

impl Background {
    /// Applies the step in place and returns a description of it. `backgrounds` have the clip's rate; the part that is used is drawn,
    /// and what is shorter than the clip is repeated.
    pub(crate) fn apply(&self, samples: &mut [f32], backgrounds: &[Vec<f32>], seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Background)?;
        let snr_db = between(self.snr_db, &mut rng);
        let which = rng.random_range(0..backgrounds.len().max(1));
        let background = backgrounds.get(which).filter(|background| !background.is_empty())?;
        let start = rng.random_range(0..=background.len().saturating_sub(samples.len()));
        let part: Vec<f32> = background[start..].iter().cycle().take(samples.len()).copied().collect();
        add_at(samples, &part, snr_db)?;
        Some(format!("background {which} at {snr_db:.1} dB"))
    }
}

/// Adds `noise` scaled so that the power of `samples` is `snr_db` above its own; nothing when either is silent.
fn add_at(samples: &mut [f32], noise: &[f32], snr_db: f32) -> Option<()> {
    let ratio = power(samples) / power(noise);
    let gain = (ratio.sqrt() * 10f64.powf(f64::from(snr_db) / -20.0)) as f32;
    if gain <= 0.0 || !gain.is_finite() {
        return None;
    }
    samples.iter_mut().zip(noise).for_each(|(sample, noise)| *sample += gain * noise);
    Some(())
}

/// The mean square.
pub(crate) fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>() / samples.len().max(1) as f64
}

/// `n` samples of noise, of no particular level.
pub(crate) fn noise(n: usize, rate_hz: u32, color: Color, rng: &mut Draw) -> Vec<f32> {
    let mut out: Vec<f32> = (0..n).map(|_| normal(rng)).collect();
    // One-pole filters with a pole and a zero each fall by 6 dB an octave from the pole to the zero. Brown is a pole below
    // hearing; for pink, pairs half of each octave-and-a-half apart are, on the mean, half as steep.
    let corner = |hz: f64| (-TAU * hz / f64::from(rate_hz)).exp();
    let mut shape = |pole: f64, zero: f64| {
        let (mut before, mut last) = (0.0, 0.0);
        for x in &mut out {
            let y = f64::from(*x) - zero * before + pole * last;
            (before, last) = (f64::from(*x), y);
            *x = y as f32;
        }
    };
    match color {
        Color::White => {}
        Color::Brown => shape(corner(20.0), 0.0),
        Color::Pink => {
            let mut hz = 10.0;
            while hz < 0.5 * f64::from(rate_hz) {
                shape(corner(hz), corner(1.7 * hz));
                hz *= 1.7 * 1.7;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    fn tone() -> Vec<f32> {
        (0..22_050).map(|i| (i as f32 * 0.1).sin()).collect()
    }

    /// Power in the octave above `hz`, by one-pole differences of a long transform.
    fn octave_db(samples: &[f32], hz: f64) -> f64 {
        let n = 1 << 16;
        let (forward, _) = super::super::planner::pair(n);
        let mut bins: Vec<_> = samples[..n].iter().map(|x| rustfft::num_complex::Complex::new(*x, 0.0)).collect();
        forward.process(&mut bins);
        let at = |hz: f64| (hz * n as f64 / 22_050.0) as usize;
        let band = &bins[at(hz)..at(2.0 * hz)];
        10.0 * (band.iter().map(|z| f64::from(z.norm_sqr())).sum::<f64>() / band.len() as f64).log10()
    }

    #[test]
    fn colors_fall_as_they_should() {
        for (color, slope_db) in [(Color::White, 0.0), (Color::Pink, -3.0), (Color::Brown, -6.0)] {
            let noise = noise(1 << 16, 22_050, color, &mut generator(1, Step::WaveNoise));
            let fall = (octave_db(&noise, 2000.0) - octave_db(&noise, 125.0)) / 4.0;
            assert!((fall - slope_db).abs() < 0.4, "{color:?}: {fall} dB an octave");
        }
    }

    #[test]
    fn the_ratio_is_the_one_drawn() {
        let clean = tone();
        let step = Noise { share: 1.0, snr_db: [12.0, 12.0], colors: vec![Color::Pink] };
        let mut noisy = clean.clone();
        assert_eq!(step.apply(&mut noisy, 22_050, 7).as_deref(), Some("pink noise at 12.0 dB"));
        let added: Vec<f32> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
        assert!((10.0 * (power(&clean) / power(&added)).log10() - 12.0).abs() < 0.01);
        let mut silent = vec![0.0; 100];
        assert_eq!(step.apply(&mut silent, 22_050, 7), None);
        assert_eq!(silent, [0.0; 100]);
    }

    #[test]
    fn a_background_is_a_part_or_repeats() {
        let step = Background { share: 1.0, snr_db: [0.0, 0.0] };
        let mut samples = tone();
        assert_eq!(step.apply(&mut samples, &[], 1), None);
        assert_eq!(step.apply(&mut samples, &[vec![]], 1), None);
        for n in [100, 50_000] {
            let background: Vec<f32> = (0..n).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
            let mut samples = tone();
            assert_eq!(step.apply(&mut samples, &[background], 1).as_deref(), Some("background 0 at 0.0 dB"));
            assert!((power(&samples) / power(&tone()) - 2.0).abs() < 0.1);
        }
    }
}
