//! Everything as one JSON object.

use super::sink::{Context, Sink, Taken, Target};
use crate::error::Result;
use detections::to_json;
use inference::{Judged, Sets};
use serde_json::{Value, json};
use shard::Skipped;
use std::io::Write;
use std::path::PathBuf;

/// An object with `classes`, `predictions`, `recordings`, `skipped`, `provenance`, `reject` where there is a detector, and `coverage` where
/// sets of classes were asked for. It is made in memory.
pub(super) struct Json<'a> {
    target: Target,
    context: &'a Context<'a>,
    predictions: Vec<Value>,
    recordings: Vec<Value>,
}

impl<'a> Json<'a> {
    pub(super) fn new(target: Target, context: &'a Context<'a>) -> Self {
        Self { target, context, predictions: Vec::new(), recordings: Vec::new() }
    }

    fn window(&self, Judged { verdict, nearest, .. }: &Judged) -> Value {
        let predictor = self.context.predictor;
        let mut value = to_json(verdict, predictor.classes(), predictor.thresholds());
        if predictor.detector().is_some() {
            let known = nearest.iter().map(|(clip, similarity)| {
                json!({"path": clip.path, "start": clip.start, "label": clip.label, "similarity": similarity})
            });
            value["nearest"] = known.collect();
        }
        value
    }
}

impl Sink for Json<'_> {
    fn take(&mut self, taken: &Taken<'_>) -> Result<()> {
        let predictor = self.context.predictor;
        let judged = &taken.record.judged;
        let windows: Vec<Value> = judged.iter().map(|one| self.window(one)).collect();
        self.predictions.extend(windows);
        let recordings = predictor.per_recording(judged);
        let recordings = recordings.iter().map(|one| to_json(one, predictor.classes(), predictor.thresholds()));
        self.recordings.extend(recordings);
        Ok(())
    }

    fn finish(mut self: Box<Self>, skipped: &[Skipped]) -> Result<Vec<PathBuf>> {
        let predictor = self.context.predictor;
        let mut value = json!({
            "classes": predictor.classes(), "predictions": self.predictions, "recordings": self.recordings,
            "skipped": skipped, "provenance": self.context.provenance,
        });
        if let Some(detector) = predictor.detector() {
            value["reject"] = json!({
                "method": detector.fitted.method.name, "alpha": predictor.thresholds().alpha,
                "calibration_groups": detector.conformal.n_groups(), "smallest_alpha": detector.conformal.smallest_alpha(),
            });
        }
        if let Some(sets) = predictor.sets() {
            value["coverage"] = coverage(sets, predictor.classes());
        }
        serde_json::to_writer_pretty(&mut self.target, &value)?;
        self.target.write_all(b"\n")?;
        self.target.commit(None)
    }
}

/// What the sets of classes are worth: the coverage that was asked for, the calibration groups of each class, and the classes
/// that have too few of them to be left out.
fn coverage(sets: &Sets, classes: &[String]) -> Value {
    let groups: serde_json::Map<String, Value> =
        classes.iter().enumerate().map(|(nth, class)| (class.clone(), json!(sets.n_groups(nth)))).collect();
    let always: Vec<&String> = sets.always_in().into_iter().map(|class| &classes[class]).collect();
    json!({"asked": sets.asked(), "calibration_groups": groups, "always_in": always})
}
