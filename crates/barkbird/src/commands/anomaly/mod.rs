//! `barkbird anomaly`: measures ways to tell unknown sounds, puts one into a model, and makes classes of what was rejected.

mod bench;
mod discover;
mod fit;
mod noises;
mod picture;
mod results;
mod sets;

use crate::cli::{AnomalyArgs, AnomalyCommand, Global};
use crate::ui::Ui;
use anyhow::Result;

pub(crate) fn run(args: &AnomalyArgs, global: &Global, ui: &Ui) -> Result<()> {
    match &args.command {
        AnomalyCommand::Bench(args) => bench::run(args, global, ui),
        AnomalyCommand::Fit(args) => fit::run(args, global, ui),
        AnomalyCommand::Discover(args) => discover::run(args, global, ui),
    }
}
