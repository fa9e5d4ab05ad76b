//! Selection tables: those of Raven Pro, and BirdNET-Analyzer's of the same kind. Cells are separated by tabs.
//!
//! `Begin Time (s)` and `End Time (s)` run on over all recordings of the table, those without rows too, as Raven counts when it
//! opens several files as one sound; `File Offset (s)` is the time in the file. Channels are counted from 1, and mixed ones are
//! channel 1. Raven draws a box: a detection without a band gets the one from 0 to 15,000 Hz, which BirdNET-Analyzer writes.
//!
//! A recording of 0 s is one whose length is not known, and a score that is no number is not known: their cells are empty.
//!
//! Raven keeps columns that it does not know: `Label` and all that follow are ours, with where the table comes from in the last
//! four. BirdNET-Analyzer's table has no room for this. Neither has room for recordings that could not be used.

use super::text::{cell, folder_and_name, into_inner, length, printable};
use super::writer::TableWriter;
use crate::time::seconds;
use crate::{Detection, Error, Provenance, Result};
use std::io::{BufWriter, Write};

/// Bounds of the box of a detection without a band, in Hz.
const BAND_HZ: (f64, f64) = (0.0, 15_000.0);

/// Columns of both.
const COMMON: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)";
/// What follows in Raven's.
const RAVEN: &str = "Begin File\tBegin Path\tFile Offset (s)\tFile Duration (s)\tLabel\tScore\tMean Score\tOutlier p\tShare\t\
    Recorded\tLatitude\tLongitude\tNote\tProgram\tModel\tModel SHA-256\tSettings";
/// What follows in BirdNET-Analyzer's.
const BIRDNET: &str = "Common Name\tSpecies Code\tConfidence\tBegin Path\tFile Offset (s)";

/// Which columns follow those that both have.
pub(super) enum Style {
    /// Ours in Raven's table, which ends with these cells.
    Raven(String),
    /// BirdNET-Analyzer's.
    Birdnet,
}

impl Style {
    pub(super) fn raven(provenance: &Provenance) -> Self {
        Self::Raven(provenance.cells().map(|cell| printable(&cell)).join("\t"))
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Raven(_) => "raven",
            Self::Birdnet => "birdnet-table",
        }
    }
}

pub(super) struct Selections<W: Write> {
    out: BufWriter<W>,
    style: Style,
    /// How many rows there are.
    n_rows: u64,
    current: Option<Recording>,
}

/// The recording whose rows are written.
struct Recording {
    path: String,
    /// Length of all recordings before it, in nanoseconds: milliseconds would add up to seconds over ten thousand files.
    before_ns: u64,
    length_ns: u64,
}

/// Nanoseconds as the nearest milliseconds.
fn ms(ns: u64) -> u64 {
    ns.saturating_add(500_000) / 1_000_000
}

impl<W: Write> Selections<W> {
    pub(super) fn new(out: W, style: Style) -> Result<Self> {
        let mut out = BufWriter::new(out);
        let own = if matches!(style, Style::Birdnet) { BIRDNET } else { RAVEN };
        writeln!(out, "{COMMON}\t{own}")?;
        Ok(Self { out, style, n_rows: 0, current: None })
    }
}

impl<W: Write> TableWriter<W> for Selections<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        let length_ns = (length(path, seconds)? * 1e9).round() as u64;
        let before_ns = self.current.as_ref().map_or(0, |last| last.before_ns.saturating_add(last.length_ns));
        self.current = Some(Recording { path: path.to_owned(), before_ns, length_ns });
        Ok(())
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        let current = match &self.current {
            Some(current) if current.path == detection.path => current,
            other => {
                let expected =
                    other.as_ref().map_or("its recording before it".into(), |r| format!("a row of {}", r.path));
                return Err(Error::Order {
                    format: self.style.name(),
                    expected,
                    got: format!("a row of {}", detection.path),
                });
            }
        };
        self.n_rows += 1;
        let before_ms = ms(current.before_ns);
        // Readers of Raven's tables expect decimals, BirdNET-Analyzer writes none.
        let is_birdnet = matches!(self.style, Style::Birdnet);
        let hz = |hz: f64| if is_birdnet { hz.to_string() } else { format!("{hz:.1}") };
        let out = &mut self.out;
        write!(
            out,
            "{}\tSpectrogram 1\t{}\t{}\t{}\t{}\t{}\t",
            self.n_rows,
            u32::from(detection.channel.unwrap_or(0)) + 1,
            seconds(before_ms + detection.start_ms),
            seconds(before_ms + detection.end_ms),
            hz(detection.low_hz.unwrap_or(BAND_HZ.0)),
            hz(detection.high_hz.unwrap_or(BAND_HZ.1)),
        )?;
        let path = printable(&detection.path);
        let (label, score) = (printable(&detection.label), detection.score);
        let offset = seconds(detection.start_ms);
        match &self.style {
            Style::Birdnet => writeln!(out, "{label}\t{label}\t{score:.4}\t{path}\t{offset}")?,
            Style::Raven(provenance) => {
                let length_ms = Some(ms(current.length_ns)).filter(|length_ms| *length_ms > 0);
                let four = |value: f64| format!("{value:.4}");
                let cells = [
                    folder_and_name(&path).1.to_owned(),
                    path.clone(),
                    offset,
                    cell(detection.recording_ms.or(length_ms), seconds),
                    label,
                    cell(Some(score).filter(|score| !score.is_nan()), |score| format!("{score:.4}")),
                    cell(detection.mean, |mean| format!("{mean:.4}")),
                    cell(detection.outlier_p, |p| format!("{p:.6}")),
                    cell(detection.share, four),
                    printable(detection.recorded.as_deref().unwrap_or_default()),
                    cell(detection.place, |place| place.0.to_string()),
                    cell(detection.place, |place| place.1.to_string()),
                    printable(&detection.note),
                ];
                writeln!(out, "{}\t{provenance}", cells.join("\t"))?;
            }
        }
        Ok(())
    }

    fn skip(&mut self, _path: &str, _reason: &str) -> Result<bool> {
        Ok(false)
    }

    fn finish(self: Box<Self>) -> Result<W> {
        into_inner(self.out)
    }
}
