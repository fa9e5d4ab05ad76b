//! Parquet, as we write it, or as a data frame with the same columns was written again.

use super::detection::TableDetection;
use super::pages::check_pages;
use crate::time::milliseconds;
use crate::{Error, Result};
use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a file begins with.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Rows for each byte of a file at most, and whatever its size.
const MOST_ROWS_PER_BYTE: usize = 8;
const FREE_ROWS: usize = 1 << 14;

/// Bytes of text over all rows for each byte of a file at most, and whatever its size.
const MOST_TEXT_PER_BYTE: usize = 512;
const FREE_TEXT: usize = 1 << 22;

pub(super) fn read(bytes: Vec<u8>, table: &str, label_column: Option<&str>) -> Result<Vec<TableDetection>> {
    // The decoder panics on some damaged files.
    let damaged = |_| Err(Error::Read { table: table.to_owned(), source: std::io::Error::other("damaged Parquet") });
    catch_unwind(AssertUnwindSafe(|| rows(bytes, table, label_column))).unwrap_or_else(damaged)
}

fn rows(bytes: Vec<u8>, table: &str, label_column: Option<&str>) -> Result<Vec<TableDetection>> {
    let broken = |problem: parquet::errors::ParquetError| Error::Read {
        table: table.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, problem),
    };
    let too_much = |what: &str, most: usize| Error::Read {
        table: table.to_owned(),
        source: std::io::Error::other(format!("{what}: expected at most {most} in a file of this size, got more")),
    };
    let bytes = Bytes::from(bytes);
    let reader = SerializedFileReader::new(bytes.clone()).map_err(broken)?;
    // Runs and dictionaries make any number of rows and any length of text out of a few bytes.
    let most_rows = MOST_ROWS_PER_BYTE * bytes.len() + FREE_ROWS;
    if reader.metadata().file_metadata().num_rows() > most_rows as i64 {
        return Err(too_much("rows", most_rows));
    }
    let most_text = MOST_TEXT_PER_BYTE * bytes.len() + FREE_TEXT;
    check_pages(&bytes, reader.metadata()).map_err(|reason| Error::Read {
        table: table.to_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
    })?;
    let label_column = label_column.unwrap_or("label");
    let (mut rows, mut n_rows, mut n_text) = (Vec::new(), 0, 0);
    for (row, line) in reader.get_row_iter(None).map_err(broken)?.zip(1..) {
        let row = row.map_err(broken)?;
        n_rows += 1;
        n_text += row.get_column_iter().map(|(_, field)| text_bytes(field)).sum::<usize>();
        if n_rows > most_rows {
            return Err(too_much("rows", most_rows));
        }
        if n_text > most_text {
            return Err(too_much("bytes of text", most_text));
        }
        rows.extend(detection(&row, table, line, label_column)?);
    }
    Ok(rows)
}

/// Bytes of a text or of other bytes; 0 of a number.
fn text_bytes(field: &Field) -> usize {
    match field {
        Field::Str(text) => text.len(),
        Field::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// The detection of a row; none where it has no label.
fn detection(row: &Row, table: &str, line: u64, label_column: &str) -> Result<Option<TableDetection>> {
    let find = |name: &str| {
        let mut columns = row.get_column_iter();
        columns.find(|(column, _)| column.eq_ignore_ascii_case(name)).map(|(_, field)| field)
    };
    let error = |column: &str, expected: &'static str, got: Option<&Field>| Error::Cell {
        table: table.to_owned(),
        line,
        column: column.to_owned(),
        expected,
        got: got.map_or("no such column".to_owned(), ToString::to_string),
    };
    let text = |name: &str| match find(name) {
        Some(Field::Str(text)) => Some(text.clone()),
        _ => None,
    };
    // Whole milliseconds in one column, or seconds in the other.
    let time = |in_ms: &'static str, in_s: &'static str| match (find(in_ms), find(in_s)) {
        (Some(field), _) => number(field).filter(|ms| *ms >= 0.0).map(|ms| ms.round() as u64),
        (None, Some(field)) => number(field).and_then(milliseconds),
        (None, None) => None,
    };
    if find(label_column).is_none() {
        return Err(error(label_column, "a column of labels", None));
    }
    let Some(label) = text(label_column).filter(|label| !label.is_empty()) else { return Ok(None) };
    let start_ms =
        time("start_ms", "start").ok_or_else(|| error("start_ms", "milliseconds, 0 or more", find("start_ms")))?;
    let end_ms = time("end_ms", "end").filter(|end_ms| *end_ms >= start_ms);
    let end_ms = end_ms.ok_or_else(|| error("end_ms", "a time that is not before the start", find("end_ms")))?;
    Ok(Some(TableDetection {
        path: text("path"),
        start_ms,
        end_ms,
        channel: find("channel").and_then(number).map(|channel| channel as u16),
        label,
        score: find("score").or_else(|| find("probability")).and_then(number),
        outlier_p: find("outlier_p").and_then(number),
        low_hz: find("low_hz").and_then(number),
        high_hz: find("high_hz").and_then(number),
    }))
}

/// A finite number of any width.
fn number(field: &Field) -> Option<f64> {
    let number = match *field {
        Field::Byte(n) => f64::from(n),
        Field::Short(n) => f64::from(n),
        Field::Int(n) => f64::from(n),
        Field::Long(n) => n as f64,
        Field::UByte(n) => f64::from(n),
        Field::UShort(n) => f64::from(n),
        Field::UInt(n) => f64::from(n),
        Field::ULong(n) => n as f64,
        // By way of text, so that 0.9 is 0.9 and not what is nearest in 32 bits.
        Field::Float(n) => n.to_string().parse().ok()?,
        Field::Double(n) => n,
        _ => return None,
    };
    number.is_finite().then_some(number)
}
