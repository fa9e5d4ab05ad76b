//! The short-time Fourier transform: squared magnitudes of frames.

use std::ops::Range;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use crate::config::FrontEndConfig;
use crate::frames::Frames;
use crate::real::Real;

/// Frames that are transformed before anything is made of them: rows of this many are one or two vectors.
pub(crate) const BLOCK: usize = 8;

/// A planned transform. Two real frames are the real and the imaginary part of one complex transform.
pub(crate) struct Stft<T> {
    frames: Frames<T>,
    plan: Arc<dyn Fft<T>>,
}

/// What a thread writes while it transforms.
pub(crate) struct Buffers<T> {
    /// Two windowed frames, `[n_fft]`.
    frames: Vec<Complex<T>>,
    /// Their transform, `[n_fft]`.
    spectrum: Vec<Complex<T>>,
    /// The plan's own.
    work: Vec<Complex<T>>,
    /// Squared magnitudes, a frame after the other: `[BLOCK, n_fft / 2 + 1]`.
    power: Vec<f32>,
}

impl<T: Real> Stft<T> {
    pub(crate) fn new(config: &FrontEndConfig) -> Self {
        Self { frames: Frames::new(config), plan: FftPlanner::new().plan_fft_forward(config.n_fft) }
    }

    pub(crate) fn buffers(&self) -> Buffers<T> {
        let zero = Complex::new(T::zero(), T::zero());
        let n_fft = self.frames.n_fft();
        Buffers {
            frames: vec![zero; n_fft],
            spectrum: vec![zero; n_fft],
            work: vec![zero; self.plan.get_outofplace_scratch_len()],
            power: vec![0.0; BLOCK * (n_fft / 2 + 1)],
        }
    }

    /// Squared magnitudes of the bins `bins` of the frames `frames`, of which there are at most `BLOCK`. Samples
    /// outside `sounding` are silence, and so are frames that reach no others, without a transform.
    ///
    /// # Shapes
    /// `power`: `[bins, BLOCK]`; columns beyond the frames hold nothing of use.
    #[inline(always)]
    pub(crate) fn power(
        &self,
        samples: &[f32],
        sounding: Range<usize>,
        frames: Range<usize>,
        bins: Range<usize>,
        buffers: &mut Buffers<T>,
        power: &mut [[f32; BLOCK]],
    ) {
        let silent = |frame| self.frames.is_silent(frame, &sounding);
        let rows = buffers.power.chunks_exact_mut(2 * bins.len()).take(BLOCK / 2);
        for (rows, frame) in rows.zip(frames.step_by(2)) {
            if silent(frame) && silent(frame + 1) {
                rows.fill(0.0);
                continue;
            }
            self.frames.write_two(samples, frame, &mut buffers.frames);
            self.plan.process_outofplace_with_scratch(&mut buffers.frames, &mut buffers.spectrum, &mut buffers.work);
            let (first, second) = rows.split_at_mut(bins.len());
            power_of_two_frames(&buffers.spectrum, bins.clone(), first, second);
        }
        transpose(&buffers.power, power);
    }
}

/// A stretch outside of which all samples are zero; empty where all are.
#[inline(always)]
pub(crate) fn sounding(samples: &[f32]) -> Range<usize> {
    // Many at a time, in vectors: most of a padded clip may be silence.
    const CHUNK: usize = 64;
    let sounds = |chunk: &[f32]| chunk.iter().fold(0, |bits, sample| bits | (sample.to_bits() << 1)) != 0;
    match samples.chunks(CHUNK).position(sounds) {
        None => 0..0,
        Some(first) => {
            let last = samples.chunks(CHUNK).rposition(sounds).unwrap_or(first);
            first * CHUNK..samples.len().min((last + 1) * CHUNK)
        }
    }
}

/// Takes the transforms of two real frames apart and squares their magnitudes.
///
/// With `z` the transform of `a + ib`, that of `a` is `(z[k] + conj z[n-k]) / 2` and that of `b` is
/// `(z[k] - conj z[n-k]) / 2i`. The halves are in the window of [`Frames`] already.
///
/// # Shapes
/// `a`, `b`: `[bins]`
#[inline(always)]
fn power_of_two_frames<T: Real>(z: &[Complex<T>], bins: Range<usize>, a: &mut [f32], b: &mut [f32]) {
    let separate = |forward: Complex<T>, backward: Complex<T>| {
        let a = Complex::new(forward.re + backward.re, forward.im - backward.im);
        let b = Complex::new(forward.im + backward.im, forward.re - backward.re);
        ((a.re * a.re + a.im * a.im).to_f32(), (b.re * b.re + b.im * b.im).to_f32())
    };
    let (mut first, n_bins) = (bins.start, bins.len());
    let mut done = 0;
    if first == 0 && n_bins > 0 {
        (a[0], b[0]) = separate(z[0], z[0]);
        (first, done) = (1, 1);
    }
    let n = n_bins - done;
    let forward = &z[first..first + n];
    let backward = &z[z.len() + 1 - first - n..][..n];
    let (a, b) = (&mut a[done..n_bins], &mut b[done..n_bins]);
    for (((a, b), &forward), &backward) in a.iter_mut().zip(b).zip(forward).zip(backward.iter().rev()) {
        (*a, *b) = separate(forward, backward);
    }
}

/// `rows`: `[BLOCK, bins]` to `[bins, BLOCK]`.
#[inline(always)]
fn transpose(rows: &[f32], to: &mut [[f32; BLOCK]]) {
    let n = to.len();
    let (tiles, rest) = to.as_chunks_mut::<BLOCK>();
    let n_tiles = tiles.len();
    let from: [_; BLOCK] = std::array::from_fn(|lane| &rows[lane * n..][..n].as_chunks::<BLOCK>().0[..n_tiles]);
    for (i, tile) in tiles.iter_mut().enumerate() {
        for (lane, from) in from.iter().enumerate() {
            for (to, &value) in tile.iter_mut().zip(&from[i]) {
                to[lane] = value;
            }
        }
    }
    for (i, to) in rest.iter_mut().enumerate() {
        for (lane, to) in to.iter_mut().enumerate() {
            *to = rows[lane * n + n_tiles * BLOCK + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::config::Window;

    fn stft<T: Real>(n_fft: usize, hop: usize) -> Stft<T> {
        Stft::new(&FrontEndConfig { n_fft, hop, ..FrontEndConfig::default() })
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    /// One bin of one frame by the definition.
    fn power_by_definition(samples: &[f32], n_fft: usize, hop: usize, frame: usize, bin: usize) -> f64 {
        let window = Window::PeriodicHann.weights(n_fft);
        let (mut re, mut im) = (0.0, 0.0);
        for (i, weight) in window.iter().enumerate() {
            let at = (frame * hop + i).checked_sub(n_fft / 2).and_then(|i| samples.get(i));
            let x = f64::from(at.copied().unwrap_or(0.0)) * weight;
            let angle = -2.0 * PI * (i * bin % n_fft) as f64 / n_fft as f64;
            re += x * angle.cos();
            im += x * angle.sin();
        }
        re * re + im * im
    }

    fn compare<T: Real>(n_samples: usize, n_fft: usize, hop: usize, bins: Range<usize>, tolerance: f64) {
        let samples = noise(n_samples);
        let stft = stft::<T>(n_fft, hop);
        let mut power = vec![[0.0; BLOCK]; bins.len()];
        stft.power(&samples, sounding(&samples), 0..BLOCK, bins.clone(), &mut stft.buffers(), &mut power);
        for (bin, row) in bins.zip(&power) {
            for (frame, &got) in row.iter().enumerate() {
                let expected = power_by_definition(&samples, n_fft, hop, frame, bin);
                assert!((f64::from(got) - expected).abs() <= tolerance * (1.0 + expected), "frame {frame} bin {bin}");
            }
        }
    }

    #[test]
    fn frames_without_sound_are_zero_and_the_others_as_before() {
        let mut samples = noise(400);
        samples[..120].fill(0.0);
        samples[200..].fill(0.0);
        assert_eq!(sounding(&samples), 64..256);
        assert_eq!(sounding(&samples[..199]), 64..199);
        assert_eq!(sounding(&[0.0; 9]), 0..0);
        let stft = stft::<f64>(32, 25);
        let powers = |sounding| {
            let mut all = Vec::new();
            for start in [0, BLOCK] {
                let mut power = vec![[0.0; BLOCK]; 17];
                stft.power(
                    &samples,
                    Range::clone(&sounding),
                    start..start + BLOCK,
                    0..17,
                    &mut stft.buffers(),
                    &mut power,
                );
                all.extend(power);
            }
            all
        };
        assert_eq!(powers(120..200), powers(0..400));
        assert_eq!(
            powers(120..200)[0],
            [0.0, 0.0, 0.0, 0.0, 0.0, powers(0..400)[0][5], powers(0..400)[0][6], powers(0..400)[0][7]]
        );
    }

    #[test]
    fn equals_the_definition() {
        compare::<f64>(300, 64, 16, 0..33, 1e-6);
        compare::<f64>(300, 64, 16, 5..20, 1e-6);
        compare::<f64>(10, 64, 16, 0..33, 1e-6); // shorter than a frame
        compare::<f64>(301, 60, 7, 1..31, 1e-6); // not a power of two
        compare::<f32>(300, 64, 16, 0..33, 1e-5);
        compare::<f64>(9, 2, 3, 0..2, 1e-6);
    }
}
