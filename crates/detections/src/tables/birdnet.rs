//! The CSV of BirdNET-Analyzer: `Start (s)`, `End (s)`, `Scientific name`, `Common name`, `Confidence`, `File`.
//!
//! Both names are our label. There is no room for channels, for where the table comes from, or for recordings that could not be
//! used.

use super::text::{length, out_of_csv, printable};
use super::writer::TableWriter;
use crate::time::seconds;
use crate::{Detection, Result};
use std::io::Write;

pub(super) struct Birdnet<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> Birdnet<W> {
    pub(super) fn new(out: W) -> Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["Start (s)", "End (s)", "Scientific name", "Common name", "Confidence", "File"])?;
        Ok(Self { writer })
    }
}

impl<W: Write> TableWriter<W> for Birdnet<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        length(path, seconds).map(|_| ())
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        let label = printable(&detection.label);
        self.writer.write_record([
            &seconds(detection.start_ms),
            &seconds(detection.end_ms),
            &label,
            &label,
            &format!("{:.4}", detection.score),
            &printable(&detection.path),
        ])?;
        Ok(())
    }

    fn skip(&mut self, _path: &str, _reason: &str) -> Result<bool> {
        Ok(false)
    }

    fn finish(self: Box<Self>) -> Result<W> {
        out_of_csv(self.writer)
    }
}
