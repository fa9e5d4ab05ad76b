//! `barkbird predict`: what is heard in recordings, window by window.

use crate::cancel;
use crate::cli::{Format, Global, PredictArgs};
use crate::device;
use crate::inputs::{self, Input};
use crate::model::Loaded;
use crate::outlier::stored::{Calibrated, KnownClip, Outlier};
use crate::outlier::table::Table;
use crate::predictions::{Prediction, Thresholds, predictions_csv};
use crate::ui::Ui;
use crate::windows::{Ears, Window};
use anyhow::{Result, bail};
use classifier::Calibration;
use rayon::prelude::*;
use serde_json::json;
use shard::Skipped;

/// Recordings in memory at once.
const BLOCK: usize = 32;
/// Columns of the CSV beside those of the classes.
const FIXED_COLUMNS: usize = 7;
/// Training clips that an answer is compared with.
const N_NEAREST: usize = 3;

/// What is said of one window.
struct Verdict {
    /// Number of its recording among the inputs.
    input: usize,
    prediction: Prediction,
    /// How unknown it is, where there is a detector.
    score: Option<f64>,
    /// The most similar training clips and the cosine of the angle to each, where the model keeps some.
    nearest: Vec<(KnownClip, f32)>,
}

/// A model, and how it tells unknown sounds.
struct Oracle<'a> {
    loaded: &'a Loaded,
    outlier: Option<&'a Outlier>,
    detector: Option<&'a Calibrated>,
    device: &'a candle_core::Device,
    ears: Ears,
    /// Whether answers are compared with training clips.
    compares: bool,
}

pub(crate) fn run(args: &PredictArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.run, &device)?;
    let reject = args.reject.as_deref();
    let outlier = if reject == Some("none") { None } else { loaded.outlier(&device)? };
    let detector = match (&outlier, reject) {
        (Some(outlier), name) => Some(outlier.detector(name.unwrap_or("auto"))?),
        (None, Some(name)) if name != "none" => bail!(
            "--reject {name}: {} has no detector of unknown sounds; `barkbird anomaly fit {} --features DIR` gives it one",
            loaded.path.display(),
            args.run.display()
        ),
        (None, _) => None,
    };
    let alpha = detector.map(|detector| detector.alpha(args.alpha, ui)).transpose()?.unwrap_or_default();
    let ears = Ears::sliding(&loaded, outlier.as_ref(), args.overlap)?;
    let compares = args.format == Format::Json || ui.json();
    let oracle = Oracle { loaded: &loaded, outlier: outlier.as_ref(), detector, device: &device, ears, compares };
    let inputs = inputs::collect(&args.inputs)?;
    let (verdicts, skipped) = oracle.predict(&inputs, ui)?;
    let thresholds = Thresholds { unsure_below: args.unsure_below, alpha };
    let per_recording = args.per_recording;
    let said = Said {
        verdicts: &verdicts,
        skipped: &skipped,
        classes: &loaded.header.classes,
        thresholds,
        detector,
        per_recording,
    };
    let bytes = match args.format {
        Format::Csv => said.to_csv()?,
        Format::Json => said.to_json()?,
    };
    match &args.out {
        Some(path) => {
            shard::write_atomic(path, &bytes)?;
            ui.say(format!("{} windows of {} recordings: {}", verdicts.len(), inputs.len(), path.display()));
            if ui.json() {
                ui.stdout(&said.to_json()?)?;
            }
        }
        None if ui.json() => ui.stdout(&said.to_json()?)?,
        None => ui.stdout(&bytes)?,
    }
    for s in &skipped {
        ui.warn(format!("{}: {}", s.path, s.reason));
    }
    if verdicts.is_empty() {
        bail!("none of the {} recordings could be used; the reasons are above", inputs.len());
    }
    Ok(())
}

impl Oracle<'_> {
    /// Predicts block by block, so that memory does not grow with the number of recordings.
    fn predict(&self, inputs: &[Input], ui: &Ui) -> Result<(Vec<Verdict>, Vec<Skipped>)> {
        let bar = ui.bar(inputs.len(), "predict");
        let (mut verdicts, mut skipped) = (Vec::new(), Vec::new());
        for (nth_block, block) in inputs.chunks(BLOCK).enumerate() {
            cancel::check("nothing was written")?;
            let computed: Vec<_> =
                block.par_iter().enumerate().map(|(nth, input)| self.ears.windows(nth, input)).collect();
            let mut windows: Vec<Window> = Vec::new();
            for (input, of_input) in block.iter().zip(computed) {
                match of_input {
                    Ok(of_input) => windows.extend(of_input),
                    Err(error) => skipped.push(Skipped { path: input.name.clone(), reason: crate::one_line(&error) }),
                }
            }
            let name = |nth: usize| block[nth].name.as_str();
            if let Some(table) = self.ears.ask(self.loaded, self.outlier, self.device, &windows, name)? {
                verdicts.extend(self.judge(block, nth_block * BLOCK, &windows, &table)?);
            }
            bar.inc(block.len() as u64);
        }
        bar.finish_and_clear();
        Ok((verdicts, skipped))
    }

    fn judge(&self, inputs: &[Input], first: usize, windows: &[Window], table: &Table) -> Result<Vec<Verdict>> {
        let temperature = self.loaded.header.calibration.map_or(1.0, |calibration| calibration.temperature);
        let probabilities = Calibration::probabilities(temperature, &table.logits, table.n_classes);
        let scores = self.detector.map(|detector| detector.fitted.score(table)).transpose()?;
        let p_value = |score: f64| self.detector.map(|detector| detector.conformal.p_value(score));
        let nearest = self
            .outlier
            .filter(|_| self.compares)
            .map(|outlier| outlier.known.nearest(table, N_NEAREST))
            .transpose()?;
        let verdict = |(nth, window): (usize, &Window)| {
            let (input, clip) = (&inputs[window.input], &window.clip);
            let score = scores.as_ref().map(|scores| scores[nth]);
            let prediction = Prediction {
                path: input.name.clone(),
                start_s: clip.start_s,
                end_s: clip.start_s + clip.seconds,
                probability: probabilities[nth * table.n_classes..(nth + 1) * table.n_classes].to_vec(),
                outlier_p: score.and_then(p_value),
                truth: Some(input.row.label.clone()).filter(|label| !label.is_empty()),
            };
            let nearest = nearest.as_ref().map_or(&[][..], |all| &all[nth]);
            Verdict {
                input: first + window.input,
                prediction,
                score,
                nearest: nearest.iter().map(|&(clip, cosine)| (clip.clone(), cosine)).collect(),
            }
        };
        Ok(windows.iter().enumerate().map(verdict).collect())
    }
}

/// What is said of each recording as a whole: the mean of its windows' probabilities, and a p-value of the mean of their
/// scores.
fn whole(verdicts: &[Verdict], detector: Option<&Calibrated>) -> Vec<Prediction> {
    let of_recording = |windows: &[Verdict]| {
        let n = windows.len() as f64;
        let mut whole = windows[0].prediction.clone();
        for (class, probability) in whole.probability.iter_mut().enumerate() {
            let sum: f64 = windows.iter().map(|window| f64::from(window.prediction.probability[class])).sum();
            *probability = (sum / n) as f32;
        }
        whole.end_s = windows.iter().map(|window| window.prediction.end_s).fold(0.0, f64::max);
        let score = windows.iter().map(|window| window.score).sum::<Option<f64>>().map(|sum| sum / n);
        whole.outlier_p = score.zip(detector).map(|(score, detector)| detector.of_recordings.p_value(score));
        whole
    };
    verdicts.chunk_by(|a, b| a.input == b.input).map(of_recording).collect()
}

/// All that was found, to be written.
struct Said<'a> {
    verdicts: &'a [Verdict],
    skipped: &'a [Skipped],
    classes: &'a [String],
    thresholds: Thresholds,
    detector: Option<&'a Calibrated>,
    /// Whether the CSV has a row a recording.
    per_recording: bool,
}

impl Said<'_> {
    /// The columns that `evaluate` writes too. A recording that could not be used has a row without a label.
    fn to_csv(&self) -> Result<Vec<u8>> {
        let predictions = match self.per_recording {
            true => whole(self.verdicts, self.detector),
            false => self.verdicts.iter().map(|verdict| verdict.prediction.clone()).collect(),
        };
        let mut bytes = predictions_csv(&predictions, self.classes, self.thresholds)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        for s in self.skipped {
            let mut row = vec![""; FIXED_COLUMNS + self.classes.len()];
            row[0] = &s.path;
            writer.write_record(&row)?;
        }
        bytes.extend(writer.into_inner().map_err(|e| anyhow::anyhow!("predictions: {e}"))?);
        Ok(bytes)
    }

    fn to_json(&self) -> Result<Vec<u8>> {
        let one = |Verdict { prediction, nearest, .. }: &Verdict| {
            let p = prediction;
            let (label, probability) = p.label(self.classes, self.thresholds);
            let named = self.classes.iter().zip(&p.probability).map(|(class, p)| (class.clone(), json!(p)));
            let mut value = json!({
                "path": p.path, "start": p.start_s, "end": p.end_s, "label": label, "probability": probability,
                "outlier_p": p.outlier_p, "probabilities": named.collect::<serde_json::Map<_, _>>(), "truth": p.truth,
            });
            if self.detector.is_some() {
                let known = |(clip, cosine): &(KnownClip, f32)| json!({"path": clip.path, "start": clip.start, "label": clip.label, "similarity": cosine});
                value["nearest"] = nearest.iter().map(known).collect();
            }
            value
        };
        let predictions: Vec<_> = self.verdicts.iter().map(one).collect();
        let recording = |p: &Prediction| {
            let (label, probability) = p.label(self.classes, self.thresholds);
            json!({"path": p.path, "start": p.start_s, "end": p.end_s, "label": label, "probability": probability, "outlier_p": p.outlier_p})
        };
        let recordings: Vec<_> = whole(self.verdicts, self.detector).iter().map(recording).collect();
        let mut value = json!({
            "classes": self.classes, "predictions": predictions, "recordings": recordings, "skipped": self.skipped,
        });
        if let Some(Calibrated { fitted, conformal, .. }) = self.detector {
            value["reject"] = json!({
                "method": fitted.way.name, "alpha": self.thresholds.alpha, "calibration_groups": conformal.n_groups(),
                "smallest_alpha": conformal.smallest_alpha(),
            });
        }
        let mut bytes = serde_json::to_vec_pretty(&value)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
