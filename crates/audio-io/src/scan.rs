//! Every file of a manifest checked, duplicates found, splits assigned, and nothing dropped without a reason.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::channels::ChannelPolicy;
use crate::check::{FileCheck, MIN_SECONDS, check_rows};
use crate::damage::Silence;
use crate::error::{Error, Result};
use crate::folds::{assign_folds, leave_out};
use crate::groups::is_class;
use crate::labels::alike;
use crate::manifest::{Manifest, Row};
use crate::range::range;
use crate::same::{duplicates, label_conflicts, without_repeats};
use crate::shares::Shares;
use crate::silence::SilenceStream;
use crate::split::assign;
use crate::split_names;
pub use crate::warning::Warning;

/// The columns that a scan writes; a column of the input with one of these names is replaced.
pub const MEASURED: [&str; 9] =
    ["sample_rate", "channels", "seconds", "peak", "rms", "clipped_share", "silent_share", "sha256", "sample_sha256"];

/// The greatest [`ScanOptions::min_seconds`]: a day.
pub const MAX_MIN_SECONDS: f64 = 86_400.0;

/// What a scan asks of the files and how it splits.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// Shortest file, and shortest part of a file, that is usable, in seconds.
    pub min_seconds: f64,
    /// What later becomes of several channels, where a row names none: a recording whose channels cancel each other is
    /// silent as a mix.
    pub channels: ChannelPolicy,
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
        ScanOptions {
            min_seconds: MIN_SECONDS,
            channels: ChannelPolicy::default(),
            shares: Shares::default(),
            folds: None,
            leave_out: None,
            seed: 0,
        }
    }
}

impl ScanOptions {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// A shortest length that is not a number from 0 to a day, and shares that cannot be dealt.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=MAX_MIN_SECONDS).contains(&self.min_seconds) {
            return Err(Error::Setting {
                setting: "min-seconds",
                expected: "seconds from 0 to 86400",
                got: self.min_seconds.to_string(),
            });
        }
        self.shares.validate()
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
    /// Rows of the input that name the same part of the same file as one before them; they are counted nowhere else.
    pub n_repeated: usize,
    /// Files with the same sound, by their paths.
    pub duplicates: Vec<Vec<String>>,
    /// What else there is to know.
    pub warnings: Vec<Warning>,
    /// The value of each fold, fold-0 first, where [`ScanOptions::leave_out`] made them.
    pub fold_values: Vec<String>,
}

/// Checks every file of a manifest on all threads and makes the manifest that the next stages use. `progress` gets the
/// number of files done, from any thread, and returns whether to go on.
///
/// # Errors
/// A manifest without rows, one of which no row is usable, options that make no sense, and [`Error::Cancelled`].
#[tracing::instrument(level = "debug", skip_all, fields(rows = manifest.rows.len(), seed = options.seed))]
pub fn scan(manifest: &Manifest, options: &ScanOptions, progress: &(dyn Fn(usize) -> bool + Sync)) -> Result<Scan> {
    options.validate()?;
    let fail = |message: String| Error::Folder { path: manifest.root.clone(), message };
    if manifest.rows.is_empty() {
        return Err(fail("the manifest has no rows: add recordings".into()));
    }
    let (rows, repeated) = without_repeats(&manifest.rows);
    let (checks, reasons) = check_all(manifest, &rows, options, progress)?;
    let mut kept = Vec::new();
    let mut unusable = Vec::new();
    for (&row, (check, reason)) in rows.iter().zip(reasons) {
        match reason {
            Some(reason) => {
                unusable.push(Unusable { path: row.path.clone(), label: row.label.clone(), reason });
            }
            None => kept.push((row, &checks[check])),
        }
    }
    if kept.is_empty() {
        let Unusable { path, reason, .. } = &unusable[0];
        return Err(fail(format!("none of {} rows can be used; the first, {path}: {reason}", unusable.len())));
    }
    let mut out = measured(manifest, &kept);
    let duplicates = duplicates(&checks);
    let mut warnings = of_input(manifest);
    let n_repeated = repeated.len();
    if n_repeated > 0 {
        let paths: BTreeSet<&str> = repeated.iter().map(|row| row.path.as_str()).collect();
        let paths = paths.into_iter().map(str::to_owned).collect();
        warnings.push(Warning::RepeatedRows { n_rows: n_repeated, paths });
    }
    warnings.extend(label_conflicts(&out.rows, &duplicates));
    warnings.extend(of_classes(&out.rows));
    let tied: Vec<Vec<usize>> = duplicates
        .iter()
        .map(|paths| {
            let paths: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
            (0..out.rows.len()).filter(|&i| paths.contains(out.rows[i].path.as_str())).collect()
        })
        .collect();
    let mut fold_values = Vec::new();
    if let Some(column) = &options.leave_out {
        // From the input: a scan writes some columns anew.
        let values = column_values(manifest, column, &kept)?;
        fold_values = leave_out(&mut out.rows, &tied, &values)?;
    } else {
        warnings.extend(match options.folds {
            None => assign(&mut out.rows, &tied, &options.shares, options.seed),
            Some(n_folds) => assign_folds(&mut out.rows, &tied, n_folds, options.seed)?,
        });
    }
    warnings.extend(unknown_splits(&out.rows));
    Ok(Scan { manifest: out, checks, unusable, n_repeated, duplicates, warnings, fold_values })
}

/// For each row, the place of its file's check and why it cannot be used.
type Reasons = Vec<(usize, Option<String>)>;

/// Checks each file once, and each row of it.
fn check_all(
    manifest: &Manifest,
    rows: &[&Row],
    options: &ScanOptions,
    progress: &(dyn Fn(usize) -> bool + Sync),
) -> Result<(Vec<FileCheck>, Reasons)> {
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut files: Vec<Vec<usize>> = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let file = *index.entry(&row.path).or_insert_with(|| {
            files.push(Vec::new());
            files.len() - 1
        });
        files[file].push(i);
    }
    let n_done = AtomicUsize::new(0);
    let cancelled = AtomicBool::new(false);
    let checked: Vec<Option<(FileCheck, Vec<Option<String>>)>> = files
        .par_iter()
        .map(|of_file| {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            let first = rows[of_file[0]];
            let streams = |rate_hz: u32| {
                let frame = |seconds: f64| (seconds * f64::from(rate_hz)).round() as usize;
                let stream = |&i: &usize| {
                    let row = rows[i];
                    let (first, last) = (row.start_s.map_or(0, frame), row.end_s.map_or(usize::MAX, frame));
                    SilenceStream::new(first, last, row.channel, options.channels)
                };
                of_file.iter().map(stream).collect()
            };
            let (check, silences) = check_rows(&manifest.file(first), &first.path, options.min_seconds, streams);
            let silences = silences.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
            let reasons =
                of_file.iter().zip(silences).map(|(&i, silence)| row_reason(rows[i], &check, silence, options));
            let reasons = reasons.collect();
            if !progress(n_done.fetch_add(1, Ordering::Relaxed) + 1) {
                cancelled.store(true, Ordering::Relaxed);
            }
            Some((check, reasons))
        })
        .collect();
    if cancelled.into_inner() {
        return Err(Error::Cancelled);
    }
    let mut checks = Vec::with_capacity(files.len());
    let mut reasons = vec![(0, None); rows.len()];
    for (file, (check, of_rows)) in checked.into_iter().flatten().enumerate() {
        for (&i, reason) in files[file].iter().zip(of_rows) {
            reasons[i] = (file, reason);
        }
        checks.push(check);
    }
    Ok((checks, reasons))
}

/// What was noticed while the input was listed or read.
fn of_input(manifest: &Manifest) -> Vec<Warning> {
    let mut warnings = manifest.warnings.clone();
    if !manifest.ignored.is_empty() {
        warnings.push(Warning::Ignored { paths: manifest.ignored.clone() });
    }
    if !manifest.skipped.is_empty() {
        warnings.push(Warning::Skipped { entries: manifest.skipped.clone() });
    }
    warnings
}

/// Warnings about the set of classes.
fn of_classes(rows: &[Row]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let classes: BTreeSet<&str> = rows.iter().filter(|row| is_class(row)).map(|row| row.label.as_str()).collect();
    if let (1, Some(class)) = (classes.len(), classes.first()) {
        warnings.push(Warning::OneClass { class: (*class).to_owned() });
    }
    let sets = alike(classes);
    if !sets.is_empty() {
        warnings.push(Warning::AlikeLabels { sets });
    }
    warnings
}

/// Splits that later stages do not know.
fn unknown_splits(rows: &[Row]) -> Vec<Warning> {
    let mut n_rows: BTreeMap<&str, usize> = BTreeMap::new();
    for split in rows.iter().filter_map(|row| row.split.as_deref()).filter(|split| !split_names::is_known(split)) {
        *n_rows.entry(split).or_default() += 1;
    }
    n_rows.into_iter().map(|(split, n_rows)| Warning::UnknownSplit { split: split.to_owned(), n_rows }).collect()
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
fn row_reason(
    row: &Row,
    check: &FileCheck,
    silence: Option<Result<Option<Silence>>>,
    options: &ScanOptions,
) -> Option<String> {
    let min_seconds = options.min_seconds;
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
    if seconds < min_seconds {
        return Some(format!("too short: {seconds:.3} s, at least {min_seconds} s are needed"));
    }
    silence?.map(|silence| silence.map(|silence| silence.to_string())).unwrap_or_else(|error| Some(error.to_string()))
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
        skipped: manifest.skipped.clone(),
        warnings: manifest.warnings.clone(),
    }
}
