//! Outlier exposure: unknown sounds in the training batches.

use crate::{Error, Result};
use augment::Unknown;
use serde::{Deserialize, Serialize};

/// Outlier exposure: each batch also contains unknown sounds, with the uniform distribution over the classes as their target
/// (Hendrycks, Mazeika and Dietterich (2019), "Deep Anomaly Detection with Outlier Exposure"). They are in the same batch
/// as the labeled clips, so that batch norm sees both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exposure {
    /// Splits with unknown sounds, separated by commas; empty for none.
    pub split: String,
    /// Kinds of unknown sounds that are synthesized from the training clips.
    pub made: Vec<Unknown>,
    /// Unknown sounds for each clip of a batch, above 0 and at most 1.
    pub share: f64,
    /// Weight of an unknown sound in the loss; that of a clip is 1.
    pub weight: f64,
}

impl Default for Exposure {
    fn default() -> Self {
        Self { split: String::new(), made: Vec::new(), share: 0.5, weight: 0.5 }
    }
}

impl Exposure {
    /// Whether no unknown sounds are added.
    pub fn is_off(&self) -> bool {
        self.split.is_empty() && self.made.is_empty()
    }

    pub(crate) fn validate(&self) -> Result<()> {
        let range = |field, value: f64, expected: &str, ok: bool| match ok && value.is_finite() {
            true => Ok(()),
            false => Err(Error::Config { field, expected: expected.to_owned(), got: value.to_string() }),
        };
        let share = self.share > 0.0 && self.share <= 1.0;
        range("exposure.share", self.share, "above 0, at most 1", share)?;
        range("exposure.weight", self.weight, "0 or more", self.weight >= 0.0)
    }

    /// Number of unknown sounds for a number of clips.
    pub(crate) fn n_unknowns(&self, n_clips: usize) -> usize {
        if self.is_off() { 0 } else { ((self.share * n_clips as f64).round() as usize).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknowns_are_as_many_as_asked_and_settings_are_checked() {
        assert_eq!(Exposure::default().n_unknowns(32), 0);
        let on = Exposure { made: vec![Unknown::Inverted], ..Exposure::default() };
        assert_eq!((on.n_unknowns(32), on.n_unknowns(1)), (16, 1));
        assert!(on.validate().is_ok());
        for wrong in [Exposure { share: 0.0, ..on.clone() }, Exposure { weight: -1.0, ..on.clone() }] {
            assert!(wrong.validate().unwrap_err().to_string().contains("exposure."), "{wrong:?}");
        }
    }
}
