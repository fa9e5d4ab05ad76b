//! What is asked for, and what comes back.

use crate::named::named;
use serde::Serialize;
use shard::Skipped;
use std::collections::BTreeMap;
use std::path::PathBuf;

named! {
    /// Which detections of a class are taken where there are more than wanted.
    pub enum Pick {
        Random = "random", "drawn by --seed";
        Top = "top", "those with the highest scores";
        Spread = "spread", "as many of each band of scores, drawn by --seed";
    }
}

named! {
    /// Formats of clips.
    pub enum Encoding {
        Wav = "wav", "PCM of 16 bits, of 24 where the recording has more than 16";
        Flac = "flac", "the same samples in about half the space";
    }
}

/// Options of [`run`](super::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// The table of detections, ours or another tool's.
    pub detections: PathBuf,
    /// Folder to write into.
    pub out: PathBuf,
    /// Folder that recordings are under where they are not as written; or the recording of a table that names none.
    pub recordings: Option<PathBuf>,
    /// The column of the label, where it is not the usual one.
    pub label_column: Option<String>,
    /// Sound before and after each detection, in seconds.
    pub context_s: f64,
    /// Most clips of each label.
    pub per_class: Option<usize>,
    /// Which of them.
    pub pick: Pick,
    /// Lowest score.
    pub min_score: Option<f64>,
    /// Highest score.
    pub max_score: Option<f64>,
    /// Labels; all where there are none.
    pub labels: Vec<String>,
    /// Format of the clips.
    pub encoding: Encoding,
    /// Whether each clip gets a picture of its spectrogram.
    pub pictures: bool,
}

impl Options {
    /// All detections with a second before and after, as WAV.
    pub fn new(detections: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            detections: detections.into(),
            out: out.into(),
            recordings: None,
            label_column: None,
            context_s: 1.0,
            per_class: None,
            pick: Pick::Random,
            min_score: None,
            max_score: None,
            labels: Vec::new(),
            encoding: Encoding::Wav,
            pictures: false,
        }
    }
}

/// What was cut.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The folder.
    pub out: PathBuf,
    /// The table of the clips: where each is from.
    pub table: PathBuf,
    /// The selection table of the clips, for Raven.
    pub selections: PathBuf,
    /// Detections in the table.
    pub detections: usize,
    /// Those that were to be cut.
    pub chosen: usize,
    /// Clips that were written.
    pub clips: usize,
    /// Clips of each label.
    pub labels: BTreeMap<String, usize>,
    /// Pictures that were written.
    pub pictures: usize,
    /// Recordings and detections that could not be used, with the reason.
    pub skipped: Vec<Skipped>,
}
