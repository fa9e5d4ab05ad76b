//! Principal subspace of rows, and the residual of a row outside of it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, at_least, check};
use crate::matrix::{Matrix, squared_norm};
use crate::rows::Rows;
use crate::stored::Stored;

/// Which principal components are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The first ones, so many or as many as the rows have.
    Components(usize),
    /// The fewest that explain this share of the variance, above 0 and below 1.
    Share(f64),
}

impl Default for Keep {
    fn default() -> Self {
        Keep::Share(0.95)
    }
}

/// An affine subspace through `origin`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subspace {
    /// `[D]`.
    origin: Vec<f32>,
    /// `[K, D]`: orthonormal directions, that of the largest variance first.
    components: Vec<f32>,
}

impl Subspace {
    /// The subspace through `origin` that explains most of the rows' squared distance from it.
    pub(crate) fn fit(rows: Rows<'_>, origin: &[f64], keep: Keep) -> Result<Self> {
        at_least("training rows", 2, rows.n_rows())?;
        match keep {
            Keep::Components(n) => check(n > 0, "components", "from 1", n)?,
            Keep::Share(share) => check(share > 0.0 && share < 1.0, "share", "above 0 and below 1", share)?,
        }
        let what = "principal directions of the training rows";
        let centered = Matrix::centered(rows, origin);
        // Of XᵀX and XXᵀ, which have the same eigenvalues, the smaller.
        let wide = centered.n_columns > centered.n_rows;
        let (values, vectors) =
            if wide { centered.times_transposed(&centered).eigen(what)? } else { centered.gram().eigen(what)? };
        let positive = |value: &&f64| **value > values[0].max(0.0) * 1e-10;
        let rank = values.iter().take_while(positive).count();
        if rank == 0 {
            return Err(Error::Decomposition { what });
        }
        let n_kept = match keep {
            Keep::Components(n) => n.min(rank),
            Keep::Share(share) => {
                let total: f64 = values[..rank].iter().sum();
                let mut sum = 0.0;
                1 + values[..rank - 1]
                    .iter()
                    .take_while(|&&value| (sum + value < share * total, sum += value).0)
                    .count()
            }
        };
        let kept = Matrix::new(n_kept, vectors.n_columns, vectors.values[..n_kept * vectors.n_columns].to_vec());
        let mut components = if wide { kept.times(&centered) } else { kept };
        for row in components.values.chunks_exact_mut(centered.n_columns) {
            let norm = squared_norm(row).sqrt();
            row.iter_mut().for_each(|value| *value /= norm);
        }
        Ok(Self { origin: origin.iter().map(|&value| value as f32).collect(), components: components.to_f32() })
    }

    pub(crate) fn n_components(&self) -> usize {
        self.components.len() / self.origin.len()
    }

    /// Distance of each row to the subspace, `[M]`.
    pub(crate) fn distances(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        let d = self.origin.len();
        rows.expect_columns(d)?;
        let origin: Vec<f64> = self.origin.iter().map(|&value| f64::from(value)).collect();
        let components = Matrix::from_f32(&self.components, d);
        let centered = Matrix::centered(rows, &origin);
        let within = centered.times_transposed(&components).times(&components);
        let outside = |row| crate::matrix::squared_distance(centered.row(row), within.row(row)).sqrt();
        Ok((0..rows.n_rows()).map(outside).collect())
    }

    /// Coordinates of the rows in the subspace, `[M, K]`.
    pub(crate) fn coordinates(&self, rows: Rows<'_>) -> Result<Vec<f32>> {
        let d = self.origin.len();
        rows.expect_columns(d)?;
        let origin: Vec<f64> = self.origin.iter().map(|&value| f64::from(value)).collect();
        Ok(Matrix::centered(rows, &origin).times_transposed(&Matrix::from_f32(&self.components, d)).to_f32())
    }

    /// Adds `origin` `[D]` and `components` `[K, D]`.
    pub(crate) fn store(&self, stored: Stored) -> Stored {
        let d = self.origin.len();
        stored.with("origin", &[d], self.origin.clone()).with(
            "components",
            &[self.n_components(), d],
            self.components.clone(),
        )
    }

    pub(crate) fn from_tensors(stored: &Stored) -> Result<Self> {
        let origin = stored.values("origin", &[None])?;
        let components = stored.values("components", &[None, Some(origin.len())])?;
        Ok(Self { origin, components })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_eigenproblems_find_the_same_subspace() {
        // Rows in the plane of the first two axes, longer along the first.
        let row = |x: f32, y: f32| [x, y, 0.0, 0.0, 0.0];
        let tall: Vec<f32> = (0..12).flat_map(|i| row((i as f32).sin() * 5.0, (i as f32 * 1.7).cos())).collect();
        for n in [3, 12] {
            let rows = Rows::new(&tall[..n * 5], 5).unwrap();
            let subspace = Subspace::fit(rows, &[0.0; 5], Keep::Components(9)).unwrap();
            assert_eq!(subspace.n_components(), 2);
            let distances = subspace.distances(Rows::new(&[7.0, -3.0, 3.0, 0.0, 4.0], 5).unwrap()).unwrap();
            assert!((distances[0] - 5.0).abs() < 1e-5, "{distances:?}");
            assert_eq!(Subspace::fit(rows, &[0.0; 5], Keep::Share(0.8)).unwrap().n_components(), 1);
        }
    }
}
