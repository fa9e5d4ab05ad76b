//! `barkbird evaluate`.

use crate::cli::EvaluateArgs;
use crate::text;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::evaluate::{self, Measured, Options};

pub(super) fn run(args: &EvaluateArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        run: args.run.clone(),
        features: args.features.clone(),
        backbone_features: args.backbone_features.clone(),
        equalized: args.equalized,
        split: args.split.clone(),
        out: args.out.clone(),
    };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Measured> {
    let measured = evaluate::run(options, job)?;
    ui.say(text::metrics(&measured.metrics));
    ui.say(format!("written: {}", options.out.display()));
    Ok(measured)
}
