//! `barkbird report`.

use crate::cli::ReportArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::report::{self, Options, Outcome};

pub(super) fn run(args: &ReportArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        runs: args.runs.clone(),
        manifests: args.manifests.clone(),
        doctor: args.doctor.clone(),
        out: args.out.clone(),
        examples: args.examples,
        clips: args.clips,
    };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = report::run(options, job)?;
    let (out, megabytes) = (outcome.out.display(), outcome.bytes as f64 / 1e6);
    ui.say(format!("report: {out} ({megabytes:.1} MB, opens without a network)"));
    Ok(outcome)
}
