//! Columns by name, and cells with errors that say where they are.

use crate::time::milliseconds;
use crate::{Error, Result};
use csv::StringRecord;

/// A column that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    at: usize,
    /// As in the header.
    name: String,
}

/// The columns of a table.
pub(super) struct Header<'a> {
    names: Vec<String>,
    table: &'a str,
    understood: &'static str,
}

impl<'a> Header<'a> {
    pub(super) fn new(names: &StringRecord, table: &'a str, understood: &'static str) -> Self {
        Self { names: names.iter().map(|name| name.trim().to_owned()).collect(), table, understood }
    }

    /// A column by its name, in any case.
    pub(super) fn find(&self, name: &str) -> Option<Column> {
        let same = |other: &String| other.to_lowercase() == name.trim().to_lowercase();
        let at = self.names.iter().position(same)?;
        Some(Column { at, name: self.names[at].clone() })
    }

    /// The first of these columns that is there.
    pub(super) fn first(&self, names: &[&str]) -> Option<Column> {
        names.iter().find_map(|name| self.find(name))
    }

    /// The first of these columns that is there; one has to be.
    pub(super) fn need(&self, names: &[&str]) -> Result<Column> {
        self.first(names).ok_or_else(|| Error::TableColumn {
            table: self.table.to_owned(),
            missing: names.join("` or `"),
            found: self.names.join(", "),
            understood: self.understood,
        })
    }

    /// An error about a table.
    pub(super) fn table(&self) -> &'a str {
        self.table
    }
}

/// A row, and where it is.
pub(super) struct Row<'a> {
    pub(super) record: &'a StringRecord,
    pub(super) table: &'a str,
    /// Line of the file, counted from 1.
    pub(super) line: u64,
}

impl Row<'_> {
    pub(super) fn error(&self, column: &Column, expected: &'static str, got: &str) -> Error {
        let (table, column, got) = (self.table.to_owned(), column.name.clone(), got.to_owned());
        Error::Cell { table, line: self.line, column, expected, got }
    }

    /// A cell as it is.
    pub(super) fn text(&self, column: &Column) -> Result<&str> {
        let short = || self.error(column, "a cell", &format!("a row of {} cells", self.record.len()));
        self.record.get(column.at).ok_or_else(short)
    }

    /// A number that is finite; none for an empty cell.
    pub(super) fn optional(&self, column: Option<&Column>) -> Result<Option<f64>> {
        let Some(column) = column else { return Ok(None) };
        let text = self.text(column)?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.error(column, "a number", text)),
        }
    }

    /// A time in seconds, or in hours, minutes and seconds, as milliseconds.
    pub(super) fn time(&self, column: &Column) -> Result<u64> {
        let text = self.text(column)?;
        time(text.trim()).ok_or_else(|| self.error(column, "a number of seconds, 0 or more", text))
    }

    /// A channel that the table counts from `first`.
    pub(super) fn channel(&self, column: Option<&Column>, first: u16) -> Result<Option<u16>> {
        let Some(column) = column else { return Ok(None) };
        let text = self.text(column)?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let expected = if first == 0 { "a channel, counted from 0" } else { "a channel, counted from 1" };
        let channel = text.parse::<u16>().ok().and_then(|channel| channel.checked_sub(first));
        channel.map(Some).ok_or_else(|| self.error(column, expected, text))
    }
}

/// `606.7` or `00:10:06.7`, as milliseconds.
pub(super) fn time(text: &str) -> Option<u64> {
    let mut seconds = 0.0;
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    for part in parts {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    milliseconds(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_both_kinds() {
        assert_eq!(time("606.7"), Some(606_700));
        assert_eq!(time("00:10:06.70"), Some(606_700));
        assert_eq!((time("1:2:3:4"), time("12,5"), time("-1"), time(""), time("NaN")), (None, None, None, None, None));
    }
}
