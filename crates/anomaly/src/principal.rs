//! Principal component analysis, for plots.

use crate::error::Result;
use crate::rows::Rows;
use crate::subspace::{Keep, Subspace};

/// The principal axes of training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PrincipalAxes {
    subspace: Subspace,
}

impl PrincipalAxes {
    /// The first `n_axes` axes of the rows `[N, D]`, or all where the rows have fewer.
    ///
    /// # Errors
    /// Fewer than two rows, rows that are all equal, or no axes.
    pub fn fit(rows: Rows<'_>, n_axes: usize) -> Result<Self> {
        let n = rows.n_rows().max(1) as f64;
        let mut mean = vec![0.0; rows.n_columns()];
        rows.iter().for_each(|row| mean.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value) / n));
        Ok(Self { subspace: Subspace::fit(rows, &mean, Keep::Components(n_axes))? })
    }

    /// Number of axes, E.
    pub fn n_axes(&self) -> usize {
        self.subspace.n_components()
    }

    /// Coordinates of the rows `[M, D]` on the axes, `[M, E]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn transform(&self, rows: Rows<'_>) -> Result<Vec<f32>> {
        self.subspace.coordinates(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_direction_comes_first() {
        let rows: Vec<f32> = (0..20).flat_map(|i| [3.0 + i as f32, -1.0, 0.1 * ((i * 7) % 5) as f32]).collect();
        let axes = PrincipalAxes::fit(Rows::new(&rows, 3).unwrap(), 2).unwrap();
        assert_eq!(axes.n_axes(), 2);
        let places = axes.transform(Rows::new(&[12.5, -1.0, 0.2, 22.5, -1.0, 0.2], 3).unwrap()).unwrap();
        assert!(places[0].abs() < 0.01 && ((places[2] - places[0]).abs() - 10.0).abs() < 0.01, "{places:?}");
    }
}
