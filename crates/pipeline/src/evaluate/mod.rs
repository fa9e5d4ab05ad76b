//! How good a model is on clips that it has not seen, with intervals: from spectrograms that `features` wrote, or from the
//! recordings of a manifest. With recordings it can also be measured under each [`Condition`].

mod evaluated;
mod features;
mod figures;
mod options;
mod recordings;
mod rows;
mod unknowns;

pub use figures::{ConditionFigures, Stress, Worst};
pub use options::{Options, Source};
pub use rows::RowAnswer;
pub use unknowns::{UnknownFigures, UnknownSounds};

use crate::error::Result;
use crate::inputs;
use crate::job::Job;
use crate::output;
use crate::stress::Condition;
use detections::{CsvWriter, Thresholds};
use inference::Input;
use serde::Serialize;
use shard::Skipped;
use std::path::PathBuf;
use train::Metrics;

/// `metrics.json`: the figures, and what only the files know.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// The figures.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The figures under each condition, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stress: Option<Stress>,
    /// How well unknown sounds are detected, where the model has a detector and recordings were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<UnknownSounds>,
    /// Which model was measured.
    pub model_sha256: String,
    /// Recordings that never became clips.
    pub skipped: Vec<Skipped>,
    /// Of recordings, the answers about rows of known classes: as they are, then under each condition.
    #[serde(skip)]
    pub by_row: Vec<(Option<Condition>, Vec<RowAnswer>)>,
    /// The command line that measured it, where there was one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

/// Measures a model on a split, and writes metrics.json and predictions.csv; with stress tests stress.csv, too.
///
/// # Errors
/// A model, features or recordings that cannot be read or do not fit each other, a split without clips, or a folder that
/// cannot be written.
#[tracing::instrument(level = "info", name = "evaluate", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Measured> {
    let _lock = output::folder(&options.out)?;
    let model = inputs::open_model(&options.run, job)?;
    let evaluated = match &options.source {
        Source::Features { folder, backbone, equalized } => {
            features::evaluate(&model, folder, backbone.as_deref(), *equalized, &options.split, job)?
        }
        Source::Recordings { manifests, stress } => {
            recordings::evaluate(&model, manifests, *stress, &options.split, job)?
        }
    };
    let mut writer = CsvWriter::new(Vec::new(), &evaluated.metrics.classes, Thresholds::default())?;
    for verdict in &evaluated.verdicts {
        writer.write(verdict)?;
    }
    shard::write_atomic(&options.out.join("predictions.csv"), &writer.finish()?)?;
    if let Some(stress) = &evaluated.stress {
        shard::write_atomic(&options.out.join("stress.csv"), &stress.to_csv()?)?;
    }
    let measured = Measured {
        metrics: evaluated.metrics,
        stress: evaluated.stress,
        unknown: evaluated.unknown,
        model_sha256: model.sha256,
        skipped: evaluated.skipped,
        by_row: evaluated.by_row,
        command: job.command.clone(),
    };
    shard::write_atomic(&options.out.join("metrics.json"), &serde_json::to_vec_pretty(&measured)?)?;
    for warning in &measured.metrics.warnings {
        job.warn(warning);
    }
    Ok(measured)
}

/// The recordings of a split, as [`run`] asks about them.
///
/// # Errors
/// Manifests that cannot be read, or without a recording of the split.
pub(crate) fn inputs_of_split(manifests: &[PathBuf], split: &str, classes: &[String]) -> Result<Vec<Input>> {
    Ok(rows::rows_of_split(manifests, split, classes)?.into_iter().map(|labeled| labeled.input).collect())
}
