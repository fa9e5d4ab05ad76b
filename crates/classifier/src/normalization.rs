use crate::Error;
use serde::{Deserialize, Serialize};

/// Mean and standard deviation of each band over the training split; part of the model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// Mean of each band, `[M]`, in the units of the spectrogram.
    pub mean: Vec<f32>,
    /// Standard deviation of each band, `[M]`; never 0.
    pub std: Vec<f32>,
}

impl Normalization {
    /// Minimum standard deviation: a band that never changes stays near 0.
    pub const MIN_STD: f32 = 1e-3;

    /// The same values for all of `n_mels` bands.
    pub fn uniform(n_mels: usize, mean: f32, std: f32) -> Self {
        Self { mean: vec![mean; n_mels], std: vec![std; n_mels] }
    }

    /// Mean and standard deviation of each band over the clips of `sums`.
    ///
    /// # Errors
    /// No frame to fit on.
    pub fn fit(sums: &BandSums) -> Result<Self, Error> {
        if sums.n == 0 {
            return Err(Error::Fit("normalization: the training split has no frame with sound".into()));
        }
        let n = sums.n as f64;
        let mean: Vec<f32> = sums.sum.iter().map(|s| (s / n) as f32).collect();
        let deviation = |(s, q): (&f64, &f64)| ((q / n - (s / n).powi(2)).max(0.0).sqrt() as f32).max(Self::MIN_STD);
        Ok(Self { mean, std: sums.sum.iter().zip(&sums.squares).map(deviation).collect() })
    }

    /// Normalizes one clip `[M, T]` in place.
    pub fn apply(&self, mel: &mut [f32], n_frames: usize) {
        for ((row, mean), std) in mel.chunks_exact_mut(n_frames).zip(&self.mean).zip(&self.std) {
            let scale = 1.0 / std;
            row.iter_mut().for_each(|value| *value = (*value - mean) * scale);
        }
    }
}

/// Sums over clips for fitting a [`Normalization`], one clip at a time.
#[derive(Debug, Clone)]
pub struct BandSums {
    n_frames: usize,
    /// `[M]`
    sum: Vec<f64>,
    /// `[M]`
    squares: Vec<f64>,
    /// Frames.
    n: usize,
}

impl BandSums {
    /// Sums over no clip, of spectrograms `[n_mels, n_frames]`.
    pub fn new(n_mels: usize, n_frames: usize) -> Self {
        Self { n_frames, sum: vec![0.0; n_mels], squares: vec![0.0; n_mels], n: 0 }
    }

    /// Adds a clip, `[M, T]` row by row, whose first `real` frames contain sound and are counted.
    pub fn add(&mut self, mel: &[f32], real: usize) {
        let real = real.min(self.n_frames);
        self.n += real;
        let sums = self.sum.iter_mut().zip(&mut self.squares);
        for (row, (sum, squares)) in mel.chunks_exact(self.n_frames).zip(sums) {
            for value in &row[..real] {
                *sum += f64::from(*value);
                *squares += f64::from(*value).powi(2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_real_frames_only() {
        let clip = [1.0, 3.0, 100.0, -1.0, -1.0, 100.0]; // [2 bands, 3 frames], the last is padding
        let mut sums = BandSums::new(2, 3);
        sums.add(&clip, 2);
        let fitted = Normalization::fit(&sums).unwrap();
        assert_eq!(fitted.mean, [2.0, -1.0]);
        assert_eq!(fitted.std, [1.0, Normalization::MIN_STD]);
        let mut mel = clip;
        fitted.apply(&mut mel, 3);
        assert_eq!(mel[..2], [-1.0, 1.0]);
    }

    #[test]
    fn nothing_to_fit_is_an_error() {
        assert!(Normalization::fit(&BandSums::new(2, 3)).is_err());
    }
}
