//! The figures of one model.

use super::cost::Cost;
use super::paired::Sampled;
use crate::error::{Result, bail};
use crate::evaluate::Measured;
use crate::named::Named;
use crate::stress::Condition;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A run, and what was measured of it.
pub(super) struct OfRun {
    pub(super) path: PathBuf,
    pub(super) classes: Vec<String>,
    pub(super) evaluation: Measured,
    pub(super) cost: Cost,
}

/// A model's figures; of several runs their mean.
#[derive(Debug, Clone, Serialize)]
pub struct Model {
    /// Its name: the folder of its first run.
    pub name: String,
    /// Its runs.
    pub runs: Vec<PathBuf>,
    /// Balanced accuracy over recordings, as they are.
    pub balanced_accuracy: f64,
    /// Its 95 % interval, from resamples of the groups; where every answer is right, the exact one of the evaluation.
    pub interval: [f64; 2],
    /// The lowest and the highest of its runs, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_range: Option<[f64; 2]>,
    /// The mean over all stress tests, with its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_stress: Option<(f64, [f64; 2])>,
    /// With one bandwidth and one noise floor for every recording, with its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equalized: Option<(f64, [f64; 2])>,
    /// The hardest stress test of the first run, with its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<(String, (f64, [f64; 2]))>,
    /// Expected calibration error, over windows.
    pub ece: Option<f64>,
    /// Mean squared error of the probabilities, over windows.
    pub brier: Option<f64>,
    /// The detector of unknown sounds, by set of sounds; of the first run.
    pub unknown: Vec<UnknownSet>,
    /// What it costs; of the first run.
    pub cost: Cost,
}

/// How well unknown sounds of a set are detected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnknownSet {
    /// The split, or the kind of made sounds.
    pub set: String,
    /// Clips.
    pub n: usize,
    /// Area under the ROC curve.
    pub auroc: Option<f64>,
    /// Share that is rejected at the detector's false-rejection rate.
    pub rejected: f64,
}

impl Model {
    pub(super) fn of(name: &str, runs: &[OfRun], as_recorded: &Sampled, under_stress: Option<&Sampled>) -> Self {
        let first = &runs[0];
        let mean = |of: &dyn Fn(&OfRun) -> Option<f64>| {
            let values: Option<Vec<f64>> = runs.iter().map(of).collect();
            values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
        };
        let stress = first.evaluation.stress.as_ref();
        let with_interval = |value: Option<f64>, interval: Option<[f64; 2]>| value.zip(interval);
        let equalized = stress.and_then(|stress| {
            let (_, figures) = stress.conditions.iter().find(|(condition, _)| *condition == Condition::Equalized)?;
            with_interval(figures.balanced_accuracy, figures.interval)
        });
        let worst = stress.and_then(|stress| {
            let worst = stress.worst.as_ref()?;
            Some((worst.name.name().to_owned(), with_interval(Some(worst.balanced_accuracy), worst.interval)?))
        });
        let sets = first.evaluation.unknown.iter().flat_map(|unknown| &unknown.sets);
        // Where every answer is right, all resamples are alike: the evaluation has an exact interval for that.
        let exact = first.evaluation.metrics.intervals.get("balanced_accuracy").copied();
        let exact = exact.filter(|_| as_recorded.value >= 1.0);
        let (low, high) = (as_recorded.runs.iter().copied().fold(f64::INFINITY, f64::min), as_recorded.highest());
        Self {
            name: name.to_owned(),
            runs: runs.iter().map(|run| run.path.clone()).collect(),
            balanced_accuracy: as_recorded.value,
            interval: exact.unwrap_or_else(|| as_recorded.interval()),
            runs_range: (runs.len() > 1).then_some([low, high]),
            under_stress: under_stress.map(|sampled| (sampled.value, sampled.interval())),
            equalized,
            worst,
            ece: mean(&|run| run.evaluation.metrics.ece),
            brier: mean(&|run| run.evaluation.metrics.brier),
            unknown: sets
                .map(|(set, of)| UnknownSet { set: set.clone(), n: of.n, auroc: of.auroc, rejected: of.rejected })
                .collect(),
            cost: first.cost.clone(),
        }
    }
}

/// A name for each model: the folder of its first run, with as many folders above it as are needed.
pub(super) fn names(models: &[Vec<PathBuf>]) -> Vec<String> {
    let parts = |path: &Path, n: usize| {
        let path = if storage::is_file(path) { path.parent().unwrap_or(path) } else { path };
        let all: Vec<String> = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        all[all.len().saturating_sub(n)..].join("-").replace(['/', '\\'], "-")
    };
    let first = |models: &Vec<PathBuf>| models.first().cloned().unwrap_or_default();
    let with = |n: usize| -> Vec<String> { models.iter().map(|model| parts(&first(model), n)).collect() };
    let are_different = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let numbered = || with(1).into_iter().enumerate().map(|(nth, name)| format!("{name}-{}", nth + 1)).collect();
    (1..6).map(with).find(are_different).unwrap_or_else(numbered)
}

/// Models of different classes cannot be compared.
pub(super) fn check_classes(measured: &[Vec<OfRun>]) -> Result<()> {
    let mut runs = measured.iter().flatten();
    let Some(first) = runs.next() else { return Ok(()) };
    match runs.find(|run| run.classes != first.classes) {
        None => Ok(()),
        Some(other) => bail!(
            "{}: has the classes {}, and {} has {}: compare models of the same classes",
            first.path.display(),
            first.classes.join(", "),
            other.path.display(),
            other.classes.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_names_that_differ() {
        let of = |paths: &[&str]| names(&paths.iter().map(|path| vec![PathBuf::from(path)]).collect::<Vec<_>>());
        assert_eq!(of(&["runs/cnn", "runs/vit"]), ["cnn", "vit"]);
        assert_eq!(of(&["a/run", "b/run"]), ["a-run", "b-run"]);
        assert_eq!(of(&["a/run", "a/run"]), ["run-1", "run-2"]);
    }
}
