//! The records that training and evaluation write.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// One line of `metrics.jsonl`. Fields that are not named here are ignored; `null` for a number reads as NaN.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Epoch {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Optimizer steps so far.
    pub step: u64,
    /// Learning rate at the epoch's last step.
    #[serde(deserialize_with = "number")]
    pub lr: f64,
    /// Mean training loss per clip as it was optimized: in training mode, on augmented clips.
    #[serde(deserialize_with = "number")]
    pub train_loss: f64,
    /// Mean training loss per clip in evaluation mode, without augmentation; comparable with `val_loss`.
    #[serde(default)]
    pub train_loss_eval: Option<f64>,
    /// Mean validation loss per clip.
    #[serde(default)]
    pub val_loss: Option<f64>,
    /// Accuracy on the validation clips.
    #[serde(default)]
    pub val_accuracy: Option<f64>,
    /// Balanced accuracy (mean recall over the classes) on the validation clips.
    #[serde(default)]
    pub val_balanced_accuracy: Option<f64>,
    /// Wall-clock time of the epoch, in seconds.
    #[serde(default)]
    pub seconds: f64,
}

/// `metrics.json`: the metrics of one split. Fields that are not named here are ignored; `null` reads as NaN.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Metrics {
    /// The split that was evaluated.
    #[serde(default)]
    pub split: String,
    /// Number of clips.
    pub n: u64,
    /// Number of groups that the clips come from; 0 where it is not known.
    #[serde(default)]
    pub n_groups: u64,
    /// Number of clips whose label is not a class of the model; no metric counts them.
    #[serde(default, alias = "n_strangers")]
    pub n_unknowns: u64,
    /// Share of clips that are classified correctly.
    #[serde(deserialize_with = "number")]
    pub accuracy: f64,
    /// Mean recall over the classes.
    #[serde(deserialize_with = "number")]
    pub balanced_accuracy: f64,
    /// Mean F1 over the classes.
    #[serde(default = "nan", deserialize_with = "number")]
    pub macro_f1: f64,
    /// Metrics of each class against the rest.
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
    /// Expected calibration error.
    #[serde(default = "nan", deserialize_with = "number")]
    pub ece: f64,
    /// The same of the probabilities before calibration.
    #[serde(default = "nan", deserialize_with = "number")]
    pub ece_uncalibrated: f64,
    /// Mean loss per clip.
    #[serde(default = "nan", deserialize_with = "number")]
    pub loss: f64,
    /// How well unknown sounds are detected, where that was measured.
    #[serde(default)]
    pub unknown: Option<Unknown>,
    /// 95 % intervals `[low, high]` by metric: the field's name, or `recall_CLASS`.
    #[serde(default)]
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// Recordings that could not be evaluated.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// Warnings for a reader of these metrics.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The command line that measured them, without the program's name; empty where none was recorded.
    #[serde(default)]
    pub command: Vec<String>,
}

/// Metrics of one class against the rest.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ClassMetrics {
    /// Of the clips classified as this class, the share that belong to it.
    #[serde(default = "nan", deserialize_with = "number")]
    pub precision: f64,
    /// Of the clips of this class, the share classified as it.
    #[serde(default = "nan", deserialize_with = "number")]
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    #[serde(default = "nan", deserialize_with = "number")]
    pub f1: f64,
    /// Number of clips of this class.
    #[serde(default)]
    pub support: u64,
    /// Area under the ROC curve of this class against the rest.
    #[serde(default)]
    pub auroc: Option<f64>,
}

/// A recording that was skipped, and why.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Skipped {
    /// The recording.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// `unknown` of metrics.json: how well unknown sounds are detected.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Unknown {
    /// The detector.
    pub method: String,
    /// Maximum false-rejection rate: a clip is rejected where its p-value is not above it.
    pub alpha: f64,
    /// Share of known clips that are rejected.
    #[serde(default)]
    pub known_rejected: Option<f64>,
    /// Known clips.
    pub n_known: u64,
    /// By split, or kind of made sounds.
    #[serde(default)]
    pub sets: BTreeMap<String, UnknownSet>,
}

/// A set of unknown sounds against the known clips.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct UnknownSet {
    /// Clips.
    pub n: u64,
    /// Their groups.
    #[serde(default)]
    pub n_groups: u64,
    /// Area under the ROC curve.
    #[serde(default)]
    pub auroc: Option<f64>,
    /// Its 95 % interval.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// Share that is rejected at `alpha`.
    #[serde(default = "nan", deserialize_with = "number")]
    pub rejected: f64,
}

fn nan() -> f64 {
    f64::NAN
}

/// JSON has no NaN, so a number that could not be computed is `null` there.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
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
    fn optional_metrics_have_defaults() {
        let metrics: Metrics = serde_json::from_str(
            r#"{"n":3,"accuracy":0.5,"balanced_accuracy":null,"skipped":[{"path":"a","reason":"b"}]}"#,
        )
        .unwrap();
        assert!(metrics.balanced_accuracy.is_nan() && metrics.ece.is_nan());
        assert_eq!(metrics.skipped[0].reason, "b");
    }
}
