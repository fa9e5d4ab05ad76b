//! What is told while it is listened: one line of JSON each.

use detections::{Detection, Thresholds, Verdict};
use serde::Serialize;

/// Something that is told. As JSON, `event` says what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Told {
    /// Listening begins.
    Started(Started),
    /// A window was classified; only where that is asked for.
    Window(Window),
    /// An event is over.
    Detection(Event),
    /// Something that somebody should act on.
    Warning {
        /// When, as ISO 8601.
        time: String,
        /// What.
        message: String,
    },
    /// Listening is over.
    Finished(Finished),
}

/// What listens, and to what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Started {
    /// When, as ISO 8601.
    pub time: String,
    /// What the place is called.
    pub name: String,
    /// Where sound comes from.
    pub source: String,
    /// Frames a second.
    pub rate_hz: u32,
    /// Channels.
    pub channels: usize,
    /// The program and its version.
    pub program: String,
    /// The run or file of the model.
    pub model: String,
    /// SHA-256 of the model's file.
    pub model_sha256: String,
    /// Classes of the model.
    pub classes: Vec<String>,
    /// Length of a window, in seconds: an event is told about that long after its end.
    pub window_s: f64,
    /// The maximum false-rejection rate of the detector; none without one.
    pub alpha: Option<f64>,
}

/// A window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Window {
    /// When it starts, as ISO 8601.
    pub recorded: String,
    /// Seconds since listening began.
    pub start: f64,
    /// Seconds since listening began.
    pub end: f64,
    /// The channel, counted from 0; none where channels are mixed.
    pub channel: Option<u16>,
    /// The class, `neither` or `unsure`.
    pub label: String,
    /// Probability of the most likely class.
    pub score: f32,
    /// p-value of "this is a known sound"; none without a detector.
    pub outlier_p: Option<f64>,
    /// Whether every sample is zero.
    pub silent: bool,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// When it starts, as ISO 8601.
    pub recorded: String,
    /// Seconds since listening began.
    pub start: f64,
    /// Seconds since listening began.
    pub end: f64,
    /// The channel, counted from 0; none where channels are mixed.
    pub channel: Option<u16>,
    /// The class.
    pub label: String,
    /// The highest score of its windows.
    pub score: f32,
    /// The mean score.
    pub mean: Option<f32>,
    /// p-value of "this is a known sound"; none without a detector.
    pub outlier_p: Option<f64>,
    /// The file that its sound is kept in, below the folder of clips; none where it is not kept.
    pub clip: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finished {
    /// When, as ISO 8601.
    pub time: String,
    /// Seconds of sound.
    pub seconds: f64,
    /// Events.
    pub detections: u64,
    /// Clips that are on the disk.
    pub clips: u64,
    /// Messages that the broker has not taken.
    pub messages_lost: u64,
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

impl Event {
    pub(crate) fn of(detection: &Detection, recorded: String, clip: Option<String>) -> Self {
        Self {
            recorded,
            start: seconds(detection.start_ms),
            end: seconds(detection.end_ms),
            channel: detection.channel,
            label: detection.label.clone(),
            score: detection.score,
            mean: detection.mean,
            outlier_p: detection.outlier_p,
            clip,
        }
    }
}

impl Window {
    pub(crate) fn of(verdict: &Verdict, classes: &[String], thresholds: Thresholds, recorded: String) -> Self {
        let (label, score) = verdict.label(classes, thresholds);
        Self {
            recorded,
            start: verdict.start_s,
            end: verdict.end_s,
            channel: verdict.channel,
            label: label.to_owned(),
            score,
            outlier_p: verdict.outlier_p,
            silent: verdict.silent,
        }
    }
}
