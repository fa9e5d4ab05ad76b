//! Pairs of real frames by one complex transform, to and from spectra whose real and imaginary parts are stored apart, which is
//! how vectors of numbers are computed with.

use super::planner;
use rustfft::Fft;
use rustfft::num_complex::Complex;
use std::f32::consts::TAU;
use std::sync::Arc;

/// Zeros before the first bin of a spectrum and after the last, so that every bin has neighbors.
pub(crate) const MARGIN: usize = 2;

/// Frames overlap so many times.
pub(crate) const OVERLAP: usize = 4;

/// The bins of a real frame, from zero to half the rate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spectrum {
    /// `[MARGIN + n_bins + MARGIN]`, as the next one.
    pub(crate) re: Vec<f32>,
    pub(crate) im: Vec<f32>,
}

impl Spectrum {
    /// All zero.
    pub(crate) fn new(n_bins: usize) -> Self {
        Self { re: vec![0.0; n_bins + 2 * MARGIN], im: vec![0.0; n_bins + 2 * MARGIN] }
    }

    /// Real and imaginary parts of the first `n` bins.
    #[inline(always)]
    pub(crate) fn bins(&self, n: usize) -> (&[f32], &[f32]) {
        (&self.re[MARGIN..][..n], &self.im[MARGIN..][..n])
    }

    /// The same to write.
    #[inline(always)]
    pub(crate) fn bins_mut(&mut self, n: usize) -> (&mut [f32], &mut [f32]) {
        (&mut self.re[MARGIN..][..n], &mut self.im[MARGIN..][..n])
    }
}

/// Transforms of one length, and room for them.
pub(crate) struct Pairs {
    n: usize,
    window: Vec<f32>,
    /// The window times what the transforms and the overlap multiply a sound with.
    scaled: Vec<f32>,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    packed: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    re: Vec<f32>,
    im: Vec<f32>,
}

impl Pairs {
    /// For frames of `n` samples.
    pub(crate) fn new(n: usize) -> Self {
        let (forward, inverse) = planner::pair(n);
        let room = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        let window: Vec<f32> = (0..n).map(|i| 0.5 - 0.5 * (TAU * i as f32 / n as f32).cos()).collect();
        // The squares of the windows that overlap add up to 3/8 of the overlap; spectra are twice what they should be.
        let scale = 0.5 / (n as f32 * 0.375 * OVERLAP as f32);
        Self {
            n,
            scaled: window.iter().map(|weight| scale * weight).collect(),
            window,
            forward,
            inverse,
            packed: vec![Complex::default(); n],
            scratch: vec![Complex::default(); room],
            re: vec![0.0; n],
            im: vec![0.0; n],
        }
    }

    /// Twice the spectra of two frames, `[n]` samples each.
    #[inline(always)]
    pub(crate) fn analyze(&mut self, a: &[f32], b: &[f32], at_a: &mut Spectrum, at_b: &mut Spectrum) {
        let (n, half) = (self.n, self.n / 2);
        let (a, b, window) = (&a[..n], &b[..n], &self.window[..n]);
        for ((cell, weight), (a, b)) in self.packed.iter_mut().zip(window).zip(a.iter().zip(b)) {
            *cell = Complex::new(weight * a, weight * b);
        }
        self.forward.process_with_scratch(&mut self.packed, &mut self.scratch);
        for ((cell, re), im) in self.packed.iter().zip(&mut self.re).zip(&mut self.im) {
            (*re, *im) = (cell.re, cell.im);
        }
        let (a_re, a_im) = at_a.bins_mut(half + 1);
        let (b_re, b_im) = at_b.bins_mut(half + 1);
        (a_re[0], a_im[0], b_re[0], b_im[0]) = (2.0 * self.re[0], 0.0, 2.0 * self.im[0], 0.0);
        let (re, im) = (&self.re[1..=half], &self.im[1..=half]);
        let (m_re, m_im) = (&self.re[half..], &self.im[half..]);
        with_mirrored(&mut a_re[1..], re, m_re, |re, mirrored| re + mirrored);
        with_mirrored(&mut a_im[1..], im, m_im, |im, mirrored| im - mirrored);
        with_mirrored(&mut b_re[1..], im, m_im, |im, mirrored| im + mirrored);
        with_mirrored(&mut b_im[1..], re, m_re, |re, mirrored| mirrored - re);
    }

    /// Adds the frames of two spectra of twice their size to `out`, the second one a hop after the first.
    #[inline(always)]
    pub(crate) fn synthesize(&mut self, first: &Spectrum, second: &Spectrum, out: &mut [f32]) {
        let (n, half) = (self.n, self.n / 2);
        let (a_re, a_im) = first.bins(half + 1);
        let (b_re, b_im) = second.bins(half + 1);
        let (below_re, above_re) = self.re.split_at_mut(half);
        let (below_im, above_im) = self.im.split_at_mut(half);
        // A real sound's spectrum is real at zero and at half the rate.
        (below_re[0], below_im[0]) = (a_re[0], b_re[0]);
        (above_re[0], above_im[0]) = (a_re[half], b_re[half]);
        let (a_re, a_im, b_re, b_im) = (&a_re[1..half], &a_im[1..half], &b_re[1..half], &b_im[1..half]);
        together(&mut below_re[1..], a_re, b_im, |re, im| re - im);
        together(&mut below_im[1..], a_im, b_re, |im, re| im + re);
        together_backwards(&mut above_re[1..], a_re, b_im, |re, im| re + im);
        together_backwards(&mut above_im[1..], a_im, b_re, |im, re| re - im);
        for ((cell, re), im) in self.packed.iter_mut().zip(&self.re).zip(&self.im) {
            *cell = Complex::new(*re, *im);
        }
        self.inverse.process_with_scratch(&mut self.packed, &mut self.scratch);
        for ((out, cell), weight) in out[..n].iter_mut().zip(&self.packed).zip(&self.scaled) {
            *out += weight * cell.re;
        }
        for ((out, cell), weight) in out[n / OVERLAP..][..n].iter_mut().zip(&self.packed).zip(&self.scaled) {
            *out += weight * cell.im;
        }
    }
}

// One result a loop: with more of them the compiler can't show that they do not overlap, and does without vectors.

/// `to[i] = of(one[i], other[i])`.
#[inline(always)]
pub(crate) fn together(to: &mut [f32], one: &[f32], other: &[f32], of: impl Fn(f32, f32) -> f32) {
    for ((to, one), other) in to.iter_mut().zip(one).zip(other) {
        *to = of(*one, *other);
    }
}

/// The same with `to` from its end on.
#[inline(always)]
fn together_backwards(to: &mut [f32], one: &[f32], other: &[f32], of: impl Fn(f32, f32) -> f32) {
    for ((to, one), other) in to.iter_mut().rev().zip(one).zip(other) {
        *to = of(*one, *other);
    }
}

/// The same with `other` from its end on.
#[inline(always)]
fn with_mirrored(to: &mut [f32], one: &[f32], other: &[f32], of: impl Fn(f32, f32) -> f32) {
    for ((to, one), other) in to.iter_mut().zip(one).zip(other.iter().rev()) {
        *to = of(*one, *other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spectra_are_those_of_the_definition() {
        let n = 16;
        let frame = |seed: u64| -> Vec<f32> { (0..n as u64).map(|i| ((i * i * seed) % 31) as f32 / 31.0).collect() };
        let (a, b) = (frame(3), frame(7));
        let mut pairs = Pairs::new(n);
        let (mut at_a, mut at_b) = (Spectrum::new(n / 2 + 1), Spectrum::new(n / 2 + 1));
        pairs.analyze(&a, &b, &mut at_a, &mut at_b);
        for (frame, spectrum) in [(&a, &at_a), (&b, &at_b)] {
            for k in 0..=n / 2 {
                let (mut re, mut im) = (0.0f32, 0.0f32);
                for (i, x) in frame.iter().enumerate() {
                    let weighted = x * pairs.window[i];
                    let angle = TAU * (i * k) as f32 / n as f32;
                    re += 2.0 * weighted * angle.cos();
                    im -= 2.0 * weighted * angle.sin();
                }
                let (found_re, found_im) = (spectrum.re[MARGIN + k], spectrum.im[MARGIN + k]);
                assert!((found_re - re).abs() < 1e-4 && (found_im - im).abs() < 1e-4, "{k}");
            }
        }
    }
}
