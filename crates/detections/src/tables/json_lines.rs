//! JSON lines: an object a line, with its kind in `event`.
//!
//! - `provenance`, the first line: `program`, `model`, `model_sha256`, `settings` (an object).
//! - `recording`: `path`, `seconds`; one a recording, before its rows.
//! - `detection`: `path`, `recording_s`, `start`, `end` (seconds), `channel` (from 0), `label`, `score`, `mean`, `outlier_p`,
//!   `share`, `low_hz`, `high_hz`, `recorded` (ISO 8601), `latitude`, `longitude` (degrees), `note`; `null` for what is not
//!   known.
//! - `skipped`: `path`, `reason`.
//! - `finished`, the last line: counts of `recordings`, `detections` and `skipped`. A file without it is incomplete.

use super::text::{into_inner, length};
use super::writer::TableWriter;
use crate::{Detection, Error, Provenance, Result};
use serde::Serialize;
use std::io::{BufWriter, Write};

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Provenance(&'a Provenance),
    Recording { path: &'a str, seconds: f64 },
    Detection(Row<'a>),
    Skipped { path: &'a str, reason: &'a str },
    Finished(Counts),
}

#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    recording_s: Option<f64>,
    start: f64,
    end: f64,
    channel: Option<u16>,
    label: &'a str,
    score: f32,
    mean: Option<f32>,
    outlier_p: Option<f64>,
    share: Option<f64>,
    low_hz: Option<f64>,
    high_hz: Option<f64>,
    recorded: Option<&'a str>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    note: Option<&'a str>,
}

#[derive(Serialize, Clone, Copy, Default)]
struct Counts {
    recordings: u64,
    detections: u64,
    skipped: u64,
}

pub(super) struct JsonLines<W: Write> {
    out: BufWriter<W>,
    counts: Counts,
}

impl<W: Write> JsonLines<W> {
    pub(super) fn new(out: W, provenance: &Provenance) -> Result<Self> {
        let mut table = Self { out: BufWriter::new(out), counts: Counts::default() };
        table.line(&Line::Provenance(provenance))?;
        Ok(table)
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        serde_json::to_writer(&mut self.out, line).map_err(std::io::Error::from)?;
        self.out.write_all(b"\n").map_err(Error::Write)
    }
}

impl<W: Write> TableWriter<W> for JsonLines<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        let seconds = length(path, seconds)?;
        self.counts.recordings += 1;
        self.line(&Line::Recording { path, seconds })
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        self.counts.detections += 1;
        // The nearest number, which prints as the shortest one: 606.7.
        let seconds = |ms: u64| ms as f64 / 1000.0;
        self.line(&Line::Detection(Row {
            path: &detection.path,
            recording_s: detection.recording_ms.map(seconds),
            start: seconds(detection.start_ms),
            end: seconds(detection.end_ms),
            channel: detection.channel,
            label: &detection.label,
            score: detection.score,
            mean: detection.mean,
            outlier_p: detection.outlier_p,
            share: detection.share,
            low_hz: detection.low_hz,
            high_hz: detection.high_hz,
            recorded: detection.recorded.as_deref(),
            latitude: detection.place.map(|place| place.0),
            longitude: detection.place.map(|place| place.1),
            note: Some(detection.note.as_str()).filter(|note| !note.is_empty()),
        }))
    }

    fn skip(&mut self, path: &str, reason: &str) -> Result<bool> {
        self.counts.skipped += 1;
        self.line(&Line::Skipped { path, reason })?;
        Ok(true)
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::Write)
    }

    fn finish(mut self: Box<Self>) -> Result<W> {
        self.line(&Line::Finished(self.counts))?;
        into_inner(self.out)
    }
}
