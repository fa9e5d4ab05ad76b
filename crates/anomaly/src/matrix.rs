//! Dense f64 matrices, row-major, and the few operations on them that detectors need.
//!
//! Products and decompositions are faer's, on one thread each. Parallel work is over fixed blocks of result rows, so that
//! the number of threads does not change a bit of the result.

use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::rows::Rows;

/// Rows of a product that one task computes.
const BLOCK_ROWS: usize = 64;

/// `[n_rows, n_columns]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) n_rows: usize,
    pub(crate) n_columns: usize,
    pub(crate) values: Vec<f64>,
}

impl Matrix {
    pub(crate) fn new(n_rows: usize, n_columns: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(values.len(), n_rows * n_columns);
        Self { n_rows, n_columns, values }
    }

    pub(crate) fn from_f32(values: &[f32], n_columns: usize) -> Self {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        Self::new(values.len() / n_columns, n_columns, values)
    }

    /// Rows minus `center`, `[N, D]`.
    pub(crate) fn centered(rows: Rows<'_>, center: &[f64]) -> Self {
        let d = rows.n_columns();
        let values = rows.values().iter().enumerate().map(|(i, &value)| f64::from(value) - center[i % d]).collect();
        Self::new(rows.n_rows(), d, values)
    }

    pub(crate) fn to_f32(&self) -> Vec<f32> {
        self.values.iter().map(|&value| value as f32).collect()
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.n_columns..(row + 1) * self.n_columns]
    }

    fn view(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.n_rows, self.n_columns)
    }

    /// `self * other`, `[n_rows, other.n_columns]`.
    pub(crate) fn times(&self, other: &Matrix) -> Matrix {
        product(self.view(), other.view())
    }

    /// `self * otherᵀ`, `[n_rows, other.n_rows]`.
    pub(crate) fn times_transposed(&self, other: &Matrix) -> Matrix {
        product(self.view(), other.view().transpose())
    }

    /// `selfᵀ * self`, `[n_columns, n_columns]`.
    pub(crate) fn gram(&self) -> Matrix {
        product(self.view().transpose(), self.view())
    }

    /// Eigenvalues of a symmetric matrix, the largest first, and the eigenvectors as rows.
    pub(crate) fn eigen(&self, what: &'static str) -> Result<(Vec<f64>, Matrix)> {
        let eigen = self.view().self_adjoint_eigen(Side::Lower).map_err(|_| Error::Decomposition { what })?;
        let n = self.n_rows;
        let (diagonal, vectors) = (eigen.S(), eigen.U());
        let values = (0..n).rev().map(|i| diagonal[i]).collect();
        let rows = (0..n).rev().flat_map(|column| (0..n).map(move |row| vectors[(row, column)])).collect();
        Ok((values, Matrix::new(n, n, rows)))
    }

    /// `W = L⁻¹` of a positive definite `L Lᵀ`: `W x` then has the identity for its covariance.
    pub(crate) fn whitening(&self, what: &'static str) -> Result<Matrix> {
        let factor = self.view().llt(Side::Lower).map_err(|_| Error::Decomposition { what })?;
        let n = self.n_rows;
        let mut inverse = Mat::<f64>::identity(n, n);
        solve_lower_triangular_in_place(factor.L(), inverse.as_mut(), Par::Seq);
        let values = (0..n).flat_map(|row| (0..n).map(move |column| (row, column))).map(|at| inverse[at]).collect();
        Ok(Matrix::new(n, n, values))
    }
}

fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Matrix {
    let (n_rows, n_columns) = (left.nrows(), right.ncols());
    let mut values = vec![0.0; n_rows * n_columns];
    values.par_chunks_mut((BLOCK_ROWS * n_columns).max(1)).enumerate().for_each(|(block, chunk)| {
        let rows = chunk.len() / n_columns;
        let out = MatMut::from_row_major_slice_mut(chunk, rows, n_columns);
        matmul(out, Accum::Replace, left.subrows(block * BLOCK_ROWS, rows), right, 1.0, Par::Seq);
    });
    Matrix::new(n_rows, n_columns, values)
}

/// Mean of the rows, `[D]`.
pub(crate) fn mean_of(rows: Rows<'_>) -> Vec<f64> {
    let mut mean = vec![0.0; rows.n_columns()];
    for row in rows.iter() {
        mean.iter_mut().zip(row).for_each(|(mean, &value)| *mean += f64::from(value));
    }
    mean.iter_mut().for_each(|mean| *mean /= rows.n_rows().max(1) as f64);
    mean
}

pub(crate) fn squared_norm(row: &[f64]) -> f64 {
    row.iter().map(|value| value * value).sum()
}

pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Matrix {
        Matrix::new(3, 2, vec![1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
    }

    #[test]
    fn products() {
        let gram = example().gram();
        assert_eq!(gram.values, [35.0, 49.0, 49.0, 69.0]);
        assert_eq!(example().times(&gram).row(0), [133.0, 187.0]);
        assert_eq!(example().times_transposed(&example()).row(1), [11.0, 25.0, 43.0]);
    }

    #[test]
    fn eigenvectors_rebuild_the_matrix_and_whitening_makes_it_the_identity() {
        let gram = example().gram();
        let (values, vectors) = gram.eigen("test").unwrap();
        assert!(values[0] >= values[1]);
        for at in 0..4 {
            let (i, j) = (at / 2, at % 2);
            let rebuilt: f64 = (0..2).map(|k| values[k] * vectors.row(k)[i] * vectors.row(k)[j]).sum();
            assert!((rebuilt - gram.values[at]).abs() < 1e-10);
        }
        let whitening = gram.whitening("test").unwrap();
        let identity = whitening.times(&gram).times_transposed(&whitening);
        for (value, expected) in identity.values.iter().zip([1.0, 0.0, 0.0, 1.0]) {
            assert!((value - expected).abs() < 1e-10, "{identity:?}");
        }
    }

    #[test]
    fn a_singular_matrix_has_no_whitening() {
        let singular = Matrix::new(2, 2, vec![1.0, 1.0, 1.0, 1.0]);
        assert_eq!(singular.whitening("test"), Err(Error::Decomposition { what: "test" }));
    }
}
