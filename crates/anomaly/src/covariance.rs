//! Covariance matrices that can be inverted even with few rows.

use serde::{Deserialize, Serialize};

use crate::error::{Result, at_least, check};
use crate::matrix::{Matrix, squared_norm};

/// Which share of the covariance is replaced by a multiple of the identity with the same trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shrinkage {
    /// The share with the smallest expected squared error, estimated from the rows.
    ///
    /// Source: Ledoit and Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices".
    #[default]
    LedoitWolf,
    /// This share, 0 to 1.
    Share(f64),
}

impl Shrinkage {
    pub(crate) fn validate(self) -> Result<()> {
        match self {
            Shrinkage::LedoitWolf => Ok(()),
            Shrinkage::Share(share) => check((0.0..=1.0).contains(&share), "shrinkage", "0 to 1", share),
        }
    }
}

/// A shrunk covariance, and the share that was replaced.
pub(crate) struct Covariance {
    pub(crate) matrix: Matrix,
    pub(crate) share: f64,
}

/// Covariance of rows `[N, D]` whose mean is 0.
pub(crate) fn covariance(centered: &Matrix, shrinkage: Shrinkage) -> Result<Covariance> {
    shrinkage.validate()?;
    at_least("training rows", 2, centered.n_rows)?;
    let (n, d) = (centered.n_rows as f64, centered.n_columns);
    let mut matrix = centered.gram();
    matrix.values.iter_mut().for_each(|value| *value /= n);
    let scale = (0..d).map(|i| matrix.values[i * d + i]).sum::<f64>() / d as f64;
    let share = match shrinkage {
        Shrinkage::Share(share) => share,
        Shrinkage::LedoitWolf => ledoit_wolf(centered, &matrix, scale),
    };
    matrix.values.iter_mut().for_each(|value| *value *= 1.0 - share);
    (0..d).for_each(|i| matrix.values[i * d + i] += share * scale);
    Ok(Covariance { matrix, share })
}

/// The expected squared error of the covariance over its squared distance to the multiple of the identity.
fn ledoit_wolf(centered: &Matrix, covariance: &Matrix, scale: f64) -> f64 {
    let n = centered.n_rows as f64;
    let squared = squared_norm(&covariance.values);
    let distance = squared - covariance.n_columns as f64 * scale * scale;
    let fourth: f64 = (0..centered.n_rows).map(|i| squared_norm(centered.row(i)).powi(2)).sum::<f64>() / n;
    let error = ((fourth - squared) / n).min(distance);
    if distance > 0.0 && error > 0.0 { error / distance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_rows_than_columns_can_be_inverted() {
        let centered = Matrix::new(2, 3, vec![1.0, 2.0, 0.0, -1.0, -2.0, 0.0]);
        let shrunk = covariance(&centered, Shrinkage::LedoitWolf).unwrap();
        // Both rows have the same outer product, so the estimated error is 0.
        assert_eq!(shrunk.share, 0.0);
        assert!(shrunk.matrix.whitening("test").is_err());
        let shrunk = covariance(&centered, Shrinkage::Share(0.1)).unwrap();
        assert!(shrunk.matrix.whitening("test").is_ok());
        let trace = |m: &Matrix| (0..3).map(|i| m.values[i * 4]).sum::<f64>();
        assert!((trace(&shrunk.matrix) - 5.0).abs() < 1e-12);
        assert!(covariance(&centered, Shrinkage::Share(1.5)).is_err());
    }
}
