//! Looks at every recording and writes the manifest that the next stages read.

pub use audio_io::check::FileCheck;
pub use audio_io::folds::fold_name;
pub use audio_io::split::Shares;

use crate::error::{Context, Result};
use crate::import::{self, Imported, Layout};
use crate::job::Job;
use crate::output;
use audio_io::Row;
pub use audio_io::scan::GroupBy;
use audio_io::scan::{Journal, Ledger, Outline, ScanOptions, scan_with};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::AtomicFile;

/// Most warnings that are shown one by one.
const MOST_WARNINGS: usize = 20;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder with one folder a class, a CSV, or data in the layout of another tool.
    pub data: PathBuf,
    /// How they are read.
    pub import: import::Options,
    /// Manifest to write; what was found in each file goes beside it (`.scan.json`).
    pub out: PathBuf,
    /// Shares of the groups for training, validation and test.
    pub split: Shares,
    /// Folds of a cross-validation in place of that.
    pub folds: Option<usize>,
    /// A fold for each value of this column.
    pub leave_out: Option<String>,
    /// What makes a group of rows that name none.
    pub group_by: Option<GroupBy>,
    /// Recordings shorter than this are unusable.
    pub min_seconds: f64,
    /// Go on from the journal of a scan that was finished, too: recordings that have not changed since are not read.
    pub resume: bool,
}

impl Options {
    /// 70, 15 and 15 % of the groups.
    pub fn new(data: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            import: import::Options::default(),
            out: out.into(),
            split: Shares::default(),
            folds: None,
            leave_out: None,
            group_by: None,
            min_seconds: 0.05,
            resume: false,
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
    /// What the data were taken for.
    pub layout: Layout,
    /// How they were read, a sentence each.
    pub layout_notes: Vec<String>,
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
    pub checks: Checks,
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

/// The journal of the scan that writes a manifest.
fn journal(manifest: &Path) -> PathBuf {
    manifest.with_extension("scan.journal")
}

/// What was found in each file, in the order of the input: in the journal of the scan, since there may be a million.
#[derive(Debug, Clone)]
pub struct Checks {
    journal: Arc<Journal>,
    n_files: u32,
}

impl Checks {
    /// One after the other.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn iter(&self) -> impl Iterator<Item = Result<FileCheck>> {
        (0..self.n_files).map(|number| Ok(self.journal.check(number)?))
    }
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.n_files as usize))?;
        for check in self.iter() {
            all.serialize_element(&check.map_err(S::Error::custom)?)?;
        }
        all.end()
    }
}

/// Looks at every recording of a folder or manifest. What is found in each is appended to a journal beside the manifest
/// (`.scan.journal`), so that a scan that was broken off goes on, and so can one whose folder [has grown](Options::resume).
///
/// # Errors
/// Data that cannot be read, no usable recording, or a file that cannot be written.
#[tracing::instrument(level = "info", name = "scan", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    output::file(&options.out)?;
    let Imported { manifest, layout, notes } = import::open(&options.data, &options.import, &job.cancel)?;
    if !matches!(layout, Layout::Manifest | Layout::Folders) {
        job.say(format!("{}: {layout}", options.data.display()));
    }
    notes.iter().for_each(|note| job.say(note));
    job.check("nothing was written")?;
    let how = ScanOptions {
        shares: options.split,
        folds: options.folds,
        leave_out: options.leave_out.clone(),
        group_by: options.group_by.clone(),
        seed: job.seed(),
        min_seconds: options.min_seconds,
        ..ScanOptions::default()
    };
    let journal = Arc::new(Journal::open(&journal(&options.out), &how, options.resume)?);
    if journal.n_known() > 0 {
        job.say(format!(
            "{} recordings are known from an earlier scan, and are read only where they have changed",
            journal.n_known()
        ));
    }
    let progress = job.progress("scan", manifest.rows.len());
    let scanned = scan_with(manifest, &how, &*journal, &|_| {
        progress.inc(1);
        !job.cancel.is_cancelled()
    });
    journal.sync()?;
    drop(progress);
    job.check("what was found so far is kept; run the same command again to go on")?;
    let scan = scanned?;
    for warning in scan.warnings.iter().take(MOST_WARNINGS) {
        job.warn(warning.to_string());
    }
    if scan.warnings.len() > MOST_WARNINGS {
        let more = scan.warnings.len() - MOST_WARNINGS;
        job.warn(format!("{more} more warnings are in {}", details(&options.out).display()));
    }
    let counts = counts(&scan.rows);
    write_manifest(&scan, &journal, &options.out)?;
    let Outline { rows, n_files, n_rows, unusable, duplicates, warnings, fold_values, .. } = scan;
    let usable = rows.len();
    drop(rows);
    let outcome = Outcome {
        manifest: options.out.clone(),
        layout,
        layout_notes: notes,
        recordings: n_rows,
        usable,
        counts,
        unusable,
        duplicates,
        warnings,
        checks: Checks { journal, n_files },
        fold_values,
    };
    let details = outcome.details();
    let unwritable = || format!("{}: cannot be written", details.display());
    let mut file = AtomicFile::create(&details).with_context(unwritable)?;
    serde_json::to_writer_pretty(&mut file, &outcome).with_context(unwritable)?;
    file.commit().with_context(unwritable)?;
    outcome.checks.journal.finish()?;
    Ok(outcome)
}

/// Writes the manifest, with paths relative to its folder.
fn write_manifest(scan: &Outline, journal: &Journal, path: &Path) -> Result<()> {
    let unwritable = || format!("{}: cannot be written", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = AtomicFile::create(path).with_context(unwritable)?;
    scan.write_csv(journal, folder, &mut file)?;
    file.flush().and_then(|()| file.commit()).with_context(unwritable)
}

fn counts(rows: &[Row]) -> Counts {
    let mut groups = HashSet::<(&str, &str, &str)>::new();
    let mut counts = Counts::new();
    for row in rows {
        let split = row.split.as_deref().unwrap_or_default();
        let group = row.group.as_deref().unwrap_or(&row.path);
        let is_new = groups.insert((&row.label, split, group));
        let of_label = match counts.get_mut(&row.label) {
            Some(of_label) => of_label,
            None => counts.entry(row.label.clone()).or_default(),
        };
        let [n_rows, n_groups] = of_label.entry(split.to_owned()).or_default();
        *n_rows += 1;
        *n_groups += usize::from(is_new);
    }
    counts
}
