//! The largest logit.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::Result;
use crate::inputs::{Input, Known};
use crate::logits::max;
use crate::rows::Rows;
use crate::stored::Stored;

/// Settings of [`MaxLogit`]: there are none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxLogitConfig {}

/// Score: minus the largest logit. Nothing is fitted.
///
/// Source: Hendrycks, Basart, Mazeika and others (2022), "Scaling Out-of-Distribution Detection for Real-World
/// Settings".
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MaxLogit;

impl MaxLogit {
    /// Scores of the logits `[M, C]`.
    pub fn score(&self, logits: Rows<'_>) -> Vec<f64> {
        logits.iter().map(|row| -max(row)).collect()
    }

    /// The settings only, of which there are none.
    pub fn to_tensors(&self) -> Stored {
        Stored::new(&MaxLogitConfig {})
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// A setting, which would be unknown.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        stored.settings().map(|MaxLogitConfig {}| Self)
    }
}

impl Declaration for MaxLogit {
    type Config = MaxLogitConfig;
    const DESCRIPTION: &'static str = "largest logit";
    const NEEDS: &'static [Input] = &[Input::Logits];

    fn fit_given(_given: &Given<'_>, _known: &Known<'_>, _config: &MaxLogitConfig) -> Result<Self> {
        Ok(Self)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        Ok(self.score(given.logits()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest() {
        assert_eq!(MaxLogit.score(Rows::new(&[1.0, 3.0, -2.0, -4.0], 2).unwrap()), [-3.0, 2.0]);
    }
}
