//! What a report is made from: the lines and files that training and evaluation write, and sounds to show.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// One line of `metrics.jsonl`; fields that are not named here are ignored, and `null` for a figure reads as NaN.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Epoch {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Optimiser steps so far.
    pub step: u64,
    /// Learning rate of the epoch's last step.
    #[serde(deserialize_with = "figure")]
    pub lr: f64,
    /// Mean loss a clip as it was minimised: in training mode, augmented.
    #[serde(deserialize_with = "figure")]
    pub train_loss: f64,
    /// Mean loss a training clip in evaluation mode, not augmented; compares with `val_loss`.
    #[serde(default)]
    pub train_loss_eval: Option<f64>,
    /// Mean loss a validation clip.
    #[serde(default)]
    pub val_loss: Option<f64>,
    /// Share of validation clips that are right.
    #[serde(default)]
    pub val_accuracy: Option<f64>,
    /// Mean recall over the classes on validation clips.
    #[serde(default)]
    pub val_balanced_accuracy: Option<f64>,
    /// Wall time of the epoch.
    #[serde(default)]
    pub seconds: f64,
}

/// `metrics.json`: figures on one split; fields that are not named here are ignored, and `null` reads as NaN.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Metrics {
    /// The split that was measured.
    #[serde(default)]
    pub split: String,
    /// Clips.
    pub n: u64,
    /// Groups that the clips come from; 0 where it is not known.
    #[serde(default)]
    pub n_groups: u64,
    /// Clips whose label the model does not know; no figure counts them.
    #[serde(default)]
    #[serde(alias = "n_strangers")]
    pub n_unknowns: u64,
    /// Share of clips that are right.
    #[serde(deserialize_with = "figure")]
    pub accuracy: f64,
    /// Mean recall over the classes.
    #[serde(deserialize_with = "figure")]
    pub balanced_accuracy: f64,
    /// Mean F1 over the classes.
    #[serde(default = "nan", deserialize_with = "figure")]
    pub macro_f1: f64,
    /// Figures of each class against the rest.
    #[serde(default)]
    pub per_class: BTreeMap<String, ClassMetrics>,
    /// Class names in the order of `confusion`.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Counts of clips: rows truth, columns predicted.
    #[serde(default)]
    pub confusion: Vec<Vec<u64>>,
    /// Area under the ROC curve.
    #[serde(default)]
    pub auroc: Option<f64>,
    /// Expected calibration error: how far probabilities are off on average.
    #[serde(default = "nan", deserialize_with = "figure")]
    pub ece: f64,
    /// Mean loss a clip.
    #[serde(default = "nan", deserialize_with = "figure")]
    pub loss: f64,
    /// 95 % intervals `[low, high]` by figure: the field's name, or `recall_CLASS`.
    #[serde(default)]
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// Recordings that could not be measured.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// What a reader of these figures should know.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Figures of one class against the rest.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ClassMetrics {
    /// Of the clips called so, the share that are.
    #[serde(default = "nan", deserialize_with = "figure")]
    pub precision: f64,
    /// Of the clips that are so, the share called so.
    #[serde(default = "nan", deserialize_with = "figure")]
    pub recall: f64,
    /// Harmonic mean of the two.
    #[serde(default = "nan", deserialize_with = "figure")]
    pub f1: f64,
    /// Clips that are so.
    #[serde(default)]
    pub support: u64,
    /// Area under the ROC curve of this class against the rest.
    #[serde(default)]
    pub auroc: Option<f64>,
}

/// A recording that was left out, and why.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Skipped {
    /// The recording.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A clip to see and to hear.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Example {
    /// The recording.
    pub path: String,
    /// What it is, where that is known.
    pub truth: Option<String>,
    /// What the model says.
    pub predicted: String,
    /// The model's probability for `predicted`.
    pub probability: f64,
    /// The spectrogram as a PNG file; empty for none.
    pub png: Vec<u8>,
    /// The sound as a WAV file; empty for none.
    pub wav: Vec<u8>,
}

/// Everything that the report says about one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunReport {
    /// The run's name.
    pub name: String,
    /// Class names of the model.
    pub classes: Vec<String>,
    /// Trained and fixed parameters together.
    pub n_parameters: u64,
    /// Name and value of what is worth knowing: front end, seed, device, precision, durations.
    pub facts: Vec<(String, String)>,
    /// Learning curves, in order.
    pub epochs: Vec<Epoch>,
    /// Measurements; the first is the one that the summary is about.
    pub evaluations: Vec<Metrics>,
    /// Clips of each class.
    pub examples: Vec<Example>,
    /// Clips that the model got wrong, worst first.
    pub errors: Vec<Example>,
    /// Commands that make the run again.
    pub commands: Vec<String>,
    /// Recordings that were left out: path and reason.
    pub skipped: Vec<(String, String)>,
    /// What the reader should be warned of.
    pub warnings: Vec<String>,
}

fn nan() -> f64 {
    f64::NAN
}

/// JSON cannot write NaN, so a figure that could not be told is `null` there.
fn figure<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_ignored_and_null_is_nan() {
        let line = r#"{"epoch":1,"step":8,"lr":1e-3,"train_loss":null,"val_loss":0.5,"seconds":2.0,"new":[1]}"#;
        let epoch: Epoch = serde_json::from_str(line).unwrap();
        assert!(epoch.train_loss.is_nan());
        assert_eq!((epoch.val_loss, epoch.train_loss_eval), (Some(0.5), None));
    }

    #[test]
    fn the_least_that_an_evaluation_says() {
        let metrics: Metrics = serde_json::from_str(
            r#"{"n":3,"accuracy":0.5,"balanced_accuracy":null,"skipped":[{"path":"a","reason":"b"}]}"#,
        )
        .unwrap();
        assert!(metrics.balanced_accuracy.is_nan() && metrics.ece.is_nan());
        assert_eq!(metrics.skipped[0].reason, "b");
    }
}
