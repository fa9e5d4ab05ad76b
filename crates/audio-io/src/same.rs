//! Rows and files that are there more than once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::manifest::Row;
use crate::warning::Warning;

/// Which rows repeat one before them: same file, part, channel and label.
pub(crate) fn repeats(rows: &[Row]) -> Vec<bool> {
    // Only rows of a file that is named more than once are compared.
    let mut first: HashMap<Cow<'_, str>, u32> = HashMap::new();
    let mut files = Vec::with_capacity(rows.len());
    let mut is_shared = vec![false; rows.len()];
    for row in rows {
        let next = files.len() as u32;
        let file = *first.entry(plain(&row.path)).or_insert(next);
        is_shared[file as usize] |= file != next;
        files.push(file);
    }
    drop(first);
    let mut seen = HashSet::new();
    let mut is_repeated = Vec::with_capacity(rows.len());
    for (row, file) in rows.iter().zip(files) {
        let part = (row.start_s.unwrap_or(0.0).to_bits(), row.end_s.map(f64::to_bits), row.channel);
        is_repeated.push(is_shared[file as usize] && !seen.insert((file, part, row.label.as_str())));
    }
    is_repeated
}

/// A path without `.` and, where a folder comes before it, `..`.
fn plain(path: &str) -> Cow<'_, str> {
    let is_plain = |(i, part): (usize, &str)| !matches!(part, "." | "..") && (i == 0 || !part.is_empty());
    if path.split('/').enumerate().all(is_plain) {
        return Cow::Borrowed(path);
    }
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
    Cow::Owned(parts.join("/"))
}

/// Files whose samples are the same, in the order of the first of each, by the samples of each file; none of an unusable
/// one.
pub(crate) fn duplicates(samples: &[Option<[u8; 32]>]) -> Vec<Vec<u32>> {
    let mut first: HashMap<&[u8; 32], u32> = HashMap::new();
    let mut sets: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (i, samples) in samples.iter().enumerate() {
        let Some(samples) = samples else { continue };
        let first = *first.entry(samples).or_insert(i as u32);
        if first as usize != i {
            sets.entry(first).or_insert_with(|| vec![first]).push(i as u32);
        }
    }
    sets.into_values().collect()
}

/// Rows that are the same sound under different labels: two rows of different files with the same part and the same sound
/// must agree on the label.
pub(crate) fn label_conflicts(rows: &[Row], duplicates: &[Vec<String>]) -> Vec<Warning> {
    let same: HashMap<&str, &str> =
        duplicates.iter().flat_map(|paths| paths.iter().map(|path| (path.as_str(), paths[0].as_str()))).collect();
    let sound = |&i: &u32| {
        let row = &rows[i as usize];
        let sound = same.get(row.path.as_str()).copied().unwrap_or(&row.path);
        (sound, row.start_s.map(f64::to_bits), row.end_s.map(f64::to_bits), row.channel)
    };
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_by(|a, b| sound(a).cmp(&sound(b)));
    let owned = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect();
    order
        .chunk_by(|a, b| sound(a) == sound(b))
        .filter(|same| same.iter().any(|&i| rows[i as usize].label != rows[same[0] as usize].label))
        .map(|same| {
            let of_set = || same.iter().map(|&i| &rows[i as usize]);
            let paths = owned(of_set().map(|row| row.path.as_str()).collect());
            let labels = owned(of_set().map(|row| row.label.as_str()).collect());
            Warning::DuplicateLabels { paths, labels }
        })
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
        assert_eq!(repeats(&rows), [false, true, true, false, false, false, false]);
    }
}
