//! `barkbird evaluate`: how good a model is on clips that it has not seen, with intervals.

use crate::cli::{EvaluateArgs, Global};
use crate::device;
use crate::model::Loaded;
use crate::outlier::table;
use crate::predictions::{Prediction, Thresholds, of_evaluation, predictions_csv};
use crate::ui::{self, Ui};
use anyhow::{Context, Result};
use serde::Serialize;
use shard::Skipped;
use std::collections::HashMap;
use std::path::PathBuf;
use train::{EvaluateOptions, Metrics};

pub(crate) fn run(args: &EvaluateArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.run, &device)?;
    let index = shard::read_index(&args.features)?;
    let spectrograms = shard::Clips::open(&args.features)?;
    let options = EvaluateOptions { seed: global.seed(), equalized: args.equalized, ..EvaluateOptions::default() };
    let evaluation = train::evaluate(&*loaded.classifier, &device, &loaded.header, &spectrograms, &args.split, options)
        .with_context(|| args.features.display().to_string())?;
    let mut predictions = of_evaluation(&evaluation, &spectrograms);
    // Its detector of unknown sounds is calibrated on clips as the model takes them.
    if !args.equalized {
        fill_outlier_p(&mut predictions, &loaded, args, &device, ui)?;
    }
    let metrics = &evaluation.metrics;
    let result = MetricsFile { metrics, model_sha256: &loaded.sha256, skipped: &index.skipped };
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    shard::write_atomic(
        &args.out.join("predictions.csv"),
        &predictions_csv(&predictions, &metrics.classes, Thresholds::default())?,
    )?;
    shard::write_atomic(&args.out.join("metrics.json"), &serde_json::to_vec_pretty(&result)?)?;
    ui.say(summary(metrics));
    for warning in &metrics.warnings {
        ui.warn(warning);
    }
    ui.say(format!("written: {}", args.out.display()));
    ui.result(&result)
}

/// Says of each clip how likely a known one is at least as unlike known sounds, where the model has a detector of unknown sounds.
fn fill_outlier_p(
    predictions: &mut [Prediction],
    loaded: &Loaded,
    args: &EvaluateArgs,
    device: &candle_core::Device,
    ui: &Ui,
) -> Result<()> {
    let Some(outlier) = loaded.outlier(device)? else { return Ok(()) };
    let detector = outlier.detector("auto")?;
    let folders: Vec<PathBuf> = args.backbone_features.iter().cloned().collect();
    let backbone = match (&outlier.backbone, folders.is_empty()) {
        (Some(_), true) if detector.fitted.needs_backbone() => {
            ui.say("outlier_p stays empty: the model's detector listens with a backbone (--backbone-features)");
            return Ok(());
        }
        (Some(backbone), false) => Some((backbone, folders.as_slice())),
        _ => None,
    };
    let table = table::read(loaded, device, std::slice::from_ref(&args.features), backbone, ui)?;
    let scores = detector.fitted.score(&table)?;
    let by_place: HashMap<(&str, u64), f64> =
        table.places.iter().zip(scores).map(|(place, score)| ((place.path.as_str(), place.start_ms), score)).collect();
    for prediction in predictions {
        let start_ms = (prediction.start_s * 1000.0).round() as u64;
        let score = by_place.get(&(prediction.path.as_str(), start_ms));
        prediction.outlier_p = score.map(|&score| detector.conformal.p_value(score));
    }
    Ok(())
}

/// `metrics.json`: the figures, and what only the files know.
#[derive(Serialize)]
struct MetricsFile<'a> {
    #[serde(flatten)]
    metrics: &'a Metrics,
    /// Which model was measured.
    model_sha256: &'a str,
    /// Recordings that never became clips.
    skipped: &'a [Skipped],
}

/// The figures in words.
pub(crate) fn summary(metrics: &Metrics) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"));
    let with_interval = |name: &str, value: Option<f64>| match metrics.intervals.get(name) {
        Some([low, high]) => format!("{} [{low:.3}, {high:.3}]", number(value)),
        None => number(value),
    };
    let mut lines = vec![format!(
        "{}: balanced accuracy {} (95 % interval), accuracy {}, on {} clips of {} groups",
        metrics.split,
        with_interval("balanced_accuracy", metrics.balanced_accuracy),
        with_interval("accuracy", metrics.accuracy),
        metrics.n,
        metrics.n_groups
    )];
    if metrics.n_unknowns > 0 {
        lines.push(format!("{} clips of other labels are not counted", metrics.n_unknowns));
    }
    let rows: Vec<_> = metrics
        .per_class
        .iter()
        .map(|(class, c)| {
            vec![
                class.clone(),
                number(c.precision),
                number(c.recall),
                number(c.f1),
                number(c.auroc),
                c.support.to_string(),
            ]
        })
        .collect();
    lines.push(ui::table(&["class", "precision", "recall", "F1", "AUROC", "clips"], &rows));
    let mut header = vec!["truth \\ said"];
    header.extend(metrics.classes.iter().map(String::as_str));
    let row = |(class, counts): (&String, &Vec<u64>)| {
        std::iter::once(class.clone()).chain(counts.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = metrics.classes.iter().zip(&metrics.confusion).map(row).collect();
    lines.push(ui::table(&header, &rows));
    lines.push(format!(
        "calibration error {} ({} before calibration), loss {}",
        with_interval("ece", metrics.ece),
        number(metrics.ece_uncalibrated),
        number(metrics.loss)
    ));
    lines.join("\n")
}
