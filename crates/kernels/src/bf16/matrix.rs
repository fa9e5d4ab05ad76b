use crate::Error;

/// A matrix of `f32`, as it lies in memory or transposed.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    n_rows: usize,
    n_columns: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// `n_rows * n_columns` values, row by row.
    ///
    /// # Errors
    /// Another number of values.
    pub fn new(values: &'a [f32], n_rows: usize, n_columns: usize) -> Result<Self, Error> {
        if n_rows.checked_mul(n_columns) != Some(values.len()) {
            return Err(Error::Shape {
                operation: "bf16 matrix",
                what: "values",
                expected: format!("{n_rows} x {n_columns} values"),
                got: values.len().to_string(),
            });
        }
        Ok(Self { values, n_rows, n_columns, transposed: false })
    }

    /// The same values with rows and columns exchanged; nothing is moved.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { n_rows: self.n_columns, n_columns: self.n_rows, transposed: !self.transposed, ..self }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Whether a row's values lie side by side; else a column's do.
    pub(super) fn has_rows(&self) -> bool {
        !self.transposed
    }

    /// `n` values side by side from row `row` and column `column` on: of the row if [`has_rows`](Self::has_rows), else
    /// of the column.
    pub(super) fn run(&self, row: usize, column: usize, n: usize) -> &'a [f32] {
        let start = if self.transposed { column * self.n_rows + row } else { row * self.n_columns + column };
        &self.values[start..start + n]
    }
}
