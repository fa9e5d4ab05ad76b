//! `barkbird check`.

use crate::cli::CheckArgs;
use crate::text::table_of_few;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::check::{self, Options, Outcome};

pub(super) fn run(args: &CheckArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let detections = args.table.detections.clone();
    if let Some(out) = &args.out {
        Outcome::prepare(out, &detections)?;
    }
    let outcome = check::run(
        &Options {
            recordings: args.table.recordings.clone(),
            label_column: args.table.label_column.clone(),
            mark: args.mark.clone(),
            predictor: (&args.ask).into(),
            ..Options::new(detections, args.run.clone())
        },
        job,
    )?;
    let (header, rows) = outcome.summary();
    ui.say(table_of_few(&header, &rows, "the output of --json"));
    match &args.out {
        Some(out) => outcome.write(out)?,
        None if !ui.json() => ui.stdout(&outcome.table)?,
        None => {}
    }
    if !outcome.skipped.is_empty() {
        ui.incomplete();
    }
    ui.result(&outcome)
}
