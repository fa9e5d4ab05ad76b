//! Looks at every recording and writes the manifest that the next stages read.

pub use audio_io::folds::fold_name;
pub use audio_io::split::Shares;

use crate::error::Result;
use crate::inputs::open_manifest;
use crate::job::Job;
use crate::output;
use audio_io::Manifest;
use audio_io::check::FileCheck;
use audio_io::scan::{ScanOptions, scan};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Most warnings that are shown one by one.
const MOST_WARNINGS: usize = 20;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder with one folder a class, or a CSV.
    pub data: PathBuf,
    /// Manifest to write; what was found in each file goes beside it (`.scan.json`).
    pub out: PathBuf,
    /// Shares of the groups for training, validation and test.
    pub split: Shares,
    /// Folds of a cross-validation in place of that.
    pub folds: Option<usize>,
    /// A fold for each value of this column.
    pub leave_out: Option<String>,
    /// Recordings shorter than this are unusable.
    pub min_seconds: f64,
}

impl Options {
    /// 70, 15 and 15 % of the groups.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            out: out.into(),
            split: Shares::default(),
            folds: None,
            leave_out: None,
            min_seconds: 0.05,
        }
    }
}

/// Recordings and groups of each label in each split.
pub type Counts = BTreeMap<String, BTreeMap<String, [usize; 2]>>;

/// What was found, as `.scan.json` has it.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The manifest that was written.
    pub manifest: PathBuf,
    /// Recordings that were looked at.
    pub recordings: usize,
    /// Those that are in the manifest.
    pub usable: usize,
    /// Recordings and groups of each label in each split.
    pub counts: Counts,
    /// Those that are not, with the reason.
    pub unusable: Vec<audio_io::scan::Unusable>,
    /// Sets of recordings with the same samples.
    pub duplicates: Vec<Vec<String>>,
    /// What a reader should know.
    pub warnings: Vec<audio_io::scan::Warning>,
    /// What was found in each file.
    pub checks: Vec<FileCheck>,
    /// The value of the column that each fold leaves out.
    pub fold_values: Vec<String>,
}

impl Outcome {
    /// Where the details are.
    pub fn details(&self) -> PathBuf {
        details(&self.manifest)
    }
}

fn details(manifest: &Path) -> PathBuf {
    manifest.with_extension("scan.json")
}

/// Looks at every recording of a folder or manifest.
///
/// # Errors
/// Data that cannot be read, no usable recording, or a file that cannot be written.
#[tracing::instrument(level = "info", name = "scan", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    output::file(&options.out)?;
    let manifest = open_manifest(&options.data, &job.cancel)?;
    job.check("nothing was written")?;
    let n = manifest.rows.len();
    let progress = job.progress("scan", n);
    let how = ScanOptions {
        shares: options.split,
        folds: options.folds,
        leave_out: options.leave_out.clone(),
        seed: job.seed(),
        min_seconds: options.min_seconds,
        ..ScanOptions::default()
    };
    let scan = scan(&manifest, &how, &|_| {
        progress.inc(1);
        !job.cancel.is_cancelled()
    })?;
    let n = n - scan.n_repeated;
    drop(progress);
    job.check("nothing was written")?;
    for warning in scan.warnings.iter().take(MOST_WARNINGS) {
        job.warn(warning.to_string());
    }
    if scan.warnings.len() > MOST_WARNINGS {
        let more = scan.warnings.len() - MOST_WARNINGS;
        job.warn(format!("{more} more warnings are in {}", details(&options.out).display()));
    }
    let parent = options.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let rebased = scan.manifest.rebased(parent)?;
    shard::write_atomic(&options.out, &rebased.to_csv())?;
    let outcome = Outcome {
        manifest: options.out.clone(),
        recordings: n,
        usable: rebased.rows.len(),
        counts: counts(&rebased),
        unusable: scan.unusable,
        duplicates: scan.duplicates,
        warnings: scan.warnings,
        checks: scan.checks,
        fold_values: scan.fold_values,
    };
    shard::write_atomic(&outcome.details(), &serde_json::to_vec_pretty(&outcome)?)?;
    Ok(outcome)
}

fn counts(manifest: &Manifest) -> Counts {
    let mut groups = BTreeMap::<(String, String), BTreeSet<String>>::new();
    let mut counts = Counts::new();
    for row in &manifest.rows {
        let split = row.split.clone().unwrap_or_default();
        let group = row.group.clone().unwrap_or_else(|| row.path.clone());
        groups.entry((row.label.clone(), split.clone())).or_default().insert(group);
        counts.entry(row.label.clone()).or_default().entry(split).or_default()[0] += 1;
    }
    for ((label, split), set) in groups {
        if let Some(entry) = counts.get_mut(&label).and_then(|splits| splits.get_mut(&split)) {
            entry[1] = set.len();
        }
    }
    counts
}
