//! The largest softmax probability.
//!
//! # With two classes
//! Softmax of two logits depends on their difference alone, so the largest probability at any temperature, the entropy
//! and [`GeneralizedEntropy`](crate::GeneralizedEntropy) are all strictly monotone in |z₁ - z₂|: they rank clips in the
//! same order and have the same AUROC. [`Method::ranks_like`](crate::Method::ranks_like) tells; list them as one.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Result, check};
use crate::inputs::{Input, Known};
use crate::logits::max;
use crate::rows::Rows;
use crate::stored::Stored;

/// Softmax probability below which the usual baseline rejects a clip; with two classes it corresponds to
/// |z₁ - z₂| = ln 4.
pub const BASELINE_SOFTMAX_THRESHOLD: f64 = 0.8;

/// Settings of [`MaxSoftmax`]: nothing is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaxSoftmaxConfig {
    /// What logits are divided by, above 0.
    pub temperature: f64,
    /// A row with a largest probability below this is an unknown sound, for [`MaxSoftmax::is_unknown`].
    pub least_probability: f64,
}

impl Default for MaxSoftmaxConfig {
    fn default() -> Self {
        Self { temperature: 1.0, least_probability: BASELINE_SOFTMAX_THRESHOLD }
    }
}

/// Score: 1 minus the largest softmax probability.
///
/// Source: Hendrycks and Gimpel (2017), "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in
/// Neural Networks".
#[derive(Debug, Clone, PartialEq)]
pub struct MaxSoftmax {
    config: MaxSoftmaxConfig,
}

impl MaxSoftmax {
    /// Checks the settings.
    ///
    /// # Errors
    /// A temperature that is not above 0, or a probability outside 0 to 1.
    pub fn new(config: &MaxSoftmaxConfig) -> Result<Self> {
        let (t, p) = (config.temperature, config.least_probability);
        check(t > 0.0 && t.is_finite(), "temperature", "above 0", t)?;
        check((0.0..=1.0).contains(&p), "least_probability", "0 to 1", p)?;
        Ok(Self { config: config.clone() })
    }

    /// Scores of the logits `[M, C]`, each 0 to 1 - 1/C.
    pub fn score(&self, logits: Rows<'_>) -> Vec<f64> {
        // The sum of the other probabilities: for a confident model, 1 minus the largest would lose all digits.
        let of_row = |row: &[f32]| {
            let (t, largest) = (self.config.temperature, max(row));
            let below = row.iter().map(|&z| ((f64::from(z) - largest) / t).exp());
            // The largest contributes a 1.
            let others =
                below.fold((-1.0, 0.0), |(ones, sum), e| if e == 1.0 { (ones + 1.0, sum) } else { (ones, sum + e) });
            let others = others.0 + others.1;
            others / (1.0 + others)
        };
        logits.iter().map(of_row).collect()
    }

    /// Whether the clip of this score is an unknown sound: its largest probability is below the setting.
    pub fn is_unknown(&self, score: f64) -> bool {
        1.0 - score < self.config.least_probability
    }

    /// The settings only.
    pub fn to_tensors(&self) -> Stored {
        Stored::new(&self.config)
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// A setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        Self::new(&stored.settings()?)
    }
}

impl Declaration for MaxSoftmax {
    type Config = MaxSoftmaxConfig;
    const DESCRIPTION: &'static str = "largest softmax probability (baseline: threshold of 0.8)";
    const NEEDS: &'static [Input] = &[Input::Logits];

    fn ranks_like(config: &MaxSoftmaxConfig, n_classes: usize) -> Option<&'static str> {
        (n_classes == 2 && config.temperature != 1.0).then_some("max_softmax")
    }

    fn fit_given(_given: &Given<'_>, _known: &Known<'_>, config: &MaxSoftmaxConfig) -> Result<Self> {
        Self::new(config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        Ok(self.score(given.logits()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_threshold_is_ln_4() {
        let softmax = MaxSoftmax::new(&MaxSoftmaxConfig::default()).unwrap();
        let four = 4f32.ln();
        let scores = softmax.score(Rows::new(&[0.0, four - 0.01, 3.0, 3.0 - four - 0.01, 900.0, -900.0], 2).unwrap());
        assert_eq!(scores.iter().map(|&score| softmax.is_unknown(score)).collect::<Vec<_>>(), [true, false, false]);
        assert!(scores[2] == 0.0 && (scores[0] - 0.2).abs() < 0.01);
        let confident = softmax.score(Rows::new(&[40.0, 0.0], 2).unwrap())[0];
        assert!((confident / (-40f64).exp() - 1.0).abs() < 1e-12, "{confident}");
        assert!(MaxSoftmax::new(&MaxSoftmaxConfig { temperature: 0.0, ..Default::default() }).is_err());
    }
}
