//! The commands: each reads what is on disk, calls one stage, and writes what comes next.

mod anomaly;
mod augment;
mod demo;
pub(crate) mod doctor;
mod embed;
mod evaluate;
pub(crate) mod features;
mod predict;
mod report;
mod scan;
mod synth;
mod train;

pub(crate) use features::axes;

use crate::cli::{Cli, Command};
use crate::ui::Ui;
use anyhow::Result;

/// Runs the command that was asked for.
pub(crate) fn run(cli: &Cli, ui: &Ui) -> Result<()> {
    let global = &cli.global;
    match &cli.command {
        Command::Synth(args) => synth::run(args, global, ui),
        Command::Scan(args) => scan::run(args, global, ui),
        Command::Doctor(args) => doctor::run(args, global, ui),
        Command::Features(args) => features::run(args, global, ui),
        Command::Augment(args) => augment::run(args, global, ui),
        Command::Train(args) => train::run(args, global, ui),
        Command::Anomaly(args) => anomaly::run(args, global, ui),
        Command::Embed(args) => embed::run(args, global, ui),
        Command::Evaluate(args) => evaluate::run(args, global, ui),
        Command::Predict(args) => predict::run(args, global, ui),
        Command::Report(args) => report::run(args, ui),
        Command::Demo(args) => demo::run(args, global, ui),
    }
}
