//! A table with its rows as they are written, so that columns can be added and nothing else changes.

use super::detection::TableDetection;
use crate::{Error, Result};
use csv::StringRecord;
use std::io::Write;
use std::ops::Range;

/// Where a row is in the text of its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The row without the end of its line.
    pub(super) bytes: Range<usize>,
    pub(super) n_cells: usize,
    /// Number of its detection, where it has one.
    pub(super) detection: Option<usize>,
}

/// What was read of a table with columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub(super) detections: Vec<TableDetection>,
    header: Option<(Record, Vec<String>)>,
    pub(super) records: Vec<Record>,
}

impl Rows {
    /// The header, which is all that is before the first record.
    pub(super) fn add_header(&mut self, text: &str, names: &StringRecord) {
        let end = self.records.first().map_or(text.len(), |first| first.bytes.start);
        let bytes = trimmed(text, 0..end);
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        self.header = Some((Record { bytes, n_cells: names.len(), detection: None }, names));
    }
}

/// A part of a text without line breaks at its ends.
pub(super) fn trimmed(text: &str, bytes: Range<usize>) -> Range<usize> {
    let part = &text[bytes.clone()];
    let start = bytes.start + part.len() - part.trim_start_matches(['\r', '\n']).len();
    start..start.max(bytes.start + part.trim_end_matches(['\r', '\n']).len())
}

/// A table whose rows are kept as they are written.
#[derive(Debug, Clone)]
pub struct RawTable {
    /// Its detections, in the order of the table.
    pub detections: Vec<TableDetection>,
    /// What is before the text: a byte order mark, or nothing.
    pub(super) before: Vec<u8>,
    text: String,
    delimiter: u8,
    header: Option<(Record, Vec<String>)>,
    records: Vec<Record>,
}

impl RawTable {
    pub(super) fn new(text: String, delimiter: u8, rows: Rows) -> Self {
        let Rows { detections, header, records } = rows;
        Self { detections, before: Vec::new(), text, delimiter, header, records }
    }

    /// Names of the columns; none in Audacity's labels.
    pub fn columns(&self) -> &[String] {
        self.header.as_ref().map_or(&[], |(_, names)| names)
    }

    /// Each row as it is written, without the end of its line, and its detection, where it has one. The views of one selection
    /// have one detection.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Option<&TableDetection>)> {
        let detection = |record: &Record| record.detection.map(|nth| &self.detections[nth]);
        self.records.iter().map(move |record| (&self.text[record.bytes.clone()], detection(record)))
    }

    /// Writes the table with columns added behind its own. `cells` gives those of the detection of a number; a row without a
    /// detection gets empty ones. All else is as it was, to the byte; but a row that is shorter than the longest gets empty
    /// cells first, so that the new ones are below their names.
    ///
    /// # Errors
    /// A column that is there already, and a destination that cannot be written to.
    pub fn write_with(
        &self,
        mut out: impl Write,
        columns: &[String],
        mut cells: impl FnMut(usize) -> Vec<String>,
    ) -> Result<()> {
        let is_there = |column: &&String| self.columns().iter().any(|own| own.eq_ignore_ascii_case(column));
        if let Some(column) = columns.iter().find(is_there) {
            return Err(Error::RepeatedColumn { column: column.clone() });
        }
        let all = self.header.iter().map(|(record, _)| record).chain(&self.records);
        let n_cells = all.map(|record| record.n_cells).max().unwrap_or(0);
        out.write_all(&self.before)?;
        let mut written = 0;
        let mut row = |record: &Record, cells: &[String]| -> Result<()> {
            out.write_all(&self.text.as_bytes()[written..record.bytes.end])?;
            (record.n_cells..n_cells).try_for_each(|_| out.write_all(&[self.delimiter]))?;
            for cell in cells {
                out.write_all(&[self.delimiter])?;
                out.write_all(self.quoted(cell).as_bytes())?;
            }
            written = record.bytes.end;
            Ok(())
        };
        if let Some((header, _)) = &self.header {
            row(header, columns)?;
        }
        let nothing = vec![String::new(); columns.len()];
        for record in &self.records {
            let added = record.detection.map(&mut cells);
            row(record, added.as_ref().unwrap_or(&nothing))?;
        }
        out.write_all(&self.text.as_bytes()[written..])?;
        Ok(out.flush()?)
    }

    /// A cell as the format writes it: tables with tabs cannot quote.
    fn quoted(&self, cell: &str) -> String {
        match self.delimiter {
            b',' if cell.contains([',', '"', '\n', '\r']) => format!("\"{}\"", cell.replace('"', "\"\"")),
            b',' => cell.to_owned(),
            _ => cell.replace(char::is_control, " "),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::read_raw_table;

    fn with(table: &str) -> String {
        let raw = read_raw_table(table.as_bytes(), "t", None).unwrap();
        let columns = ["x".to_owned(), "y, z".to_owned()];
        let mut out = Vec::new();
        let cells = |nth: usize| vec![format!("{nth}\t\"quoted\""), raw.detections[nth].label.clone()];
        raw.write_with(&mut out, &columns, cells).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_but_the_new_cells_changes() {
        let table = "\u{feff}Start (s), End (s) ,Common name,File\r\n\r\n00.50,1,\"Owl, \"\"tawny\"\"\nor not\",\"a.wav\"\r\n,,,\r\n2,3,Owl,a.wav,more";
        let expected = "\u{feff}Start (s), End (s) ,Common name,File,,x,\"y, z\"\r\n\r\n00.50,1,\"Owl, \"\"tawny\"\"\nor not\",\"a.wav\",,\"0\t\"\"quoted\"\"\",\"Owl, \"\"tawny\"\"\nor not\"\r\n,,,,,,\r\n2,3,Owl,a.wav,more,\"1\t\"\"quoted\"\"\",Owl";
        assert_eq!(with(table), expected);
    }

    #[test]
    fn views_of_a_selection_get_the_same_cells() {
        let header = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tSpecies";
        let rows = ["1\tWaveform 1\t0.5\t2\t\"owl", "1\tSpectrogram 1\t0.5\t2\t\"owl", "2\tSpectrogram 1\t3\t4\tcrow"];
        let table = format!("{header}\n{}\n", rows.join("\n"));
        let cells = ["0 \"quoted\"\t\"owl", "0 \"quoted\"\t\"owl", "1 \"quoted\"\tcrow"];
        let rows: Vec<String> = rows.iter().zip(cells).map(|(row, cells)| format!("{row}\t{cells}\n")).collect();
        assert_eq!(with(&table), format!("{header}\tx\ty, z\n{}", rows.concat()));
        let raw = read_raw_table(table.as_bytes(), "t", None).unwrap();
        assert_eq!(raw.rows().map(|(_, of)| of.unwrap().start_ms).collect::<Vec<_>>(), [500, 500, 3000]);
        assert!(raw.write_with(Vec::new(), &["species".into()], |_| Vec::new()).is_err());
    }

    #[test]
    fn labels_of_audacity_keep_their_bands() {
        let table = "0.5\t2.0\tdog 0.93\r\n\\\t100\t2000\r\n3\t4\n";
        assert_eq!(with(table), "0.5\t2.0\tdog 0.93\t0 \"quoted\"\tdog\r\n\\\t100\t2000\r\n3\t4\t\t1 \"quoted\"\t\n");
        assert_eq!(with(""), "");
    }
}
