//! What all tables know and do.

use super::found::{Recorded, detections};
use super::journal::Header;
use super::record::Record;
use crate::error::Result;
use detections::{Columns, Detection, EventSettings, Provenance};
use inference::{Input, Predictor, PredictorOptions, ShowEvidence};
use serde_json::json;
use shard::{AtomicFile, Skipped};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What all tables know.
pub(super) struct Context<'a> {
    pub(super) predictor: &'a Predictor<'a>,
    pub(super) header: Header,
    pub(super) columns: Columns,
    pub(super) provenance: Provenance,
    pub(super) events: Option<EventSettings>,
    /// Which recording has a table's name, of tables for each.
    pub(super) names: RefCell<BTreeMap<PathBuf, String>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        asked: &PredictorOptions,
        events: Option<&EventSettings>,
        predictor: &'a Predictor<'a>,
    ) -> Result<Self> {
        let thresholds = predictor.thresholds();
        let method = predictor.detector().map(|detector| detector.fitted.method.name.clone());
        let mut settings = json!({
            "overlap_s": asked.overlap_s, "reject": method, "alpha": thresholds.alpha,
            "unsure_below": asked.unsure_below.to_string(), "nearest": asked.n_nearest, "coverage": asked.coverage,
            "evidence": predictor.shows_evidence(),
        });
        let model = predictor.model;
        let header = Header::new(model.sha256.clone(), settings.clone());
        if let Some(events) = events {
            events.validate(predictor.classes())?;
            // By way of text, which has the shortest decimals of a number.
            settings["events"] = serde_json::from_str(&serde_json::to_string(events)?)?;
        }
        let words = |(key, value): (&String, &serde_json::Value)| match value {
            serde_json::Value::String(text) => (key.clone(), text.clone()),
            other => (key.clone(), other.to_string()),
        };
        Ok(Self {
            predictor,
            header,
            columns: Columns { set: predictor.sets().is_some(), evidence: asked.evidence == ShowEvidence::Yes },
            provenance: Provenance {
                program: format!("barkbird {}", env!("CARGO_PKG_VERSION")),
                model: model.path.display().to_string(),
                model_sha256: model.sha256.clone(),
                settings: settings.as_object().into_iter().flatten().map(words).collect(),
            },
            events: events.cloned(),
            names: RefCell::default(),
        })
    }

    /// Windows or events of a recording, in the order of time.
    pub(super) fn detections(&self, rows: &[Input], record: &Record) -> Result<Vec<Detection>> {
        let of = Recorded {
            name: &rows[0].name,
            // Not known yet of a recording that still comes in.
            seconds: Some(record.seconds).filter(|seconds| *seconds > 0.0),
            start: record.start(),
            place: record.place,
        };
        detections(self.predictor, self.events.as_ref(), &record.judged, &of)
    }
}

/// A recording and what is known of it.
pub(super) struct Taken<'r> {
    pub(super) rows: &'r [Input],
    pub(super) record: &'r Record,
    pub(super) detections: &'r [Detection],
    pub(super) before: Before,
}

/// Whether an earlier pass over the recordings has written a recording's own table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    NotWritten,
    /// By an earlier run, perhaps: a table that is the same is left as it is, which takes no time for the disk.
    Unknown,
    Written,
}

/// A table while it is written.
pub(super) trait Sink {
    fn take(&mut self, taken: &Taken<'_>) -> Result<()>;

    /// Passes on what was written so far, where rows can be read before the end.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Ends it; gives the files that it is in.
    fn finish(self: Box<Self>, skipped: &[Skipped]) -> Result<Vec<PathBuf>>;
}

/// Where one table is written.
pub(super) enum Target {
    File(AtomicFile, PathBuf),
    Stream(Box<dyn Write + Send>),
}

impl Target {
    pub(super) fn file(path: &Path) -> Result<Self> {
        Ok(Self::File(AtomicFile::create(path)?, path.to_owned()))
    }

    /// Puts the file under its name, and beside it what made it where `provenance` says so.
    pub(super) fn commit(self, provenance: Option<&Provenance>) -> Result<Vec<PathBuf>> {
        match self {
            Self::Stream(mut stream) => {
                stream.flush()?;
                Ok(Vec::new())
            }
            Self::File(file, path) => {
                if let Some(provenance) = provenance {
                    let mut bytes = Vec::new();
                    provenance.write_json(&mut bytes)?;
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    shard::write_atomic(&path.with_file_name(Provenance::file_name(&name)), &bytes)?;
                }
                file.commit()?;
                Ok(vec![path])
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file, path) => file.write(bytes).map_err(named(path)),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file, path) => file.flush().map_err(named(path)),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

/// Says which file it is.
fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
