//! `barkbird features`.

use crate::cli::{FeaturesArgs, FrontEndArgs, conflict};
use crate::text::table_of_few;
use crate::ui::Ui;
use anyhow::{Context, Result};
use pipeline::Job;
use pipeline::features::{self, Assembled, Options, Outcome, Part, PictureOptions};
use std::path::Path;

pub(super) fn run(args: &FeaturesArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let FrontEndArgs { config, like, .. } = &args.front_end;
    if like.is_some() && (config.config.is_some() || !config.set.is_empty()) {
        conflict("the argument '--like <DIR>' cannot be used with '--config' or '--set'");
    }
    let front_end = (&args.front_end).into();
    if let Some(recording) = &args.picture {
        let options = PictureOptions { recording: recording.clone(), out: args.out.clone(), front_end };
        let picture = features::draw(&options, job)?;
        let (recording, out) = (picture.recording.display(), picture.out.display());
        ui.say(format!("{recording}: {:.2} s, {} bands: {out}", picture.seconds, picture.bands));
        return ui.result(&picture);
    }
    let options = Options {
        manifest: args.manifest.clone().context("a manifest or --picture is needed")?,
        out: args.out.clone(),
        front_end,
        part: args.part,
        classes: args.classes.clone(),
        allow_crossing_groups: args.allow_crossing_groups,
        dtype: args.dtype,
        cache: !args.no_cache,
    };
    match execute(&options, job, ui)? {
        Outcome::Part(part) => ui.result(&part),
        Outcome::Assembled(assembled) => ui.result(&assembled.index),
    }
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = features::run(options, job)?;
    match &outcome {
        Outcome::Part(part) => say_part(part, &options.out, ui),
        Outcome::Assembled(assembled) => say_assembled(assembled, &options.out, ui),
    }
    Ok(outcome)
}

/// What a share of the recordings became.
pub(super) fn say_part(part: &Part, out: &Path, ui: &Ui) {
    let Part { part, of, recordings, skipped } = part;
    ui.say(format!(
        "part {part} of {of}: {} of {recordings} recordings computed; once every part is done, run the same command \
         without --part to put the shards together in {}",
        recordings - skipped.len(),
        out.display()
    ));
}

/// What all recordings became.
pub(super) fn say_assembled(assembled: &Assembled, out: &Path, ui: &Ui) {
    ui.say(format!(
        "{} clips of {} recordings in {} shards, {:.1} s: {}",
        assembled.index.n_clips,
        assembled.recordings,
        assembled.index.shards.len(),
        assembled.seconds,
        out.display()
    ));
    let mut header = vec!["label"];
    header.extend(assembled.splits.iter().map(String::as_str));
    let row = |(label, counts): (&String, &Vec<usize>)| {
        let label = if assembled.classes.contains(label) { label.clone() } else { format!("({label})") };
        std::iter::once(label).chain(counts.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = assembled.counts.iter().map(row).collect();
    ui.say(table_of_few(&header, &rows, "index.json"));
}
