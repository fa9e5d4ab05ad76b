//! Which samples a frame holds, and what is done to them before the transform.

use std::ops::Range;

use rustfft::num_complex::Complex;

use crate::config::{Framing, FrontEndConfig};
use crate::real::Real;

/// Columns of the spectrogram of that many samples.
pub(crate) fn n_frames(config: &FrontEndConfig, n_samples: usize) -> usize {
    let last_start = match config.framing {
        Framing::Centered => n_samples,
        Framing::Inside => n_samples.saturating_sub(config.frame_len()),
    };
    1 + last_start / config.hop
}

/// Cuts frames out of samples and makes them ready for a transform. Beyond both ends of the samples is silence.
pub(crate) struct Frames<T> {
    hop: usize,
    n_fft: usize,
    /// Samples of silence in front of the first sample, where the first frame begins.
    ahead: usize,
    /// Place of a frame's first sample in the transform.
    lead: usize,
    remove_dc: bool,
    pre_emphasis: T,
    /// Half of the window, `[n_window]`: the other half of the factor is where two frames are taken apart.
    half_window: Vec<T>,
}

impl<T: Real> Frames<T> {
    pub(crate) fn new(config: &FrontEndConfig) -> Self {
        let n_window = config.frame_len();
        let (ahead, lead) = match config.framing {
            Framing::Centered => {
                let lead = (config.n_fft - n_window) / 2;
                (config.n_fft / 2 - lead, lead)
            }
            Framing::Inside => (0, 0),
        };
        Self {
            hop: config.hop,
            n_fft: config.n_fft,
            ahead,
            lead,
            remove_dc: config.remove_dc,
            pre_emphasis: T::of_f64(config.pre_emphasis),
            half_window: config.window.weights(n_window).into_iter().map(|w| T::of_f64(0.5 * w)).collect(),
        }
    }

    /// Samples of a transform.
    pub(crate) fn n_fft(&self) -> usize {
        self.n_fft
    }

    /// Whether a frame holds no sample of `sounding`.
    pub(crate) fn is_silent(&self, frame: usize, sounding: &Range<usize>) -> bool {
        let start = frame * self.hop; // counted from `ahead` samples before the first
        start + self.half_window.len() <= sounding.start + self.ahead || start >= sounding.end + self.ahead
    }

    /// Makes frame `frame` the real and the one after it the imaginary part of what will be transformed.
    ///
    /// # Shapes
    /// `samples`: `[n_samples]`; `out`: `[n_fft]`
    #[inline(always)]
    pub(crate) fn write_two(&self, samples: &[f32], frame: usize, out: &mut [Complex<T>]) {
        let zero = Complex::new(T::zero(), T::zero());
        let (silence, out) = out.split_at_mut(self.lead);
        silence.fill(zero);
        let (out, silence) = out.split_at_mut(self.half_window.len());
        silence.fill(zero);
        if self.remove_dc || self.pre_emphasis != T::zero() {
            self.gather(samples, frame, out, |sample, _| sample);
            self.level_and_weight(out);
        } else {
            self.gather(samples, frame, out, |sample, weight| sample * weight);
        }
    }

    /// Two frames of samples, each sample with its weight through `weigh`.
    #[inline(always)]
    fn gather(&self, samples: &[f32], frame: usize, out: &mut [Complex<T>], weigh: impl Fn(T, T) -> T) {
        let (n_window, ahead) = (self.half_window.len(), self.ahead);
        let start = frame * self.hop;
        if start >= ahead && start + self.hop + n_window <= samples.len() + ahead {
            let first = &samples[start - ahead..][..n_window];
            let second = &samples[start + self.hop - ahead..][..n_window];
            for (((value, &weight), &a), &b) in out.iter_mut().zip(&self.half_window).zip(first).zip(second) {
                *value = Complex::new(weigh(T::of_f32(a), weight), weigh(T::of_f32(b), weight));
            }
        } else {
            let at = |i: usize| i.checked_sub(ahead).and_then(|i| samples.get(i)).map_or(T::zero(), |&x| T::of_f32(x));
            for (i, (value, &weight)) in out.iter_mut().zip(&self.half_window).enumerate() {
                *value = Complex::new(weigh(at(start + i), weight), weigh(at(start + self.hop + i), weight));
            }
        }
    }

    /// Takes the mean of each of two frames off it, emphasizes high frequencies and weights, whichever is asked for.
    #[inline(always)]
    fn level_and_weight(&self, frames: &mut [Complex<T>]) {
        let mean = if self.remove_dc { mean(frames) } else { Complex::new(T::zero(), T::zero()) };
        let mut before = frames[0] - mean;
        for (value, &weight) in frames.iter_mut().zip(&self.half_window) {
            let level = *value - mean;
            *value = (level - before * self.pre_emphasis) * weight;
            before = level;
        }
    }
}

/// The mean, of sums of every eighth value: the same order on every processor, in vectors where it has them.
#[inline(always)]
fn mean<T: Real>(values: &[Complex<T>]) -> Complex<T> {
    const LANES: usize = 8;
    let mut sums = [Complex::new(T::zero(), T::zero()); LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum = *sum + value;
        }
    }
    let sum = sums.iter().chain(rest).fold(Complex::new(T::zero(), T::zero()), |sum, &value| sum + value);
    sum / T::of_f64(values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Window;

    fn config(framing: Framing) -> FrontEndConfig {
        FrontEndConfig { n_fft: 8, n_window: Some(4), hop: 3, framing, ..FrontEndConfig::default() }
    }

    /// What frame `frame` of the samples 1, 2, 3, ... is, without the half of the window.
    fn first_of_two(config: &FrontEndConfig, n_samples: usize, frame: usize) -> Vec<f64> {
        let samples: Vec<f32> = (1..=n_samples).map(|i| i as f32).collect();
        let mut out = vec![Complex::new(7.0, 7.0); config.n_fft];
        Frames::<f64>::new(config).write_two(&samples, frame, &mut out);
        out.iter().map(|value| 2.0 * value.re).collect()
    }

    fn assert_close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?}, not {expected:?}");
    }

    #[test]
    fn frames_inside_are_counted_where_they_are_whole() {
        let config = config(Framing::Inside);
        let counts = [0, 1, 4, 6, 7, 9, 10].map(|n_samples| n_frames(&config, n_samples));
        assert_eq!(counts, [1, 1, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn a_centered_frame_has_zeros_around_it_and_one_inside_after_it() {
        // Hann's periodic window of four: 0, 1/2, 1, 1/2.
        assert_close(&first_of_two(&config(Framing::Centered), 9, 0), &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_close(&first_of_two(&config(Framing::Centered), 9, 1), &[0.0, 0.0, 0.0, 1.5, 4.0, 2.5, 0.0, 0.0]);
        assert_close(&first_of_two(&config(Framing::Inside), 9, 0), &[0.0, 1.0, 3.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        assert_close(&first_of_two(&config(Framing::Inside), 9, 1), &[0.0, 2.5, 6.0, 3.5, 0.0, 0.0, 0.0, 0.0]);
        assert_close(&first_of_two(&config(Framing::Inside), 2, 0), &[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_mean_and_a_share_of_the_sample_before_are_taken_off() {
        let level = FrontEndConfig { remove_dc: true, ..config(Framing::Inside) };
        assert_close(&first_of_two(&level, 9, 1)[..4], &[0.0, -0.25, 0.5, 0.75]);
        let emphasized = FrontEndConfig { pre_emphasis: 0.5, window: Window::SymmetricHann, ..config(Framing::Inside) };
        assert_close(&first_of_two(&emphasized, 9, 1)[..4], &[0.0, 0.75 * 3.0, 0.75 * 3.5, 0.0]);
        let both = FrontEndConfig { remove_dc: true, n_fft: 4, n_window: None, ..emphasized };
        assert_close(&first_of_two(&both, 9, 1), &[0.0, 0.75 * 0.25, 0.75 * 0.75, 0.0]);
    }

    #[test]
    fn the_first_sample_counts_as_the_one_before_it() {
        // Hann's first weight is zero and would hide it.
        let config = FrontEndConfig { pre_emphasis: 0.25, ..config(Framing::Inside) };
        let frames = Frames::<f64> { half_window: vec![0.5; 4], ..Frames::new(&config) };
        let mut out = vec![Complex::new(0.0, 0.0); 8];
        frames.write_two(&[4.0, 8.0, 0.0, 0.0], 0, &mut out);
        assert_close(&[2.0 * out[0].re, 2.0 * out[1].re, 2.0 * out[2].re], &[3.0, 7.0, -2.0]);
    }
}
