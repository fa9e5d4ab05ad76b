//! Unknown sounds beside the training clips, which the model learns to be unsure of.

use crate::data::Data;
use crate::seeds::{Purpose, generator};
use crate::{Error, Result};
use augment::{Unknown, make_unknown};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Outlier exposure: each batch has unknown sounds in it, whose target is every class alike (Hendrycks, Mazeika and Dietterich
/// (2019), "Deep Anomaly Detection with Outlier Exposure"). They are in the same batch as the others, so that batch norm
/// sees both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exposure {
    /// Splits of labelled unknown sounds, separated by commas; empty for none.
    pub split: String,
    /// Kinds of unknown sounds that are made of the training clips.
    pub made: Vec<Unknown>,
    /// Unknown sounds for each clip of a batch, above 0 and at most 1.
    pub share: f64,
    /// What an unknown sound counts in the loss; a clip counts 1.
    pub weight: f64,
}

impl Default for Exposure {
    fn default() -> Self {
        Self { split: String::new(), made: Vec::new(), share: 0.5, weight: 0.5 }
    }
}

impl Exposure {
    /// Whether there are none.
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

    /// Unknown sounds beside so many clips.
    pub(crate) fn n_unknowns(&self, n_clips: usize) -> usize {
        if self.is_off() { 0 } else { ((self.share * n_clips as f64).round() as usize).max(1) }
    }

    /// Fills `cells` with the unknown sound of the place `nth` in a batch that is told from others by (`epoch`, `first`): a known
    /// one, or one that is made, each source as often as the others. Returns its row, or that of the clip it was made of.
    pub(crate) fn unknown(
        &self,
        cells: &mut [f32],
        data: &Data,
        run: u64,
        (epoch, first): (u64, u64),
        nth: u64,
    ) -> Result<usize> {
        let mut random = generator(run, Purpose::Exposure, epoch, first.wrapping_mul(4096).wrapping_add(nth));
        let is_known = usize::from(!data.unknowns.is_empty());
        let source = random.random_range(0..is_known + self.made.len());
        if source < is_known {
            let row = data.unknowns[random.random_range(0..data.unknowns.len())];
            data.spectrograms.read(row, cells)?;
            return Ok(row);
        }
        let mut draw = || data.train[random.random_range(0..data.train.len())].row;
        let (row, partner) = (draw(), draw());
        data.spectrograms.read(row, cells)?;
        let mut other = vec![0.0; cells.len()];
        data.spectrograms.read(partner, &mut other)?;
        make_unknown(cells, &other, data.spectrograms.n_mels, self.made[source - is_known], random.random());
        Ok(row)
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
