//! Verdicts as JSON.

use detections::{Detection, Thresholds};
use inference::{Judged, Predictor};
use serde::Serialize;

/// The body of `POST /api/predict`, and the last event of a stream, without windows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answered {
    pub(crate) model: String,
    pub(crate) model_sha256: String,
    pub(crate) recording: About,
    pub(crate) classes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) windows: Option<Vec<Window>>,
    pub(crate) detections: Vec<Event>,
}

/// A recording.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) warning: Option<String>,
}

/// A window.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Window {
    start: f64,
    end: f64,
    channel: Option<u16>,
    label: String,
    probability: f32,
    outlier_p: Option<f64>,
    probabilities: Vec<f32>,
    silent: bool,
    nearest: Vec<Nearest>,
}

/// A training clip that a window is compared with.
#[derive(Debug, Clone, Serialize)]
struct Nearest {
    name: String,
    start: f64,
    label: String,
    similarity: f32,
}

/// An event.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Event {
    start: f64,
    end: f64,
    channel: Option<u16>,
    label: String,
    score: f32,
    mean: Option<f32>,
    outlier_p: Option<f64>,
    recorded: Option<String>,
}

/// Windows of a predictor as they are sent.
pub(crate) fn windows(predictor: &Predictor<'_>, judged: &[Judged]) -> Vec<Window> {
    judged.iter().map(|judged| Window::of(judged, predictor.classes(), predictor.thresholds())).collect()
}

impl Window {
    fn of(judged: &Judged, classes: &[String], thresholds: Thresholds) -> Self {
        let verdict = &judged.verdict;
        let (label, probability) = verdict.label(classes, thresholds);
        let nearest = judged.nearest.iter().map(|(clip, similarity)| Nearest {
            name: clip.path.clone(),
            start: clip.start,
            label: clip.label.clone(),
            similarity: *similarity,
        });
        Self {
            start: verdict.start_s,
            end: verdict.end_s,
            channel: verdict.channel,
            label: label.to_owned(),
            probability,
            outlier_p: verdict.outlier_p,
            probabilities: verdict.probability.clone(),
            silent: verdict.silent,
            nearest: nearest.collect(),
        }
    }
}

impl From<&Detection> for Event {
    fn from(of: &Detection) -> Self {
        Self {
            start: of.start_ms as f64 / 1000.0,
            end: of.end_ms as f64 / 1000.0,
            channel: of.channel,
            label: of.label.clone(),
            score: of.score,
            mean: of.mean,
            outlier_p: of.outlier_p,
            recorded: of.recorded.clone(),
        }
    }
}
