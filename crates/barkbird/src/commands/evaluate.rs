//! `barkbird evaluate`: how good a model is on clips that it has not seen, with intervals.

use crate::cli::{EvaluateArgs, Global};
use crate::device;
use crate::model::Loaded;
use crate::ui::{Ui, table};
use anyhow::{Context, Result};
use serde::Serialize;
use shard::Skipped;
use train::{EvaluateOptions, Metrics, Thresholds};

pub(crate) fn run(args: &EvaluateArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.run, &device)?;
    let index = shard::read_index(&args.features)?;
    let spectrograms = shard::Clips::open(&args.features)?;
    let options = EvaluateOptions { seed: global.seed(), ..EvaluateOptions::default() };
    let evaluation = train::evaluate(&*loaded.classifier, &device, &loaded.header, &spectrograms, &args.split, options)
        .with_context(|| args.features.display().to_string())?;
    let metrics = &evaluation.metrics;
    let result = MetricsFile { metrics, model_sha256: &loaded.sha256, skipped: &index.skipped };
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    shard::write_atomic(
        &args.out.join("predictions.csv"),
        &train::predictions_csv(&evaluation.predictions, &metrics.classes, Thresholds::default())?,
    )?;
    shard::write_atomic(&args.out.join("metrics.json"), &serde_json::to_vec_pretty(&result)?)?;
    ui.say(summary(metrics));
    for warning in &metrics.warnings {
        ui.warn(warning);
    }
    ui.say(format!("written: {}", args.out.display()));
    ui.result(&result)
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
    if metrics.n_strangers > 0 {
        lines.push(format!("{} clips of other labels are not counted", metrics.n_strangers));
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
    lines.push(table(&["class", "precision", "recall", "F1", "AUROC", "clips"], &rows));
    let mut header = vec!["truth \\ said"];
    header.extend(metrics.classes.iter().map(String::as_str));
    let row = |(class, counts): (&String, &Vec<u64>)| {
        std::iter::once(class.clone()).chain(counts.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = metrics.classes.iter().zip(&metrics.confusion).map(row).collect();
    lines.push(table(&header, &rows));
    lines.push(format!(
        "calibration error {} ({} before calibration), loss {}",
        with_interval("ece", metrics.ece),
        number(metrics.ece_uncalibrated),
        number(metrics.loss)
    ));
    lines.join("\n")
}
