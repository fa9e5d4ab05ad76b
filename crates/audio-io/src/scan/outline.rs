//! The steps of a scan, with what is small in memory and what was found in files in a [`Ledger`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::ledger::{Asked, Checked, Ledger};
use super::options::{MEASURED, ScanOptions, Unusable};
use crate::check::{FileCheck, check_rows};
use crate::damage::Silence;
use crate::error::{Error, Result};
use crate::folds::{assign_folds, leave_out};
use crate::groups::is_class;
use crate::labels::alike;
use crate::manifest::{Manifest, Row};
use crate::range::range;
use crate::same::{duplicates, label_conflicts, repeats};
use crate::silence::SilenceStream;
use crate::split::assign;
use crate::split_names;
use crate::warning::Warning;

/// What a scan found, but for what it measured in files: that is in the [`Ledger`].
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The folder that relative paths start from.
    pub root: PathBuf,
    /// The usable rows in the order of the input, with splits, and with the carried fields of the input.
    pub rows: Vec<Row>,
    /// For each of them the number of its file.
    pub files: Vec<u32>,
    /// How many files there are, usable or not.
    pub n_files: u32,
    /// Rows of the input without the repeated ones.
    pub n_rows: usize,
    /// Names of the columns of the input that are carried along, and which of the carried fields they are.
    pub carried: Vec<(usize, String)>,
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
    /// Files of a folder that are no sound.
    pub(super) ignored: Vec<String>,
    /// What a walk of a folder left out.
    pub(super) skipped: Vec<crate::walk::Skipped>,
    /// What was noticed while the manifest was read.
    pub(super) noticed: Vec<Warning>,
}

/// As [`scan`](super::scan()), with a ledger of the caller's: a file that it knows is not read.
///
/// # Errors
/// As of [`scan`](super::scan()), and of the ledger. What was found before an error is kept.
pub fn scan_with(
    manifest: Manifest,
    options: &ScanOptions,
    ledger: &dyn Ledger,
    progress: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Outline> {
    options.validate()?;
    let fail = |message: String| Error::Folder { path: manifest.root.clone(), message };
    if manifest.rows.is_empty() {
        return Err(fail("the manifest has no rows: add recordings".into()));
    }
    if u32::try_from(manifest.rows.len()).is_err() {
        return Err(fail(format!("expected at most {} rows, got {}", u32::MAX, manifest.rows.len())));
    }
    let mut warnings = of_input(&manifest);
    let Manifest { root, mut rows, extra_columns, ignored, skipped, warnings: noticed } = manifest;
    let is_repeated = repeats(&rows);
    let n_repeated = is_repeated.iter().filter(|is_repeated| **is_repeated).count();
    if n_repeated > 0 {
        let repeated = rows.iter().zip(&is_repeated).filter(|(_, is_repeated)| **is_repeated);
        let paths: BTreeSet<&str> = repeated.map(|(row, _)| row.path.as_str()).collect();
        let paths = paths.into_iter().map(str::to_owned).collect();
        warnings.push(Warning::RepeatedRows { n_rows: n_repeated, paths });
        let mut is_repeated = is_repeated.into_iter();
        rows.retain(|_| is_repeated.next() == Some(false));
    }
    let by_file = ByFile::new(&rows);
    let (samples, reasons) = check_all(&root, &rows, &by_file, options, ledger, progress)?;
    let same = duplicates(&samples);
    drop(samples);
    let duplicates = paths_of(&same, &rows, &by_file);
    let n_rows = rows.len();
    let (mut kept, mut files, mut unusable) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows), Vec::new());
    for ((row, reason), file) in rows.into_iter().zip(reasons).zip(&by_file.of_row) {
        match reason {
            Some(reason) => unusable.push(Unusable { path: row.path, label: row.label, reason: reason.into() }),
            None => {
                files.push(*file);
                kept.push(row);
            }
        }
    }
    let mut rows = kept;
    if rows.is_empty() {
        let Unusable { path, reason, .. } = &unusable[0];
        let message = format!("none of {} rows can be used; the first, {path}: {reason}", unusable.len());
        return Err(Error::Folder { path: root, message });
    }
    let n_files = by_file.n_files();
    drop(by_file);
    let tied = tied(&files, &same);
    warnings.extend(label_conflicts(&rows, &duplicates));
    warnings.extend(of_classes(&rows));
    let mut fold_values = Vec::new();
    if let Some(column) = &options.leave_out {
        let values = column_values(&extra_columns, column, &rows)?;
        fold_values = leave_out(&mut rows, &tied, &values)?;
    } else {
        warnings.extend(match options.folds {
            None => assign(&mut rows, &tied, &options.shares, options.seed),
            Some(n_folds) => assign_folds(&mut rows, &tied, n_folds, options.seed)?,
        });
    }
    warnings.extend(unknown_splits(&rows));
    let is_carried = |(_, name): &(usize, String)| !MEASURED.iter().any(|own| name.eq_ignore_ascii_case(own));
    let carried = extra_columns.into_iter().enumerate().filter(is_carried).collect();
    Ok(Outline {
        root,
        rows,
        files,
        n_files,
        n_rows,
        carried,
        unusable,
        n_repeated,
        duplicates,
        warnings,
        fold_values,
        ignored,
        skipped,
        noticed,
    })
}

/// The rows of each file.
struct ByFile {
    /// For each row the number of its file.
    of_row: Vec<u32>,
    /// Rows, those of the first file first.
    order: Vec<u32>,
    /// Where each file begins in `order`, and the end.
    starts: Vec<u32>,
}

impl ByFile {
    fn new(rows: &[Row]) -> Self {
        let mut index: HashMap<&str, u32> = HashMap::new();
        let mut of_row = Vec::with_capacity(rows.len());
        for row in rows {
            let next = index.len() as u32;
            of_row.push(*index.entry(&row.path).or_insert(next));
        }
        let mut starts = vec![0_u32; index.len() + 1];
        of_row.iter().for_each(|file| starts[*file as usize + 1] += 1);
        for file in 0..index.len() {
            starts[file + 1] += starts[file];
        }
        let mut next = starts.clone();
        let mut order = vec![0; rows.len()];
        for (row, file) in (0..).zip(&of_row) {
            let place = &mut next[*file as usize];
            order[*place as usize] = row;
            *place += 1;
        }
        ByFile { of_row, order, starts }
    }

    fn n_files(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// The rows of a file, in the order of the input.
    fn rows(&self, file: u32) -> &[u32] {
        let file = file as usize;
        &self.order[self.starts[file] as usize..self.starts[file + 1] as usize]
    }
}

/// Digests of files' samples, and why rows cannot be used.
type Found = (Vec<Option<[u8; 32]>>, Vec<Option<Box<str>>>);

/// The same of one file.
type FoundInFile = (Option<[u8; 32]>, Vec<Option<String>>);

/// Checks each file once, and each row of it.
fn check_all(
    root: &std::path::Path,
    rows: &[Row],
    by_file: &ByFile,
    options: &ScanOptions,
    ledger: &dyn Ledger,
    progress: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Found> {
    let n_done = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let check = |file: u32| -> Result<Option<FoundInFile>> {
        if is_over.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let of_file: Vec<&Row> = by_file.rows(file).iter().map(|&i| &rows[i as usize]).collect();
        let path = storage::join(root, &of_file[0].path);
        let asked = Asked::new(file, &path, &of_file);
        let (samples, reasons) = match ledger.known(&asked)? {
            Some(known) => (samples(&known.check), known.reasons),
            None => {
                let checked = check_file(&asked, options);
                let found = (samples(&checked.check), checked.reasons.clone());
                ledger.keep(&asked, checked)?;
                found
            }
        };
        if !progress(n_done.fetch_add(1, Ordering::Relaxed) + 1) {
            is_over.store(true, Ordering::Relaxed);
        }
        Ok(Some((samples, reasons)))
    };
    let checked: Result<Vec<Option<FoundInFile>>> = (0..by_file.n_files())
        .into_par_iter()
        .map(|file| {
            let checked = check(file);
            is_over.fetch_or(checked.is_err(), Ordering::Relaxed);
            checked
        })
        .collect();
    let checked = checked?;
    if is_over.into_inner() {
        return Err(Error::Cancelled);
    }
    let mut all_samples = Vec::with_capacity(checked.len());
    let mut reasons: Vec<Option<Box<str>>> = vec![None; rows.len()];
    for (file, (samples, of_rows)) in (0..).zip(checked.into_iter().flatten()) {
        for (&row, reason) in by_file.rows(file).iter().zip(of_rows) {
            reasons[row as usize] = reason.map(String::into_boxed_str);
        }
        all_samples.push(samples);
    }
    Ok((all_samples, reasons))
}

/// Reads a file.
fn check_file(asked: &Asked<'_>, options: &ScanOptions) -> Checked {
    let streams = |rate_hz: u32| {
        let frame = |seconds: f64| (seconds * f64::from(rate_hz)).round() as usize;
        let stream = |row: &&Row| {
            let (first, last) = (row.start_s.map_or(0, frame), row.end_s.map_or(usize::MAX, frame));
            SilenceStream::new(first, last, row.channel, options.channels)
        };
        asked.rows.iter().map(stream).collect()
    };
    let (check, silences, is_unread) = check_rows(asked.path, &asked.rows[0].path, options.min_seconds, streams);
    let silences = silences.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    let reasons = asked.rows.iter().zip(silences).map(|(row, silence)| row_reason(row, &check, silence, options));
    let reasons: Vec<Option<String>> = reasons.collect();
    let reasons = if reasons.iter().all(Option::is_none) { Vec::new() } else { reasons };
    Checked { check, reasons, is_unread }
}

/// The digest of a usable file's samples.
fn samples(check: &FileCheck) -> Option<[u8; 32]> {
    let text = check.sha256_samples.as_bytes();
    if !check.usable || text.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// The paths of files with the same sound.
fn paths_of(same: &[Vec<u32>], rows: &[Row], by_file: &ByFile) -> Vec<Vec<String>> {
    let path = |&file: &u32| rows[by_file.rows(file)[0] as usize].path.clone();
    same.iter().map(|files| files.iter().map(path).collect()).collect()
}

/// The rows of files with the same sound.
fn tied(files: &[u32], same: &[Vec<u32>]) -> Vec<Vec<usize>> {
    let set_of: HashMap<u32, usize> =
        same.iter().enumerate().flat_map(|(set, files)| files.iter().map(move |file| (*file, set))).collect();
    let mut tied = vec![Vec::new(); same.len()];
    for (row, set) in files.iter().enumerate().filter_map(|(row, file)| Some((row, *set_of.get(file)?))) {
        tied[set].push(row);
    }
    tied
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

/// What rows have in a column; from the input, since a scan writes some columns anew.
fn column_values(extra_columns: &[String], column: &str, rows: &[Row]) -> Result<Vec<String>> {
    if column.eq_ignore_ascii_case("group") {
        return Ok(rows.iter().map(|row| row.group.clone().unwrap_or_default()).collect());
    }
    let place = extra_columns.iter().position(|name| name.eq_ignore_ascii_case(column));
    let place = place.ok_or_else(|| Error::Setting {
        setting: "leave-out",
        expected: "a column of the manifest: group, or one of your own",
        got: format!("{column}; your own are: {}", extra_columns.join(", ")),
    })?;
    Ok(rows.iter().map(|row| row.extra.get(place).unwrap_or_default().to_owned()).collect())
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
