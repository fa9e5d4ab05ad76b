//! Distance to the k-th nearest training row.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Result, at_least, check};
use crate::inputs::{Input, Known};
use crate::neighbors::nearest;
use crate::rows::Rows;
use crate::stored::Stored;

/// Settings of [`Knn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KnnConfig {
    /// Which neighbor's distance is the score.
    pub k: usize,
    /// Whether rows are normalized to length 1 first.
    #[serde(alias = "normalise")]
    pub normalize: bool,
}

impl Default for KnnConfig {
    fn default() -> Self {
        Self { k: 5, normalize: true }
    }
}

/// The training rows. Score: the distance to the k-th nearest of them.
///
/// Source: Sun, Ming, Zhu and Li (2022), "Out-of-Distribution Detection with Deep Nearest Neighbors".
#[derive(Debug, Clone, PartialEq)]
pub struct Knn {
    config: KnnConfig,
    n_columns: usize,
    /// `[N, D]`.
    points: Vec<f32>,
}

impl Knn {
    /// Keeps the rows `[N, D]`.
    ///
    /// # Errors
    /// Fewer than `k` rows, or a `k` of 0.
    pub fn fit(rows: Rows<'_>, config: &KnnConfig) -> Result<Self> {
        check(config.k > 0, "k", "from 1", config.k)?;
        at_least("training rows", config.k, rows.n_rows())?;
        let points = if config.normalize { rows.normalized() } else { rows.values().to_vec() };
        Ok(Self { config: config.clone(), n_columns: rows.n_columns(), points })
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        rows.expect_columns(self.n_columns)?;
        let points = Rows::trusted(&self.points, self.n_columns);
        if !self.config.normalize {
            return Ok(nearest(rows, points, self.config.k).farthest());
        }
        let normalized = rows.normalized();
        Ok(nearest(Rows::trusted(&normalized, self.n_columns), points, self.config.k).farthest())
    }

    /// `points` `[N, D]`.
    pub fn to_tensors(&self) -> Stored {
        let shape = [self.points.len() / self.n_columns, self.n_columns];
        Stored::new(&self.config).with("points", &shape, self.points.clone())
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let config: KnnConfig = stored.settings()?;
        let points = stored.tensor("points", &[None, None])?;
        let n_columns = points.shape[1];
        // The rows are normalized already; fitting them unchanged checks the rest.
        let kept = Self::fit(Rows::new(&points.values, n_columns)?, &KnnConfig { normalize: false, ..config.clone() })?;
        Ok(Self { config, ..kept })
    }
}

impl Declaration for Knn {
    type Config = KnnConfig;
    const DESCRIPTION: &'static str = "distance to the 5th nearest training clip (baseline: kNN on embeddings)";
    const NEEDS: &'static [Input] = &[Input::Embedding];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &KnnConfig) -> Result<Self> {
        Self::fit(given.embedding()?, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.embedding()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_to_the_second() {
        let rows = Rows::new(&[0.0, 1.0, 3.0, 7.0], 1).unwrap();
        let config = KnnConfig { k: 2, normalize: false };
        let knn = Knn::fit(rows, &config).unwrap();
        assert_eq!(knn.score(Rows::new(&[2.5, 20.0], 1).unwrap()).unwrap(), [1.5, 17.0]);
        let too_many = Knn::fit(rows, &KnnConfig { k: 5, ..config }).unwrap_err();
        assert_eq!(too_many.to_string(), "training rows: expected at least 5, got 4");
    }
}
