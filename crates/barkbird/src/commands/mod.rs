//! One file a command: arguments to options, the call, and what is printed.
//!
//! `execute` calls a stage and prints its result for people, so that `demo` can do the same; `run` adds the result as JSON.

mod anomaly;
mod augment;
mod backbone;
mod calibrate;
mod check;
mod clips;
mod compare;
mod demo;
mod doctor;
mod embed;
mod evaluate;
mod export;
mod features;
#[cfg(feature = "hub")]
mod fetch;
mod fit;
mod listen;
mod man;
mod predict;
mod report;
mod scan;
#[cfg(feature = "serve")]
mod serve;
mod synth;
pub(crate) mod train;

use crate::cli::{Cli, Command};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::{CancelToken, Job};

/// Runs the command that was asked for.
pub(crate) fn run(cli: &Cli, ui: &Ui, cancel: &CancelToken) -> Result<()> {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let workers = crate::workers::of(cli, &words)?;
    let job = |command: Vec<String>| -> Result<Job<'_>> {
        Ok(Job { workers: workers.as_ref(), ..ui.job(&cli.global, cancel, command)? })
    };
    match &cli.command {
        Command::Fit(args) => fit::run(args, &job(words)?, ui),
        #[cfg(feature = "hub")]
        Command::Fetch(args) => fetch::run(args, &job(words)?, ui),
        Command::Synth(args) => synth::run(args, &job(words)?, ui),
        Command::Scan(args) => scan::run(args, &job(words)?, ui),
        Command::Doctor(args) => doctor::run(args, &job(words)?, ui),
        Command::Features(args) => features::run(args, &job(words)?, ui),
        Command::Augment(args) => augment::run(args, &job(words)?, ui),
        Command::Train(args) => train::run(args, &job(words)?, ui),
        Command::Anomaly(args) => anomaly::run(args, &job(words)?, ui),
        Command::Backbone(args) => backbone::run(args, ui),
        Command::Embed(args) => embed::run(args, &job(words)?, ui),
        Command::Evaluate(args) => evaluate::run(args, &job(words)?, ui),
        Command::Compare(args) => compare::run(args, &job(words)?, ui),
        Command::Predict(args) => predict::run(args, &job(words)?, ui),
        Command::Calibrate(args) => calibrate::run(args, &job(words)?, ui),
        Command::Clips(args) => clips::run(args, &job(words)?, ui),
        Command::Check(args) => check::run(args, &job(words)?, ui),
        Command::Export(args) => export::run(args, &job(words)?, ui),
        Command::Report(args) => report::run(args, &job(words)?, ui),
        Command::Listen(args) => listen::run(args, &job(words)?, ui),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args, &job(words)?),
        Command::Demo(args) => demo::run(args, &cli.global, &job(words)?, ui),
        Command::Completions(args) => ui.stdout(&crate::reference::completions(args.shell)),
        Command::Man(args) => man::run(args, ui),
        Command::Docs => ui.stdout(crate::reference::markdown().as_bytes()),
    }
}
