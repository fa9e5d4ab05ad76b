//! Cepstral coefficients: the orthonormal DCT-II over bands.

use std::f64::consts::PI;

/// The first rows of the transform.
#[derive(Debug)]
pub(crate) struct Dct {
    n_bands: usize,
    /// `[n_coefficients, n_bands]`
    rows: Vec<f64>,
}

impl Dct {
    pub(crate) fn new(n_coefficients: usize, n_bands: usize) -> Self {
        let n = n_bands as f64;
        let value = |k: usize, band: usize| {
            let scale = if k == 0 { (1.0 / n).sqrt() } else { (2.0 / n).sqrt() };
            scale * (PI * k as f64 * (2 * band + 1) as f64 / (2.0 * n)).cos()
        };
        let rows = (0..n_coefficients).flat_map(|k| (0..n_bands).map(move |band| value(k, band))).collect();
        Self { n_bands, rows }
    }

    /// The rows, `[n_coefficients, n_bands]`.
    pub(crate) fn matrix(&self) -> Vec<f32> {
        self.rows.iter().map(|value| *value as f32).collect()
    }

    pub(crate) fn n_coefficients(&self) -> usize {
        self.rows.len() / self.n_bands
    }

    /// Transforms every frame.
    ///
    /// # Shapes
    /// `bands`: `[n_bands, n_frames]`; `sums`: `[n_frames]`, to work in; `out`: `[n_coefficients, n_frames]`
    #[inline(always)]
    pub(crate) fn apply(&self, bands: &[f32], sums: &mut [f64], out: &mut [f32]) {
        let n_frames = sums.len();
        for (row, out) in self.rows.chunks_exact(self.n_bands).zip(out.chunks_exact_mut(n_frames)) {
            sums.fill(0.0);
            for (&weight, band) in row.iter().zip(bands.chunks_exact(n_frames)) {
                for (sum, &value) in sums.iter_mut().zip(band) {
                    *sum += weight * f64::from(value);
                }
            }
            for (out, &sum) in out.iter_mut().zip(sums.iter()) {
                *out = sum as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_transform_keeps_lengths() {
        let dct = Dct::new(12, 12);
        for i in 0..12 {
            for j in 0..12 {
                let dot: f64 = (0..12).map(|k| dct.rows[i * 12 + k] * dct.rows[j * 12 + k]).sum();
                assert!((dot - if i == j { 1.0 } else { 0.0 }).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_flat_spectrum_has_only_the_zeroth_coefficient() {
        let dct = Dct::new(5, 16);
        let mut out = vec![0.0; 5 * 3];
        dct.apply(&[-2.0; 16 * 3], &mut [0.0; 3], &mut out);
        assert!(out[..3].iter().all(|v| (v + 8.0).abs() < 1e-6));
        assert!(out[3..].iter().all(|v| v.abs() < 1e-6));
    }
}
