//! A table of text, which every page can show.

/// A table of text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Its rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Whether a column has numbers alone, which are set to the right and never broken: a number, its interval or a share.
    pub(crate) fn is_number(&self, column: usize) -> bool {
        let is_number =
            |cell: &String| cell.chars().all(|c| c.is_ascii_digit() || ".,%- []\u{a0}\u{202f}to".contains(c));
        self.rows.iter().filter_map(|row| row.get(column)).all(is_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_are_known() {
        let cells = |row: [&str; 3]| row.map(str::to_owned).to_vec();
        let rows = vec![cells(["a", "0.942", "Bark 0.2, Yip 0.1"]), cells(["b", "0.768 to 1.000", "Bird 0.3"])];
        let table = Table { caption: String::new(), columns: cells(["x", "y", "z"]), rows };
        assert_eq!([0, 1, 2].map(|column| table.is_number(column)), [false, true, false]);
    }
}
