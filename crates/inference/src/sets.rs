//! Sets of classes with a stated coverage.

use crate::error::{Context, Result, bail};
use crate::model::Model;
use anomaly::coverage::Coverage;
use detections::Verdict;

/// The calibration scores of a model's classes, and the coverage that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Sets {
    coverage: Coverage,
    asked: f64,
}

impl Sets {
    /// Reads the scores in a model's header.
    ///
    /// # Errors
    /// A coverage that is not between 0 and 1, a model without scores, or scores that are damaged.
    pub(crate) fn of(model: &Model, asked: f64) -> Result<Self> {
        if !(asked > 0.0 && asked < 1.0) {
            bail!("--coverage {asked}: expected a number between 0 and 1, such as 0.95");
        }
        let path = model.path.display();
        let Some(stored) = &model.header.coverage else {
            bail!(
                "--coverage {asked}: {path} has no calibration scores of its classes; fit the model with `barkbird fit`, \
                 which stores them"
            );
        };
        let coverage = Coverage::from_json(stored, model.header.classes.len());
        let coverage = coverage.with_context(|| format!("{path}: its calibration scores of the classes"))?;
        Ok(Self { coverage, asked })
    }

    /// The coverage that was asked for.
    pub fn asked(&self) -> f64 {
        self.asked
    }

    /// Calibration groups of a class.
    pub fn n_groups(&self, class: usize) -> usize {
        self.coverage.n_groups(class)
    }

    /// Numbers of the classes that have too few calibration groups to be left out of a set.
    pub fn always_in(&self) -> Vec<usize> {
        (0..self.coverage.n_classes()).filter(|&class| self.coverage.is_always_in(class, self.asked)).collect()
    }

    /// What a reader should know, where a class is in every set.
    pub(crate) fn note(&self, classes: &[String]) -> Option<String> {
        let of_class = |class: usize| format!("{} ({} groups)", classes[class], self.n_groups(class));
        let always: Vec<String> = self.always_in().into_iter().map(of_class).collect();
        let needed = Coverage::groups_needed(self.asked);
        (!always.is_empty()).then(|| {
            format!(
                "--coverage {}: {} in every set, since a class needs {needed} calibration groups to be left out",
                self.asked,
                always.join(", ")
            )
        })
    }

    /// The set of a verdict: empty where it is silent.
    pub(crate) fn set(&self, verdict: &Verdict) -> Vec<usize> {
        if verdict.silent { Vec::new() } else { self.coverage.set(&verdict.probability, self.asked) }
    }
}
