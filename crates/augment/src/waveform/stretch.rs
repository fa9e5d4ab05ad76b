//! Time stretch: longer or shorter at the same pitch.

use super::draw::{between_log, is_drawn};
use super::onset::onsets;
use super::time_map::TimeMap;
use super::vocoder::Vocoder;
use crate::seed::Step;
use serde::{Deserialize, Serialize};

/// Length of the vocoder's frames in seconds, to the nearest power of two of samples: 1024 at 22.05 kHz, which parts the
/// partials of a voice and is shorter than a bark.
const FRAME_S: f64 = 0.0464;
/// Least factor: the longest stretch.
pub const LEAST_FACTOR: f64 = 0.25;
/// Greatest factor.
pub const MOST_FACTOR: f64 = 4.0;

/// The step: a clip becomes slower or faster, its pitch stays.
///
/// The range of `light` is what J. Salamon and J. P. Bello ("Deep convolutional neural networks and data augmentation
/// for environmental sound classification", 2017) draw four factors from: 0.81 to 1.23.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// How many times as fast, drawn between the two, evenly in the logarithm; 0.25 to 4.
    pub factor: [f32; 2],
    /// Whether the clip keeps its length: cut where it became longer, repeated where it became shorter.
    pub keep_length: bool,
}

impl Stretch {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut Vec<f32>, rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Stretch)?;
        let factor = between_log(self.factor, &mut rng);
        let n = samples.len();
        *samples = time_stretch(samples, rate_hz, f64::from(factor));
        if self.keep_length {
            fill(samples, n);
        }
        Some(format!("time stretch: {factor:.3} times as fast"))
    }
}

/// `samples` played `factor` times as fast at the same pitch.
///
/// Onsets stay sharp and are where the factor puts them: frames that see one are taken at the sound's own pace, and
/// phases begin anew in the bands that it brings.
///
/// # Shapes
/// `[n]` to `[round(n / factor)]`, at least 1 where there is a sample.
///
/// # Panics
/// When the factor is not from [`LEAST_FACTOR`] to [`MOST_FACTOR`], or the rate is 0.
pub fn time_stretch(samples: &[f32], rate_hz: u32, factor: f64) -> Vec<f32> {
    assert!((LEAST_FACTOR..=MOST_FACTOR).contains(&factor), "time_stretch: factor must be 0.25 to 4, not {factor}");
    if samples.is_empty() {
        return Vec::new();
    }
    let n_out = ((samples.len() as f64 / factor).round() as usize).max(1);
    stretch_to(samples, rate_hz, n_out, 1.0)
}

/// The same to a length, without frequencies above `share` of half the rate; 1 keeps everything.
pub(crate) fn stretch_to(samples: &[f32], rate_hz: u32, n_out: usize, share: f64) -> Vec<f32> {
    assert!(rate_hz > 0, "time_stretch: the rate must be above 0");
    if n_out == samples.len() && share >= 1.0 {
        return samples.to_vec();
    }
    let n = frame_length(rate_hz);
    let map = TimeMap::around(samples.len(), n_out, &onsets(samples, rate_hz), (n / 2) as f64);
    Vocoder::new(n, share).run(samples, &map, n_out)
}

fn frame_length(rate_hz: u32) -> usize {
    let exponent = (FRAME_S * f64::from(rate_hz)).max(16.0).log2().round() as u32;
    1 << exponent.min(16)
}

/// Cuts to `n` samples, or repeats what is there until there are so many.
pub(crate) fn fill(samples: &mut Vec<f32>, n: usize) {
    let there = samples.len();
    if there == 0 {
        samples.resize(n, 0.0);
    }
    samples.truncate(n);
    while samples.len() < n {
        samples.extend_from_within(..there.min(n - samples.len()));
    }
}
