//! `barkbird calibrate`.

use crate::cli::CalibrateArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::calibrate::{self, Options};

pub(super) fn run(args: &CalibrateArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let outcome = calibrate::run(
        &Options {
            split: args.split.clone(),
            overwrite: args.overwrite,
            ..Options::new(args.run.clone(), args.clips.clone(), args.out.clone())
        },
        job,
    )?;
    ui.say(format!(
        "written: {}\n  barkbird predict {} FILE   classifies a recording of the place",
        outcome.model.display(),
        args.out.display()
    ));
    if !outcome.skipped.is_empty() {
        ui.incomplete();
    }
    ui.result(&outcome)
}
