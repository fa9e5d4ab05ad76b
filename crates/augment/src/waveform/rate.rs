//! Change of rate by any ratio, and the steps that need nothing else: speed, and a passage through a low rate.
//!
//! A sample of the output is a sum of those around its place, weighted by a sinc under a Kaiser window (J. F. Kaiser,
//! "Nonrecursive digital filter design using the I0-sinh window function", 1974). Weights are made for a
//! number of places between two samples, and the two nearest ones blended.

use super::draw::{between_log, is_drawn};
use super::stretch::fill;
use crate::seed::Step;
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::sync::OnceLock;

/// Places between two samples that weights are made for. Blending is off by less than 90 dB below a tone at a quarter of
/// the rate.
const N_PHASES: usize = 128;
/// Samples to either side, at the lower of the two rates.
const REACH: f64 = 24.0;
/// The middle of the filter's slope, as a share of the lower Nyquist frequency.
const CUTOFF: f64 = 0.92;
/// Kaiser's parameter: 80 dB.
const BETA: f64 = 7.86;
/// Points of the window that are kept.
const N_WINDOW: usize = 2048;

/// The step: faster and higher, or slower and lower, as a tape.
///
/// T. Ko, V. Peddinti, D. Povey and S. Khudanpur ("Audio augmentation for speech recognition", 2015) use 0.9 and 1.1.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// How many times as fast, drawn between the two, evenly in the logarithm; 0.25 to 4.
    pub factor: [f32; 2],
    /// Whether the clip keeps its length: cut where it became longer, repeated where it became shorter.
    pub keep_length: bool,
}

impl Speed {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut Vec<f32>, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Speed)?;
        let factor = between_log(self.factor, &mut rng);
        let n = samples.len();
        *samples = speed(samples, f64::from(factor));
        if self.keep_length {
            fill(samples, n);
        }
        Some(format!("speed: {factor:.3} times as fast"))
    }
}

/// The step: down to a low rate and up again, which is what a cheap recorder or an old collection has done.
///
/// Rates from 8 kHz (telephone, ITU-T G.711) to 16 kHz (wideband, ITU-T G.722).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LowRate {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// The rate, drawn between the two, evenly in the logarithm; one that is not below the clip's changes nothing.
    pub rate_hz: [f32; 2],
}

impl LowRate {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut Vec<f32>, rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::LowRate)?;
        let low_hz = between_log(self.rate_hz, &mut rng);
        let step = f64::from(rate_hz) / f64::from(low_hz);
        if step <= 1.0 || samples.is_empty() {
            return None;
        }
        let n_low = ((samples.len() as f64 / step).ceil() as usize).max(1);
        let low = resample(samples, step, n_low);
        *samples = resample(&low, 1.0 / step, samples.len());
        Some(format!("through a rate of {low_hz:.0} Hz"))
    }
}

/// `samples` played `factor` times as fast: `[n]` to `[round(n / factor)]`, at least 1 where there is a sample.
///
/// # Panics
/// When the factor is not from 0.25 to 4.
pub fn speed(samples: &[f32], factor: f64) -> Vec<f32> {
    assert!((0.25..=4.0).contains(&factor), "speed: factor must be 0.25 to 4, not {factor}");
    if samples.is_empty() {
        return Vec::new();
    }
    resample(samples, factor, ((samples.len() as f64 / factor).round() as usize).max(1))
}

/// `n_out` samples of the sound, `step` of its samples apart, as if silence came before and after it; what the lower
/// of the two rates can't hold is taken out.
pub(crate) fn resample(samples: &[f32], step: f64, n_out: usize) -> Vec<f32> {
    let weights = Weights::new(step);
    let (n_taps, ahead) = (weights.n_taps, weights.n_taps / 2 - 1);
    // Silence around it, so that no sample is a special case.
    let mut padded = vec![0.0; ahead];
    padded.extend_from_slice(samples);
    let end = (n_out as f64 * step) as usize + n_taps + 1;
    padded.resize(end.max(padded.len()), 0.0);
    Arch::new().dispatch(Walk { padded: &padded, weights: &weights, step, n_out })
}

/// The weighted sums, compiled for the vectors of the processor; they keep their order on each.
struct Walk<'a> {
    padded: &'a [f32],
    weights: &'a Weights,
    step: f64,
    n_out: usize,
}

impl WithSimd for Walk<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let Self { padded, weights, step, n_out } = self;
        let mut out = vec![0.0; n_out];
        let mut sums = [[0.0f32; LANES]; BLOCK];
        // Loops, since a closure would be compiled for itself, without the vectors.
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            for (i, lanes) in sums.iter_mut().enumerate().take(out.len()) {
                let place = (block * BLOCK + i) as f64 * step;
                let at = place as usize;
                let phase = (place - at as f64) * N_PHASES as f64;
                let below = phase as usize;
                let share = (phase - below as f64) as f32;
                *lanes = blended(&padded[at..][..weights.n_taps], weights.of(below), weights.of(below + 1), share);
            }
            add_lanes(&sums, out);
        }
        out
    }
}

/// Numbers that are added up side by side.
pub(crate) const LANES: usize = 8;
/// Samples whose lanes are kept until all are added up: a sum over lanes in the loop over taps keeps it from vectors.
pub(crate) const BLOCK: usize = 64;

/// The sums with weights interpolated by `share` between `a` and `b`, lane by lane, of whole sixteens.
#[inline(always)]
fn blended(sound: &[f32], a: &[f32], b: &[f32], share: f32) -> [f32; LANES] {
    let mut lanes = [0.0f32; LANES];
    let weights = a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0);
    for (x, (a, b)) in sound.as_chunks::<LANES>().0.iter().zip(weights) {
        for i in 0..LANES {
            lanes[i] += x[i] * (a[i] + share * (b[i] - a[i]));
        }
    }
    lanes
}

/// Adds up the lanes of each sample.
#[inline(always)]
pub(crate) fn add_lanes(sums: &[[f32; LANES]; BLOCK], out: &mut [f32]) {
    for (out, lanes) in out.iter_mut().zip(sums) {
        let four = [lanes[0] + lanes[4], lanes[1] + lanes[5], lanes[2] + lanes[6], lanes[3] + lanes[7]];
        *out = (four[0] + four[2]) + (four[1] + four[3]);
    }
}

/// One set of weights a phase, from a sample to the next one, both included.
struct Weights {
    n_taps: usize,
    /// `[N_PHASES + 1, n_taps]`
    all: Vec<f32>,
}

impl Weights {
    fn new(step: f64) -> Self {
        let wide = step.max(1.0);
        let cutoff = CUTOFF / wide;
        let reach = REACH * wide;
        let n_taps = (2 * reach.ceil() as usize).next_multiple_of(16);
        let ahead = (n_taps / 2 - 1) as f64;
        let mut all = vec![0.0f32; (N_PHASES + 1) * n_taps];
        // Sine of the phase grows by a fixed angle from tap to tap: a rotation in place of a sine each.
        let (turn_sin, turn_cos) = (PI * cutoff).sin_cos();
        for (phase, row) in all.chunks_exact_mut(n_taps).enumerate() {
            let first = -ahead - phase as f64 / N_PHASES as f64;
            let (mut sin, mut cos) = (PI * cutoff * first).sin_cos();
            for (tap, weight) in row.iter_mut().enumerate() {
                let x = first + tap as f64;
                let sinc = if x.abs() < 1e-9 { cutoff } else { sin / (PI * x) };
                *weight = (sinc * window(x / reach)) as f32;
                (sin, cos) = (sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin);
            }
            // A constant stays what it is.
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|weight| *weight /= sum);
        }
        Self { n_taps, all }
    }

    #[inline(always)]
    fn of(&self, phase: usize) -> &[f32] {
        &self.all[phase * self.n_taps..][..self.n_taps]
    }
}

/// Kaiser's window at `x` from -1 to 1; 0 beyond.
fn window(x: f64) -> f64 {
    static POINTS: OnceLock<Vec<f64>> = OnceLock::new();
    let points = POINTS.get_or_init(|| {
        let at = |i: usize| (1.0 - (i as f64 / N_WINDOW as f64).powi(2)).max(0.0).sqrt();
        (0..=N_WINDOW).map(|i| bessel(BETA * at(i)) / bessel(BETA)).collect()
    });
    let place = x.abs() * N_WINDOW as f64;
    let i = place as usize;
    if i >= N_WINDOW { 0.0 } else { points[i] + (place - i as f64) * (points[i + 1] - points[i]) }
}

/// The modified Bessel function of the first kind and order 0, by its series.
pub(crate) fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-12 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, n: usize) -> Vec<f32> {
        (0..n).map(|i| (2.0 * PI * hz * i as f64 / 22_050.0).sin() as f32).collect()
    }

    #[test]
    fn a_tone_is_the_tone_of_the_new_rate() {
        for factor in [0.5, 0.7, 0.9, 1.0009, 1.1, 1.3, 2.0] {
            let out = speed(&tone(1000.0, 22_050), factor);
            let expected = tone(1000.0 * factor, out.len());
            let worst = (200..out.len() - 200).map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{factor}: {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let out = speed(&tone(9000.0, 22_050), 1.5);
        assert!(out[200..out.len() - 200].iter().all(|x| x.abs() < 1e-3));
    }

    #[test]
    fn a_low_rate_keeps_length_and_low_tones() {
        let step = LowRate { share: 1.0, rate_hz: [8000.0, 8000.0] };
        let mut samples = tone(1000.0, 10_001);
        let before = samples.clone();
        assert_eq!(step.apply(&mut samples, 22_050, 1).as_deref(), Some("through a rate of 8000 Hz"));
        let worst = (500..9500).map(|i| (samples[i] - before[i]).abs()).fold(0.0, f32::max);
        assert!(samples.len() == 10_001 && worst < 1e-2, "{worst}");
        let mut high = tone(6000.0, 10_001);
        step.apply(&mut high, 22_050, 1);
        assert!(high[500..9500].iter().all(|x| x.abs() < 1e-2));
    }
}
