//! Free energy of the logits.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Result, check};
use crate::inputs::{Input, Known};
use crate::logits::{log_sum_exp, tempered};
use crate::rows::Rows;
use crate::stored::Stored;

/// Settings of [`Energy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnergyConfig {
    /// What logits are divided by, above 0. The paper recommends 1.
    pub temperature: f64,
}

impl Default for EnergyConfig {
    fn default() -> Self {
        Self { temperature: 1.0 }
    }
}

/// Score: `-T ln Σ exp(z / T)` of the logits. Nothing is fitted.
///
/// Source: Liu, Wang, Owens and Li (2020), "Energy-based Out-of-distribution Detection".
#[derive(Debug, Clone, PartialEq)]
pub struct Energy {
    config: EnergyConfig,
}

impl Energy {
    /// Checks the settings.
    ///
    /// # Errors
    /// A temperature that is not above 0.
    pub fn new(config: &EnergyConfig) -> Result<Self> {
        let temperature = config.temperature;
        check(temperature > 0.0 && temperature.is_finite(), "temperature", "above 0", temperature)?;
        Ok(Self { config: config.clone() })
    }

    /// Scores of the logits `[M, C]`.
    pub fn score(&self, logits: Rows<'_>) -> Vec<f64> {
        let temperature = self.config.temperature;
        logits.iter().map(|row| -temperature * log_sum_exp(tempered(row, temperature))).collect()
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

impl Declaration for Energy {
    type Config = EnergyConfig;
    const DESCRIPTION: &'static str = "energy of the logits";
    const NEEDS: &'static [Input] = &[Input::Logits];

    fn fit_given(_given: &Given<'_>, _known: &Known<'_>, config: &EnergyConfig) -> Result<Self> {
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
    fn known_values() {
        let logits = Rows::new(&[0.0, 0.0, 800.0, 0.0], 2).unwrap();
        assert_eq!(Energy::new(&EnergyConfig::default()).unwrap().score(logits), [-(2f64.ln()), -800.0]);
        assert!(Energy::new(&EnergyConfig { temperature: -1.0 }).is_err());
    }
}
