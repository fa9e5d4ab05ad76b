//! `barkbird features`: a manifest's recordings to spectrograms on disk.
//!
//! Recordings are computed in parallel, a block at a time, and pushed into the shards in the manifest's order, so that
//! neither threads nor parts nor a kill can change a byte. Each recording's spectrograms are kept in a cache beside the
//! shards until something that made them changes.

mod extract;
mod picture;
pub(crate) use picture::axes;
pub(crate) mod plan;

use crate::cancel;
use crate::cli::{Dtype, FeaturesArgs, Global};
use crate::config::{Config, equalize_flags, preset_flags};
use crate::front_end::Chain;
use crate::model;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use extract::{Extracted, Extractor, Recording};
use indicatif::ProgressBar;
use plan::{Plan, Planned};
use rayon::prelude::*;
use shard::{MelDtype, Provenance, Skipped, SpectrogramWriter};
use std::collections::BTreeMap;
use std::path::Path;

/// Most recordings that are computed and kept together; a killed run loses no more than those.
const BLOCK: usize = 64;
/// Bytes of files after which a block is full.
const BLOCK_BYTES: u64 = 64 << 20;

pub(crate) fn run(args: &FeaturesArgs, global: &Global, ui: &Ui) -> Result<()> {
    let chain = chain(args)?;
    if let Some(recording) = &args.picture {
        return picture::draw(recording, &args.out, &chain, ui);
    }
    let Some(manifest) = &args.manifest else { bail!("a manifest or --picture is needed") };
    let plan = Plan::read(manifest, &args.classes)?;
    plan.check_groups(manifest, args.allow_crossing_groups, ui)?;
    for warning in &plan.warnings {
        ui.warn(warning);
    }
    let cache = (!args.no_cache || args.part.is_some()).then(|| args.out.join("cache"));
    let extractor = Extractor::new(&chain, cache.as_deref())?;
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
            flags.extend(preset_flags(preset)?);
        }
        flags.extend(equalize_flags(&args.equalize));
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
    let mut skipped = Vec::new();
    for block in blocks(plan, &mine) {
        let computed = compute(plan, extractor, block, &bar);
        extractor.keep(computed.iter().flatten().flatten())?;
        for (planned, computed) in block.iter().zip(computed) {
            if let Err(reason) = computed? {
                skipped.push(Skipped { path: planned.row.path.clone(), reason });
            }
        }
    }
    bar.finish_and_clear();
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
    let rows: Vec<_> = plan.rows.iter().collect();
    let blocks = blocks(plan, &rows);
    std::thread::scope(|scope| -> Result<()> {
        // The next block is computed while this one is written.
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let (blocks, bar) = (&blocks, &bar);
        scope.spawn(move || {
            // Once a block has failed, or nobody listens any more, the rest is not needed.
            blocks.iter().map(|block| compute(plan, extractor, block, bar)).all(|computed| {
                let fine = computed.iter().all(Result::is_ok);
                send.send(computed).is_ok() && fine
            })
        });
        for (block, computed) in blocks.iter().zip(receive) {
            extractor.keep(computed.iter().flatten().flatten())?;
            for (planned, computed) in block.iter().zip(computed) {
                match computed? {
                    Ok(extracted) => push(&mut writer, planned, extracted.named(&planned.row))?,
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

/// Recordings that are computed together: so many that all threads have work and memory stays bounded.
fn blocks<'a, 'b>(plan: &Plan, rows: &'b [&'a Planned]) -> Vec<&'b [&'a Planned]> {
    let mut n_bytes = 0;
    let mut n_recordings = 0;
    let mut is_next = |planned: &Planned| {
        let size = std::fs::metadata(plan.manifest.file(&planned.row)).map_or(0, |file| file.len());
        let next = n_recordings == BLOCK || (n_recordings > 0 && n_bytes + size > BLOCK_BYTES);
        (n_bytes, n_recordings) = if next { (size, 1) } else { (n_bytes + size, n_recordings + 1) };
        next
    };
    let starts: Vec<_> = (0..rows.len()).filter(|&i| is_next(rows[i])).collect();
    let bounds: Vec<_> = std::iter::once(0).chain(starts).chain([rows.len()]).collect();
    bounds.windows(2).map(|bound| &rows[bound[0]..bound[1]]).collect()
}

/// The spectrograms of a block's recordings, each on its own: what was finished before an error or Ctrl-C is there.
fn compute(
    plan: &Plan,
    extractor: &Extractor,
    block: &[&Planned],
    bar: &ProgressBar,
) -> Vec<Result<Result<Extracted, String>>> {
    let recording = |planned: &&Planned| {
        cancel::check("finished recordings are kept; run the same command again to go on")?;
        let extracted = extractor.recording(plan, planned);
        bar.inc(1);
        extracted
    };
    block.par_iter().map(recording).collect()
}

/// Adds the clips of a recording to the shards.
fn push(writer: &mut SpectrogramWriter, planned: &Planned, recording: Recording) -> Result<()> {
    let Recording { records, mel, frames, n_mels, n_frames } = recording;
    for ((record, mel), frames) in records.into_iter().zip(mel.chunks_exact(n_mels * n_frames)).zip(frames) {
        let path = record.path.clone();
        let pushed = writer.push(record, mel, n_mels, n_frames, frames, planned.label, planned.split);
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
