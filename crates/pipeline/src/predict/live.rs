//! A recording that comes through a pipe, whose rows are written while it comes.

use super::files::Files;
use super::options::{Options, Outcome};
use super::outputs::{Output, Outputs, Table, To};
use super::record::Record;
use crate::error::Result;
use crate::job::Job;
use detections::Format;
use inference::{Judged, Predictor, Watch, reason};

/// Whether rows are written as they come: of a single recording that comes through a stream, to streams, in formats whose rows do
/// not depend on what follows. Says why not, where it is a stream.
pub(super) fn is_live(files: &Files<'_>, outputs: &[Output], options: &Options, job: &Job<'_>) -> bool {
    if files.len() != 1 || files.rows(0).len() != 1 || files.rows(0)[0].stream.is_none() {
        return false;
    }
    let has_rows =
        |output: &Output| matches!(output.table, Table::Windows | Table::Detections(Format::Csv | Format::JsonLines));
    let why = match () {
        () if options.events.is_some() => Some("events are made"),
        () if !outputs.iter().all(has_rows) => Some("this format is written"),
        () if !outputs.iter().all(|output| matches!(output.to, To::Stream(_))) => Some("tables in files are written"),
        () => None,
    };
    if let Some(why) = why {
        job.say(format!(
            "-: {why} once the recording has ended; csv and jsonl of windows on standard output come at once"
        ));
    }
    why.is_none()
}

/// Classifies the recording, and writes its rows as they come.
pub(super) fn classify(
    predictor: &Predictor<'_>,
    files: &Files<'_>,
    outputs: &mut Outputs<'_>,
    outcome: &mut Outcome,
    job: &Job<'_>,
) -> Result<()> {
    let rows = files.rows(0);
    let watch = Watch { stop: &|| job.cancel.is_cancelled(), ..Watch::default() };
    let answers = predictor.live(&rows[0], &watch, &mut |judged: Vec<Judged>| -> Result<()> {
        outputs.take(rows, &Record { judged, ..Record::default() }, outcome)?;
        outputs.flush()
    });
    job.check("the rows so far were written")?;
    let answers = answers?;
    let record = Record {
        seconds: answers.seconds.first().map_or(0.0, |(_, seconds)| *seconds),
        failed: answers.failed.iter().map(|(nth, error)| (*nth, reason(error, &rows[*nth].path))).collect(),
        warning: answers.warnings.into_iter().next().map(|(_, text)| text),
        ..Record::default()
    };
    if let Some(warning) = &record.warning {
        job.warn(format!("{}: {warning}", rows[0].name));
    }
    outcome.classified_s = record.seconds;
    outputs.take(rows, &record, outcome)
}
