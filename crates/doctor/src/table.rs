//! Clips as rows of numbers: the input of the classifier.

use crate::error::{Error, Result};
use stats::median;

/// A table with one row of numbers for each clip.
///
/// # Shapes
/// `values` is `[n_rows, n_columns]`, row-major; all values are finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    values: Vec<f32>,
    n_rows: usize,
    n_columns: usize,
}

impl Table {
    /// A table of `values`, `[n_rows, n_columns]` row-major.
    ///
    /// # Errors
    /// [`Error::Data`] where the values are not whole rows, there is no column, or a value is not finite.
    pub fn new(values: Vec<f32>, n_columns: usize) -> Result<Self> {
        if n_columns == 0 || !values.len().is_multiple_of(n_columns) {
            return Err(Error::Data {
                operation: "table",
                expected: format!("whole rows of {n_columns} columns, at least one"),
                got: format!("{} values", values.len()),
            });
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::Data {
                operation: "table",
                expected: "finite values".into(),
                got: format!("{} in row {}, column {}", values[at], at / n_columns, at % n_columns),
            });
        }
        Ok(Self { n_rows: values.len() / n_columns, values, n_columns })
    }

    /// A table of columns, `[n_columns][n_rows]`. A value that is not finite is a missing one: it is replaced by the median
    /// of the others, and a further column marks it.
    ///
    /// # Errors
    /// [`Error::Data`] where columns differ in length or there is none.
    pub fn from_columns(columns: &[Vec<f64>]) -> Result<Self> {
        let n_rows = columns.first().map_or(0, Vec::len);
        if columns.is_empty() || columns.iter().any(|column| column.len() != n_rows) {
            let lengths: Vec<usize> = columns.iter().map(Vec::len).collect();
            let (expected, got) = ("columns of one length".into(), format!("lengths {lengths:?}"));
            return Err(Error::Data { operation: "table", expected, got });
        }
        let mut filled = Vec::new();
        for column in columns {
            let known: Vec<f64> = column.iter().copied().filter(|value| value.is_finite()).collect();
            let middle = median(&known).unwrap_or(0.0);
            filled.push(
                column.iter().map(|value| if value.is_finite() { *value as f32 } else { middle as f32 }).collect(),
            );
            if column.iter().any(|value| !value.is_finite()) {
                filled.push(column.iter().map(|value| f32::from(u8::from(!value.is_finite()))).collect::<Vec<f32>>());
            }
        }
        let values = (0..n_rows).flat_map(|row| filled.iter().map(move |column| column[row])).collect();
        Self::new(values, filled.len())
    }

    /// The columns of both, side by side.
    ///
    /// # Errors
    /// [`Error::Data`] where they do not have the same rows.
    pub fn beside(&self, other: &Self) -> Result<Self> {
        if self.n_rows != other.n_rows {
            let (expected, got) = (format!("{} rows", self.n_rows), format!("{} rows", other.n_rows));
            return Err(Error::Data { operation: "tables side by side", expected, got });
        }
        let values = (0..self.n_rows).flat_map(|row| self.row(row).iter().chain(other.row(row)).copied()).collect();
        Self::new(values, self.n_columns + other.n_columns)
    }

    /// Number of rows, one for each clip.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The numbers of one clip, `[n_columns]`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.n_columns..(row + 1) * self.n_columns]
    }

    /// Whether all rows are equal.
    pub fn is_constant(&self) -> bool {
        (1..self.n_rows).all(|row| self.row(row) == self.row(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_become_the_median_and_are_marked() {
        let table = Table::from_columns(&[vec![1.0, f64::NAN, 3.0, 8.0], vec![0.0, 1.0, 2.0, 3.0]]).unwrap();
        assert_eq!((table.n_rows(), table.n_columns()), (4, 3));
        assert_eq!(table.row(1), [3.0, 1.0, 1.0]);
        assert_eq!(table.row(3), [8.0, 0.0, 3.0]);
    }

    #[test]
    fn sizes_that_do_not_match_are_refused() {
        assert!(Table::new(vec![0.0; 5], 2).is_err());
        assert!(Table::from_columns(&[vec![1.0], vec![]]).is_err());
        let message = Table::new(vec![0.0, 1.0, f32::NAN, 3.0], 2).unwrap_err().to_string();
        assert_eq!(message, "table: expected finite values, got NaN in row 1, column 0");
    }

    #[test]
    fn tables_are_joined_by_row() {
        let (a, b) = (Table::new(vec![1.0, 2.0], 1).unwrap(), Table::new(vec![3.0, 4.0, 5.0, 6.0], 2).unwrap());
        assert_eq!(a.beside(&b).unwrap().row(1), [2.0, 5.0, 6.0]);
        assert!(a.is_constant() == (a.row(0) == a.row(1)));
    }
}
