//! `metrics.json`: all metrics of a model on the clips of a split.

use crate::metrics::{Bootstrap, Figures, Scored, intervals};
use classifier::{Calibration, Rows, clip_loss};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Metrics of one class. A figure is `None` where the clips do not define it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Share of the clips predicted as the class that belong to it.
    pub precision: Option<f64>,
    /// Share of the class's clips that are predicted as it.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: Option<f64>,
    /// Clips of the class.
    pub support: u64,
    /// Area under the ROC curve against all other classes.
    pub auroc: Option<f64>,
}

/// `metrics.json`. A figure is `None`, `null` in the file, where the clips do not define it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The split that was measured.
    pub split: String,
    /// Number of clips of the model's classes. Every figure is over these.
    pub n: usize,
    /// Number of their groups; the group of a clip without one is its recording.
    pub n_groups: usize,
    /// Number of clips of other classes or of none: in the predictions, but in no figure.
    pub n_unknowns: usize,
    /// Share of the clips that are predicted correctly.
    pub accuracy: Option<f64>,
    /// Mean recall over the classes that have clips.
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 over the classes that have clips.
    pub macro_f1: Option<f64>,
    /// By class.
    pub per_class: BTreeMap<String, ClassMetrics>,
    /// The model's classes, in the order of the confusion matrix.
    pub classes: Vec<String>,
    /// Rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u64>>,
    /// Mean over the classes of the area under the ROC curve of each against the rest; with two classes, the second one's.
    pub auroc: Option<f64>,
    /// Expected calibration error over 15 bins of equal width.
    pub ece: Option<f64>,
    /// Expected calibration error of the probabilities before calibration.
    pub ece_uncalibrated: Option<f64>,
    /// Mean over the clips of the negative logarithm of the calibrated probability of the true class.
    pub loss: Option<f64>,
    /// Brier score: mean over the clips of the squared distance between the probabilities and the true class.
    pub brier: Option<f64>,
    /// Low and high end of the 95 % interval, by the name of the figure (`recall_CLASS` for a recall).
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// How each interval was computed.
    pub interval_method: BTreeMap<String, String>,
    /// Number of bootstrap resamples.
    pub resamples: usize,
    /// Number of resamples with clips of every class of the split. Figures over all classes use only these.
    pub resamples_complete: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Warnings for the reader of the figures.
    pub warnings: Vec<String>,
}

/// A clip whose true class is one of the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its row in the predictions.
    pub row: usize,
    /// Its true class, an index into the model's classes.
    pub class: usize,
    /// Its group, or its recording where it has none.
    pub group: &'a str,
}

/// Measures predictions against the truth.
///
/// `rows` are the predictions. `known` lists those whose true class is among `classes`; the others are unknown sounds.
/// `temperature` is the one that the probabilities were computed with.
pub fn measure(
    rows: &Rows,
    known: &[Known<'_>],
    classes: &[String],
    temperature: f32,
    split: &str,
    options: Bootstrap,
) -> Metrics {
    let pairs: Vec<(usize, usize)> = known.iter().map(|clip| (clip.row, clip.class)).collect();
    let mut numbers = BTreeMap::new(); // group -> number, in the order of first appearance
    let mut group = Vec::with_capacity(known.len());
    for clip in known {
        let next = numbers.len();
        group.push(*numbers.entry(clip.group).or_insert(next));
    }
    let scored = Scored::new(rows, &pairs, temperature);
    let point = scored.figures(&vec![1.0; known.len()]);
    let found = intervals(&scored, &point, &group, classes, options);

    let mut warnings = Vec::new();
    if known.is_empty() {
        warnings.push(format!("split {split} has no clip of the model's classes: nothing to measure"));
    } else {
        let absent = |(class, _): &(usize, &String)| point.confusion.support(*class) == 0.0;
        for (_, name) in classes.iter().enumerate().filter(absent) {
            warnings.push(format!("class {name} has no clip: means over classes leave it out"));
        }
        warnings.extend(found.warnings);
    }
    let logits = |row: usize| &rows.logits[row * rows.n_classes..(row + 1) * rows.n_classes];
    let per_clip = |value: &dyn Fn(&Known<'_>) -> f64| {
        (!known.is_empty()).then(|| known.iter().map(value).sum::<f64>() / known.len() as f64)
    };
    let n_classes = classes.len();
    let probability = Calibration::probabilities(1.0, &rows.logits, rows.n_classes);
    let uncalibrated = Rows { probability, ..rows.clone() };
    let ece_uncalibrated = Scored::new(&uncalibrated, &pairs, 1.0).figures(&vec![1.0; known.len()]).ece;
    Metrics {
        split: split.to_owned(),
        n: known.len(),
        n_groups: numbers.len(),
        n_unknowns: rows.n_clips() - known.len(),
        accuracy: point.confusion.accuracy(),
        balanced_accuracy: point.confusion.balanced_accuracy(),
        macro_f1: point.confusion.macro_f1(),
        per_class: classes.iter().enumerate().map(|(c, name)| (name.clone(), class_metrics(&point, c))).collect(),
        classes: classes.to_vec(),
        confusion: (0..n_classes)
            .map(|truth| (0..n_classes).map(|predicted| point.confusion.count(truth, predicted) as u64).collect())
            .collect(),
        auroc: point.macro_auroc(),
        ece: point.ece,
        ece_uncalibrated,
        loss: per_clip(&|clip| clip_loss(logits(clip.row), clip.class, temperature)),
        brier: per_clip(&|clip| {
            let truth = |c: usize| f64::from(u8::from(c == clip.class));
            let distance = |(c, p): (usize, &f32)| (f64::from(*p) - truth(c)).powi(2);
            rows.probability(clip.row).iter().enumerate().map(distance).sum()
        }),
        intervals: found.intervals,
        interval_method: found.methods,
        resamples: options.resamples,
        resamples_complete: found.complete,
        seed: options.seed,
        warnings,
    }
}

fn class_metrics(point: &Figures, class: usize) -> ClassMetrics {
    ClassMetrics {
        precision: point.confusion.precision(class),
        recall: point.confusion.recall(class),
        f1: point.confusion.f1(class),
        support: point.confusion.support(class) as u64,
        auroc: point.auroc[class],
    }
}
