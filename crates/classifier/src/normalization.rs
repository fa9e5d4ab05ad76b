use crate::Error;
use serde::{Deserialize, Serialize};

/// Mean and standard deviation of each band over the training split: what makes a model's input, kept in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normalization {
    /// Mean of each band, `[M]`, in the units of the spectrogram.
    pub mean: Vec<f32>,
    /// Standard deviation of each band, `[M]`; never 0.
    pub std: Vec<f32>,
}

impl Normalization {
    /// The smallest standard deviation that is divided by: a band that never changes stays near 0.
    pub const MIN_STD: f32 = 1e-3;

    /// Fits mean and deviation of each band over the clips.
    ///
    /// # Shapes
    /// Each clip: `[M, T]` row by row with `n_frames` frames, of which the first `real` hold sound and are counted.
    ///
    /// # Errors
    /// No frame to fit on.
    pub fn fit<'a>(
        n_mels: usize,
        n_frames: usize,
        clips: impl Iterator<Item = (&'a [f32], usize)>,
    ) -> Result<Self, Error> {
        let (mut sum, mut squares, mut n) = (vec![0.0_f64; n_mels], vec![0.0_f64; n_mels], 0_usize);
        for (mel, real) in clips {
            let real = real.min(n_frames);
            n += real;
            for (band, row) in mel.chunks_exact(n_frames).enumerate() {
                for value in &row[..real] {
                    sum[band] += f64::from(*value);
                    squares[band] += f64::from(*value).powi(2);
                }
            }
        }
        if n == 0 {
            return Err(Error::Fit("normalisation: the training split has no frame with sound".into()));
        }
        let n = n as f64;
        let mean: Vec<f32> = sum.iter().map(|s| (s / n) as f32).collect();
        let deviation = |(s, q): (&f64, &f64)| ((q / n - (s / n).powi(2)).max(0.0).sqrt() as f32).max(Self::MIN_STD);
        Ok(Self { mean, std: sum.iter().zip(&squares).map(deviation).collect() })
    }

    /// Normalises one clip `[M, T]` in place.
    pub fn apply(&self, mel: &mut [f32], n_frames: usize) {
        for ((row, mean), std) in mel.chunks_exact_mut(n_frames).zip(&self.mean).zip(&self.std) {
            let scale = 1.0 / std;
            row.iter_mut().for_each(|value| *value = (*value - mean) * scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_real_frames_only() {
        let clip = [1.0, 3.0, 100.0, -1.0, -1.0, 100.0]; // [2 bands, 3 frames], the last is padding
        let fitted = Normalization::fit(2, 3, [(&clip[..], 2)].into_iter()).unwrap();
        assert_eq!(fitted.mean, [2.0, -1.0]);
        assert_eq!(fitted.std, [1.0, Normalization::MIN_STD]);
        let mut mel = clip;
        fitted.apply(&mut mel, 3);
        assert_eq!(mel[..2], [-1.0, 1.0]);
    }

    #[test]
    fn nothing_to_fit_is_an_error() {
        assert!(Normalization::fit(2, 3, std::iter::empty()).is_err());
    }
}
