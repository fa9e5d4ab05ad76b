use crate::Error;
use serde::{Deserialize, Serialize};

/// Temperature scaling: all logits are divided by one temperature, so that probabilities match accuracies (Guo and others,
/// "On Calibration of Modern Neural Networks", 2017). It never changes the most likely class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Divisor of the logits.
    pub temperature: f32,
    /// Number of clips that it was fitted on.
    pub n: usize,
}

impl Calibration {
    /// Bounds of the temperature: with a few clips that are all correct, the likelihood would drive it to 0.
    pub const RANGE: (f64, f64) = (0.5, 10.0);

    /// Fits the temperature with the greatest likelihood of the held-out clips, by golden-section search over its
    /// logarithm.
    ///
    /// # Shapes
    /// `logits`: `[N, C]` row by row; `labels`: `[N]`, each below C.
    ///
    /// # Errors
    /// No clip, or a label out of range.
    pub fn fit(logits: &[f32], labels: &[u32], n_classes: usize) -> Result<Self, Error> {
        if labels.is_empty() || logits.len() != labels.len() * n_classes {
            return Err(Error::Fit(format!("calibration: {} labels for {} logits", labels.len(), logits.len())));
        }
        if let Some(label) = labels.iter().find(|label| **label as usize >= n_classes) {
            return Err(Error::Fit(format!("calibration: label {label} is not below {n_classes}")));
        }
        let loss = |log_temperature: f64| {
            let scale = (-log_temperature).exp();
            let one = |(row, label): (&[f32], &u32)| {
                let z = |value: f32| f64::from(value) * scale;
                let top = row.iter().map(|v| z(*v)).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|v| (z(*v) - top).exp()).sum();
                sum.ln() + top - z(row[*label as usize])
            };
            logits.chunks_exact(n_classes).zip(labels).map(one).sum::<f64>()
        };
        let (mut low, mut high) = (Self::RANGE.0.ln(), Self::RANGE.1.ln());
        let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
        for _ in 0..60 {
            let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
            if loss(a) <= loss(b) { high = b } else { low = a }
        }
        Ok(Self { temperature: ((low + high) / 2.0).exp() as f32, n: labels.len() })
    }

    /// Probabilities of each row, `[N, C]` row by row.
    pub fn probabilities(temperature: f32, logits: &[f32], n_classes: usize) -> Vec<f32> {
        let mut out = logits.to_vec();
        for row in out.chunks_exact_mut(n_classes) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.iter_mut().for_each(|z| *z = ((*z - top) / temperature).exp());
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|p| *p /= sum);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_temperature_that_made_the_logits() {
        // Of 100 clips with a logit difference of 4, 73 are right: the honest difference is ln(73/27) = 0.995.
        let logits: Vec<f32> = (0..100).flat_map(|_| [4.0, 0.0]).collect();
        let labels: Vec<u32> = (0..100).map(|i| u32::from(i >= 73)).collect();
        let fitted = Calibration::fit(&logits, &labels, 2).unwrap();
        assert!((fitted.temperature - 4.0 / (73.0_f32 / 27.0).ln()).abs() < 1e-3, "{fitted:?}");
        let p = Calibration::probabilities(fitted.temperature, &logits[..2], 2);
        assert!((p[0] - 0.73).abs() < 1e-4);
    }

    #[test]
    fn stays_in_its_bounds_and_names_bad_labels() {
        let fitted = Calibration::fit(&[5.0, 0.0], &[0], 2).unwrap();
        assert!((f64::from(fitted.temperature) - Calibration::RANGE.0).abs() < 1e-3);
        assert!(Calibration::fit(&[5.0, 0.0], &[2], 2).is_err());
        assert!(Calibration::fit(&[], &[], 2).is_err());
    }
}
