//! `barkbird serve`.

use super::fit::usual_backbones;
use crate::cli::ServeArgs;
use anyhow::Result;
use pipeline::Job;
use pipeline::predict::PredictorOptions;
use serve::{Ask, FitSettings, Limits, Options, ReviewTable};

/// The environment variable of the token: an argument can be seen by other users of the machine.
const TOKEN: &str = "BARKBIRD_TOKEN";

pub(super) fn run(args: &ServeArgs, job: &Job<'_>) -> Result<()> {
    let PredictorOptions { unsure_below, alpha, reject, .. } = PredictorOptions::from(&args.ask);
    let (review, limits) = (&args.review, &args.limits);
    let fit = FitSettings { backbone: args.backbone.clone(), usual_backbones: usual_backbones() };
    let options = Options {
        addr: args.addr,
        token: args.token.clone().or_else(|| std::env::var(TOKEN).ok()),
        hosts: args.allow_host.clone(),
        ask: Ask { unsure_below, alpha, reject },
        review: review
            .review
            .clone()
            .map(|detections| ReviewTable { detections, recordings: review.recordings.clone() }),
        reviews: review.reviews.clone(),
        fit: (!args.no_fit).then_some(fit),
        work: args.work.clone(),
        limits: Limits {
            upload_bytes: limits.max_upload_mib << 20,
            seconds: limits.max_seconds,
            fit_bytes: limits.max_fit_mib << 20,
            n_jobs: limits.jobs,
            memory_bytes: limits.memory << 20,
            ..Limits::default()
        },
        ..Options::new(args.runs.clone())
    };
    Ok(serve::run(options, job)?)
}
