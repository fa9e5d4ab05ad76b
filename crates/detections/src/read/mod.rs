//! Reads tables of detections and annotations: those that this crate writes, and those of the same tools.
//!
//! The format is recognized by the header, whatever the file is called:
//!
//! | format | recognized by | label | score |
//! | --- | --- | --- | --- |
//! | ours, CSV | `path`, `start`, `end`, `label` | `label`; rows without one are left out | `score` or `probability` |
//! | ours, JSON lines | the first character, `{` | `label`; objects without one are left out | `score` or `probability` |
//! | ours, Parquet | the first bytes, `PAR1` | `label`; rows without one are left out | `score` or `probability` |
//! | selection table of Raven or BirdNET-Analyzer | `Begin Time (s)` | the first of `Label`, `Species`, `Annotation`, `Class`, `Common Name` | `Score` or `Confidence`, where there |
//! | BirdNET-Analyzer, CSV | `Start (s)` | `Common name` | `Confidence` |
//! | Kaleidoscope | `IN FILE` | `TOP1MATCH` | 1 minus `TOP1DIST`; BirdNET-Analyzer's, with `scientific_name`, hold the score itself |
//! | birdnet for Python, CSV | `species_name` | `species_name` | `confidence` |
//! | Hoplite | `start_offset_s` | `label`; `-LABEL` of a negative `label_type`, none of an uncertain one | none |
//! | Audacity | a first line of two numbers, no header | the text; a score as [`table_writer`](crate::table_writer) writes it is taken off | that one |
//!
//! Case does not matter in headers. Another column can be named for the label wherever there is a header. In a selection table,
//! times are those in the file: `File Offset (s)` where it is there; it has to be where the table has several files. The views
//! of one selection are one row. An empty file is a table without rows.

mod audacity;
mod cells;
mod detection;
mod json_lines;
mod model;
mod pages;
mod parquet;
mod raw;
mod rows;

pub use detection::TableDetection;
pub use model::table_model;
pub use raw::RawTable;
pub use rows::NOT;

use crate::{Error, Result};
use cells::Header;
use raw::Rows;
use std::io::Read;

/// The formats that are understood, for messages.
const UNDERSTOOD: &str = "barkbird (CSV, JSON lines, Parquet), Raven, BirdNET-Analyzer (CSV, selection table), Kaleidoscope, birdnet for \
    Python (CSV), Hoplite (CSV), Audacity labels";

/// Those of them that have columns.
const UNDERSTOOD_WITH_COLUMNS: &str = "barkbird (CSV), Raven, BirdNET-Analyzer (CSV, selection table), Kaleidoscope, birdnet for \
    Python (CSV), Hoplite (CSV), Audacity labels";

/// Reads a table of any format that is understood. `name` is what errors call it; `label_column` names the column of the label
/// where it is not the usual one.
///
/// ```
/// let table = "Begin Time (s)\tEnd Time (s)\tCall type\n0.5\t2.0\tbark\n";
/// let rows = detections::read_table(table.as_bytes(), "night.selections.txt", Some("call type"))?;
/// assert_eq!((rows[0].start_ms, rows[0].label.as_str()), (500, "bark"));
/// # Ok::<(), detections::Error>(())
/// ```
///
/// # Errors
/// A table that cannot be read or is not UTF-8, of a format that is not understood, without a column that is needed, or with a
/// cell that does not hold what it should; the error names line, column, what was expected and what is there.
pub fn read_table(input: impl Read, name: &str, label_column: Option<&str>) -> Result<Vec<TableDetection>> {
    let bytes = bytes_of(input, name)?;
    if bytes.starts_with(parquet::MAGIC) {
        return parquet::read(bytes, name, label_column);
    }
    let text = text_of(&bytes, name)?;
    if first_line(text).trim_start().starts_with('{') {
        return json_lines::read(text, name);
    }
    Ok(rows_of(text, name, label_column)?.1.detections)
}

/// The same with the rows as they are written, so that columns can be added to them. JSON lines have no columns, and Parquet has no
/// rows of text.
///
/// ```
/// let table = "Start (s),End (s),Common name,Confidence,File\n0.0,3.0,Tawny Owl,0.71,night.wav\n";
/// let raw = detections::read_raw_table(table.as_bytes(), "night.csv", None)?;
/// assert_eq!(raw.detections[0].label, "Tawny Owl");
/// let mut out = Vec::new();
/// raw.write_with(&mut out, &["sound".to_owned()], |_| vec!["dog".to_owned()])?;
/// assert!(out.ends_with(b"0.0,3.0,Tawny Owl,0.71,night.wav,dog\n"));
/// # Ok::<(), detections::Error>(())
/// ```
///
/// # Errors
/// As for [`read_table`], and JSON lines and Parquet.
pub fn read_raw_table(input: impl Read, name: &str, label_column: Option<&str>) -> Result<RawTable> {
    let bytes = bytes_of(input, name)?;
    let text = text_of(&bytes, name)?;
    if first_line(text).trim_start().starts_with('{') {
        return Err(unknown(name, UNDERSTOOD_WITH_COLUMNS, first_line(text)));
    }
    let (delimiter, rows) = rows_of(text, name, label_column)?;
    // A byte order mark stays where it is.
    let n_before = bytes.len() - text.len();
    let mut table = RawTable::new(text.to_owned(), delimiter, rows);
    table.before = bytes[..n_before].to_vec();
    Ok(table)
}

fn bytes_of(mut input: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|source| Error::Read { table: name.to_owned(), source })?;
    Ok(bytes)
}

/// The text without a byte order mark.
fn text_of<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str> {
    if bytes.starts_with(parquet::MAGIC) {
        return Err(unknown(name, UNDERSTOOD_WITH_COLUMNS, "PAR1 (Parquet)"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let got = format!("byte {:#04x}", bytes[error.valid_up_to()]);
            Err(Error::Cell { table: name.into(), line, column: "text".into(), expected: "UTF-8", got })
        }
    }
}

fn unknown(name: &str, understood: &'static str, got: &str) -> Error {
    Error::UnknownTable { table: name.to_owned(), understood, got: got.chars().take(80).collect() }
}

/// The first line that is not empty.
fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// What separates cells, and the rows of a table that has columns.
fn rows_of(text: &str, name: &str, label_column: Option<&str>) -> Result<(u8, Rows)> {
    let first = first_line(text);
    if first.is_empty() {
        return Ok((b',', Rows::default()));
    }
    if audacity::is_label(first) {
        return Ok((b'\t', audacity::read(text, name)?));
    }
    let delimiter = if first.contains('\t') { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new();
    reader.flexible(true).delimiter(delimiter).quoting(delimiter == b',');
    let mut reader = reader.from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let header = Header::new(&names, name, UNDERSTOOD);
    let Some(layout) = rows::Layout::of(&header, label_column)? else { return Err(unknown(name, UNDERSTOOD, first)) };
    let mut rows = layout.read(reader.records(), &header, text)?;
    rows.add_header(text, &names);
    tracing::debug!(table = name, rows = rows.detections.len(), "table read");
    Ok((delimiter, rows))
}
