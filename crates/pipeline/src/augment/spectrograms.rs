//! Views of a features folder's spectrograms, where recordings are no longer at hand.

use super::options::{Options, Outcome, numbers_of};
use crate::config::AugmentConfig;
use crate::error::{Context, Result, bail};
use crate::extraction::views::number_of;
use crate::job::Job;
use crate::output;
use augment::{augment, seed_for};
use classifier::{BandSums, Normalization};
use inference::Chain;
use rayon::prelude::*;
use shard::{Provenance, SpectrogramWriter, Spectrograms};
use std::collections::BTreeMap;
use std::path::Path;

/// Clips whose views are made together.
const BLOCK: usize = 32;

/// The step in a view's record; its strength is in the provenance.
const STEP: &str = "spectrogram augmentation";

pub(super) fn run(input: &Path, options: &Options, config: &AugmentConfig, job: &Job<'_>) -> Result<Outcome> {
    check_apart(input, options)?;
    let index = shard::read_index(input)?;
    let unit_per_db = Chain::from_header(&index.front_end, input)?.unit_per_db();
    let splits = numbers_of(&options.splits, &index.splits).with_context(|| input.display().to_string())?;
    let fill = means(input, &splits)?;
    let provenance = Provenance {
        stage: "augment".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: serde_json::json!({
            "spectrogram": config.spectrogram, "views": options.views, "splits": options.splits,
        }),
        seed: job.seed(),
        inputs: BTreeMap::from([("features".to_owned(), shard::sha256_hex(&index.to_bytes()?))]),
    };
    let (front_end, classes) = (index.front_end.clone(), index.classes.clone());
    let names = index.splits.clone();
    let mut writer =
        SpectrogramWriter::create(&options.out, front_end, classes, names, provenance, options.dtype.into())?;
    let bar = job.progress("augment", usize::try_from(index.n_clips)?);
    for shard in shard::spectrogram_shards(input)? {
        let shard = shard?;
        let rows: Vec<usize> = (0..shard.n_clips()).collect();
        for block in rows.chunks(BLOCK) {
            job.check("nothing is kept; run the same command again")?;
            let view = |&row: &usize| -> Vec<Vec<f32>> {
                let n_views = if splits.contains(&shard.split[row]) { options.views as u64 } else { 0 };
                // By its name: a folder need not know the bytes that a clip comes from.
                let clip = &shard.header.clips[row];
                let id = number_of(&[&clip.id, &clip.source_sha256]);
                let one = |view: u64| {
                    let mut mel = shard.clip(row).to_vec();
                    let seed = seed_for(job.seed(), id, view);
                    let (n_mels, n_frames) = (shard.n_mels, shard.n_frames);
                    augment(&mut mel, n_mels, n_frames, &fill, &config.spectrogram, unit_per_db, seed);
                    mel
                };
                (1..=n_views).map(one).collect()
            };
            let views: Vec<Vec<Vec<f32>>> = block.par_iter().map(view).collect();
            for (&row, views) in block.iter().zip(&views) {
                push(&mut writer, &shard, row, shard.clip(row), 0)?;
                for (view, mel) in (1..).zip(views) {
                    push(&mut writer, &shard, row, mel, view)?;
                }
                bar.inc(1);
            }
        }
    }
    drop(bar);
    let written = writer.finish(index.skipped)?;
    Ok(Outcome::Spectrograms { index: Box::new(written), clips: index.n_clips })
}

/// The output is another folder, and nothing asks for recordings.
fn check_apart(input: &Path, options: &Options) -> Result<()> {
    output::apart(input, &options.out)?;
    let wrong = [
        ("--background", options.background.is_some()),
        ("--part", options.part.is_some()),
        ("--front-end", options.front_end.front_end.is_some()),
        ("--equalize", !options.front_end.equalize.is_empty()),
        ("--like", options.front_end.like.is_some()),
        ("--classes", !options.classes.is_empty()),
    ];
    match wrong.iter().find(|(_, given)| *given) {
        Some((flag, _)) => bail!("{}: {flag} is for a manifest; this is a features folder", input.display()),
        None => Ok(()),
    }
}

/// The mean of each band over the clips that get views, which is what a masked cell holds.
fn means(input: &Path, splits: &[u8]) -> Result<Vec<f32>> {
    let mut sums: Option<BandSums> = None;
    for shard in shard::spectrogram_shards(input)? {
        let shard = shard?;
        if let Some(clip) = shard.header.clips.iter().find(|clip| clip.view != 0) {
            bail!("{}: {} is a view already: make views of clips themselves", input.display(), clip.id);
        }
        let sums = sums.get_or_insert_with(|| BandSums::new(shard.n_mels, shard.n_frames));
        for row in (0..shard.n_clips()).filter(|row| splits.contains(&shard.split[*row])) {
            sums.add(shard.clip(row), shard.frames[row] as usize);
        }
    }
    let sums = sums.with_context(|| format!("{}: holds no clip", input.display()))?;
    let fitted = Normalization::fit(&sums);
    Ok(fitted.with_context(|| format!("{}: no clip of the splits that get views", input.display()))?.mean)
}

fn push(writer: &mut SpectrogramWriter, shard: &Spectrograms, row: usize, mel: &[f32], view: u32) -> Result<()> {
    let mut clip = shard.header.clips[row].clone();
    clip.view = view;
    clip.steps.extend((view > 0).then(|| STEP.to_owned()));
    let (n_mels, n_frames, frames) = (shard.n_mels, shard.n_frames, shard.frames[row]);
    Ok(writer.push(clip, mel, n_mels, n_frames, frames, shard.label[row], shard.split[row])?)
}
