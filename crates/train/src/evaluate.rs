//! How good a model is on a split of clips: `metrics.json` and `predictions.csv`.

use crate::data::{class_of_label, group_of};
use crate::difference::differences;
use crate::measure::{Known, Metrics, measure};
use crate::metrics::Bootstrap;
use crate::predictions::{NEITHER, Prediction, Thresholds, predictions_csv};
use crate::rows::{Predictor, Rows, predict_rows};
use crate::{Error, Result};
use candle_core::Device;
use classifier::{Classifier, ModelHeader};
use shard::{Clips, NO_LABEL};
use std::fs;
use std::path::Path;

/// How a model is evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluateOptions {
    /// Clips that the model is asked about at a time.
    pub batch_size: usize,
    /// A label is `unsure` where its probability is below this. The figures are of the most likely class all the same.
    pub unsure_below: f32,
    /// Bootstrap samples behind each interval.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Whether the clips may have been given one band and one noise floor where the model's were not: what a model then
    /// gets wrong, it told by the recorder and not by the animal.
    pub equalized: bool,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self { batch_size: 32, unsure_below: 0.0, resamples: 2000, seed: 0, equalized: false }
    }
}

/// What a model says of the clips of a split, and how good that is.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// `metrics.json`.
    pub metrics: Metrics,
    /// `predictions.csv`, unknown sounds included.
    pub predictions: Vec<Prediction>,
    /// The model's own numbers, in the order of the predictions.
    pub rows: Rows,
    /// Row of each prediction in the spectrograms.
    pub clips: Vec<usize>,
    thresholds: Thresholds,
}

/// The rows of a split (several are separated by commas), augmented views left out.
///
/// # Errors
/// No such clip; the splits that there are are named.
pub fn rows_of_split(spectrograms: &Clips, split: &str) -> Result<Vec<usize>> {
    let header = &spectrograms.header;
    let wanted = |row: &usize| {
        let name = header.splits[usize::from(spectrograms.split[*row])].as_str();
        header.clips[*row].view == 0 && split.split(',').any(|one| one.trim() == name)
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
/// Classes are matched by name. A clip of another class or none is an unknown sound: it is in the predictions and in
/// `n_unknowns`, but in no figure.
///
/// # Errors
/// Spectrograms of another front end than the model's, a split without clips, or a model that fails.
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
            expected: "equalised ones".into(),
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
    let predictor = Predictor { model, device, normalization: &header.normalization, temperature };
    let rows = predict_rows(predictor, spectrograms, &clips, options.batch_size)?;

    let class_of = class_of_label(spectrograms, &header.classes);
    let known = |(row, clip): (usize, &usize)| {
        let class = class_of(spectrograms.label[*clip])? as usize;
        Some(Known { row, class, group: group_of(spectrograms, *clip) })
    };
    let known: Vec<Known<'_>> = clips.iter().enumerate().filter_map(known).collect();
    let bootstrap = Bootstrap { resamples: options.resamples, level: 0.95, seed: options.seed };
    let mut metrics = measure(&rows, &known, &header.classes, temperature, split, bootstrap);
    if is_foreign {
        metrics.warnings.push("equalised clips, which is not how the model is used".into());
    }
    let prediction = |(i, clip): (usize, &usize)| {
        let record = &spectrograms.header.clips[*clip];
        Prediction {
            path: record.path.clone(),
            start_s: record.start_s,
            end_s: record.start_s + record.seconds,
            probability: rows.probability(i).to_vec(),
            outlier_p: None,
            truth: truth(spectrograms, *clip),
        }
    };
    let predictions = clips.iter().enumerate().map(prediction).collect();
    let thresholds = Thresholds { unsure_below: options.unsure_below, ..Thresholds::default() };
    Ok(Evaluation { metrics, predictions, rows, clips, thresholds })
}

/// A front end without what makes clips of one band and one floor.
fn not_equalized(front_end: &serde_json::Value) -> serde_json::Value {
    let mut front_end = front_end.clone();
    if let Some(clip) = front_end.get_mut("clip").and_then(serde_json::Value::as_object_mut) {
        clip.remove("equalize");
    }
    front_end
}

/// A clip without a label in an `ood...` split is known to be neither.
fn truth(spectrograms: &Clips, clip: usize) -> Option<String> {
    match spectrograms.label[clip] {
        NO_LABEL => {
            let split = &spectrograms.header.splits[usize::from(spectrograms.split[clip])];
            split.starts_with("ood").then(|| NEITHER.to_owned())
        }
        label => spectrograms.header.classes.get(label as usize).cloned(),
    }
}

impl Evaluation {
    /// Writes `predictions.csv` and `metrics.json` into the folder `out`, which is made if it is not there.
    ///
    /// # Errors
    /// A folder or file that can't be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        fs::create_dir_all(out).map_err(|source| Error::Io {
            operation: "create folder",
            path: out.to_owned(),
            source,
        })?;
        let csv = predictions_csv(&self.predictions, &self.metrics.classes, self.thresholds)?;
        shard::write_atomic(&out.join("predictions.csv"), &csv)?;
        let mut json = serde_json::to_string_pretty(&self.metrics).map_err(Error::json("metrics.json"))?;
        json.push('\n');
        Ok(shard::write_atomic(&out.join("metrics.json"), json.as_bytes())?)
    }
}
