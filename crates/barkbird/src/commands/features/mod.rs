//! `barkbird features`: a manifest's recordings to spectrograms on disk.
//!
//! Recordings are computed in parallel, a block at a time, and pushed into the shards in the manifest's order, so that
//! neither threads nor parts nor a kill can change a byte. Each recording's spectrograms are kept in a cache beside the
//! shards until something that made them changes.

mod extract;
mod picture;
pub(crate) use picture::axes;
mod plan;

use crate::cancel;
use crate::cli::{Dtype, FeaturesArgs, Global};
use crate::config::Config;
use crate::front_end::Chain;
use crate::model;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use extract::{Extractor, Recording};
use plan::{Plan, Planned};
use rayon::prelude::*;
use shard::{MelDtype, Provenance, Skipped, SpectrogramWriter};
use std::collections::BTreeMap;
use std::path::Path;

/// Recordings in memory at once.
const BLOCK: usize = 64;

pub(crate) fn run(args: &FeaturesArgs, global: &Global, ui: &Ui) -> Result<()> {
    let chain = chain(args)?;
    if let Some(recording) = &args.picture {
        return picture::draw(recording, &args.out, &chain, ui);
    }
    let Some(manifest) = &args.manifest else { bail!("a manifest or --picture is needed") };
    let plan = Plan::read(manifest, &args.classes)?;
    for warning in &plan.warnings {
        ui.warn(warning);
    }
    let cache = (!args.no_cache || args.part.is_some()).then(|| args.out.join("cache"));
    let extractor = Extractor::new(&chain, cache)?;
    match args.part {
        Some(part) => compute_part(&plan, &extractor, part, &args.out, ui),
        None => assemble(&plan, &extractor, &chain, args, global, ui),
    }
}

/// The front end that the arguments ask for.
fn chain(args: &FeaturesArgs) -> Result<Chain> {
    let Some(like) = &args.like else {
        let mut flags = Vec::new();
        if let Some(preset) = args.front_end {
            let kind = toml::Value::try_from(preset.config().kind)?;
            flags.push(("front_end.kind".to_owned(), kind.to_string()));
        }
        flags.extend(args.config.set.iter().cloned());
        let config = Config::resolve(args.config.config.as_deref(), &flags)?;
        return Ok(Chain::new(config.clip, config.front_end));
    };
    if like.join("index.json").exists() {
        return Chain::from_header(&shard::read_index(like)?.front_end, like);
    }
    let (path, file) = model::read(like)?;
    Chain::from_header(&file.header.front_end, &path)
}

/// Fills the cache with one share of the recordings.
fn compute_part(plan: &Plan, extractor: &Extractor, part: (usize, usize), out: &Path, ui: &Ui) -> Result<()> {
    let (index, count) = part;
    let mine: Vec<_> = plan.rows.iter().skip(index - 1).step_by(count).collect();
    let bar = ui.bar(mine.len(), "features");
    let outcomes: Vec<Option<Skipped>> = mine
        .par_iter()
        .map(|planned| {
            cancel::check("finished recordings are kept; run the same command again to go on")?;
            let recording = extractor.recording(plan, planned)?;
            bar.inc(1);
            Ok(recording.err().map(|reason| Skipped { path: planned.row.path.clone(), reason }))
        })
        .collect::<Result<_>>()?;
    bar.finish_and_clear();
    let skipped: Vec<_> = outcomes.into_iter().flatten().collect();
    say_skipped(&skipped, ui);
    ui.say(format!(
        "part {index} of {count}: {} of {} recordings computed; once every part is done, run the same command without \
         --part to put the shards together in {}",
        mine.len() - skipped.len(),
        mine.len(),
        out.display()
    ));
    ui.result(&serde_json::json!({"part": index, "of": count, "recordings": mine.len(), "skipped": skipped}))
}

/// Computes what the cache lacks and writes shards and index.
fn assemble(
    plan: &Plan,
    extractor: &Extractor,
    chain: &Chain,
    args: &FeaturesArgs,
    global: &Global,
    ui: &Ui,
) -> Result<()> {
    let provenance = Provenance {
        stage: "features".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: chain.to_header()?,
        seed: global.seed(),
        inputs: BTreeMap::from([("manifest".to_owned(), plan.manifest_sha256.clone())]),
    };
    let dtype = if args.dtype == Dtype::F16 { MelDtype::F16 } else { MelDtype::F32 };
    let (classes, splits) = (plan.classes.clone(), plan.splits.clone());
    let started = std::time::Instant::now();
    let mut writer = SpectrogramWriter::create(&args.out, chain.to_header()?, classes, splits, provenance, dtype)?;
    let bar = ui.bar(plan.rows.len(), "features");
    let mut skipped = Vec::new();
    let compute = |block: &[Planned]| -> Result<Vec<Result<Recording, String>>> {
        let recording = |planned: &Planned| {
            cancel::check("finished recordings are kept; run the same command again to go on")?;
            let recording = extractor.recording(plan, planned)?;
            bar.inc(1);
            Ok(recording)
        };
        block.par_iter().map(recording).collect()
    };
    std::thread::scope(|scope| -> Result<()> {
        // The next block is computed while this one is written.
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        scope.spawn(move || {
            // Once a block has failed, or nobody listens any more, the rest is not needed.
            plan.rows.chunks(BLOCK).map(compute).all(|computed| {
                let fine = computed.is_ok();
                send.send(computed).is_ok() && fine
            })
        });
        for (block, recordings) in plan.rows.chunks(BLOCK).zip(receive) {
            for (planned, recording) in block.iter().zip(recordings?) {
                match recording {
                    Ok(recording) => push(&mut writer, planned, recording)?,
                    Err(reason) => skipped.push(Skipped { path: planned.row.path.clone(), reason }),
                }
            }
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if skipped.len() == plan.rows.len() {
        say_skipped(&skipped, ui);
        bail!("none of the {} recordings could be used; the reasons are above", plan.rows.len());
    }
    let index = writer.finish(skipped)?;
    say_skipped(&index.skipped, ui);
    ui.say(format!(
        "{} clips of {} recordings in {} shards, {:.1} s: {}",
        index.n_clips,
        plan.rows.len() - index.skipped.len(),
        index.shards.len(),
        started.elapsed().as_secs_f64(),
        args.out.display()
    ));
    ui.say(plan.table());
    ui.result(&index)
}

/// Adds the clips of a recording to the shards.
fn push(writer: &mut SpectrogramWriter, planned: &Planned, recording: Recording) -> Result<()> {
    let Recording { clips, n_mels, n_frames } = recording;
    for clip in clips {
        let path = clip.record.path.clone();
        let pushed = writer.push(clip.record, &clip.mel, n_mels, n_frames, clip.frames, planned.label, planned.split);
        pushed.with_context(|| {
            format!("{path}: every spectrogram of a shard has the same size; choose a window length")
        })?;
    }
    Ok(())
}

/// Lists what could not be used, at the end, where it is seen.
fn say_skipped(skipped: &[Skipped], ui: &Ui) {
    if skipped.is_empty() {
        return;
    }
    let lines: Vec<_> = skipped.iter().map(|s| format!("  {}: {}", s.path, s.reason)).collect();
    ui.warn(format!("{} recordings could not be used and are left out:\n{}", skipped.len(), lines.join("\n")));
}
