//! Transforms, filter and blocks of one pair of rates.

use std::f64::consts::PI;
use std::ops::Range;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Where the filter begins to fall, as a share of the lower Nyquist frequency. It is down at that frequency.
const PASS: f64 = 0.98;

/// How far it is down, in decibels.
const ATTENUATION_DB: f64 = 120.0;

/// Frames that are transformed at once, at least.
const BLOCK_FRAMES: usize = 8192;

/// How a sound is cut into blocks. A unit is the shortest stretch that is a whole number of frames at both rates; a
/// block is `n_units` of them, of which `margin` at either end are not kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    pub(super) unit_in: usize,
    unit_out: usize,
    n_units: usize,
    pub(super) margin: usize,
}

impl Blocks {
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Self {
        let Filter { half, unit_in, unit_out, .. } = Filter::new(from_hz, to_hz);
        let margin = (half + 1).div_ceil(unit_in);
        // A power of two makes the transforms a quarter to a third faster; half of a block at least is kept.
        let n_units = BLOCK_FRAMES.div_ceil(unit_in).max(4 * margin).next_power_of_two();
        Self { unit_in, unit_out, n_units, margin }
    }

    /// Units that are kept of a block.
    fn hop(&self) -> usize {
        self.n_units - 2 * self.margin
    }

    /// Frames of both transforms together.
    pub(super) fn n_frames(&self) -> usize {
        self.n_units * (self.unit_in + self.unit_out)
    }

    /// Frames that two blocks take.
    pub(super) fn pair_in(&self) -> usize {
        2 * self.hop() * self.unit_in
    }

    /// Frames that two blocks give.
    pub(super) fn pair_out(&self) -> usize {
        2 * self.hop() * self.unit_out
    }
}

/// Frames of the lower Nyquist frequency's fall, by Kaiser's rule, on one side of the filter's middle.
fn half_length(from_hz: u32, to_hz: u32) -> usize {
    let fall = (1.0 - PASS) * f64::from(from_hz.min(to_hz)) / 2.0 / f64::from(from_hz); // in cycles a frame
    ((ATTENUATION_DB - 7.95) / (14.36 * fall) / 2.0).ceil() as usize
}

/// Transforms and filter of two rates.
pub(super) struct Plan {
    pub(super) blocks: Blocks,
    /// The filter's response, real since it is symmetric: `[min(n_in, n_out) / 2]`, with both transforms' scale in it.
    response: Vec<f32>,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

/// What a thread resamples in: as much as the largest of its plans needs.
#[derive(Default)]
pub(super) struct Room {
    /// `[n_in]`
    sound: Vec<Complex<f32>>,
    /// `[n_in]`
    spectrum_in: Vec<Complex<f32>>,
    /// `[n_out]`
    spectrum_out: Vec<Complex<f32>>,
    /// `[n_out]`
    resampled: Vec<Complex<f32>>,
    work: Vec<Complex<f32>>,
}

impl Room {
    /// Values that there is room for.
    pub(super) fn n_values(&self) -> usize {
        [&self.sound, &self.spectrum_in, &self.spectrum_out, &self.resampled, &self.work]
            .iter()
            .map(|of| of.len())
            .sum()
    }
}

/// The first `n` values, of which there are enough afterwards.
fn first(values: &mut Vec<Complex<f32>>, n: usize) -> &mut [Complex<f32>] {
    if values.len() < n {
        values.resize(n, Complex::new(0.0, 0.0));
    }
    &mut values[..n]
}

impl Plan {
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Self {
        let blocks = Blocks::new(from_hz, to_hz);
        let (n_in, n_out) = (blocks.n_units * blocks.unit_in, blocks.n_units * blocks.unit_out);
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(n_in), planner.plan_fft_inverse(n_out));
        let response = response(from_hz, to_hz, n_in, n_in.min(n_out) / 2);
        Self { blocks, response, forward, inverse }
    }

    /// Resamples the blocks `2 pair` and `2 pair + 1`.
    pub(super) fn transform(&self, samples: &[f32], pair: usize, room: &mut Room) {
        let (n_in, n_out) = (self.forward.len(), self.inverse.len());
        let (sound, spectrum_in) = (first(&mut room.sound, n_in), first(&mut room.spectrum_in, n_in));
        let (spectrum_out, resampled) = (first(&mut room.spectrum_out, n_out), first(&mut room.resampled, n_out));
        let n_work = self.forward.get_outofplace_scratch_len().max(self.inverse.get_outofplace_scratch_len());
        let work = first(&mut room.work, n_work);
        let margin = self.blocks.margin * self.blocks.unit_in;
        let first = pair * self.blocks.pair_in();
        let second = first + self.blocks.pair_in() / 2;
        if first >= margin && second + n_in - margin <= samples.len() {
            let (first, second) = (&samples[first - margin..][..n_in], &samples[second - margin..][..n_in]);
            for ((value, &re), &im) in sound.iter_mut().zip(first).zip(second) {
                *value = Complex::new(re, im);
            }
        } else {
            let at = |i: usize| i.checked_sub(margin).and_then(|i| samples.get(i)).copied().unwrap_or(0.0);
            for (i, value) in sound.iter_mut().enumerate() {
                *value = Complex::new(at(first + i), at(second + i));
            }
        }
        self.forward.process_outofplace_with_scratch(sound, spectrum_in, work);
        let n_bins = self.response.len();
        // Frequencies upwards from 0, and from -1 downwards; the bins between them are silence at the other rate.
        let filter = |((to, &from), &factor): ((&mut Complex<f32>, &Complex<f32>), &f32)| *to = from * factor;
        let (low, high) = spectrum_out.split_at_mut(n_out - n_bins + 1);
        low[n_bins..].fill(Complex::new(0.0, 0.0));
        low.iter_mut().zip(&*spectrum_in).zip(&self.response).for_each(filter);
        high.iter_mut().rev().zip(spectrum_in.iter().rev()).zip(&self.response[1..]).for_each(filter);
        self.inverse.process_outofplace_with_scratch(spectrum_out, resampled, work);
    }

    /// Appends some of the frames that the pair gives.
    pub(super) fn append(&self, frames: Range<usize>, room: &Room, out: &mut Vec<f32>) {
        let n_kept = self.blocks.pair_out() / 2;
        let margin = self.blocks.margin * self.blocks.unit_out;
        let of =
            |from: usize| frames.start.clamp(from, from + n_kept) - from..frames.end.clamp(from, from + n_kept) - from;
        let kept = &room.resampled[margin..margin + n_kept];
        out.extend(kept[of(0)].iter().map(|value| value.re));
        out.extend(kept[of(n_kept)].iter().map(|value| value.im));
    }
}

/// The filter of a resampler: a sinc under Kaiser's window, as a function of time. [`resample`](crate::resample()) applies it by transforms;
/// its values at other times than whole frames are what a convolution with an output between two frames needs.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Frames that it reaches to either side.
    pub half: usize,
    /// Frames that come in while [`unit_out`](Self::unit_out) go out.
    pub unit_in: usize,
    /// Frames that go out while [`unit_in`](Self::unit_in) come in.
    pub unit_out: usize,
    /// Where it has fallen by half, in cycles a frame.
    middle: f64,
}

impl Filter {
    /// From one rate to another.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        let divisor = gcd(from_hz, to_hz);
        let lower_nyquist = 0.5 * f64::from(from_hz.min(to_hz)) / f64::from(from_hz); // in cycles a frame
        Self {
            half: half_length(from_hz, to_hz),
            unit_in: (from_hz / divisor) as usize,
            unit_out: (to_hz / divisor) as usize,
            middle: 0.5 * (1.0 + PASS) * lower_nyquist,
        }
    }

    /// Its value at a distance in frames of the input; 0 beyond where it reaches.
    pub fn at(&self, x: f64) -> f64 {
        let beta = 0.1102 * (ATTENUATION_DB - 8.7);
        let sinc = if x == 0.0 { 2.0 * self.middle } else { (2.0 * PI * self.middle * x).sin() / (PI * x) };
        let inside = 1.0 - (x / (self.half + 1) as f64).powi(2);
        if inside < 0.0 {
            return 0.0;
        }
        sinc * bessel_i0(beta * inside.sqrt()) / bessel_i0(beta)
    }

    /// The sum of its values at whole frames: by it they are divided, so that a constant stays what it is.
    pub fn sum(&self) -> f64 {
        self.at(0.0) + 2.0 * (1..=self.half).map(|i| self.at(i as f64)).sum::<f64>()
    }
}

/// The first bins of a transform of the filter of `n` frames, divided by `n`.
fn response(from_hz: u32, to_hz: u32, n: usize, n_bins: usize) -> Vec<f32> {
    let of = Filter::new(from_hz, to_hz);
    let (half, tap) = (of.half, |i: usize| of.at(i as f64));
    let mut filter = vec![Complex::new(0.0, 0.0); n];
    filter[0].re = tap(0);
    for i in 1..=half {
        filter[i].re = tap(i);
        filter[n - i].re = filter[i].re;
    }
    let sum: f64 = filter.iter().map(|tap| tap.re).sum();
    FftPlanner::new().plan_fft_forward(n).process(&mut filter);
    filter[..n_bins].iter().map(|bin| (bin.re / (sum * n as f64)) as f32).collect()
}

/// The modified Bessel function of the first kind of order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..200 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    sum
}

pub(super) fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
