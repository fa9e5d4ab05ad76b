//! The modified discrete cosine transform with sine windows that overlap by half, and back.
//!
//! J. P. Princen and A. B. Bradley ("Analysis/synthesis filter bank design based on time domain aliasing cancellation",
//! 1986): 2 N samples under a window become N coefficients, and the halves of neighboring frames that overlap add up to the
//! samples again. Here it is orthonormal: squares of coefficients add up to squares of samples.

use super::planner::pair;
use rustfft::Fft;
use rustfft::num_complex::Complex;
use std::f64::consts::PI;
use std::sync::Arc;

/// The transform of `n` coefficients a frame.
pub(crate) struct Mdct {
    n: usize,
    /// `[2 n]`
    window: Vec<f32>,
    /// `[n / 2]`: turns before and after the transform.
    twiddles: Vec<Complex<f32>>,
    forward: Arc<dyn Fft<f32>>,
    folded: Vec<f32>,
    packed: Vec<Complex<f32>>,
}

impl Mdct {
    /// For `n` coefficients a frame, an even number.
    pub(crate) fn new(n: usize) -> Self {
        assert!(n > 0 && n.is_multiple_of(2), "Mdct: expected an even number of coefficients, got {n}");
        let turn = |i: usize| {
            let (sin, cos) = (PI * (i as f64 + 0.125) / n as f64).sin_cos();
            Complex::new(cos as f32, -sin as f32)
        };
        Self {
            n,
            window: (0..2 * n).map(|i| (PI * (i as f64 + 0.5) / (2 * n) as f64).sin() as f32).collect(),
            twiddles: (0..n / 2).map(turn).collect(),
            forward: pair(n / 2).0,
            folded: vec![0.0; n],
            packed: vec![Complex::new(0.0, 0.0); n / 2],
        }
    }

    /// The coefficients of a frame.
    ///
    /// # Shapes
    /// `frame` is `[2 n]`, `out` is `[n]`.
    pub(crate) fn analyze(&mut self, frame: &[f32], out: &mut [f32]) {
        let (n, half) = (self.n, self.n / 2);
        let x = |i: usize| frame[i] * self.window[i];
        // With the frame as four quarters a, b, c, d: first -c reversed - d, then a - b reversed.
        for i in 0..half {
            self.folded[i] = -x(3 * half - 1 - i) - x(3 * half + i);
            self.folded[half + i] = x(i) - x(n - 1 - i);
        }
        self.cosines(out);
    }

    /// Adds the samples of a frame to what its neighbors give.
    ///
    /// # Shapes
    /// `coefficients` is `[n]`, `out` is `[2 n]`.
    pub(crate) fn synthesize(&mut self, coefficients: &[f32], out: &mut [f32]) {
        let (n, half) = (self.n, self.n / 2);
        self.folded.copy_from_slice(coefficients);
        let mut unfolded = vec![0.0; n];
        self.cosines(&mut unfolded);
        for i in 0..half {
            let (early, late) = (unfolded[half + i], unfolded[i]);
            out[i] += early * self.window[i];
            out[n - 1 - i] -= early * self.window[n - 1 - i];
            out[3 * half - 1 - i] -= late * self.window[3 * half - 1 - i];
            out[3 * half + i] -= late * self.window[3 * half + i];
        }
    }

    /// The orthonormal discrete cosine transform of type IV of `folded`, which is its own inverse.
    fn cosines(&mut self, out: &mut [f32]) {
        let n = self.n;
        for (i, (z, turn)) in self.packed.iter_mut().zip(&self.twiddles).enumerate() {
            *z = Complex::new(self.folded[2 * i], self.folded[n - 1 - 2 * i]) * turn;
        }
        self.forward.process(&mut self.packed);
        let scale = (2.0 / n as f32).sqrt();
        for (i, (z, turn)) in self.packed.iter().zip(&self.twiddles).enumerate() {
            let z = z * turn;
            out[2 * i] = scale * z.re;
            out[n - 1 - 2 * i] = -scale * z.im;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> Vec<f32> {
        (0..n as u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect()
    }

    #[test]
    fn coefficients_are_those_of_the_definition() {
        let n = 12;
        let frame = noise(2 * n);
        let mut out = vec![0.0; n];
        Mdct::new(n).analyze(&frame, &mut out);
        for (k, got) in out.iter().enumerate() {
            let term = |i: usize| {
                let window = (PI * (i as f64 + 0.5) / (2 * n) as f64).sin();
                let angle = PI / n as f64 * (i as f64 + 0.5 + n as f64 / 2.0) * (k as f64 + 0.5);
                f64::from(frame[i]) * window * angle.cos()
            };
            let expected = (2.0 / n as f64).sqrt() * (0..2 * n).map(term).sum::<f64>();
            assert!((f64::from(*got) - expected).abs() < 1e-5, "{k}: {got} {expected}");
        }
    }

    #[test]
    fn overlapping_frames_add_up_to_the_samples() {
        for n in [4, 36, 576] {
            let sound = noise(6 * n);
            let mut mdct = Mdct::new(n);
            let (mut out, mut coefficients) = (vec![0.0; 6 * n], vec![0.0; n]);
            for at in (0..5 * n).step_by(n) {
                mdct.analyze(&sound[at..at + 2 * n], &mut coefficients);
                mdct.synthesize(&coefficients, &mut out[at..at + 2 * n]);
            }
            let worst = (n..5 * n).map(|i| (out[i] - sound[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{n}: {worst}");
        }
    }
}
