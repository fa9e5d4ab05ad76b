//! Our own CSV.
//!
//! Columns: `path`, `recording_s` (length of the recording), `start`, `end` (seconds, three decimals), `channel` (from 0),
//! `label`, `score`, `mean`, `outlier_p`, `share` (six decimals), `low_hz`, `high_hz`, `recorded` (ISO 8601), `latitude`,
//! `longitude` (degrees), `note`, and in every row `program`, `model`, `model_sha256` and `settings` (`key=value; key=value`). A
//! recording that could not be used has its path and, in `note`, the reason; a recording without rows is not in the table.

use super::text::{cell, length, out_of_csv};
use super::writer::TableWriter;
use crate::time::seconds;
use crate::{Detection, Error, Provenance, Result};
use std::io::Write;

const OURS: [&str; 16] = [
    "path",
    "recording_s",
    "start",
    "end",
    "channel",
    "label",
    "score",
    "mean",
    "outlier_p",
    "share",
    "low_hz",
    "high_hz",
    "recorded",
    "latitude",
    "longitude",
    "note",
];
const PROVENANCE: [&str; 4] = ["program", "model", "model_sha256", "settings"];

pub(super) struct Csv<W: Write> {
    writer: csv::Writer<W>,
    provenance: [String; 4],
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W, provenance: &Provenance) -> Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(OURS.iter().chain(&PROVENANCE))?;
        Ok(Self { writer, provenance: provenance.cells() })
    }

    fn row(&mut self, cells: [String; 16]) -> Result<()> {
        Ok(self.writer.write_record(cells.iter().chain(&self.provenance))?)
    }
}

impl<W: Write> TableWriter<W> for Csv<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        length(path, seconds).map(|_| ())
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        let six = |value: f64| format!("{value:.6}");
        self.row([
            detection.path.clone(),
            cell(detection.recording_ms, seconds),
            seconds(detection.start_ms),
            seconds(detection.end_ms),
            cell(detection.channel, |channel| channel.to_string()),
            detection.label.clone(),
            format!("{:.6}", detection.score),
            cell(detection.mean, |mean| format!("{mean:.6}")),
            cell(detection.outlier_p, six),
            cell(detection.share, six),
            cell(detection.low_hz, |hz| hz.to_string()),
            cell(detection.high_hz, |hz| hz.to_string()),
            detection.recorded.clone().unwrap_or_default(),
            cell(detection.place, |place| place.0.to_string()),
            cell(detection.place, |place| place.1.to_string()),
            detection.note.clone(),
        ])
    }

    fn skip(&mut self, path: &str, reason: &str) -> Result<bool> {
        let mut cells: [String; 16] = Default::default();
        cells[0] = path.to_owned();
        cells[15] = reason.to_owned();
        self.row(cells)?;
        Ok(true)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(Error::Write)
    }

    fn finish(self: Box<Self>) -> Result<W> {
        out_of_csv(self.writer)
    }
}
