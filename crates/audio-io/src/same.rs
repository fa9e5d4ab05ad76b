//! Rows and files that are there more than once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::check::FileCheck;
use crate::manifest::Row;
use crate::warning::Warning;

/// The rows without those that repeat one before them, and these: same file, part, channel and label.
pub(crate) fn without_repeats(rows: &[Row]) -> (Vec<&Row>, Vec<&Row>) {
    let mut seen = HashSet::new();
    rows.iter().partition(|row| {
        let part = (row.start_s.unwrap_or(0.0).to_bits(), row.end_s.map(f64::to_bits), row.channel);
        seen.insert((plain(&row.path), part, row.label.as_str()))
    })
}

/// A path without `.` and, where a folder comes before it, `..`.
fn plain(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for (i, part) in path.split('/').enumerate() {
        match part {
            "." => {}
            "" if i > 0 => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

/// Files whose samples are the same, in the order of the first of each.
pub(crate) fn duplicates(checks: &[FileCheck]) -> Vec<Vec<String>> {
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
pub(crate) fn label_conflicts(rows: &[Row], duplicates: &[Vec<String>]) -> Vec<Warning> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_the_same_part_with_the_same_label() {
        let row = |path: &str, label: &str, start_s| Row {
            path: path.into(),
            label: label.into(),
            start_s,
            ..Row::default()
        };
        let rows = [
            row("a.wav", "dog", None),
            row("./a.wav", "dog", Some(0.0)),
            row("x/../a.wav", "dog", None),
            row("a.wav", "dog", Some(1.0)),
            row("a.wav", "bird", None),
            row("../a.wav", "dog", None),
            row("/a.wav", "dog", None),
        ];
        let (kept, repeated) = without_repeats(&rows);
        assert_eq!((kept.len(), repeated), (5, vec![&rows[1], &rows[2]]));
    }
}
