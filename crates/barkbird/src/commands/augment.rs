//! `barkbird augment`.

use super::features::{say_assembled, say_part};
use crate::cli::AugmentArgs;
use crate::ui::Ui;
use anyhow::{Context, Result};
use pipeline::Job;
use pipeline::augment::{self, Options, Outcome};

pub(super) fn run(args: &AugmentArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let input = args.preview.as_ref().or(args.input.as_ref());
    let options = Options {
        input: input.cloned().context("a manifest, a features folder or --preview is needed")?,
        out: args.out.clone(),
        views: args.views,
        splits: args.splits.clone(),
        strength: args.augment,
        background: args.background.clone(),
        front_end: (&args.front_end).into(),
        part: args.part,
        classes: args.classes.clone(),
        dtype: args.dtype,
        cache: !args.no_cache,
    };
    if args.preview.is_some() {
        let preview = augment::preview(&options, job)?;
        ui.say(format!("picture: {}", preview.picture.display()));
        return ui.result(&preview);
    }
    match augment::run(&options, job)? {
        Outcome::Part(part) => {
            say_part(&part, &args.out, ui);
            ui.result(&part)
        }
        Outcome::Assembled(assembled) => {
            say_assembled(&assembled, &args.out, ui);
            ui.result(&assembled.index)
        }
        Outcome::Spectrograms { index, clips } => {
            let (n, shards, out) = (index.n_clips, index.shards.len(), args.out.display());
            ui.say(format!("{n} clips, including views, of {clips} in {shards} shards: {out}"));
            ui.result(&index)
        }
    }
}
