//! `barkbird predict`.

use crate::cli::{EventArgs, Format, PredictArgs};
use crate::text;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use pipeline::inputs::StandardInput;
use pipeline::predict::{
    self, EventSettings, Format as Of, Options, Outcome, Output, Part, PredictorOptions, ShowEvidence, Table, To,
};
use pipeline::{CancelToken, Job};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The argument that stands for standard input or output.
const STANDARD_STREAM: &str = pipeline::inputs::STANDARD_INPUT;

/// Training clips that an answer in JSON is compared with.
const N_NEAREST: usize = 3;

pub(super) fn run(args: &PredictArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let as_json = args.format.contains(&Format::Json) || ui.json();
    let predictor = PredictorOptions {
        overlap_s: args.overlap.unwrap_or(0.0),
        n_nearest: if as_json { N_NEAREST } else { 0 },
        coverage: args.coverage,
        evidence: match (args.evidence, as_json) {
            (true, _) => ShowEvidence::Yes,
            (false, true) => ShowEvidence::WherePossible,
            (false, false) => ShowEvidence::No,
        },
        ..PredictorOptions::from(&args.ask)
    };
    let options = Options {
        predictor,
        half_overlap: args.events.events && args.overlap.is_none(),
        standard_input: standard_input(args)?,
        events: args.events.events.then(|| settings(&args.events)).transpose()?,
        target_precision: args.events.target_precision,
        resume: args.resume,
        overwrite: args.overwrite,
        part: args.part.map(|(index, count)| Part { index, count }),
        memory_mib: args.memory,
        activity: args.activity.clone(),
        watch: args.watch.then(|| Duration::from_secs_f64(args.watch_interval)),
        ..Options::new(&args.run, args.inputs.clone())
    };
    let closed = Arc::new(AtomicBool::new(false));
    let stream = || To::Stream(Box::new(Stdout { closed: Arc::clone(&closed), cancel: job.cancel.clone() }));
    let mut outputs = outputs(args, ui.json(), &stream)?;
    if ui.json() {
        outputs.push(Output { table: Table::Json, to: stream() });
    }
    match predict::run(&options, outputs, job) {
        // Whoever read the table has seen enough.
        Err(_) if closed.load(Ordering::Relaxed) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(outcome) => {
            report(&outcome, args.events.events, args.part, ui);
            Ok(())
        }
    }
}

/// Where each table goes.
fn outputs(args: &PredictArgs, json: bool, stream: &dyn Fn() -> To) -> Result<Vec<Output>> {
    let table = |format: Format| match format {
        Format::Csv if args.per_recording => Table::Recordings,
        Format::Csv if args.events.events => Table::Detections(Of::Csv),
        Format::Csv => Table::Windows,
        Format::Json => Table::Json,
        Format::Jsonl => Table::Detections(Of::JsonLines),
        Format::Parquet => Table::Detections(Of::Parquet),
        Format::Raven => Table::Detections(Of::Raven),
        Format::Audacity => Table::Detections(Of::Audacity),
        Format::Kaleidoscope => Table::Detections(Of::Kaleidoscope),
        Format::Birdnet => Table::Detections(Of::Birdnet),
        Format::BirdnetTable => Table::Detections(Of::BirdnetTable),
    };
    let Some(out) = args.out.as_deref().filter(|path| path.as_os_str() != STANDARD_STREAM) else {
        if args.format.len() > 1 || args.separate {
            bail!("--format: several tables go to files; name a folder with --out DIR/");
        }
        return Ok(if json { Vec::new() } else { vec![Output { table: table(args.format[0]), to: stream() }] });
    };
    let is_folder = args.separate || args.format.len() > 1 || out.to_string_lossy().ends_with('/');
    let to = |format: Format| -> Result<To> {
        Ok(match (args.separate, is_folder) {
            (true, _) => To::Folder(out.to_owned()),
            (false, true) => To::File(out.join(name(table(format))?)),
            (false, false) => To::File(out.to_owned()),
        })
    };
    args.format.iter().map(|&format| Ok(Output { table: table(format), to: to(format)? })).collect()
}

/// The name of a table of all recordings.
fn name(table: Table) -> Result<PathBuf> {
    let name = match table {
        Table::Windows => "windows.csv",
        Table::Recordings => "recordings.csv",
        Table::Json => "predictions.json",
        Table::Detections(format) => format.combined_name().with_context(|| {
            format!("--format {format}: has room for one recording in a table; add --separate for a table each")
        })?,
    };
    Ok(name.into())
}

fn settings(args: &EventArgs) -> Result<EventSettings> {
    let mut settings = args.config.as_deref().map(predict::event_settings).transpose()?.unwrap_or_default();
    for (class, threshold) in &args.threshold {
        match class {
            None => settings.threshold = *threshold,
            Some(class) => drop(settings.thresholds.insert(class.clone(), *threshold)),
        }
    }
    settings.low = args.low.unwrap_or(settings.low);
    settings.smooth = args.smooth.unwrap_or(settings.smooth);
    settings.max_gap_s = args.max_gap.unwrap_or(settings.max_gap_s);
    settings.min_s = args.min_length.unwrap_or(settings.min_s);
    Ok(settings)
}

/// The recording that the input `-` stands for.
fn standard_input(args: &PredictArgs) -> Result<Option<StandardInput>> {
    if !args.inputs.iter().any(|input| input.as_os_str() == STANDARD_STREAM) {
        return Ok(None);
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        bail!("-: standard input is a terminal; pipe a recording into it");
    }
    Ok(Some(StandardInput::new(Box::new(stdin))?))
}

/// Standard output. Once nobody reads it any more, the work is stopped.
struct Stdout {
    closed: Arc<AtomicBool>,
    cancel: CancelToken,
}

impl Stdout {
    fn or_closed<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if outcome.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::Relaxed);
            self.cancel.cancel();
        }
        outcome.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.or_closed(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.or_closed(io::stdout().flush())
    }
}

/// Classifies, and writes the table.
pub(super) fn execute(options: &Options, out: &Path, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let output = Output { table: Table::Windows, to: To::File(out.to_owned()) };
    let outcome = predict::run(options, vec![output], job)?;
    report(&outcome, false, None, ui);
    Ok(())
}

fn report(outcome: &Outcome, events: bool, part: Option<(usize, usize)>, ui: &Ui) {
    if !outcome.skipped.is_empty() {
        ui.incomplete();
    }
    if outcome.files.is_empty() && part.is_none() {
        return;
    }
    text::predicted(outcome, events, part).iter().for_each(|line| ui.say(line));
}
