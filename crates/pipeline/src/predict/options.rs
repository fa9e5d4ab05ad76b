//! What a run is given, and what became of it.

use super::activity::Activity;
use super::files::Part;
use crate::inputs::StandardInput;
use detections::EventSettings;
use inference::PredictorOptions;
use shard::Skipped;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Options of [`run`](super::run).
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Recordings, folders of recordings, or manifests; `-` for [`standard_input`](Self::standard_input).
    pub inputs: Vec<PathBuf>,
    /// How the model is asked.
    pub predictor: PredictorOptions,
    /// Windows overlap by half of their length, whatever [`predictor`](Self::predictor) says.
    pub half_overlap: bool,
    /// The recording that the input `-` stands for.
    pub standard_input: Option<StandardInput>,
    /// How windows become events; none for windows as they are.
    pub events: Option<EventSettings>,
    /// The thresholds of events are those that have this precision on clips that the model was not fitted on.
    pub target_precision: Option<f64>,
    /// Goes on with a run that was broken off.
    pub resume: bool,
    /// Forgets a run that was broken off.
    pub overwrite: bool,
    /// Which share of the recordings is classified; the tables are written by a later run without one.
    pub part: Option<Part>,
    /// Memory for windows and what networks compute of them, in MiB, about; results do not depend on it.
    pub memory_mib: Option<u64>,
    /// Where the activity by hour of day goes: pictures (`.svg`, `.png`) and tables (`.csv`).
    pub activity: Vec<PathBuf>,
    /// Goes on with folders that grow, looking at them so often, until it is cancelled.
    pub watch: Option<Duration>,
}

impl Options {
    /// The model's own detector and thresholds.
    pub fn new(run: impl Into<PathBuf>, inputs: Vec<PathBuf>) -> Self {
        Self {
            run: run.into(),
            inputs,
            predictor: PredictorOptions::default(),
            standard_input: None,
            events: None,
            target_precision: None,
            resume: false,
            overwrite: false,
            part: None,
            half_overlap: false,
            memory_mib: None,
            activity: Vec::new(),
            watch: None,
        }
    }
}

/// What became of the recordings.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Recordings and rows of manifests that were given; with [`Options::part`] those of the part.
    pub recordings: usize,
    /// Windows that were classified.
    pub windows: usize,
    /// Rows of the tables by label: windows, or events.
    pub labels: BTreeMap<String, usize>,
    /// Recordings that could not be used.
    pub skipped: Vec<Skipped>,
    /// Seconds of sound, those of an earlier run included.
    pub sound_s: f64,
    /// Seconds of sound that this run classified.
    pub classified_s: f64,
    /// Seconds that classifying took.
    pub classifying_s: f64,
    /// Seconds that this run took.
    pub seconds: f64,
    /// Of these, seconds in which it waited for new recordings.
    pub waited_s: f64,
    /// Recordings that this run tried and could not use.
    pub failed: usize,
    /// Recordings that an earlier run had classified.
    pub resumed: usize,
    /// Tables that were written.
    pub files: Vec<PathBuf>,
    /// What was found by hour of day, where that was asked for.
    pub activity: Option<Activity>,
}
