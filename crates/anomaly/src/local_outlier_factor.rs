//! Local outlier factor: how much lower the density of rows is around a row than around its neighbors.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Result, at_least, check};
use crate::inputs::{Input, Known};
use crate::neighbors::{Neighbors, nearest, nearest_others};
use crate::rows::Rows;
use crate::stored::Stored;

/// Settings of [`LocalOutlierFactor`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalOutlierFactorConfig {
    /// Neighbors that density is measured over, or all where there are fewer.
    pub k: usize,
    /// Whether rows are normalized to length 1 first.
    #[serde(alias = "normalise")]
    pub normalize: bool,
}

impl Default for LocalOutlierFactorConfig {
    fn default() -> Self {
        Self { k: 20, normalize: false }
    }
}

/// The training rows and the density around each. Score: the mean density at a row's k nearest training rows divided by
/// the density at the row; about 1 for a row like them, more for an outlier.
///
/// This is novelty detection: scored rows are not neighbors of each other.
///
/// Source: Breunig, Kriegel, Ng and Sander (2000), "LOF: Identifying Density-Based Local Outliers".
#[derive(Debug, Clone, PartialEq)]
pub struct LocalOutlierFactor {
    config: LocalOutlierFactorConfig,
    n_columns: usize,
    /// `[N, D]`.
    points: Vec<f32>,
    /// `[N]`: distance to the k-th nearest other training row.
    reach: Vec<f32>,
    /// `[N]`: one over the mean reachability distance from its neighbors.
    density: Vec<f32>,
}

impl LocalOutlierFactor {
    /// Measures the density around each of the rows `[N, D]`.
    ///
    /// # Errors
    /// Fewer than two rows, or a `k` of 0.
    pub fn fit(rows: Rows<'_>, config: &LocalOutlierFactorConfig) -> Result<Self> {
        check(config.k > 0, "k", "from 1", config.k)?;
        at_least("training rows", 2, rows.n_rows())?;
        let k = config.k.min(rows.n_rows() - 1);
        let points = if config.normalize { rows.normalized() } else { rows.values().to_vec() };
        let neighbors = nearest_others(Rows::trusted(&points, rows.n_columns()), k);
        let reach: Vec<f32> = neighbors.farthest().iter().map(|&distance| distance as f32).collect();
        let density = densities(&neighbors, &reach).iter().map(|&density| density as f32).collect();
        let config = LocalOutlierFactorConfig { k, ..config.clone() };
        Ok(Self { config, n_columns: rows.n_columns(), points, reach, density })
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        rows.expect_columns(self.n_columns)?;
        let normalized = self.config.normalize.then(|| rows.normalized());
        let rows = normalized.as_ref().map_or(rows, |values| Rows::trusted(values, self.n_columns));
        let neighbors = nearest(rows, Rows::trusted(&self.points, self.n_columns), self.config.k);
        let own = densities(&neighbors, &self.reach);
        let around = |row| neighbors.of(row).map(|(point, _)| f64::from(self.density[point])).sum::<f64>();
        Ok(own.iter().enumerate().map(|(row, own)| around(row) / self.config.k as f64 / own).collect())
    }

    /// `points` `[N, D]`, `reach` `[N]`, `density` `[N]`.
    pub fn to_tensors(&self) -> Stored {
        let n = self.reach.len();
        Stored::new(&self.config)
            .with("points", &[n, self.n_columns], self.points.clone())
            .with("reach", &[n], self.reach.clone())
            .with("density", &[n], self.density.clone())
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let config: LocalOutlierFactorConfig = stored.settings()?;
        let points = stored.tensor("points", &[None, None])?;
        let (n, n_columns) = (points.shape[0], points.shape[1]);
        check(config.k > 0, "k", "from 1", config.k)?;
        at_least("stored training rows", config.k + 1, n)?;
        let points = Rows::new(&points.values, n_columns)?.values().to_vec();
        let (reach, density) = (stored.values("reach", &[Some(n)])?, stored.values("density", &[Some(n)])?);
        Ok(Self { config, n_columns, points, reach, density })
    }
}

/// One over the mean reachability distance: the distance to a neighbor, but at least the neighbor's own reach.
fn densities(neighbors: &Neighbors, reach: &[f32]) -> Vec<f64> {
    let n = neighbors.index.len() / neighbors.k;
    let reached = |(point, distance): (usize, f64)| distance.max(f64::from(reach[point]));
    // The small number is for duplicates, whose distances are all 0.
    (0..n).map(|row| 1.0 / (neighbors.of(row).map(reached).sum::<f64>() / neighbors.k as f64 + 1e-10)).collect()
}

impl Declaration for LocalOutlierFactor {
    type Config = LocalOutlierFactorConfig;
    const DESCRIPTION: &'static str = "local outlier factor";
    const NEEDS: &'static [Input] = &[Input::Embedding];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &LocalOutlierFactorConfig) -> Result<Self> {
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
    fn what_lies_apart_scores_high_and_duplicates_stay_finite() {
        let mut values: Vec<f32> = (0..40).map(|i| i as f32 * 0.1).collect();
        values.extend([50.0; 30]);
        let lof = LocalOutlierFactor::fit(Rows::new(&values, 1).unwrap(), &Default::default()).unwrap();
        let scores = lof.score(Rows::new(&[2.0, 20.0, 50.0], 1).unwrap()).unwrap();
        assert!((scores[0] - 1.0).abs() < 0.1, "{scores:?}");
        assert!(scores[1] > 4.0, "{scores:?}");
        assert!((scores[2] - 1.0).abs() < 1e-3, "{scores:?}");
    }
}
