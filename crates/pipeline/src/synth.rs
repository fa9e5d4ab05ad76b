//! Made sounds: barks, songs and what is neither, in folders of WAV files with a manifest that knows their groups.

use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::output;
use audio_io::{Manifest, Row};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder to write into.
    pub out: PathBuf,
    /// Clips to make.
    pub clips: usize,
}

impl Options {
    /// 400 clips.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self { out: out.into(), clips: 400 }
    }
}

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The folder.
    pub out: PathBuf,
    /// Its manifest.
    pub manifest: PathBuf,
    /// Clips of each label.
    pub clips: BTreeMap<String, usize>,
}

/// Makes sounds.
///
/// # Errors
/// A folder that holds other files, or that cannot be written.
#[tracing::instrument(level = "info", name = "synth", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let out = &options.out;
    let manifest_path = out.join("manifest.csv");
    let _lock = output::folder(out)?;
    if !storage::exists(&manifest_path) && !shard::is_empty_folder(out)? {
        bail!("{}: holds files that synth did not make; name a new folder with --out", out.display());
    }
    let plan = synth::plan(options.clips, job.seed());
    let progress = job.progress("sounds", plan.len());
    let rows: Vec<Row> = plan
        .par_iter()
        .map(|clip| {
            job.check("no manifest was written; delete the folder and run it again")?;
            let item = clip.render();
            let path = out.join(&item.path);
            if let Some(folder) = path.parent() {
                storage::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
            shard::write_atomic(&path, &synth::to_wav_16(&item.samples, item.rate_hz))?;
            progress.inc(1);
            Ok(Row { path: item.path, label: item.label, group: Some(item.group), ..Row::default() })
        })
        .collect::<Result<_>>()?;
    drop(progress);
    let mut clips = BTreeMap::<String, usize>::new();
    for row in &rows {
        *clips.entry(row.label.clone()).or_default() += 1;
    }
    let manifest = Manifest { root: out.clone(), rows, ..Manifest::default() };
    shard::write_atomic(&manifest_path, &manifest.to_csv())?;
    Ok(Outcome { out: out.clone(), manifest: manifest_path, clips })
}
