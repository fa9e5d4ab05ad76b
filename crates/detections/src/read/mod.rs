//! Reads tables of detections and annotations: those that this crate writes (but for Parquet), and those of the same tools.
//!
//! The format is recognized by the header, whatever the file is called:
//!
//! | format | recognized by | label | score |
//! | --- | --- | --- | --- |
//! | ours, CSV | `path`, `start`, `end`, `label` | `label`; rows without one are left out | `score` or `probability` |
//! | ours, JSON lines | the first character, `{` | `label`; objects without one are left out | `score` or `probability` |
//! | selection table of Raven or BirdNET-Analyzer | `Begin Time (s)` | the first of `Label`, `Species`, `Annotation`, `Class`, `Common Name` | `Score` or `Confidence`, where there |
//! | BirdNET-Analyzer, CSV | `Start (s)` | `Common name` | `Confidence` |
//! | Kaleidoscope | `IN FILE` | `TOP1MATCH` | 1 minus `TOP1DIST`; BirdNET-Analyzer's, with `scientific_name`, hold the score itself |
//! | birdnet for Python, CSV | `species_name` | `species_name` | `confidence` |
//! | Audacity | a first line of two numbers, no header | the text; a score as [`table_writer`](crate::table_writer) writes it is taken off | that one |
//!
//! Case does not matter in headers. Another column can be named for the label wherever there is a header. In a selection table,
//! times are those in the file: `File Offset (s)` where it is there; it has to be where the table has several files. The views
//! of one selection are one row. An empty file is a table without rows.

mod audacity;
mod cells;
mod detection;
mod json_lines;
mod rows;

pub use detection::TableDetection;

use crate::{Error, Result};
use cells::Header;
use std::io::Read;

/// The formats that are understood, for messages.
const UNDERSTOOD: &str = "barkbird (CSV, JSON lines), Raven, BirdNET-Analyzer (CSV, selection table), Kaleidoscope, birdnet for \
    Python (CSV), Audacity labels";

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
pub fn read_table(mut input: impl Read, name: &str, label_column: Option<&str>) -> Result<Vec<TableDetection>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|source| Error::Read { table: name.to_owned(), source })?;
    let unknown = |got: &str| Error::UnknownTable {
        table: name.to_owned(),
        understood: UNDERSTOOD,
        got: got.chars().take(80).collect(),
    };
    if bytes.starts_with(b"PAR1") {
        return Err(unknown("PAR1 (Parquet)"));
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
            let got = format!("byte {:#04x}", bytes[error.valid_up_to()]);
            return Err(Error::Cell { table: name.into(), line, column: "text".into(), expected: "UTF-8", got });
        }
    };
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else { return Ok(Vec::new()) };
    if first.trim_start().starts_with('{') {
        return json_lines::read(text, name);
    }
    if audacity::is_label(first) {
        return audacity::read(text, name);
    }
    let mut reader = csv::ReaderBuilder::new();
    reader.flexible(true);
    if first.contains('\t') {
        reader.delimiter(b'\t').quoting(false);
    }
    let mut reader = reader.from_reader(text.as_bytes());
    let header = Header::new(reader.headers()?, name, UNDERSTOOD);
    let Some(layout) = rows::Layout::of(&header, label_column)? else { return Err(unknown(first)) };
    let rows = layout.read(reader.records(), &header)?;
    tracing::debug!(table = name, rows = rows.len(), "table read");
    Ok(rows)
}
