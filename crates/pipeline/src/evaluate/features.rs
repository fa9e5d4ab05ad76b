//! A model on spectrograms that were computed before.

use super::evaluated::Evaluated;
use crate::error::{Context, Result};
use crate::inputs::{self, Expected};
use crate::job::Job;
use detections::Verdict;
use inference::Model;
use inference::unknown::{BackboneFeatures, Detectors, outputs_of_rows};
use shard::Clips;
use std::path::Path;
use train::{EvaluateOptions, Evaluation};

/// Measures a model on a split of a features folder.
pub(super) fn evaluate(
    model: &Model,
    folder: &Path,
    backbone: Option<&Path>,
    equalized: bool,
    split: &str,
    job: &Job<'_>,
) -> Result<Evaluated> {
    inputs::expect(folder, Expected::Features)?;
    let index = shard::read_index(folder)?;
    let clips = Clips::open(folder)?;
    let how = EvaluateOptions { seed: job.seed(), equalized, ..EvaluateOptions::default() };
    let evaluation = train::evaluate(&*model.only()?.classifier, &job.device, &model.header, &clips, split, how)
        .with_context(|| folder.display().to_string())?;
    // The detector is calibrated on clips as the model takes them.
    let outlier_p = if equalized { None } else { outlier_p(model, backbone, &clips, &evaluation, job)? };
    let verdicts = verdicts(&clips, &evaluation, outlier_p.as_deref())?;
    Ok(Evaluated {
        metrics: evaluation.metrics,
        verdicts,
        skipped: index.skipped,
        stress: None,
        unknown: None,
        by_row: Vec::new(),
    })
}

/// What the model concludes about each clip of the split.
fn verdicts(clips: &Clips, evaluation: &Evaluation, outlier_p: Option<&[f64]>) -> Result<Vec<Verdict>> {
    let verdict = |(nth, (row, truth)): (usize, (&usize, &Option<String>))| {
        let record = clips.record(*row)?;
        Ok(Verdict {
            path: record.path,
            start_s: record.start_s,
            end_s: record.start_s + record.seconds,
            channel: record.channel,
            probability: evaluation.rows.probability(nth).to_vec(),
            outlier_p: outlier_p.map(|p| p[nth]),
            truth: truth.clone(),
            ..Verdict::default()
        })
    };
    evaluation.clips.iter().zip(&evaluation.truth).enumerate().map(verdict).collect()
}

/// The p-value of each clip of the split, where the model has a detector of unknown sounds that can be asked.
fn outlier_p(
    model: &Model,
    backbone: Option<&Path>,
    clips: &Clips,
    evaluation: &Evaluation,
    job: &Job<'_>,
) -> Result<Option<Vec<f64>>> {
    let Some(detectors) = Detectors::of(model)? else { return Ok(None) };
    let detector = detectors.detector("auto")?;
    let features = match (&detectors.backbone, backbone) {
        (Some(_), None) if detector.fitted.needs_backbone() => {
            job.say("outlier_p stays empty: the model's detector needs its backbone's features (--backbone-features)");
            return Ok(None);
        }
        (Some(backbone), Some(folder)) => Some(BackboneFeatures::open(backbone, &[folder.to_owned()], model)?),
        _ => None,
    };
    let (rows, known) = (&evaluation.clips, Some(&evaluation.rows));
    let progress = job.progress("outliers", rows.len());
    let step = |done: usize, _: usize| {
        progress.set(done);
        !job.cancel.is_cancelled()
    };
    let outputs = outputs_of_rows(model, clips, rows, known, features.as_ref(), detectors.wants(), &step)?;
    let Some(outputs) = outputs else { return Ok(None) };
    let scores = detector.fitted.score(&outputs)?;
    Ok(Some(scores.into_iter().map(|score| detector.conformal.p_value(score)).collect()))
}
