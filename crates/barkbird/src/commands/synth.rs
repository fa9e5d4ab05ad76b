//! `barkbird synth`.

use crate::cli::SynthArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::synth::{self, Options, Outcome};

pub(super) fn run(args: &SynthArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let outcome = execute(&Options { out: args.out.clone(), clips: args.clips }, job, ui)?;
    ui.result(&outcome)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = synth::run(options, job)?;
    let counts: Vec<_> = outcome.clips.iter().map(|(label, n)| format!("{n} {label}")).collect();
    ui.say(format!("made {} clips ({}) in {}", options.clips, counts.join(", "), outcome.out.display()));
    Ok(outcome)
}
