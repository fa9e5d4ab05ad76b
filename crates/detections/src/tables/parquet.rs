//! Apache Parquet, for data frames.
//!
//! Columns: `path`, `recording_ms`, `start_ms`, `end_ms` (whole milliseconds), `channel` (from 0), `label`, `score`, `mean`,
//! `outlier_p`, `share`, `low_hz`, `high_hz`, `recorded` (ISO 8601), `latitude`, `longitude` (degrees), `note`; null for what is
//! not known. Where the table comes from is in the file's key/value metadata: `barkbird.program`, `barkbird.model`,
//! `barkbird.model_sha256`, and `barkbird.settings` as a JSON object. Without compression, since every reader has that; names
//! that repeat are stored once a row group. There is no room for recordings that could not be used.

use super::text::length;
use super::writer::TableWriter;
use crate::{Detection, Provenance, Result};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

/// Rows that are held before they are written as a group: about 10 MB.
const ROWS_A_GROUP: usize = 32_768;

const SCHEMA: &str = "message detections {
    REQUIRED BYTE_ARRAY path (STRING);
    OPTIONAL INT64 recording_ms;
    REQUIRED INT64 start_ms;
    REQUIRED INT64 end_ms;
    OPTIONAL INT32 channel;
    REQUIRED BYTE_ARRAY label (STRING);
    REQUIRED FLOAT score;
    OPTIONAL FLOAT mean;
    OPTIONAL DOUBLE outlier_p;
    OPTIONAL DOUBLE share;
    OPTIONAL DOUBLE low_hz;
    OPTIONAL DOUBLE high_hz;
    OPTIONAL BYTE_ARRAY recorded (STRING);
    OPTIONAL DOUBLE latitude;
    OPTIONAL DOUBLE longitude;
    OPTIONAL BYTE_ARRAY note (STRING);
}";

pub(super) struct Parquet<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    rows: Vec<Detection>,
}

impl<W: Write + Send> Parquet<W> {
    pub(super) fn new(out: W, provenance: &Provenance) -> Result<Self> {
        let settings = serde_json::to_string(&provenance.settings).map_err(std::io::Error::from)?;
        let pair = |key: &str, value: &str| KeyValue::new(format!("barkbird.{key}"), value.to_owned());
        let metadata = vec![
            pair("program", &provenance.program),
            pair("model", &provenance.model),
            pair("model_sha256", &provenance.model_sha256),
            pair("settings", &settings),
        ];
        let properties = WriterProperties::builder().set_key_value_metadata(Some(metadata)).build();
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        Ok(Self { writer, rows: Vec::new() })
    }

    fn write_group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let text = |text: &str| ByteArray::from(text);
        let mut group = Group { writer: self.writer.next_row_group()?, rows: &rows };
        // In the order of the schema.
        group.required::<ByteArrayType>(|row| text(&row.path))?;
        group.optional::<Int64Type>(|row| row.recording_ms.map(|ms| ms as i64))?;
        group.required::<Int64Type>(|row| row.start_ms as i64)?;
        group.required::<Int64Type>(|row| row.end_ms as i64)?;
        group.optional::<Int32Type>(|row| row.channel.map(i32::from))?;
        group.required::<ByteArrayType>(|row| text(&row.label))?;
        group.required::<FloatType>(|row| row.score)?;
        group.optional::<FloatType>(|row| row.mean)?;
        group.optional::<DoubleType>(|row| row.outlier_p)?;
        group.optional::<DoubleType>(|row| row.share)?;
        group.optional::<DoubleType>(|row| row.low_hz)?;
        group.optional::<DoubleType>(|row| row.high_hz)?;
        group.optional::<ByteArrayType>(|row| row.recorded.as_deref().map(text))?;
        group.optional::<DoubleType>(|row| row.place.map(|place| place.0))?;
        group.optional::<DoubleType>(|row| row.place.map(|place| place.1))?;
        group.optional::<ByteArrayType>(|row| Some(row.note.as_str()).filter(|note| !note.is_empty()).map(text))?;
        group.writer.close()?;
        Ok(())
    }
}

/// Rows that are written column by column.
struct Group<'a, W: Write + Send> {
    writer: SerializedRowGroupWriter<'a, W>,
    rows: &'a [Detection],
}

impl<W: Write + Send> Group<'_, W> {
    fn required<T: DataType>(&mut self, of_row: impl Fn(&Detection) -> T::T) -> Result<()> {
        let values: Vec<T::T> = self.rows.iter().map(of_row).collect();
        self.column::<T>(&values, None)
    }

    fn optional<T: DataType>(&mut self, of_row: impl Fn(&Detection) -> Option<T::T>) -> Result<()> {
        let values: Vec<Option<T::T>> = self.rows.iter().map(of_row).collect();
        // 1 where there is a value.
        let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
        let values: Vec<T::T> = values.into_iter().flatten().collect();
        self.column::<T>(&values, Some(&levels))
    }

    fn column<T: DataType>(&mut self, values: &[T::T], levels: Option<&[i16]>) -> Result<()> {
        if let Some(mut column) = self.writer.next_column()? {
            column.typed::<T>().write_batch(values, levels, None)?;
            column.close()?;
        }
        Ok(())
    }
}

impl<W: Write + Send> TableWriter<W> for Parquet<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        length(path, seconds).map(|_| ())
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        self.rows.push(detection.clone());
        if self.rows.len() == ROWS_A_GROUP { self.write_group() } else { Ok(()) }
    }

    fn skip(&mut self, _path: &str, _reason: &str) -> Result<bool> {
        Ok(false)
    }

    fn finish(mut self: Box<Self>) -> Result<W> {
        self.write_group()?;
        Ok(self.writer.into_inner()?)
    }
}
