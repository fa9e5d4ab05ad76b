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
/// Places are counted in parts of a sample, so that they are exact however many there are.
const UNIT: u64 = 1 << 36;
/// Kaiser's parameter: 67 dB.
const BETA: f64 = 6.43;

/// For a sound up to half the rate: samples that a value is interpolated from, and the middle of the filter's slope as a share
/// of half the rate. The slope is 0.26 wide.
const WHOLE: (usize, f64) = (32, 0.92);
/// The same for a sound that has nothing above [`LOW`]: the slope may be wide, and be around half the rate.
const CUT: (usize, f64) = (24, 1.0);
/// The slope of [`CUT`] begins here.
const LOW: f64 = 0.82;

/// `n_out` values of the sound, `step` of its samples apart, as if silence came before and after it. `kept` is the share
/// of half the rate above which it has nothing, 1 where that is not known.
pub(crate) fn interpolate(samples: &[f32], step: f64, n_out: usize, kept: f64) -> Vec<f32> {
    static OF_WHOLE: OnceLock<Vec<Row<{ WHOLE.0 }>>> = OnceLock::new();
    static OF_CUT: OnceLock<Vec<Row<{ CUT.0 }>>> = OnceLock::new();
    if kept <= LOW {
        let weights = OF_CUT.get_or_init(|| weights(CUT.1));
        Arch::new().dispatch(Walk { samples, weights, step, n_out })
    } else {
        let weights = OF_WHOLE.get_or_init(|| weights(WHOLE.1));
        Arch::new().dispatch(Walk { samples, weights, step, n_out })
    }
}

/// The weights of a place. They begin with a cache line, so that none more than need be is fetched.
#[repr(align(64))]
struct Row<const N_TAPS: usize>([f32; N_TAPS]);

/// The weighted sums, compiled for the vectors of the processor; they keep their order on each.
struct Walk<'a, const N_TAPS: usize> {
    samples: &'a [f32],
    weights: &'a [Row<N_TAPS>],
    step: f64,
    n_out: usize,
}

impl<const N_TAPS: usize> WithSimd for Walk<'_, N_TAPS> {
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
            let sound = around(samples, (first, N_TAPS / 2 - 1), n, &mut room);
            for (i, lanes) in sums.iter_mut().enumerate().take(out.len()) {
                let place = place(i);
                let Row(weights) = &weights[(place / (UNIT / N_PHASES as u64)) as usize % N_PHASES];
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

/// The `n` samples from `ahead` before sample `at` on; in `room`, where some of them are silence beyond the ends.
#[inline(always)]
fn around<'a>(samples: &'a [f32], (at, ahead): (usize, usize), n: usize, room: &'a mut Vec<f32>) -> &'a [f32] {
    if let Some(sound) = at.checked_sub(ahead).and_then(|first| samples.get(first..first + n)) {
        return sound;
    }
    let sample = |i: usize| (at + i).checked_sub(ahead).and_then(|i| samples.get(i)).copied().unwrap_or(0.0);
    room.clear();
    room.extend((0..n).map(sample));
    room
}

/// The weights of every place, for a slope around `cutoff`.
fn weights<const N_TAPS: usize>(cutoff: f64) -> Vec<Row<N_TAPS>> {
    let reach = (N_TAPS / 2) as f64;
    let of = |phase: usize| {
        let mut row = [0.0f32; N_TAPS];
        for (tap, weight) in row.iter_mut().enumerate() {
            let x = tap as f64 - (reach - 1.0) - phase as f64 / N_PHASES as f64;
            let sinc = if x.abs() < 1e-9 { cutoff } else { (PI * cutoff * x).sin() / (PI * x) };
            let under = 1.0 - (x / reach).powi(2);
            *weight = if under > 0.0 { (sinc * bessel(BETA * under.sqrt()) / bessel(BETA)) as f32 } else { 0.0 };
        }
        // A constant stays what it is.
        let sum: f32 = row.iter().sum();
        Row(row.map(|weight| weight / sum))
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
                for kept in [LOW, 1.0] {
                    let out = interpolate(&tone(hz, 5000), step, 3000, kept);
                    let expected = tone(hz * step, 3000);
                    let worst = (100..2900).map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
                    assert!(worst < most, "{hz} {step} {kept}: {worst}");
                }
            }
        }
        assert!(interpolate(&[1.0], 1.0, 0, 1.0).is_empty());
    }
}
