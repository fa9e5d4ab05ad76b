//! The cells of an answer, and how often each label of the table got each answer.

use super::ask::Answer;
use detections::{TableDetection, Thresholds};
use inference::Predictor;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the model calls the detections of one label.
#[derive(Debug, Clone, Serialize)]
pub struct LabelCounts {
    /// The label in the table.
    pub label: String,
    /// Detections that have it.
    pub detections: usize,
    /// How many of them the model calls what; names that none is called are left out.
    pub called: BTreeMap<String, usize>,
    /// Those that could not be checked.
    pub unchecked: usize,
}

/// The columns that are added.
pub(super) struct Columns<'a> {
    classes: &'a [String],
    thresholds: Thresholds,
    mark: &'a [String],
}

impl<'a> Columns<'a> {
    pub(super) fn new(predictor: &'a Predictor<'_>, mark: &'a [String]) -> Self {
        Self { classes: predictor.classes(), thresholds: predictor.thresholds(), mark }
    }

    pub(super) fn names(&self) -> Vec<String> {
        let fixed = ["label", "probability", "outlier_p"].map(str::to_owned);
        let of_classes = self.classes.iter().map(|class| format!("p_{class}"));
        let mark = (!self.mark.is_empty()).then(|| "mark".to_owned());
        let all = fixed.into_iter().chain(of_classes).chain(["note".to_owned()]).chain(mark);
        all.map(|name| format!("barkbird_{name}")).collect()
    }

    pub(super) fn cells(&self, answer: &Answer) -> Vec<String> {
        let six = |value: f64| format!("{value:.6}");
        let mut cells = match &answer.verdict {
            None => vec![String::new(); 3 + self.classes.len()],
            Some(verdict) => {
                let (label, probability) = verdict.label(self.classes, self.thresholds);
                let outlier_p = verdict.outlier_p.map(six).unwrap_or_default();
                let of_classes = verdict.probability.iter().map(|&p| six(f64::from(p)));
                [label.to_owned(), six(f64::from(probability)), outlier_p].into_iter().chain(of_classes).collect()
            }
        };
        cells.push(answer.note.clone());
        if !self.mark.is_empty() {
            cells.push(if self.is_marked(answer) { "yes".to_owned() } else { String::new() });
        }
        cells
    }

    /// Whether the model's label is one of those to mark.
    pub(super) fn is_marked(&self, answer: &Answer) -> bool {
        self.label(answer).is_some_and(|label| self.mark.iter().any(|mark| mark == label))
    }

    fn label<'s>(&'s self, answer: &Answer) -> Option<&'s str> {
        answer.verdict.as_ref().map(|verdict| verdict.label(self.classes, self.thresholds).0)
    }
}

/// How often each label of the table got each answer; the most frequent label first.
pub(super) fn count(rows: &[TableDetection], answers: &[Answer], columns: &Columns<'_>) -> Vec<LabelCounts> {
    let mut by_label = BTreeMap::<&str, LabelCounts>::new();
    for (row, answer) in rows.iter().zip(answers) {
        let counts = by_label.entry(&row.label).or_insert_with(|| LabelCounts {
            label: row.label.clone(),
            detections: 0,
            called: BTreeMap::new(),
            unchecked: 0,
        });
        counts.detections += 1;
        match columns.label(answer) {
            Some(label) => *counts.called.entry(label.to_owned()).or_default() += 1,
            None => counts.unchecked += 1,
        }
    }
    let mut labels: Vec<LabelCounts> = by_label.into_values().collect();
    labels.sort_by_key(|counts| std::cmp::Reverse(counts.detections));
    labels
}
