//! Generalized entropy of the softmax (GEN).

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Result, check};
use crate::inputs::{Input, Known};
use crate::logits::{log_sum_exp, tempered};
use crate::rows::Rows;
use crate::stored::Stored;

/// Settings of [`GeneralizedEntropy`]: nothing is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneralizedEntropyConfig {
    /// Exponent, above 0 and below 1. With a small exponent even small probabilities count.
    pub gamma: f64,
    /// Only this many of the largest probabilities count.
    pub n_largest: usize,
}

impl Default for GeneralizedEntropyConfig {
    fn default() -> Self {
        Self { gamma: 0.1, n_largest: 100 }
    }
}

/// Score: `Σ (p (1 - p))^gamma` over the largest probabilities. With two classes it ranks clips as
/// [`MaxSoftmax`](crate::MaxSoftmax) does.
///
/// Source: Liu, Lochman and Zach (2023), "GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection".
#[derive(Debug, Clone, PartialEq)]
pub struct GeneralizedEntropy {
    config: GeneralizedEntropyConfig,
}

impl GeneralizedEntropy {
    /// Checks the settings.
    ///
    /// # Errors
    /// A gamma outside 0 to 1, or no probability that counts.
    pub fn new(config: &GeneralizedEntropyConfig) -> Result<Self> {
        check(config.gamma > 0.0 && config.gamma < 1.0, "gamma", "above 0 and below 1", config.gamma)?;
        check(config.n_largest > 0, "n_largest", "from 1", config.n_largest)?;
        Ok(Self { config: config.clone() })
    }

    /// Scores of the logits `[M, C]`.
    pub fn score(&self, logits: Rows<'_>) -> Vec<f64> {
        logits.iter().map(|row| self.of_row(row)).collect()
    }

    fn of_row(&self, row: &[f32]) -> f64 {
        let mut sorted: Vec<f64> = tempered(row, 1.0).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let log_sum = log_sum_exp(sorted.iter().copied());
        // p (1 - p) in logarithms: for a confident model the difference 1 - p would lose all digits.
        let rest = |i: usize| {
            let others = sorted.iter().enumerate().filter(move |(j, _)| *j != i).map(|(_, &z)| z);
            if sorted.len() > 1 { log_sum_exp(others) - log_sum } else { f64::NEG_INFINITY }
        };
        let largest = sorted.iter().take(self.config.n_largest).enumerate();
        largest.map(|(i, z)| (self.config.gamma * (z - log_sum + rest(i))).exp()).sum()
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

impl Declaration for GeneralizedEntropy {
    type Config = GeneralizedEntropyConfig;
    const DESCRIPTION: &'static str = "generalized entropy of the probabilities";
    const NEEDS: &'static [Input] = &[Input::Logits];

    fn ranks_like(config: &GeneralizedEntropyConfig, n_classes: usize) -> Option<&'static str> {
        (n_classes == 2 && config.n_largest >= 2).then_some("max_softmax")
    }

    fn fit_given(_given: &Given<'_>, _known: &Known<'_>, config: &GeneralizedEntropyConfig) -> Result<Self> {
        Self::new(config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        Ok(self.score(given.logits()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::max_softmax::{MaxSoftmax, MaxSoftmaxConfig};

    #[test]
    fn with_two_classes_it_ranks_as_the_largest_probability_does() {
        let logits: Vec<f32> = (0..200).map(|i| ((i * i) as f32 * 0.7).sin() * 20.0).collect();
        let rows = Rows::new(&logits, 2).unwrap();
        let order = |scores: Vec<f64>| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            order
        };
        let gen_scores = GeneralizedEntropy::new(&Default::default()).unwrap().score(rows);
        for temperature in [1.0, 3.0] {
            let config = MaxSoftmaxConfig { temperature, ..Default::default() };
            let softmax = MaxSoftmax::new(&config).unwrap().score(rows);
            assert_eq!(order(softmax), order(gen_scores.clone()), "{temperature}");
        }
    }
}
