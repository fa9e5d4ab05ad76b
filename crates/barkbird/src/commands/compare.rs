//! `barkbird compare`.

use crate::cli::{CompareArgs, conflict};
use crate::text::table;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::table::Table;
use pipeline::{Job, compare, sizes};
use std::path::PathBuf;

pub(super) fn run(args: &CompareArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    if !args.sizes.is_empty() {
        let options = sizes::Options {
            sizes: args.sizes.clone(),
            by: args.by,
            models: args.models.clone(),
            seeds: args.seeds,
            equal_steps: args.equal_steps,
            manifests: args.manifests.clone(),
            split: args.split.clone(),
            config: (&args.config).into(),
            out: args.out.clone(),
        };
        if let Some(nth) = args.training {
            return Ok(sizes::training(&options, nth, job)?);
        }
        let outcome = sizes::run(&options, job)?;
        say(&outcome.tables(), &outcome.sentences, &outcome.files, ui);
        return ui.result(&outcome);
    }
    if args.config.config.is_some() || !args.config.set.is_empty() {
        conflict("the arguments '--config' and '--set' of compare need '--sizes'");
    }
    let options = compare::Options {
        models: args.runs.iter().map(|runs| runs.split(',').map(Into::into).collect()).collect(),
        manifests: args.manifests.clone(),
        split: args.split.clone(),
        stress: args.stress,
        out: args.out.clone(),
    };
    let outcome = compare::run(&options, job)?;
    say(&outcome.tables(), &outcome.sentences, &outcome.files, ui);
    ui.result(&outcome)
}

fn say(tables: &[Table], sentences: &[String], files: &[PathBuf], ui: &Ui) {
    for Table { header, rows } in tables {
        ui.say(table(&header.iter().map(String::as_str).collect::<Vec<_>>(), rows));
    }
    sentences.iter().for_each(|sentence| ui.say(sentence));
    files.iter().for_each(|file| ui.say(format!("written: {}", file.display())));
}
