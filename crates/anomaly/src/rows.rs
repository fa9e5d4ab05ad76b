//! Rows and labels, on which detectors are fitted.

use crate::error::{Error, Result, at_least};

/// `[N, D]` finite values, row after row, borrowed: embeddings, logits, a backbone's scores or the cells of spectrograms.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f32],
    n_columns: usize,
}

impl<'a> Rows<'a> {
    /// Takes `values`, `[N, n_columns]` with the last axis contiguous; N may be 0.
    ///
    /// # Errors
    /// No columns, an incomplete last row, or a value that is not finite.
    pub fn new(values: &'a [f32], n_columns: usize) -> Result<Self> {
        if n_columns == 0 || !values.len().is_multiple_of(n_columns) {
            let (expected, got) = (format!("whole rows of {n_columns} columns"), format!("{} values", values.len()));
            return Err(Error::Shape { what: "rows", expected, got });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::NotFinite { what: "rows", row: at / n_columns }),
            None => Ok(Self { values, n_columns }),
        }
    }

    /// Rows made by this crate, which are complete and finite.
    pub(crate) fn trusted(values: &'a [f32], n_columns: usize) -> Self {
        Self { values, n_columns }
    }

    /// Number of rows, N.
    pub fn n_rows(&self) -> usize {
        self.values.len() / self.n_columns
    }

    /// Number of columns, D.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// All values, `[N, D]`.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// One row, `[D]`.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.n_columns..(row + 1) * self.n_columns]
    }

    /// The rows in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, f32> {
        self.values.chunks_exact(self.n_columns)
    }

    /// A range of rows.
    pub(crate) fn range(&self, rows: std::ops::Range<usize>) -> Rows<'a> {
        Self { values: &self.values[rows.start * self.n_columns..rows.end * self.n_columns], ..*self }
    }

    /// Checks that scored rows are as wide as those that a detector was fitted on.
    pub(crate) fn expect_columns(&self, n_columns: usize) -> Result<()> {
        if self.n_columns == n_columns {
            return Ok(());
        }
        Err(Error::Shape {
            what: "columns of the rows to score",
            expected: n_columns.to_string(),
            got: self.n_columns.to_string(),
        })
    }

    /// Checks the number of rows.
    pub(crate) fn expect_rows(&self, what: &'static str, n_rows: usize) -> Result<()> {
        if self.n_rows() == n_rows {
            return Ok(());
        }
        Err(Error::Shape { what, expected: format!("{n_rows} rows"), got: format!("{} rows", self.n_rows()) })
    }

    /// Rows normalized to length 1, `[N, D]`; a row of zeros stays as it is.
    pub(crate) fn normalized(&self) -> Vec<f32> {
        let mut values = self.values.to_vec();
        for row in values.chunks_exact_mut(self.n_columns) {
            let norm = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
            if norm > 0.0 {
                row.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
            }
        }
        values
    }
}

/// The class of each row. Every class has at least one row.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    labels: &'a [u32],
    n_classes: usize,
}

impl<'a> Labels<'a> {
    /// Takes `labels`, `[N]`, each an index below `n_classes`.
    ///
    /// # Errors
    /// No class, a label that is not a class, or a class without a row.
    pub fn new(labels: &'a [u32], n_classes: usize) -> Result<Self> {
        at_least("classes", 1, n_classes)?;
        if let Some(label) = labels.iter().find(|&&label| label as usize >= n_classes) {
            let (expected, got) = (format!("below {n_classes}"), label.to_string());
            return Err(Error::Shape { what: "label", expected, got });
        }
        let labels = Self { labels, n_classes };
        match labels.counts().iter().position(|&n| n == 0) {
            Some(class) => {
                let (expected, got) = ("a row for every class".to_owned(), format!("none for class {class}"));
                Err(Error::Shape { what: "labels", expected, got })
            }
            None => Ok(labels),
        }
    }

    /// The labels, `[N]`.
    pub fn get(&self) -> &'a [u32] {
        self.labels
    }

    /// Number of classes, C.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Number of rows of each class, `[C]`.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes];
        self.labels.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_what_is_wrong() {
        let text = |result: Result<Rows>| result.map(|_| ()).unwrap_err().to_string();
        assert_eq!(text(Rows::new(&[1.0; 5], 2)), "rows: expected whole rows of 2 columns, got 5 values");
        assert_eq!(text(Rows::new(&[1.0, 2.0, f32::NAN, 0.0], 2)), "rows: row 1 has a value that is not finite");
        let text = |result: Result<Labels>| result.map(|_| ()).unwrap_err().to_string();
        assert_eq!(text(Labels::new(&[0, 2], 2)), "label: expected below 2, got 2");
        assert_eq!(text(Labels::new(&[0, 0], 2)), "labels: expected a row for every class, got none for class 1");
    }

    #[test]
    fn normalized_rows_have_length_one() {
        let rows = Rows::new(&[3.0, 4.0, 0.0, 0.0], 2).unwrap();
        assert_eq!(rows.normalized(), [0.6, 0.8, 0.0, 0.0]);
    }
}
