//! The part of the page on one evaluation: its metrics, its confusion matrix, and each class.

use crate::bar::Figure;
use crate::confusion::{self, Row, counts};
use crate::data::Metrics;
use crate::number::{UNKNOWN, fixed, thousands, wilson};
use crate::summary;

/// What `evaluation.html` shows.
pub(crate) struct EvaluationView {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Empty for the first evaluation, which the run's summary is about.
    pub(crate) summary: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) classes: Vec<String>,
    pub(crate) confusion: Vec<Row>,
    pub(crate) per_class: Vec<ClassView>,
}

/// A row of the table of classes.
pub(crate) struct ClassView {
    pub(crate) name: String,
    pub(crate) n: String,
    pub(crate) recall: Figure,
    pub(crate) precision: Figure,
    pub(crate) f1: String,
    pub(crate) auroc: String,
}

/// The balanced accuracy, the main metric.
pub(crate) fn headline(metrics: &Metrics) -> Figure {
    let interval = metrics.intervals.get("balanced_accuracy").copied();
    Figure::new("Balanced accuracy", "mean recall over the classes", metrics.balanced_accuracy, interval)
}

/// Evaluation number `k` of the run with the id `run`.
pub(crate) fn view(run: &str, k: usize, metrics: &Metrics) -> EvaluationView {
    let interval = |name: &str| metrics.intervals.get(name).copied();
    let auroc = metrics.auroc.unwrap_or(f64::NAN);
    let figures = [
        headline(metrics),
        Figure::new("Accuracy", "share of clips classified correctly", metrics.accuracy, interval("accuracy")),
        Figure::new("Macro F1", "mean F1 over the classes", metrics.macro_f1, interval("macro_f1")),
        Figure::new("AUROC", "of the ranking; 0.5 is chance", auroc, interval("auroc")),
        Figure::new("Calibration error", "of the probabilities; lower is better", metrics.ece, interval("ece")),
        // A loss has no place on a line from 0 to 1.
        Figure { bar: None, ..Figure::new("Loss", "mean per clip; lower is better", metrics.loss, interval("loss")) },
    ];
    let known: Vec<_> = metrics.classes.iter().filter(|class| metrics.per_class.contains_key(*class)).collect();
    let rest = metrics.per_class.keys().filter(|class| !metrics.classes.contains(class));
    EvaluationView {
        id: format!("{run}-evaluation-{}", k + 1),
        name: if metrics.split.is_empty() { format!("evaluation {}", k + 1) } else { metrics.split.clone() },
        summary: if k == 0 { Vec::new() } else { summary::sentences(metrics) },
        warnings: metrics.warnings.clone(),
        figures: figures.into_iter().filter(|figure| figure.value != UNKNOWN).collect(),
        classes: metrics.classes.clone(),
        confusion: confusion::rows(metrics),
        per_class: known.into_iter().chain(rest).map(|class| class_view(metrics, class)).collect(),
    }
}

fn class_view(metrics: &Metrics, class: &str) -> ClassView {
    let of = metrics.per_class.get(class).cloned().unwrap_or_default();
    let counts = counts(metrics, class);
    let recall = metrics.intervals.get(&format!("recall_{class}")).copied();
    let recall = recall.or_else(|| counts.as_ref().and_then(|counts| wilson(counts.correct, counts.truth)));
    let precision = metrics.intervals.get(&format!("precision_{class}")).copied();
    let precision = precision.or_else(|| counts.as_ref().and_then(|counts| wilson(counts.correct, counts.predicted)));
    ClassView {
        name: class.to_owned(),
        n: thousands(counts.map_or(of.support, |counts| counts.truth)),
        recall: Figure::new("Recall", "", of.recall, recall),
        precision: Figure::new("Precision", "", of.precision, precision),
        f1: fixed(of.f1, 3),
        auroc: fixed(of.auroc.unwrap_or(f64::NAN), 3),
    }
}
