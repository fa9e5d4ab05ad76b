//! `barkbird predict`.

use crate::cli::{Format, PredictArgs};
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use pipeline::predict::{self, Options, Predictions, PredictorOptions, Reject, ShowEvidence};
use pipeline::{Job, output};
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;

/// The argument that stands for standard input or output.
const STANDARD_STREAM: &str = pipeline::inputs::STANDARD_INPUT;

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
        coverage: args.coverage,
        evidence: match (args.evidence, as_json) {
            (true, _) => ShowEvidence::Yes,
            (false, true) => ShowEvidence::WherePossible,
            (false, false) => ShowEvidence::No,
        },
        ..PredictorOptions::default()
    };
    let out = args.out.as_deref().filter(|path| path.as_os_str() != STANDARD_STREAM);
    out.map(output::file).transpose()?;
    let options = Options {
        run: args.run.clone(),
        inputs: args.inputs.clone(),
        predictor,
        standard_input: standard_input(args)?,
    };
    let predictions = predict::run(&options, job)?;
    let table = match args.format {
        Format::Csv => predictions.csv(args.per_recording).to_vec(),
        Format::Json => json(&predictions)?,
    };
    if let Some(path) = out {
        write(path, &table, &predictions, ui)?;
    }
    match (out, ui.json()) {
        (_, true) => ui.stdout(&json(&predictions)?),
        (None, false) => ui.stdout(&table),
        (Some(_), false) => Ok(()),
    }
}

/// The recording that the input `-` stands for.
fn standard_input(args: &PredictArgs) -> Result<Option<Arc<[u8]>>> {
    if !args.inputs.iter().any(|input| input.as_os_str() == STANDARD_STREAM) {
        return Ok(None);
    }
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        bail!("-: standard input is a terminal; pipe a recording into it");
    }
    let mut bytes = Vec::new();
    stdin.read_to_end(&mut bytes).context("-: standard input cannot be read")?;
    Ok(Some(bytes.into()))
}

/// Classifies, and writes the table.
pub(super) fn execute(options: &Options, out: &Path, job: &Job<'_>, ui: &Ui) -> Result<()> {
    output::file(out)?;
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
