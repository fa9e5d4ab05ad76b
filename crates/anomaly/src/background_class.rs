//! A background class for unknown sounds, fitted beside the known classes.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result, at_least};
use crate::inputs::{Input, Known};
use crate::logistic::Logistic;
use crate::rows::{Labels, Rows};
use crate::stored::Stored;

/// Settings of [`BackgroundClass`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackgroundClassConfig {
    /// Weight of the sum of cross entropies relative to half the squared weights, above 0: scikit-learn's `C`.
    pub inverse_penalty: f64,
}

impl Default for BackgroundClassConfig {
    fn default() -> Self {
        Self { inverse_penalty: 1.0 }
    }
}

/// Logistic regression of the known classes and one class "other". Score: the log-odds of "other", which ranks clips as
/// its probability does.
///
/// It learns the unknown sounds that it is trained on, and detects other ones less well.
#[derive(Debug, Clone, PartialEq)]
pub struct BackgroundClass {
    config: BackgroundClassConfig,
    logistic: Logistic,
}

impl BackgroundClass {
    /// Fits on rows `[N, D]` of the known classes and from `unknowns` `[S, D]`.
    ///
    /// # Errors
    /// No unknown sounds, or unknown sounds of another width.
    pub fn fit(rows: Rows<'_>, labels: Labels<'_>, unknowns: Rows<'_>, config: &BackgroundClassConfig) -> Result<Self> {
        at_least("labeled unknown sounds", 1, unknowns.n_rows())?;
        unknowns.expect_columns(rows.n_columns())?;
        let values = [rows.values(), unknowns.values()].concat();
        let other = labels.n_classes() as u32;
        let mut all = labels.get().to_vec();
        all.resize(all.len() + unknowns.n_rows(), other);
        let rows = Rows::trusted(&values, rows.n_columns());
        let logistic = Logistic::fit(rows, Labels::new(&all, other as usize + 1)?, config.inverse_penalty)?;
        Ok(Self { config: config.clone(), logistic })
    }

    /// Scores of the rows `[M, D]`: log-odds of "other".
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        let log_odds = |row: &Vec<f64>| {
            let known = &row[..row.len() - 1];
            row[row.len() - 1] - crate::logits::log_sum_exp(known.iter().copied())
        };
        Ok(self.logistic.log_probabilities(rows)?.iter().map(log_odds).collect())
    }

    /// `weights` `[C + 1, D + 1]` (last column bias), `column_mean` `[D]`, `column_factor` `[D]`.
    pub fn to_tensors(&self) -> Stored {
        self.logistic.store(Stored::new(&self.config))
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let logistic = Logistic::from_tensors(stored)?;
        if logistic.n_classes() < 2 {
            let (expected, got) = ("two rows or more".to_owned(), logistic.n_classes().to_string());
            return Err(Error::Stored { part: "weights".into(), expected, got });
        }
        Ok(Self { config: stored.settings()?, logistic })
    }
}

impl Declaration for BackgroundClass {
    type Config = BackgroundClassConfig;
    const DESCRIPTION: &'static str = "a background class, learned from labeled unknown sounds (baseline)";
    const NEEDS: &'static [Input] = &[Input::Embedding];
    const NEEDS_UNKNOWNS: bool = true;

    fn fit_given(given: &Given<'_>, known: &Known<'_>, config: &BackgroundClassConfig) -> Result<Self> {
        let unknowns = given.required(known.unknowns.embedding, "embeddings of labeled unknown sounds")?;
        Self::fit(given.embedding()?, known.labels, unknowns, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.embedding()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_unknowns_score_high() {
        let rows = Rows::new(&[0.0, 0.0, 0.2, 0.1, 3.0, 0.0, 3.1, 0.2], 2).unwrap();
        let unknowns = Rows::new(&[1.5, 4.0, 1.4, 4.2], 2).unwrap();
        let labels = Labels::new(&[0, 0, 1, 1], 2).unwrap();
        let fitted = BackgroundClass::fit(rows, labels, unknowns, &BackgroundClassConfig::default()).unwrap();
        let (known, unknown) = (fitted.score(rows).unwrap(), fitted.score(unknowns).unwrap());
        assert!(known.iter().all(|&score| score < 0.0) && unknown.iter().all(|&score| score > 0.0));
        let none = Rows::new(&[], 2).unwrap();
        assert!(BackgroundClass::fit(rows, labels, none, &BackgroundClassConfig::default()).is_err());
    }
}
