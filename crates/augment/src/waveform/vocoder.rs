//! A phase vocoder: frames of a sound, taken where a time map says, laid out at an even hop with phases that go on.
//!
//! Every output frame is analysed twice, where it is (`here`) and one hop of the output earlier (`before`), so that the
//! phase a partial gains over one hop is measured and not unwrapped (as M. Puckette, "Phase-locked vocoder", 1995, does
//! it). What turns `before` into the frame that was written last turns `here` into the one to write: for each region
//! around a spectral peak one rotation, so that the phases within a region keep their relation (J. Laroche and M. Dolson,
//! "Improved phase vocoder time-scale modification of audio", 1999). The rotation is the one that fits the peak and
//! its neighbours best in the sense of least squares; no angle is computed anywhere.

use super::planner;
use super::time_map::TimeMap;
use pulp::{Arch, Simd, WithSimd};
use rustfft::Fft;
use rustfft::num_complex::Complex;
use std::f32::consts::TAU;
use std::sync::Arc;

/// Frames overlap so many times.
const OVERLAP: usize = 4;
/// Neighbours to either side that a peak exceeds.
const NEIGHBOURS: usize = 2;
/// A region whose power grows by this factor across an onset belongs to the new sound.
const RISE: f32 = 4.0;

type Spectrum = Vec<Complex<f32>>;

/// Rooms and transforms of one length.
pub(crate) struct Vocoder {
    n: usize,
    hop: usize,
    window: Vec<f32>,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    packed: Spectrum,
    scratch: Spectrum,
    /// Power of each bin of the frame that is being written, with silence to either side.
    power: Vec<f32>,
    /// 1 for a peak, `[n / 2 + 1]` and zeros up to a multiple of 8.
    is_peak: Vec<u8>,
    peaks: Vec<usize>,
    /// What each bin is multiplied with, `[n / 2 + 1]`.
    rotation: Spectrum,
}

/// [`Vocoder::run`], compiled for the vectors of the processor with all that it calls; sums keep their order on each.
struct Run<'a> {
    vocoder: &'a mut Vocoder,
    sound: &'a [f32],
    map: &'a TimeMap,
    n_out: usize,
}

impl WithSimd for Run<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        self.vocoder.run_here(self.sound, self.map, self.n_out)
    }
}

impl Vocoder {
    /// For frames of `n` samples, a multiple of 8.
    pub(crate) fn new(n: usize) -> Self {
        let (forward, inverse) = planner::pair(n);
        let room = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        Self {
            n,
            hop: n / OVERLAP,
            window: (0..n).map(|i| 0.5 - 0.5 * (TAU * i as f32 / n as f32).cos()).collect(),
            forward,
            inverse,
            packed: vec![Complex::default(); n],
            scratch: vec![Complex::default(); room],
            power: vec![0.0; n / 2 + 1 + 2 * NEIGHBOURS],
            is_peak: vec![0; (n / 2 + 1).next_multiple_of(8)],
            peaks: Vec::new(),
            rotation: vec![Complex::default(); n / 2 + 1],
        }
    }

    /// `n_out` samples of `sound`, sample `s` from around `map.at(s)`.
    pub(crate) fn run(&mut self, sound: &[f32], map: &TimeMap, n_out: usize) -> Vec<f32> {
        Arch::new().dispatch(Run { vocoder: self, sound, map, n_out })
    }

    #[inline(always)]
    fn run_here(&mut self, sound: &[f32], map: &TimeMap, n_out: usize) -> Vec<f32> {
        let (n, hop, n_bins) = (self.n, self.hop, self.n / 2 + 1);
        let blank = || vec![Complex::default(); n_bins];
        let (mut here, mut before, mut first, mut second) = (blank(), blank(), blank(), blank());
        // Frames whose windows reach into the output: from one centred before it to one centred after it.
        let n_lead = OVERLAP / 2 - 1;
        let n_frames = n_out.div_ceil(hop) + 2 * n_lead + 1;
        let mut out = vec![0.0; (n_frames + OVERLAP) * hop];
        for u in 0..n_frames.next_multiple_of(2) {
            let s = (u * hop) as f64 - (n_lead * hop) as f64;
            let t = map.at(s).round() as i64;
            // The frame before this one was written into the other of the two.
            let (last, next) = if u % 2 == 0 { (&second, &mut first) } else { (&first, &mut second) };
            if u >= n_frames {
                next.fill(Complex::default());
            } else {
                self.analyse(sound, t, t - hop as i64, &mut here, &mut before);
                self.find_peaks(&here);
                let onset = map.onset_within(s - hop as f64, s);
                let change = onset.map(|t| {
                    let (mut after, mut earlier) = (blank(), blank());
                    self.analyse(sound, t + n as i64 / 4, t - n as i64 / 2, &mut after, &mut earlier);
                    (after, earlier)
                });
                self.turn(&here, &before, last, next, u == 0, change.as_ref());
            }
            if u % 2 == 1 {
                self.synthesise(&first, &second, &mut out[(u - 1) * hop..]);
            }
        }
        // The first frame begins half a frame before its centre.
        let lead = n / 2 + n_lead * hop;
        out.drain(..lead);
        out.truncate(n_out);
        out
    }

    /// The spectra of the frames centred at `a` and `b`, `[n / 2 + 1]` each, by one complex transform.
    #[inline(always)]
    fn analyse(&mut self, sound: &[f32], a: i64, b: i64, at_a: &mut [Complex<f32>], at_b: &mut [Complex<f32>]) {
        let n = self.n;
        self.packed.fill(Complex::default());
        let half = n as i64 / 2;
        let inside = |centre: i64| {
            let start = (half - centre).clamp(0, n as i64) as usize;
            let end = (sound.len() as i64 + half - centre).clamp(start as i64, n as i64) as usize;
            (start..end, (start as i64 + centre - half).max(0) as usize)
        };
        let (range, from) = inside(a);
        let part = &sound[from.min(sound.len())..];
        let cells = self.packed[range.clone()].iter_mut().zip(&self.window[range]);
        cells.zip(part).for_each(|((cell, w), x)| cell.re = w * x);
        let (range, from) = inside(b);
        let part = &sound[from.min(sound.len())..];
        let cells = self.packed[range.clone()].iter_mut().zip(&self.window[range]);
        cells.zip(part).for_each(|((cell, w), x)| cell.im = w * x);

        self.forward.process_with_scratch(&mut self.packed, &mut self.scratch);
        at_a[0] = Complex::new(self.packed[0].re, 0.0);
        at_b[0] = Complex::new(self.packed[0].im, 0.0);
        let mirrored = self.packed[n / 2..].iter().rev();
        let bins = at_a[1..].iter_mut().zip(&mut at_b[1..]).zip(self.packed[1..].iter().zip(mirrored));
        for ((a, b), (z, m)) in bins {
            *a = Complex::new(0.5 * (z.re + m.re), 0.5 * (z.im - m.im));
            *b = Complex::new(0.5 * (z.im + m.im), 0.5 * (m.re - z.re));
        }
    }

    /// Finds the bins that exceed [`NEIGHBOURS`] to either side.
    #[inline(always)]
    fn find_peaks(&mut self, spectrum: &[Complex<f32>]) {
        let Self { power, is_peak, peaks, .. } = self;
        power[NEIGHBOURS..].iter_mut().zip(spectrum).for_each(|(power, z)| *power = z.norm_sqr());
        let n_bins = spectrum.len();
        let row = |offset: usize| &power[offset..offset + n_bins];
        let others = row(0).iter().zip(row(1)).zip(row(3)).zip(row(4));
        for ((is_peak, p), (((a, b), c), d)) in is_peak.iter_mut().zip(row(2)).zip(others) {
            // Without a branch: in noise nothing would foresee it.
            *is_peak = u8::from((p > a) & (p > b) & (p > c) & (p > d));
        }
        peaks.clear();
        for (i, &word) in is_peak.as_chunks::<8>().0.iter().enumerate() {
            let mut word = u64::from_le_bytes(word);
            while word != 0 {
                peaks.push(8 * i + word.trailing_zeros() as usize / 8);
                word &= word - 1;
            }
        }
    }

    /// `here` with each region, up to halfway to the next peak, turned as `before` has to be turned to be `last`. Where
    /// the sound begins (`fresh`), and in regions that an onset brings, phases are those of the sound (A. Röbel, "A new
    /// approach to transient processing in the phase vocoder", 2003); `change` is the spectrum after the onset and the
    /// one before it.
    #[inline(always)]
    fn turn(
        &mut self,
        here: &[Complex<f32>],
        before: &[Complex<f32>],
        last: &[Complex<f32>],
        next: &mut [Complex<f32>],
        fresh: bool,
        change: Option<&(Spectrum, Spectrum)>,
    ) {
        if fresh || self.peaks.is_empty() {
            next.copy_from_slice(here);
            return;
        }
        let n_bins = here.len();
        for ((out, last), before) in next.iter_mut().zip(last).zip(before) {
            *out = Complex::new(last.re * before.re + last.im * before.im, last.im * before.re - last.re * before.im);
        }
        let mut start = 0;
        for (i, &peak) in self.peaks.iter().enumerate() {
            let end = self.peaks.get(i + 1).map_or(n_bins, |after| (peak + after).div_ceil(2));
            let region = start..end;
            start = end;
            let lobe = peak.saturating_sub(NEIGHBOURS)..(peak + NEIGHBOURS + 1).min(n_bins);
            let sum: Complex<f32> = next[lobe].iter().sum();
            let length = sum.norm_sqr().sqrt();
            let is_new = change.is_some_and(|(after, earlier)| {
                let power =
                    |spectrum: &[Complex<f32>]| -> f32 { spectrum[region.clone()].iter().map(Complex::norm_sqr).sum() };
                power(after) > RISE * power(earlier)
            });
            let goes_on = length > f32::MIN_POSITIVE && !is_new;
            let rotation = if goes_on { sum / length } else { Complex::new(1.0, 0.0) };
            self.rotation[region].fill(rotation);
        }
        next.iter_mut().zip(here).zip(&self.rotation).for_each(|((next, here), rotation)| {
            *next = Complex::new(
                here.re * rotation.re - here.im * rotation.im,
                here.re * rotation.im + here.im * rotation.re,
            );
        });
    }

    /// Adds two frames, the second one hop after the first, by one complex transform.
    #[inline(always)]
    fn synthesise(&mut self, first: &[Complex<f32>], second: &[Complex<f32>], out: &mut [f32]) {
        let (n, hop, half) = (self.n, self.hop, self.n / 2);
        let (below, above) = self.packed.split_at_mut(half);
        // A real sound's spectrum is real at zero and at half the rate.
        below[0] = Complex::new(first[0].re, second[0].re);
        above[0] = Complex::new(first[half].re, second[half].re);
        let bins = first[1..half].iter().zip(&second[1..half]);
        for (((a, b), z), m) in bins.zip(&mut below[1..]).zip(above[1..].iter_mut().rev()) {
            *z = Complex::new(a.re - b.im, a.im + b.re);
            *m = Complex::new(a.re + b.im, b.re - a.im);
        }
        self.inverse.process_with_scratch(&mut self.packed, &mut self.scratch);
        // The squares of the windows that overlap add up to 3/8 of the overlap.
        let scale = 1.0 / (n as f32 * 0.375 * OVERLAP as f32);
        let frames = self.packed.iter().zip(&self.window);
        out.iter_mut().zip(frames.clone()).for_each(|(out, (z, w))| *out += scale * w * z.re);
        out[hop..].iter_mut().zip(frames).for_each(|(out, (z, w))| *out += scale * w * z.im);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_slope_one_gives_the_sound_back() {
        let sound: Vec<f32> = (0..6000u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
        for n_out in [6000, 5000, 5001, 1] {
            let out = Vocoder::new(512).run(&sound, &TimeMap::even(6000, 6000), n_out);
            assert_eq!(out.len(), n_out);
            let worst = out.iter().zip(&sound).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{n_out}: {worst}");
        }
    }
}
