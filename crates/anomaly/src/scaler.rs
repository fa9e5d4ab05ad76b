//! Standardization: columns of mean 0 and standard deviation 1.

use crate::error::Result;
use crate::matrix::mean_of;
use crate::rows::Rows;
use crate::stored::Stored;

/// Mean and one over the standard deviation of each column; a constant column is centered only.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaler {
    mean: Vec<f32>,
    factor: Vec<f32>,
}

impl Scaler {
    pub(crate) fn fit(rows: Rows<'_>) -> Self {
        let mean = mean_of(rows);
        let mut squares = vec![0.0; mean.len()];
        for row in rows.iter() {
            let differences = row.iter().zip(&mean).map(|(&value, mean)| f64::from(value) - mean);
            squares.iter_mut().zip(differences).for_each(|(square, difference)| *square += difference * difference);
        }
        let n = rows.n_rows().max(1) as f64;
        let factor = squares.iter().zip(&mean).map(|(square, mean)| {
            let deviation = (square / n).sqrt();
            // The deviations of a constant column are rounding errors.
            if deviation > 1e-6 * mean.abs() && deviation > 1e-20 { (1.0 / deviation) as f32 } else { 1.0 }
        });
        Self { factor: factor.collect(), mean: mean.iter().map(|&value| value as f32).collect() }
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.mean.len()
    }

    /// The standardized rows, `[N, D]`.
    pub(crate) fn apply(&self, rows: Rows<'_>) -> Vec<f32> {
        let scale = |row: &[f32]| -> Vec<f32> {
            let columns = row.iter().zip(&self.mean).zip(&self.factor);
            columns.map(|((value, mean), factor)| (value - mean) * factor).collect()
        };
        rows.iter().flat_map(scale).collect()
    }

    /// Adds `column_mean` `[D]` and `column_factor` `[D]`.
    pub(crate) fn store(&self, stored: Stored) -> Stored {
        let d = [self.n_columns()];
        stored.with("column_mean", &d, self.mean.clone()).with("column_factor", &d, self.factor.clone())
    }

    pub(crate) fn from_tensors(stored: &Stored) -> Result<Self> {
        let mean = stored.values("column_mean", &[None])?;
        let factor = stored.values("column_factor", &[Some(mean.len())])?;
        Ok(Self { mean, factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_column_becomes_zero() {
        let rows = Rows::new(&[0.1, 1.0, 0.1, 3.0], 2).unwrap();
        assert_eq!(Scaler::fit(rows).apply(rows), [0.0, -1.0, 0.0, 1.0]);
    }
}
