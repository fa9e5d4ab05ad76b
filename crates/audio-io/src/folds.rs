//! Folds of a cross-validation: by group, each class in equal shares, the same for the same seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::manifest::Row;
use crate::split::{Set, is_class};
use crate::warning::Warning;

/// The name of a fold.
pub fn fold_name(fold: usize) -> String {
    format!("fold-{fold}")
}

/// Gives every row of a class that is not in an `ood...` split one of `n_folds` folds in place of the split it had; all
/// other rows keep theirs.
///
/// Rows of one group, of one file, and rows listed together in `tied` (indices into `rows`, for exact duplicates) land
/// in one fold. The largest sets of rows are dealt first, each to where it brings every class nearest to its share.
///
/// # Errors
/// Fewer than two folds, or more than there are sets of rows.
pub fn assign_folds(rows: &mut [Row], tied: &[Vec<usize>], n_folds: usize, seed: u64) -> Result<Vec<Warning>> {
    let takes_part = |row: &Row| is_class(row) && !row.split.as_deref().is_some_and(|split| split.starts_with("ood"));
    let ungrouped = rows.iter().filter(|row| takes_part(row) && row.group.is_none()).count();
    let mut warnings = Vec::new();
    if ungrouped > 0 {
        warnings.push(Warning::NoGroup { n_rows: ungrouped });
    }
    let classes: BTreeSet<String> = rows.iter().filter(|row| takes_part(row)).map(|row| row.label.clone()).collect();
    let sets: Vec<Set> = Set::all(rows, tied, seed);
    let counts = |set: &Set| {
        let mut counts = vec![0f64; classes.len()];
        for row in set.rows.iter().map(|&i| &rows[i]).filter(|row| takes_part(row)) {
            counts[classes.range(..row.label.clone()).count()] += 1.0;
        }
        counts
    };
    let dealt: Vec<(&Set, Vec<f64>)> =
        sets.iter().map(|set| (set, counts(set))).filter(|(_, counts)| counts.iter().any(|n| *n > 0.0)).collect();
    if n_folds < 2 || n_folds > dealt.len() {
        return Err(Error::Setting {
            setting: "folds",
            expected: "2 or more, and no more than there are groups",
            got: format!("{n_folds} folds and {} groups", dealt.len()),
        });
    }
    let mut n_sets = vec![0usize; classes.len()];
    let mut target = vec![0f64; classes.len()];
    for (_, counts) in &dealt {
        for (class, n) in counts.iter().enumerate() {
            target[class] += n / n_folds as f64;
            n_sets[class] += usize::from(*n > 0.0);
        }
    }
    for (class, n_groups) in classes.iter().zip(&n_sets) {
        if *n_groups < n_folds {
            warnings.push(Warning::FewGroups { class: class.clone(), n_groups: *n_groups });
        }
    }
    let mut folds = vec![vec![0f64; classes.len()]; n_folds];
    let mut chosen: BTreeMap<usize, usize> = BTreeMap::new();
    for (set, counts) in dealt {
        let cost = |fold: &Vec<f64>| -> f64 {
            let of_class = |class: usize| {
                let off = fold[class] - target[class];
                ((off + counts[class]).powi(2) - off.powi(2)) / target[class].max(0.5)
            };
            (0..counts.len()).map(of_class).sum()
        };
        let best = (0..n_folds).min_by(|&a, &b| cost(&folds[a]).total_cmp(&cost(&folds[b]))).unwrap_or(0);
        folds[best].iter_mut().zip(&counts).for_each(|(sum, n)| *sum += n);
        chosen.extend(set.rows.iter().map(|&row| (row, best)));
    }
    for (row, fold) in chosen {
        if takes_part(&rows[row]) {
            rows[row].split = Some(fold_name(fold));
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |i: usize| Row {
            path: format!("{i}.wav"),
            label: ["dog", "bird"][usize::from(i.is_multiple_of(3))].to_owned(),
            group: Some(format!("g{}", i / 2 % 23)),
            ..Row::default()
        };
        let mut rows: Vec<Row> = (0..120).map(row).collect();
        rows[5].split = Some("train".into());
        rows.push(Row { label: "cow".into(), split: Some("ood-test".into()), path: "c.wav".into(), ..Row::default() });
        rows.push(Row { label: "neither".into(), path: "n.wav".into(), ..Row::default() });
        rows
    }

    #[test]
    fn groups_stay_together_and_classes_are_spread() {
        let mut rows = rows();
        let warnings = assign_folds(&mut rows, &[], 5, 1).unwrap();
        assert_eq!(warnings, []);
        let mut of_group: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
        for row in &rows[..120] {
            let (fold, group) = (row.split.clone().unwrap(), row.group.clone().unwrap());
            of_group.entry(group).or_default().insert(fold.clone());
            *counts.entry((row.label.clone(), fold)).or_default() += 1;
        }
        assert!(of_group.values().all(|folds| folds.len() == 1));
        assert_eq!(counts.len(), 10);
        assert!(
            counts.iter().all(|((label, _), n)| n.abs_diff(if label == "dog" { 16 } else { 8 }) <= 3),
            "{counts:?}"
        );
        assert_eq!((rows[120].split.as_deref(), rows[121].split.as_deref()), (Some("ood-test"), None));
    }

    #[test]
    fn the_seed_decides_and_impossible_folds_are_refused() {
        let dealt = |seed| {
            let mut rows = rows();
            assign_folds(&mut rows, &[vec![0, 60]], 4, seed).unwrap();
            assert_eq!(rows[0].split, rows[60].split);
            rows.into_iter().map(|row| row.split).collect::<Vec<_>>()
        };
        assert_eq!(dealt(1), dealt(1));
        assert_ne!(dealt(1), dealt(2));
        for n_folds in [0, 1, 24] {
            let message = assign_folds(&mut rows(), &[], n_folds, 0).unwrap_err().to_string();
            assert!(message.contains("folds"), "{message}");
        }
    }
}
