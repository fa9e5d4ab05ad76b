//! Cuts the sound of detections out of their recordings, to listen to.
//!
//! In order: `choose` takes detections of a table, `plan` finds their recordings and names the clips, `cut` goes through each
//! recording once, `tables` lists what was cut.

mod choose;
mod cut;
mod names;
mod plan;
mod sound;
mod tables;

use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::named::named;
use crate::{inputs, output};
use choose::choose;
use cut::cut;
use names::Names;
use plan::{Plan, plan};
use rayon::prelude::*;
use serde::Serialize;
use shard::Skipped;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tables::Tables;

named! {
    /// Which detections of a class are taken where there are more than wanted.
    pub enum Pick {
        Random = "random", "drawn by --seed";
        Top = "top", "those with the highest scores";
        Spread = "spread", "as many of each band of scores, drawn by --seed";
    }
}

named! {
    /// Formats of clips.
    pub enum Encoding {
        Wav = "wav", "PCM of 16 bits, of 24 where the recording has more than 16";
        Flac = "flac", "the same samples in about half the space";
    }
}

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// The table of detections, ours or another tool's.
    pub detections: PathBuf,
    /// Folder to write into.
    pub out: PathBuf,
    /// Folder that recordings are under where they are not as written; or the recording of a table that names none.
    pub recordings: Option<PathBuf>,
    /// The column of the label, where it is not the usual one.
    pub label_column: Option<String>,
    /// Sound before and after each detection, in seconds.
    pub context_s: f64,
    /// Most clips of each label.
    pub per_class: Option<usize>,
    /// Which of them.
    pub pick: Pick,
    /// Lowest score.
    pub min_score: Option<f64>,
    /// Highest score.
    pub max_score: Option<f64>,
    /// Labels; all where there are none.
    pub labels: Vec<String>,
    /// Format of the clips.
    pub encoding: Encoding,
    /// Whether each clip gets a picture of its spectrogram.
    pub pictures: bool,
}

impl Options {
    /// All detections with a second before and after, as WAV.
    pub fn new(detections: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            detections: detections.into(),
            out: out.into(),
            recordings: None,
            label_column: None,
            context_s: 1.0,
            per_class: None,
            pick: Pick::Random,
            min_score: None,
            max_score: None,
            labels: Vec::new(),
            encoding: Encoding::Wav,
            pictures: false,
        }
    }
}

/// What was cut.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The folder.
    pub out: PathBuf,
    /// The table of the clips: where each is from.
    pub table: PathBuf,
    /// The selection table of the clips, for Raven.
    pub selections: PathBuf,
    /// Detections in the table.
    pub detections: usize,
    /// Those that were to be cut.
    pub chosen: usize,
    /// Clips that were written.
    pub clips: usize,
    /// Clips of each label.
    pub labels: BTreeMap<String, usize>,
    /// Pictures that were written.
    pub pictures: usize,
    /// Recordings and detections that could not be used, with the reason.
    pub skipped: Vec<Skipped>,
}

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
    let root = options.out.canonicalize().with_context(|| options.out.display().to_string())?;
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
