//! Every file of a manifest checked, duplicates found, splits dealt, and nothing dropped without a reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::check::{FileCheck, MIN_SECONDS, check_file};
use crate::clip::range;
use crate::error::{Error, Result};
use crate::folds::{assign_folds, leave_out};
use crate::manifest::{Manifest, Row};
use crate::split::{NEITHER, Shares, assign};
pub use crate::warning::Warning;

/// The columns that a scan writes; a column of the input with one of these names is replaced.
pub const MEASURED: [&str; 9] =
    ["sample_rate", "channels", "seconds", "peak", "rms", "clipped_share", "silent_share", "sha256", "sample_sha256"];

/// What a scan asks of the files and how it splits.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// Shortest file, and shortest part of a file, that is usable, in seconds.
    pub min_seconds: f64,
    /// Shares of the splits.
    pub shares: Shares,
    /// Folds of a cross-validation in place of them.
    pub folds: Option<usize>,
    /// A fold for each value of this column in place of both, see [`leave_out`].
    pub leave_out: Option<String>,
    /// Decides between groups of equal size.
    pub seed: u64,
}

impl Default for ScanOptions {
    fn default() -> Self {
        ScanOptions { min_seconds: MIN_SECONDS, shares: Shares::default(), folds: None, leave_out: None, seed: 0 }
    }
}

/// A row that is not in the manifest of a scan, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// The file as the input names it.
    pub path: String,
    /// Its label.
    pub label: String,
    /// Why it cannot be used.
    pub reason: String,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The usable rows in the order of the input, with splits and the columns of [`MEASURED`]. These describe the
    /// file, also where a row is a part of it.
    pub manifest: Manifest,
    /// One check a file, usable or not, in the order of the input.
    pub checks: Vec<FileCheck>,
    /// The rows that are left out, in the order of the input.
    pub unusable: Vec<Unusable>,
    /// Files with the same sound, by their paths.
    pub duplicates: Vec<Vec<String>>,
    /// What else there is to know.
    pub warnings: Vec<Warning>,
    /// The value of each fold, fold-0 first, where [`ScanOptions::leave_out`] made them.
    pub fold_values: Vec<String>,
}

/// Checks every file of a manifest on all threads and makes the manifest that the next stages use. `progress` is
/// told the number of files done, from any thread.
///
/// # Errors
/// A manifest without rows, one of which no row is usable, or options that make no sense.
pub fn scan(manifest: &Manifest, options: &ScanOptions, progress: &(dyn Fn(usize) + Sync)) -> Result<Scan> {
    options.shares.validate()?;
    let fail = |message: String| Error::Folder { path: manifest.root.clone(), message };
    if manifest.rows.is_empty() {
        return Err(fail("the manifest has no rows: add recordings".into()));
    }
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut files: Vec<&Row> = Vec::new();
    for row in &manifest.rows {
        index.entry(&row.path).or_insert_with(|| {
            files.push(row);
            files.len() - 1
        });
    }
    let n_done = AtomicUsize::new(0);
    let checks: Vec<FileCheck> = files
        .par_iter()
        .map(|row| {
            let check = check_file(&manifest.file(row), &row.path, options.min_seconds);
            progress(n_done.fetch_add(1, Ordering::Relaxed) + 1);
            check
        })
        .collect();

    let mut kept = Vec::new();
    let mut unusable = Vec::new();
    for row in &manifest.rows {
        let check = &checks[index[row.path.as_str()]];
        match row_reason(row, check, options.min_seconds) {
            Some(reason) => {
                unusable.push(Unusable { path: row.path.clone(), label: row.label.clone(), reason });
            }
            None => kept.push((row, check)),
        }
    }
    if kept.is_empty() {
        let Unusable { path, reason, .. } = &unusable[0];
        return Err(fail(format!("none of {} rows can be used; the first, {path}: {reason}", unusable.len())));
    }
    let mut out = measured(manifest, &kept);
    let duplicates = duplicates(&checks);
    let mut warnings = Vec::new();
    if !manifest.ignored.is_empty() {
        warnings.push(Warning::Ignored { paths: manifest.ignored.clone() });
    }
    warnings.extend(label_conflicts(&out.rows, &duplicates));
    let classes: BTreeSet<&str> =
        out.rows.iter().map(|row| row.label.as_str()).filter(|label| !label.is_empty() && *label != NEITHER).collect();
    if let (1, Some(class)) = (classes.len(), classes.first()) {
        warnings.push(Warning::OneClass { class: (*class).to_owned() });
    }
    let tied: Vec<Vec<usize>> = duplicates
        .iter()
        .map(|paths| {
            let paths: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
            (0..out.rows.len()).filter(|&i| paths.contains(out.rows[i].path.as_str())).collect()
        })
        .collect();
    if let Some(column) = &options.leave_out {
        // From the input: a scan writes some columns anew.
        let values = column_values(manifest, column, &kept)?;
        let fold_values = leave_out(&mut out.rows, &tied, &values)?;
        return Ok(Scan { manifest: out, checks, unusable, duplicates, warnings, fold_values });
    }
    warnings.extend(match options.folds {
        None => assign(&mut out.rows, &tied, &options.shares, options.seed),
        Some(n_folds) => assign_folds(&mut out.rows, &tied, n_folds, options.seed)?,
    });
    Ok(Scan { manifest: out, checks, unusable, duplicates, warnings, fold_values: Vec::new() })
}

/// What the kept rows have in a column.
fn column_values(manifest: &Manifest, column: &str, kept: &[(&Row, &FileCheck)]) -> Result<Vec<String>> {
    if column.eq_ignore_ascii_case("group") {
        return Ok(kept.iter().map(|(row, _)| row.group.clone().unwrap_or_default()).collect());
    }
    let place = manifest.extra_columns.iter().position(|name| name.eq_ignore_ascii_case(column));
    let place = place.ok_or_else(|| Error::Setting {
        setting: "leave-out",
        expected: "a column of the manifest: group, or one of your own",
        got: format!("{column}; your own are: {}", manifest.extra_columns.join(", ")),
    })?;
    Ok(kept.iter().map(|(row, _)| row.extra[place].clone()).collect())
}

/// Why a row cannot be used: its file, or the part that it names.
fn row_reason(row: &Row, check: &FileCheck, min_seconds: f64) -> Option<String> {
    if let Some(reason) = &check.reason {
        return Some(reason.clone());
    }
    let (first, last) = match range(check.frames as usize, check.rate_hz, row.start_s, row.end_s) {
        Ok(range) => range,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(channel) = row.channel.filter(|&channel| u32::from(channel) >= check.channels) {
        return Some(Error::Channel { channel, n_channels: check.channels as usize }.to_string());
    }
    let seconds = (last - first) as f64 / f64::from(check.rate_hz);
    (seconds < min_seconds).then(|| format!("too short: {seconds:.3} s, at least {min_seconds} s are needed"))
}

/// The usable rows with the measured columns in place of any of the same name.
fn measured(manifest: &Manifest, kept: &[(&Row, &FileCheck)]) -> Manifest {
    let carried: Vec<usize> = (0..manifest.extra_columns.len())
        .filter(|&i| !MEASURED.iter().any(|name| manifest.extra_columns[i].eq_ignore_ascii_case(name)))
        .collect();
    let rows = kept
        .iter()
        .map(|(row, check)| {
            let mut extra: Vec<String> = carried.iter().map(|&i| row.extra[i].clone()).collect();
            extra.extend([
                check.rate_hz.to_string(),
                check.channels.to_string(),
                format!("{:.4}", check.seconds),
                format!("{:.6}", check.peak),
                format!("{:.6}", check.rms),
                format!("{:.4}", check.clipped_share),
                format!("{:.4}", check.silent_share),
                check.sha256_file.clone(),
                check.sha256_samples.clone(),
            ]);
            Row { extra, ..(*row).clone() }
        })
        .collect();
    let names = carried.iter().map(|&i| manifest.extra_columns[i].clone());
    Manifest {
        root: manifest.root.clone(),
        rows,
        extra_columns: names.chain(MEASURED.iter().map(|name| (*name).to_owned())).collect(),
        ignored: manifest.ignored.clone(),
    }
}

/// Files whose samples are the same, in the order of the first of each.
fn duplicates(checks: &[FileCheck]) -> Vec<Vec<String>> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut sets: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (i, check) in checks.iter().enumerate().filter(|(_, check)| check.usable) {
        let first = *first.entry(&check.sha256_samples).or_insert(i);
        sets.entry(first).or_default().push(check.path.clone());
    }
    sets.into_values().filter(|paths| paths.len() > 1).collect()
}

/// A part of a file: two rows of different files with the same part and the same sound must agree on the label.
type Part = (Option<u64>, Option<u64>, Option<u16>);

/// The paths and the labels under which one sound is listed.
type Listed<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>);

/// Rows that are the same sound under different labels.
fn label_conflicts(rows: &[Row], duplicates: &[Vec<String>]) -> Vec<Warning> {
    let same: HashMap<&str, &str> =
        duplicates.iter().flat_map(|paths| paths.iter().map(|path| (path.as_str(), paths[0].as_str()))).collect();
    let mut labels: BTreeMap<(&str, Part), Listed<'_>> = BTreeMap::new();
    for row in rows {
        let sound = same.get(row.path.as_str()).copied().unwrap_or(&row.path);
        let part = (row.start_s.map(f64::to_bits), row.end_s.map(f64::to_bits), row.channel);
        let (paths, labels) = labels.entry((sound, part)).or_default();
        paths.insert(&row.path);
        labels.insert(&row.label);
    }
    let owned = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect();
    labels
        .into_values()
        .filter(|(_, labels)| labels.len() > 1)
        .map(|(paths, labels)| Warning::DuplicateLabels { paths: owned(paths), labels: owned(labels) })
        .collect()
}
