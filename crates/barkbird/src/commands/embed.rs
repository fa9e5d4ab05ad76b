//! `barkbird embed`.

use crate::cli::EmbedArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::embed::{self, Options};

pub(super) fn run(args: &EmbedArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options { run: args.run.clone(), features: args.features.clone(), out: args.out.clone() };
    let outcome = embed::run(&options, job)?;
    ui.say(format!("{} clips, {} values each: {}", outcome.index.n_clips, outcome.dim, args.out.display()));
    ui.result(&outcome.index)
}
