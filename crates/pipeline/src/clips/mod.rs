//! Cuts the sound of detections out of their recordings, to listen to.
//!
//! In order: `choose` takes detections of a table, `plan` finds their recordings and names the clips, `cut` goes through each
//! recording once, `tables` lists what was cut.

mod choose;
mod cut;
mod excerpt;
mod names;
mod options;
mod plan;
mod sound;
mod tables;

pub use excerpt::{Excerpt, Span, excerpt};
pub(crate) use names::Names;
pub use names::safe as safe_name;
pub use options::{Encoding, Options, Outcome, Pick};
pub use sound::wav;

use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::{inputs, output};
use choose::choose;
use cut::cut;
use plan::{Plan, plan};
use rayon::prelude::*;
use shard::Skipped;
use std::collections::BTreeMap;
use std::time::Duration;
use tables::Tables;

/// Cuts the sound of detections out of their recordings. Each recording is read once, and memory grows neither with its length
/// nor with that of the clips; but a picture and a clip as FLAC need the clip in memory.
///
/// # Errors
/// A table that cannot be read or has no detection that is wanted, recordings that are ambiguous, no usable recording, a
/// folder that cannot be written. Where it is stopped, clips that are finished stay and are listed.
#[tracing::instrument(level = "info", name = "clips", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let rows = inputs::detections(&options.detections, options.label_column.as_deref())?;
    let chosen = choose(&rows, options, job.seed())?;
    let recordings = inputs::Recordings::new(&options.detections, options.recordings.as_deref(), &job.cancel)?;
    let _lock = output::folder(&options.out)?;
    // Of runs that were killed; no other writes here now.
    shard::remove_temporaries(&options.out, Duration::ZERO)?;
    let root = storage::canonical(&options.out).with_context(|| options.out.display().to_string())?;
    let mut names = Names::new(&root);
    let tables = Tables::new(&options.out, &mut names);
    let Plan { of_recordings, mut skipped } = plan(&rows, &chosen, &recordings, &mut names, options)?;
    let progress = job.progress("clips", chosen.len());
    progress.inc(skipped.iter().map(|missing| missing.rows).sum());
    let cut: Vec<cut::Cut> = of_recordings
        .par_iter()
        .map(|of| {
            let cut = cut(of, &root, options, job);
            progress.inc(of.parts.len());
            cut
        })
        .collect();
    drop(progress);
    let mut clips = Vec::new();
    let mut failed = None;
    let mut all_skipped: Vec<Skipped> = skipped.drain(..).map(|missing| missing.skipped).collect();
    for of in cut {
        clips.extend(of.clips);
        all_skipped.extend(of.skipped);
        of.warnings.iter().for_each(|text| job.warn(text));
        failed = failed.or(of.failed);
    }
    all_skipped.iter().for_each(|skipped| job.warn(format!("{}: {}", skipped.path, skipped.reason)));
    clips.sort_by(|a, b| a.part.name.cmp(&b.part.name));
    if !clips.is_empty() {
        tables.write(&clips, options)?;
    }
    let kept = format!("{} of {} clips are in {}", clips.len(), chosen.len(), options.out.display());
    job.check(&kept)?;
    if let Some(error) = failed {
        return Err(error).context(&kept);
    }
    if clips.is_empty() {
        bail!("none of the {} detections could be cut; the reasons are above", chosen.len());
    }
    let mut labels = BTreeMap::<String, usize>::new();
    clips.iter().for_each(|clip| *labels.entry(clip.part.row.label.clone()).or_default() += 1);
    Ok(Outcome {
        out: options.out.clone(),
        table: tables.clips.clone(),
        selections: tables.selections.clone(),
        detections: rows.len(),
        chosen: chosen.len(),
        clips: clips.len(),
        labels,
        pictures: clips.iter().filter(|clip| clip.has_picture).count(),
        skipped: all_skipped,
    })
}
