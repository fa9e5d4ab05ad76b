//! How good a model is on clips that it has not seen, with intervals.

use crate::error::{Context, Result};
use crate::inputs::{self, Expected};
use crate::job::Job;
use crate::output;
use detections::{CsvWriter, Thresholds, Verdict};
use inference::Model;
use inference::unknown::{BackboneFeatures, Detectors, outputs_of_rows};
use serde::Serialize;
use shard::{Clips, Skipped};
use std::path::PathBuf;
use train::{EvaluateOptions, Evaluation, Metrics};

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Features folder.
    pub features: PathBuf,
    /// Features folder of the same clips for the backbone of the model's detector.
    pub backbone_features: Option<PathBuf>,
    /// Take features of equalized clips, where the model's own are not.
    pub equalized: bool,
    /// A split of the manifest; several are separated by commas.
    pub split: String,
    /// Folder for metrics.json and predictions.csv.
    pub out: PathBuf,
}

impl Options {
    /// The test split.
    pub fn new(run: impl Into<PathBuf>, features: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            run: run.into(),
            features: features.into(),
            backbone_features: None,
            equalized: false,
            split: "test".into(),
            out: out.into(),
        }
    }
}

/// `metrics.json`: the figures, and what only the files know.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The figures.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Which model was measured.
    pub model_sha256: String,
    /// Recordings that never became clips.
    pub skipped: Vec<Skipped>,
    /// The command line that measured it, where there was one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// Measures a model on a split, and writes metrics.json and predictions.csv.
///
/// # Errors
/// A model or features that cannot be read or do not fit each other, a split without clips, or a folder that cannot be
/// written.
#[tracing::instrument(level = "info", name = "evaluate", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Measured> {
    let _lock = output::folder(&options.out)?;
    let model = inputs::open_model(&options.run, job)?;
    inputs::expect(&options.features, Expected::Features)?;
    let index = shard::read_index(&options.features)?;
    let clips = Clips::open(&options.features)?;
    let how = EvaluateOptions { seed: job.seed(), equalized: options.equalized, ..EvaluateOptions::default() };
    let evaluation = train::evaluate(&*model.classifier, &job.device, &model.header, &clips, &options.split, how)
        .with_context(|| options.features.display().to_string())?;
    // The detector is calibrated on clips as the model takes them.
    let outlier_p = if options.equalized { None } else { outlier_p(&model, options, &clips, &evaluation, job)? };
    let verdicts = verdicts(&clips, &evaluation, outlier_p.as_deref());
    let mut writer = CsvWriter::new(Vec::new(), &evaluation.metrics.classes, Thresholds::default())?;
    for verdict in &verdicts {
        writer.write(verdict)?;
    }
    shard::write_atomic(&options.out.join("predictions.csv"), &writer.finish()?)?;
    let measured = Measured {
        metrics: evaluation.metrics,
        model_sha256: model.sha256,
        skipped: index.skipped,
        command: job.command.clone(),
    };
    shard::write_atomic(&options.out.join("metrics.json"), &serde_json::to_vec_pretty(&measured)?)?;
    for warning in &measured.metrics.warnings {
        job.warn(warning);
    }
    Ok(measured)
}

/// What the model concludes about each clip of the split.
fn verdicts(clips: &Clips, evaluation: &Evaluation, outlier_p: Option<&[f64]>) -> Vec<Verdict> {
    let verdict = |(nth, (row, truth)): (usize, (&usize, &Option<String>))| {
        let record = &clips.header.clips[*row];
        Verdict {
            path: record.path.clone(),
            start_s: record.start_s,
            end_s: record.start_s + record.seconds,
            channel: record.channel,
            probability: evaluation.rows.probability(nth).to_vec(),
            outlier_p: outlier_p.map(|p| p[nth]),
            truth: truth.clone(),
            ..Verdict::default()
        }
    };
    evaluation.clips.iter().zip(&evaluation.truth).enumerate().map(verdict).collect()
}

/// The p-value of each clip of the split, where the model has a detector of unknown sounds that can be asked.
fn outlier_p(
    model: &Model,
    options: &Options,
    clips: &Clips,
    evaluation: &Evaluation,
    job: &Job<'_>,
) -> Result<Option<Vec<f64>>> {
    let Some(detectors) = Detectors::of(model)? else { return Ok(None) };
    let detector = detectors.detector("auto")?;
    let features = match (&detectors.backbone, &options.backbone_features) {
        (Some(_), None) if detector.fitted.needs_backbone() => {
            job.say("outlier_p stays empty: the model's detector needs its backbone's features (--backbone-features)");
            return Ok(None);
        }
        (Some(backbone), Some(folder)) => Some(BackboneFeatures::open(backbone, std::slice::from_ref(folder), model)?),
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
