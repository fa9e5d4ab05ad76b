//! The steps of a scan, with what is small in memory and what was found in files in a [`Ledger`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use super::files::{ByFile, Found, Recorders, check_all};
use super::ledger::Ledger;
use super::options::{GroupBy, MEASURED, ScanOptions, Unusable};
use crate::error::{Error, Result};
use crate::folds::{assign_folds, leave_out};
use crate::groups::is_class;
use crate::labels::{alike, is_missing};
use crate::manifest::{Manifest, Row};
use crate::recorder::RECORDED;
use crate::same::{duplicates, label_conflicts, repeats};
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
    /// Which of [`RECORDED`] some file has and the input has not.
    pub recorded: Vec<usize>,
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
    let Found { samples, reasons, recorders } = check_all(&root, &rows, &by_file, options, ledger, progress)?;
    let same = duplicates(&samples);
    drop(samples);
    group_rows(&mut rows, &by_file.of_row, &recorders, options, &extra_columns)?;
    warnings.extend(of_recorders(&rows, &recorders));
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
        let values = column_values(&extra_columns, column, &rows, "leave-out")?;
        fold_values = leave_out(&mut rows, &tied, &values)?;
    } else {
        warnings.extend(match options.folds {
            None => assign(&mut rows, &tied, &options.shares, options.seed),
            Some(n_folds) => assign_folds(&mut rows, &tied, n_folds, options.seed)?,
        });
    }
    warnings.extend(unknown_splits(&rows));
    let is_new = |nth: &usize| {
        recorders.columns[*nth] && !extra_columns.iter().any(|name| name.eq_ignore_ascii_case(RECORDED[*nth]))
    };
    let recorded = (0..RECORDED.len()).filter(is_new).collect();
    let is_carried = |(_, name): &(usize, String)| !MEASURED.iter().any(|own| name.eq_ignore_ascii_case(own));
    let carried = extra_columns.into_iter().enumerate().filter(is_carried).collect();
    Ok(Outline {
        root,
        rows,
        files,
        n_files,
        n_rows,
        recorded,
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

/// Gives rows without a group the one that was asked for.
fn group_rows(
    rows: &mut [Row],
    files: &[u32],
    recorders: &Recorders,
    options: &ScanOptions,
    extra_columns: &[String],
) -> Result<()> {
    let Some(group_by) = &options.group_by else { return Ok(()) };
    if let GroupBy::Column(column) = group_by {
        let values = column_values(extra_columns, column, rows, "group-by")?;
        for (row, value) in rows.iter_mut().zip(values).filter(|(row, _)| row.group.is_none()) {
            row.group = Some(value).filter(|value| !is_missing(value));
        }
        return Ok(());
    }
    for (row, file) in rows.iter_mut().zip(files).filter(|(row, _)| row.group.is_none()) {
        row.group = recorders.groups[*file as usize].as_deref().map(str::to_owned);
    }
    Ok(())
}

/// Groups that recorders propose where the input has none.
fn of_recorders(rows: &[Row], recorders: &Recorders) -> Option<Warning> {
    let Recorders { n_files, n_sessions, .. } = *recorders;
    let is_useful = n_sessions > 1 && n_sessions < n_files && rows.iter().all(|row| row.group.is_none());
    is_useful.then_some(Warning::Sessions { n_files, n_sessions })
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
fn column_values(extra_columns: &[String], column: &str, rows: &[Row], setting: &'static str) -> Result<Vec<String>> {
    if column.eq_ignore_ascii_case("group") {
        return Ok(rows.iter().map(|row| row.group.clone().unwrap_or_default()).collect());
    }
    let place = extra_columns.iter().position(|name| name.eq_ignore_ascii_case(column));
    let place = place.ok_or_else(|| Error::Setting {
        setting,
        expected: "a column of the manifest: group, or one of your own",
        got: format!("{column}; your own are: {}", extra_columns.join(", ")),
    })?;
    Ok(rows.iter().map(|row| row.extra.get(place).unwrap_or_default().to_owned()).collect())
}
