//! The metrics of a model on a split of clips.

use crate::data::class_of_label;
use crate::measure::{Known, Metrics, measure};
use crate::metrics::Bootstrap;
use crate::predict::predict_rows;
use crate::{Error, Result};
use candle_core::Device;
use classifier::{Calibration, Classifier, ModelHeader, Predictor, Rows};
use kernels::Compute;
use shard::differences;
use shard::{Clips, NO_LABEL};

/// The true label of a clip without a label in an `ood...` split.
const NEITHER: &str = "neither";

/// How a model is evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluateOptions {
    /// Clips of one forward pass.
    pub batch_size: usize,
    /// Bootstrap samples behind each interval.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Whether the clips may have equalized recording conditions (one bandwidth, one noise floor) although the training
    /// clips had not. The difference of the metrics shows how much the model depends on the recorder.
    pub equalized: bool,
    /// Instructions and precision on the CPU.
    pub compute: Compute,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self { batch_size: 32, resamples: 2000, seed: 0, equalized: false, compute: Compute::default() }
    }
}

/// The outputs of a model for the clips of a split, and their metrics.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The content of `metrics.json`.
    pub metrics: Metrics,
    /// The outputs of the N clips, unknown sounds included.
    pub rows: Rows,
    /// Row of each clip in the spectrograms, `[N]`.
    pub clips: Vec<usize>,
    /// True label of each clip, `[N]`: a class of the spectrograms, `neither` for a clip without a label in an `ood...`
    /// split, none for any other clip without a label.
    pub truth: Vec<Option<String>>,
}

/// The rows of a split (several are separated by commas), without augmented views.
///
/// # Errors
/// No such clip; the message names the splits that exist.
pub fn rows_of_split(spectrograms: &Clips, split: &str) -> Result<Vec<usize>> {
    let header = &spectrograms.header;
    let wanted = |row: &usize| {
        let name = header.splits[usize::from(spectrograms.split[*row])].as_str();
        spectrograms.view[*row] == 0 && split.split(',').any(|one| one.trim() == name)
    };
    let rows: Vec<usize> = (0..spectrograms.n_clips()).filter(wanted).collect();
    if rows.is_empty() {
        return Err(Error::Data(format!(
            "no clip of split {split}; the splits there are: {}",
            header.splits.join(", ")
        )));
    }
    Ok(rows)
}

/// Evaluates a model on a split.
///
/// Classes are matched by name. A clip of another class or without a label is an unknown sound: it has outputs and counts
/// in `n_unknowns`, but enters no metric.
///
/// # Errors
/// Spectrograms of another front end than the model's, a split without clips, or a model that fails.
#[tracing::instrument(level = "debug", skip_all, fields(split))]
pub fn evaluate(
    model: &dyn Classifier,
    device: &Device,
    header: &ModelHeader,
    spectrograms: &Clips,
    split: &str,
    options: EvaluateOptions,
) -> Result<Evaluation> {
    let words = ["the model has", "the spectrograms have"];
    let (expected, given) = (&header.front_end, &spectrograms.header.front_end);
    if options.equalized && given["clip"]["equalize"].is_null() {
        return Err(Error::Mismatch {
            what: "clips".into(),
            expected: "equalized ones".into(),
            got: "clips as they are; run `features` with `--like RUN --equalize band`".into(),
        });
    }
    let mut different = differences(words, expected, given);
    let is_foreign = options.equalized && !different.is_empty();
    if is_foreign {
        different = differences(words, &not_equalized(expected), &not_equalized(given));
    }
    if !different.is_empty() {
        return Err(Error::Mismatch {
            what: "front end of the spectrograms".into(),
            expected: "that of the model".into(),
            got: format!("{}; run `features` with the model's front end (`--like RUN`)", different.join("; ")),
        });
    }
    let clips = rows_of_split(spectrograms, split)?;
    let temperature = header.calibration.map_or(1.0, |calibration| calibration.temperature);
    let (normalization, compute) = (&header.normalization, options.compute);
    let predictor = Predictor { model, device, normalization, temperature, compute };
    let mut rows = predict_rows(predictor, spectrograms, &clips, options.batch_size)?;
    let as_computed = rows.logits.clone();
    header.shift(&mut rows.logits);
    rows.probability = Calibration::probabilities(temperature, &rows.logits, rows.n_classes);

    let class_of = class_of_label(spectrograms, &header.classes);
    let groups: Vec<String> = clips.iter().map(|clip| spectrograms.group[*clip].to_string()).collect();
    let known = |(row, clip): (usize, &usize)| {
        let class = class_of(spectrograms.label[*clip])? as usize;
        Some(Known { row, class, group: &groups[row] })
    };
    let known: Vec<Known<'_>> = clips.iter().enumerate().filter_map(known).collect();
    let bootstrap = Bootstrap { resamples: options.resamples, level: 0.95, seed: options.seed };
    let mut metrics = measure(&rows, &known, &header.classes, temperature, split, bootstrap);
    if is_foreign {
        metrics.warnings.push("equalized clips, which is not how the model is used".into());
    }
    rows.logits = as_computed;
    let truth = clips.iter().map(|clip| truth(spectrograms, *clip)).collect();
    Ok(Evaluation { metrics, rows, clips, truth })
}

/// A front end without the equalization of recording conditions.
fn not_equalized(front_end: &serde_json::Value) -> serde_json::Value {
    let mut front_end = front_end.clone();
    if let Some(clip) = front_end.get_mut("clip").and_then(serde_json::Value::as_object_mut) {
        clip.remove("equalize");
    }
    front_end
}

/// A clip without a label in an `ood...` split is known to be none of the classes.
fn truth(spectrograms: &Clips, clip: usize) -> Option<String> {
    match spectrograms.label[clip] {
        NO_LABEL => {
            let split = &spectrograms.header.splits[usize::from(spectrograms.split[clip])];
            split.starts_with("ood").then(|| NEITHER.to_owned())
        }
        label => spectrograms.header.classes.get(label as usize).cloned(),
    }
}
