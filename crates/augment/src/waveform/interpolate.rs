//! The sound between samples, for what already lacks the frequencies that the new rate can't hold.
//!
//! A sinc under a Kaiser window whose weights do not depend on the ratio of the rates: they are made once, for so many
//! places between two samples that the nearest will do.

use super::rate::{BLOCK, LANES, add_lanes, bessel};
use pulp::{Arch, Simd, WithSimd};
use std::f64::consts::PI;
use std::sync::OnceLock;

/// Places between two samples. The nearest is off by less than 67 dB below a tone at a quarter of the rate.
const N_PHASES: usize = 1024;
/// Samples that a place is told from.
const N_TAPS: usize = 40;
/// The middle of the filter's slope, as a share of half the rate.
const CUTOFF: f64 = 0.92;
/// Places are counted in parts of a sample, so that they are exact however many there are.
const UNIT: u64 = 1 << 36;
/// Kaiser's parameter: 67 dB.
const BETA: f64 = 6.43;

/// `n_out` values of the sound, `step` of its samples apart, as if silence came before and after it.
pub(crate) fn interpolate(samples: &[f32], step: f64, n_out: usize) -> Vec<f32> {
    static WEIGHTS: OnceLock<Vec<[f32; N_TAPS]>> = OnceLock::new();
    let weights = WEIGHTS.get_or_init(weights);
    Arch::new().dispatch(Walk { samples, weights, step, n_out })
}

/// The weighted sums, compiled for the vectors of the processor; they keep their order on each.
struct Walk<'a> {
    samples: &'a [f32],
    weights: &'a [[f32; N_TAPS]],
    step: f64,
    n_out: usize,
}

impl WithSimd for Walk<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        let Self { samples, weights, step, n_out } = self;
        let step = (step * UNIT as f64).round() as u64;
        let mut out = vec![0.0; n_out];
        let mut sums = [[0.0f32; LANES]; BLOCK];
        let mut room = Vec::new();
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            // Half a phase more, so that the nearest is the one below.
            let place = |i: usize| (block * BLOCK + i) as u64 * step + UNIT / N_PHASES as u64 / 2;
            let first = (place(0) / UNIT) as usize;
            let n = (place(out.len() - 1) / UNIT) as usize + N_TAPS - first;
            let sound = around(samples, first, n, &mut room);
            for (i, lanes) in sums.iter_mut().enumerate().take(out.len()) {
                let place = place(i);
                let weights = &weights[(place / (UNIT / N_PHASES as u64)) as usize % N_PHASES];
                let sound = &sound[(place / UNIT) as usize - first..][..N_TAPS];
                let mut sum = [0.0f32; LANES];
                for (x, w) in sound.as_chunks::<LANES>().0.iter().zip(weights.as_chunks::<LANES>().0) {
                    for j in 0..LANES {
                        sum[j] += x[j] * w[j];
                    }
                }
                *lanes = sum;
            }
            add_lanes(&sums, out);
        }
        out
    }
}

/// The `n` samples that places after sample `at` are told from; in `room`, where some of them are silence beyond the ends.
#[inline(always)]
fn around<'a>(samples: &'a [f32], at: usize, n: usize, room: &'a mut Vec<f32>) -> &'a [f32] {
    let ahead = N_TAPS / 2 - 1;
    if let Some(sound) = at.checked_sub(ahead).and_then(|first| samples.get(first..first + n)) {
        return sound;
    }
    let sample = |i: usize| (at + i).checked_sub(ahead).and_then(|i| samples.get(i)).copied().unwrap_or(0.0);
    room.clear();
    room.extend((0..n).map(sample));
    room
}

/// The weights of every place.
fn weights() -> Vec<[f32; N_TAPS]> {
    let reach = (N_TAPS / 2) as f64;
    let of = |phase: usize| {
        let mut row = [0.0f32; N_TAPS];
        for (tap, weight) in row.iter_mut().enumerate() {
            let x = tap as f64 - (reach - 1.0) - phase as f64 / N_PHASES as f64;
            let sinc = if x.abs() < 1e-9 { CUTOFF } else { (PI * CUTOFF * x).sin() / (PI * x) };
            let under = 1.0 - (x / reach).powi(2);
            *weight = if under > 0.0 { (sinc * bessel(BETA * under.sqrt()) / bessel(BETA)) as f32 } else { 0.0 };
        }
        // A constant stays what it is.
        let sum: f32 = row.iter().sum();
        row.map(|weight| weight / sum)
    };
    (0..N_PHASES).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_the_tone_at_every_place() {
        let tone =
            |hz: f64, n: usize| -> Vec<f32> { (0..n).map(|i| (2.0 * PI * hz * i as f64).sin() as f32).collect() };
        for (hz, most) in [(0.05, 5e-4), (0.25, 1.5e-3), (0.38, 4e-3)] {
            for step in [0.7, 0.943_874, 1.0, 1.122_462, 1.3] {
                let out = interpolate(&tone(hz, 5000), step, 3000);
                let expected = tone(hz * step, 3000);
                let worst = (100..2900).map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
                assert!(worst < most, "{hz} {step}: {worst}");
            }
        }
        assert!(interpolate(&[1.0], 1.0, 0).is_empty());
    }
}
