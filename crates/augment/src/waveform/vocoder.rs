//! A phase vocoder: frames of a sound, taken where a time map says, placed at an even hop with phases that go on.
//!
//! Every output frame is analyzed twice, where it is (`here`) and one hop of the output earlier (`before`), so that the
//! phase a partial gains over one hop is measured and not unwrapped (as M. Puckette, "Phase-locked vocoder", 1995, does
//! it). What turns `before` into the frame that was written last turns `here` into the one to write: for each region
//! around a spectral peak one rotation, so that the phases within a region keep their relation (J. Laroche and M. Dolson,
//! "Improved phase vocoder time-scale modification of audio", 1999). The rotation is the one that fits the peak and
//! its neighbors best in the sense of least squares; no angle is computed anywhere.

use super::frames::{MARGIN, OVERLAP, Pairs, Spectrum, together};
use super::time_map::TimeMap;
use pulp::{Arch, Simd, WithSimd};

/// Neighbors to either side that a peak exceeds.
const NEIGHBORS: usize = MARGIN;
/// A region whose power grows by this factor across an onset belongs to the new sound.
const RISE: f32 = 4.0;
/// Bins that a rotation is written to at once; what the next region has is written over.
const STRIDE: usize = 8;
/// Bins over which a sound that is cut off in frequency falls to nothing.
const EDGE: usize = 16;

/// Rooms and transforms of one length.
pub(crate) struct Vocoder {
    n: usize,
    hop: usize,
    /// Bins that are computed with; the others are silent.
    n_bins: usize,
    pairs: Pairs,
    rooms: [Vec<f32>; 2],
    /// What the last bins are multiplied with, where the sound is cut off in frequency.
    edge: Vec<f32>,
    /// Power of each bin of the frame that is being written, with silence to either side.
    power: Vec<f32>,
    /// 1 for a peak, `[n_bins]` and zeros up to a multiple of 64.
    is_peak: Vec<u8>,
    peaks: Vec<usize>,
    /// What the region of each peak is multiplied with, `[n_bins]` of which the first are in use.
    region_re: Vec<f32>,
    region_im: Vec<f32>,
    /// What each bin is multiplied with, `[n_bins]` and [`STRIDE`] more.
    rotation_re: Vec<f32>,
    rotation_im: Vec<f32>,
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

/// The `n` samples around sample `center` of the sound; in `room`, where some of them are silence beyond its ends.
#[inline(always)]
fn frame<'a>(sound: &'a [f32], center: i64, n: usize, room: &'a mut Vec<f32>) -> &'a [f32] {
    let start = center - n as i64 / 2;
    if let Some(frame) = usize::try_from(start).ok().and_then(|start| sound.get(start..start + n)) {
        return frame;
    }
    room.clear();
    room.resize(n, 0.0);
    let (from, to) = (start.max(0), (start + n as i64).min(sound.len() as i64));
    if from < to {
        room[(from - start) as usize..(to - start) as usize].copy_from_slice(&sound[from as usize..to as usize]);
    }
    room
}

impl Vocoder {
    /// For frames of `n` samples, a multiple of 8, of which the bins below `share` of half the rate are kept: all of
    /// them from 1 on.
    pub(crate) fn new(n: usize, share: f64) -> Self {
        let all = n / 2 + 1;
        let n_bins = if share < 1.0 { ((n / 2) as f64 * share).ceil().max(1.0) as usize } else { all };
        let n_edge = if n_bins < all { EDGE.min(n_bins) } else { 0 };
        let fall = |i: usize| 0.5 + 0.5 * (std::f32::consts::PI * (i as f32 + 0.5) / n_edge as f32).cos();
        Self {
            n,
            hop: n / OVERLAP,
            n_bins,
            pairs: Pairs::new(n),
            rooms: [Vec::new(), Vec::new()],
            edge: (0..n_edge).map(fall).collect(),
            power: vec![0.0; n_bins + 2 * NEIGHBORS],
            is_peak: vec![0; n_bins.next_multiple_of(64)],
            peaks: Vec::with_capacity(n_bins),
            region_re: vec![0.0; n_bins],
            region_im: vec![0.0; n_bins],
            rotation_re: vec![0.0; n_bins + STRIDE],
            rotation_im: vec![0.0; n_bins + STRIDE],
        }
    }

    /// `n_out` samples of `sound`, sample `s` from around `map.at(s)`.
    pub(crate) fn run(&mut self, sound: &[f32], map: &TimeMap, n_out: usize) -> Vec<f32> {
        Arch::new().dispatch(Run { vocoder: self, sound, map, n_out })
    }

    #[inline(always)]
    fn run_here(&mut self, sound: &[f32], map: &TimeMap, n_out: usize) -> Vec<f32> {
        let (n, hop) = (self.n, self.hop);
        let blank = || Spectrum::new(n / 2 + 1);
        let (mut here, mut before, mut first, mut second) = (blank(), blank(), blank(), blank());
        // Frames whose windows reach into the output: from one centered before it to one centered after it.
        let n_lead = OVERLAP / 2 - 1;
        let n_frames = n_out.div_ceil(hop) + 2 * n_lead + 1;
        // The first frame begins half a frame before its center; what comes before the output is added up apart.
        let lead = n / 2 + n_lead * hop;
        let mut out = vec![0.0; (n_frames + 1 + OVERLAP) * hop - lead];
        let mut ahead = vec![0.0; lead + n + hop];
        for u in 0..n_frames.next_multiple_of(2) {
            let s = (u * hop) as f64 - (n_lead * hop) as f64;
            let t = map.at(s).round() as i64;
            // The frame before this one was written into the other of the two.
            let (last, next) = if u % 2 == 0 { (&second, &mut first) } else { (&first, &mut second) };
            if u >= n_frames {
                next.re.fill(0.0);
                next.im.fill(0.0);
            } else {
                self.analyze(sound, t, t - hop as i64, &mut here, &mut before);
                self.find_peaks(&here);
                let onset = map.onset_within(s - hop as f64, s);
                let change = onset.map(|t| {
                    let (mut after, mut earlier) = (blank(), blank());
                    self.analyze(sound, t + n as i64 / 4, t - n as i64 / 2, &mut after, &mut earlier);
                    (after, earlier)
                });
                self.turn(&here, &before, last, next, u == 0, change.as_ref());
            }
            if u % 2 == 1 {
                let from = (u - 1) * hop;
                match from.checked_sub(lead) {
                    Some(from) => self.pairs.synthesize(&first, &second, &mut out[from..]),
                    None => self.pairs.synthesize(&first, &second, &mut ahead[from..]),
                }
            }
        }
        out.iter_mut().zip(&ahead[lead..]).for_each(|(out, ahead)| *out += ahead);
        out.truncate(n_out);
        out
    }

    /// The spectra of the frames centered at `a` and `b`.
    #[inline(always)]
    fn analyze(&mut self, sound: &[f32], a: i64, b: i64, at_a: &mut Spectrum, at_b: &mut Spectrum) {
        let Self { n, pairs, rooms: [one, other], .. } = self;
        pairs.analyze(frame(sound, a, *n, one), frame(sound, b, *n, other), at_a, at_b);
        if !self.edge.is_empty() {
            let (n_bins, from) = (self.n_bins, self.n_bins - self.edge.len());
            for values in [&mut at_a.re, &mut at_a.im, &mut at_b.re, &mut at_b.im] {
                let (kept, cut) = values[MARGIN..].split_at_mut(n_bins);
                kept[from..].iter_mut().zip(&self.edge).for_each(|(value, weight)| *value *= weight);
                cut.fill(0.0);
            }
        }
    }

    /// Finds the bins that exceed [`NEIGHBORS`] to either side.
    #[inline(always)]
    fn find_peaks(&mut self, spectrum: &Spectrum) {
        let n_bins = self.n_bins;
        let (re, im) = spectrum.bins(n_bins);
        together(&mut self.power[NEIGHBORS..], re, im, |re, im| re * re + im * im);
        let row = |offset: usize| &self.power[offset..offset + n_bins];
        let others = row(0).iter().zip(row(1)).zip(row(3)).zip(row(4));
        for ((is_peak, p), (((a, b), c), d)) in self.is_peak.iter_mut().zip(row(2)).zip(others) {
            // Without a branch: in noise nothing would foresee it.
            *is_peak = u8::from((p > a) & (p > b) & (p > c) & (p > d));
        }
        self.peaks.clear();
        for (i, flags) in self.is_peak.as_chunks::<64>().0.iter().enumerate() {
            let mut mask = 0u64;
            for (j, &eight) in flags.as_chunks::<8>().0.iter().enumerate() {
                // Eight bytes of 0 or 1 become eight bits.
                mask |= (u64::from_le_bytes(eight).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * j);
            }
            while mask != 0 {
                self.peaks.push(64 * i + mask.trailing_zeros() as usize);
                mask &= mask - 1;
            }
        }
    }

    /// Where the region of peak `i` ends: halfway to the next.
    #[inline(always)]
    fn end(&self, i: usize) -> usize {
        self.peaks.get(i + 1).map_or(self.n_bins, |after| (self.peaks[i] + after).div_ceil(2))
    }

    /// `here` with each region, up to halfway to the next peak, turned as `before` has to be turned to be `last`. Where
    /// the sound begins (`fresh`), and in regions that an onset brings, phases are those of the sound (A. Röbel, "A new
    /// approach to transient processing in the phase vocoder", 2003); `change` is the spectrum after the onset and the
    /// one before it.
    #[inline(always)]
    fn turn(
        &mut self,
        here: &Spectrum,
        before: &Spectrum,
        last: &Spectrum,
        next: &mut Spectrum,
        fresh: bool,
        change: Option<&(Spectrum, Spectrum)>,
    ) {
        if fresh || self.peaks.is_empty() {
            next.clone_from(here);
            return;
        }
        let n_bins = self.n_bins;
        // `next` = `last` * conj(`before`): what each bin has been turned by.
        let ((l_re, l_im), (b_re, b_im)) = (last.bins(n_bins), before.bins(n_bins));
        let (to_re, to_im) = next.bins_mut(n_bins);
        products(to_re, [l_re, b_re, l_im, b_im], |a, b| a + b);
        products(to_im, [l_im, b_re, l_re, b_im], |a, b| a - b);
        for ((&peak, re), im) in self.peaks.iter().zip(&mut self.region_re).zip(&mut self.region_im) {
            // The peak and its neighbors, whose places begin MARGIN before their bins'.
            let sum = |values: &[f32]| (values[0] + values[4]) + (values[1] + values[3]) + values[2];
            (*re, *im) = (sum(&next.re[peak..][..5]), sum(&next.im[peak..][..5]));
        }
        let n_peaks = self.peaks.len();
        for (re, im) in self.region_re[..n_peaks].iter_mut().zip(&mut self.region_im[..n_peaks]) {
            let length = (*re * *re + *im * *im).sqrt();
            let goes_on = length > f32::MIN_POSITIVE;
            let inverse = 1.0 / length;
            (*re, *im) = if goes_on { (*re * inverse, *im * inverse) } else { (1.0, 0.0) };
        }
        if let Some((after, earlier)) = change {
            self.begin_anew(after, earlier);
        }
        let mut start = 0;
        for i in 0..n_peaks {
            let end = self.end(i);
            let mut at = start;
            while at < end {
                self.rotation_re[at..][..STRIDE].fill(self.region_re[i]);
                self.rotation_im[at..][..STRIDE].fill(self.region_im[i]);
                at += STRIDE;
            }
            start = end;
        }
        let (re, im) = here.bins(n_bins);
        let (to_re, to_im) = next.bins_mut(n_bins);
        let (by_re, by_im) = (&self.rotation_re[..n_bins], &self.rotation_im[..n_bins]);
        products(to_re, [re, by_re, im, by_im], |a, b| a - b);
        products(to_im, [re, by_im, im, by_re], |a, b| a + b);
    }

    /// Leaves the phases of regions as they are that grew from `earlier` to `after`.
    #[inline(always)]
    fn begin_anew(&mut self, after: &Spectrum, earlier: &Spectrum) {
        let mut start = 0;
        for i in 0..self.peaks.len() {
            let region = start + MARGIN..self.end(i) + MARGIN;
            start = self.end(i);
            let power = |spectrum: &Spectrum| -> f32 {
                spectrum.re[region.clone()]
                    .iter()
                    .zip(&spectrum.im[region.clone()])
                    .map(|(re, im)| re * re + im * im)
                    .sum()
            };
            if power(after) > RISE * power(earlier) {
                (self.region_re[i], self.region_im[i]) = (1.0, 0.0);
            }
        }
    }
}

/// `to[i] = of(a[i] * b[i], c[i] * d[i])`.
#[inline(always)]
fn products(to: &mut [f32], [a, b, c, d]: [&[f32]; 4], of: impl Fn(f32, f32) -> f32) {
    for ((to, (a, b)), (c, d)) in to.iter_mut().zip(a.iter().zip(b)).zip(c.iter().zip(d)) {
        *to = of(a * b, c * d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_slope_one_gives_the_sound_back() {
        let sound: Vec<f32> = (0..6000u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
        for n_out in [6000, 5000, 5001, 1] {
            let out = Vocoder::new(512, 1.0).run(&sound, &TimeMap::even(6000, 6000), n_out);
            assert_eq!(out.len(), n_out);
            let worst = out.iter().zip(&sound).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{n_out}: {worst}");
        }
    }

    #[test]
    fn what_is_above_the_share_is_gone_and_the_rest_stays() {
        let tone = |hz: f32| -> Vec<f32> { (0..6000).map(|i| (std::f32::consts::TAU * hz * i as f32).sin()).collect() };
        let both: Vec<f32> = tone(0.1).iter().zip(tone(0.4)).map(|(low, high)| low + high).collect();
        let out = Vocoder::new(512, 0.7).run(&both, &TimeMap::even(6000, 6000), 6000);
        let worst = (1000..5000).map(|i| (out[i] - tone(0.1)[i]).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3, "{worst}");
    }
}
