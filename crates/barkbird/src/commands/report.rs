//! `barkbird report`.

use crate::cli::{ReportArgs, conflict};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::report::{self, Options, Outcome};
use pipeline::review;
use std::path::Path;

pub(super) fn run(args: &ReportArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    if let Some(detections) = &args.review {
        return queue(args, detections, job, ui);
    }
    let options = Options {
        runs: args.runs.clone(),
        manifests: args.manifests.clone(),
        doctor: args.doctor.clone(),
        reviews: args.reviews.clone(),
        detections: args.detections.clone(),
        out: args.out.clone(),
        examples: args.examples,
        clips: args.clips,
    };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = report::run(options, job)?;
    said("report", &outcome.out, outcome.bytes, ui);
    Ok(outcome)
}

/// A page of detections to review.
fn queue(args: &ReportArgs, detections: &Path, job: &Job<'_>, ui: &Ui) -> Result<()> {
    if args.runs.len() > 1 {
        conflict("the argument '--review <DETECTIONS>' takes the classes of one run; name at most one RUN");
    }
    let options = review::Options {
        detections: detections.to_owned(),
        recordings: args.recordings.clone(),
        run: args.runs.first().cloned(),
        out: args.out.clone(),
        n: args.clips,
        context_s: args.context,
    };
    let outcome = review::run(&options, job)?;
    if outcome.detections < outcome.of {
        ui.say(format!("{} of {} detections, drawn at random (--clips, --seed)", outcome.detections, outcome.of));
    }
    said("page to review", &outcome.out, outcome.bytes, ui);
    if !outcome.skipped.is_empty() {
        ui.incomplete();
    }
    ui.result(&outcome)
}

fn said(what: &str, out: &Path, bytes: usize, ui: &Ui) {
    ui.say(format!("{what}: {} ({:.1} MB, opens without a network)", out.display(), bytes as f64 / 1e6));
}
