//! `barkbird synth`: sounds of our own making, in folders of WAV files with a manifest that knows their groups.

use crate::cancel;
use crate::cli::{Global, SynthArgs};
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use audio_io::{Manifest, Row};
use rayon::prelude::*;
use std::collections::BTreeMap;

pub(crate) fn run(args: &SynthArgs, global: &Global, ui: &Ui) -> Result<()> {
    let manifest_path = args.out.join("manifest.csv");
    if args.out.is_dir() && !manifest_path.exists() && args.out.read_dir()?.next().is_some() {
        bail!("{}: holds files that synth did not make; name a new folder with --out", args.out.display());
    }
    let plan = synth::plan(args.clips, global.seed());
    let bar = ui.bar(plan.len(), "sounds");
    let rows: Vec<Row> = plan
        .par_iter()
        .map(|clip| {
            cancel::check("the sounds made so far are kept; run it again to make the others")?;
            let item = clip.render();
            let path = args.out.join(&item.path);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            shard::write_atomic(&path, &synth::to_wav_16(&item.samples, item.rate_hz))?;
            bar.inc(1);
            Ok(Row { path: item.path, label: item.label, group: Some(item.group), ..Row::default() })
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let mut counts = BTreeMap::<String, usize>::new();
    for row in &rows {
        *counts.entry(row.label.clone()).or_default() += 1;
    }
    let manifest = Manifest { root: args.out.clone(), rows, ..Manifest::default() };
    shard::write_atomic(&manifest_path, &manifest.to_csv())?;
    let said: Vec<_> = counts.iter().map(|(label, n)| format!("{n} {label}")).collect();
    ui.say(format!("made {} clips ({}) in {}", args.clips, said.join(", "), args.out.display()));
    ui.result(&serde_json::json!({"out": args.out, "manifest": manifest_path, "clips": counts}))
}
