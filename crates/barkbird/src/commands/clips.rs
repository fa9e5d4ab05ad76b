//! `barkbird clips`.

use crate::cli::ClipsArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::clips::{self, Options};

pub(super) fn run(args: &ClipsArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let outcome = clips::run(
        &Options {
            detections: args.table.detections.clone(),
            out: args.out.clone(),
            recordings: args.table.recordings.clone(),
            label_column: args.table.label_column.clone(),
            context_s: args.context,
            per_class: args.per_class,
            pick: args.pick,
            min_score: args.min_score,
            max_score: args.max_score,
            labels: args.label.clone(),
            encoding: args.format,
            pictures: args.pictures,
        },
        job,
    )?;
    let (clips, table) = (outcome.clips, outcome.table.display());
    ui.say(format!("{clips} clips of {} detections: {table}, {}", outcome.detections, outcome.selections.display()));
    if !outcome.skipped.is_empty() {
        ui.incomplete();
    }
    ui.result(&outcome)
}
