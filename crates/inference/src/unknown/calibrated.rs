//! A fitted method whose scores are turned into p-values.

use super::fitted::Fitted;
use super::methods::OodMethod;
use super::outputs::Outputs;
use crate::error::{Result, bail};
use anomaly::conformal::{Conformal, Form};
use anomaly::pool::{Pool, pool};
use std::collections::BTreeMap;

/// Maximum false-rejection rate where no other is asked for.
pub const ALPHA: f64 = 0.05;

/// A fitted method and the p-values of its scores.
pub struct Calibrated {
    /// The method.
    pub fitted: Fitted,
    /// p-values of windows.
    pub conformal: Conformal,
    /// p-values of recordings, whose score is the mean of their windows'.
    pub of_recordings: Conformal,
}

impl Calibrated {
    /// Calibrates a method on known clips that it was not fitted on.
    ///
    /// # Errors
    /// Too few clips, or rows that the method needs and the clips lack.
    pub fn new(fitted: Fitted, validation: &Outputs) -> Result<Self> {
        let scores = fitted.score(validation)?;
        Self::from_scores(fitted, &scores, validation)
    }

    /// Fits a method on all clips, and calibrates it on what it gives for each fold after being fitted on the others, so that
    /// every group calibrates it. `fold` has the fold of each clip, by group.
    ///
    /// The final detector has seen more clips than those that gave the scores, so that its p-values are, if anything, a little
    /// too large. Source: R. F. Barber, E. J. Candes, A. Ramdas and R. J. Tibshirani, "Predictive inference with the
    /// jackknife+", 2021, on cross-validation: the guarantee that is proven is 2 alpha, what is seen is alpha.
    ///
    /// # Errors
    /// A method that needs labeled unknown sounds, a fold whose other clips lack a class, or rows that the method needs.
    pub fn cross(method: &OodMethod, clips: &Outputs, fold: &[usize]) -> Result<Self> {
        let (fitted, scores) = Fitted::cross(method, clips, fold)?;
        Self::from_scores(fitted, &scores, clips)
    }

    /// Calibrates a method by its scores `[N]` of known clips that were new to it.
    ///
    /// # Errors
    /// No clips, or a score that is not finite.
    pub fn from_scores(fitted: Fitted, scores: &[f64], validation: &Outputs) -> Result<Self> {
        let conformal = Conformal::fit(scores, &validation.groups(), Form::Weighted)?;
        let mut group_of = BTreeMap::new();
        validation.keys.iter().for_each(|key| {
            group_of.entry(key.path.as_str()).or_insert(key.group.as_str());
        });
        let paths: Vec<&str> = validation.keys.iter().map(|key| key.path.as_str()).collect();
        let recordings = pool(scores, &paths, Pool::Mean)?;
        let groups: Vec<&str> = recordings.iter().map(|(path, _)| group_of[path]).collect();
        let scores: Vec<f64> = recordings.iter().map(|(_, score)| *score).collect();
        let of_recordings = Conformal::fit(&scores, &groups, Form::Weighted)?;
        Ok(Self { fitted, conformal, of_recordings })
    }

    /// The maximum false-rejection rate: what was asked for, or the usual one, or where there are too few calibration
    /// groups for that the smallest possible one, with a note.
    ///
    /// # Errors
    /// What was asked for takes more groups.
    pub fn alpha(&self, asked: Option<f64>, usual: f64) -> Result<(f64, Option<String>)> {
        let smallest = self.conformal.smallest_alpha();
        let Some(alpha) = asked else {
            let note = (smallest > usual).then(|| {
                let n_groups = self.conformal.n_groups();
                format!(
                    "with {n_groups} groups of known sounds to calibrate on, alpha is {smallest:.3} and not {usual}"
                )
            });
            return Ok((usual.max(smallest), note));
        };
        if let Err(error) = self.conformal.check_alpha(alpha) {
            bail!("--alpha {alpha}: {error}; with this model's calibration the smallest is {smallest:.3}");
        }
        Ok((alpha, None))
    }
}
