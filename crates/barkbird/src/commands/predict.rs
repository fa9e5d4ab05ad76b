//! `barkbird predict`.

use crate::cli::{Format, PredictArgs};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::predict::{self, Options, Predictions, PredictorOptions, Reject};
use std::path::Path;

/// Training clips that an answer in JSON is compared with.
const N_NEAREST: usize = 3;

pub(super) fn run(args: &PredictArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let as_json = args.format == Format::Json || ui.json();
    let predictor = PredictorOptions {
        overlap_s: args.overlap,
        reject: match args.reject.as_deref() {
            None => Reject::Auto,
            Some("none") => Reject::Off,
            Some(method) => Reject::Method(method.to_owned()),
        },
        alpha: args.alpha,
        unsure_below: args.unsure_below,
        n_nearest: if as_json { N_NEAREST } else { 0 },
    };
    let options = Options { run: args.run.clone(), inputs: args.inputs.clone(), predictor };
    let predictions = predict::run(&options, job)?;
    let table = match args.format {
        Format::Csv => predictions.csv(args.per_recording).to_vec(),
        Format::Json => json(&predictions)?,
    };
    if let Some(path) = &args.out {
        write(path, &table, &predictions, ui)?;
    }
    match (&args.out, ui.json()) {
        (_, true) => ui.stdout(&json(&predictions)?),
        (None, false) => ui.stdout(&table),
        (Some(_), false) => Ok(()),
    }
}

/// Classifies, and writes the table.
pub(super) fn execute(options: &Options, out: &Path, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let predictions = predict::run(options, job)?;
    write(out, predictions.csv(false), &predictions, ui)
}

fn write(path: &Path, bytes: &[u8], predictions: &Predictions, ui: &Ui) -> Result<()> {
    predict::write(path, bytes)?;
    let (windows, recordings) = (predictions.judged.len(), predictions.recordings);
    ui.say(format!("{windows} windows of {recordings} recordings: {}", path.display()));
    Ok(())
}

fn json(predictions: &Predictions) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(predictions.json())?;
    bytes.push(b'\n');
    Ok(bytes)
}
