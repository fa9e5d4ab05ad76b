//! The part of the page on one evaluation: its metrics, its confusion matrix, each class, its curves and unknown sounds.

use crate::bar::Figure;
use crate::confusion::{self, Pair, Row, counts};
use crate::data::Metrics;
use crate::error::Result;
use crate::number::{UNKNOWN, fixed, thousands, wilson};
use crate::plot::Chart;
use crate::run::Evaluation;
use crate::table::Table;
use crate::unknown::UnknownView;
use crate::{ranking, reliability, summary, unknown};

/// With more classes than this the confusion matrix is drawn small, and the most common errors are listed.
const MANY_CLASSES: usize = 12;

/// What `evaluation.html` shows.
pub(crate) struct EvaluationView {
    pub(crate) id: String,
    /// Number among the run's evaluations, from 0.
    pub(crate) nth: usize,
    pub(crate) name: String,
    /// Empty for the first evaluation, which the run's summary is about.
    pub(crate) summary: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) classes: Vec<String>,
    pub(crate) confusion: Vec<Row>,
    /// Whether the clips are known, so that cells can be opened and thresholds moved.
    pub(crate) has_clips: bool,
    pub(crate) has_detector: bool,
    pub(crate) has_many_classes: bool,
    /// The most common errors, where there are many classes.
    pub(crate) pairs: Vec<Pair>,
    pub(crate) per_class: Vec<ClassView>,
    /// ROC, precision-recall, reliability.
    pub(crate) charts: Vec<Chart>,
    /// The bins of the reliability diagram.
    pub(crate) reliability: Option<Table>,
    pub(crate) unknown: Option<UnknownView>,
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

/// Evaluation number `nth` of the run with the id `run`.
pub(crate) fn view(run: &str, nth: usize, evaluation: &Evaluation, detector: &[String]) -> Result<EvaluationView> {
    let metrics = &evaluation.metrics;
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
    let reliability = reliability::of(evaluation)?;
    let (diagram, table) = reliability.map_or((None, None), |of| (Some(of.chart), Some(of.table)));
    let mut charts = ranking::charts(evaluation)?;
    charts.extend(diagram);
    let has_many_classes = metrics.classes.len() > MANY_CLASSES;
    Ok(EvaluationView {
        id: format!("{run}-evaluation-{}", nth + 1),
        nth,
        name: if metrics.split.is_empty() {
            format!("evaluation {}", nth + 1)
        } else {
            metrics.split.replace(',', ", ")
        },
        summary: if nth == 0 { Vec::new() } else { summary::sentences(metrics) },
        warnings: metrics.warnings.clone(),
        figures: figures.into_iter().filter(|figure| figure.value != UNKNOWN).collect(),
        classes: metrics.classes.clone(),
        confusion: confusion::rows(metrics),
        has_clips: !evaluation.predictions.is_empty(),
        has_detector: evaluation.predictions.iter().any(|clip| clip.outlier_p.is_some()),
        has_many_classes,
        pairs: if has_many_classes { confusion::pairs(metrics) } else { Vec::new() },
        per_class: known.into_iter().chain(rest).map(|class| class_view(metrics, class)).collect(),
        charts,
        reliability: table,
        unknown: unknown::view(evaluation, detector)?,
    })
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
