//! Folds of a cross-validation: by group, each class in equal shares, the same for the same seed.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::groups::{Set, is_class};
use crate::manifest::Row;
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
        for row in set.of(rows).filter(|row| takes_part(row)) {
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
    let mut chosen = Vec::with_capacity(dealt.len());
    for (_, counts) in &dealt {
        let cost = |fold: &Vec<f64>| worse(fold, counts, &target);
        let best = (0..n_folds).min_by(|&a, &b| cost(&folds[a]).total_cmp(&cost(&folds[b]))).unwrap_or(0);
        folds[best].iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        chosen.push(best);
    }
    let counts: Vec<&[f64]> = dealt.iter().map(|(_, counts)| counts.as_slice()).collect();
    improve(&counts, &target, &mut folds, &mut chosen);
    let places: Vec<(u32, usize)> =
        dealt.iter().zip(chosen).flat_map(|((set, _), fold)| set.rows.iter().map(move |&row| (row, fold))).collect();
    for (row, fold) in places {
        let row = &mut rows[row as usize];
        if takes_part(row) {
            row.split = Some(fold_name(fold));
        }
    }
    Ok(warnings)
}

/// How much further from its shares a fold gets by `change` rows of each class.
fn worse(fold: &[f64], change: &[f64], target: &[f64]) -> f64 {
    let of_class = |((now, change), target): ((&f64, &f64), &f64)| {
        let off = now - target;
        ((off + change).powi(2) - off.powi(2)) / target.max(0.5)
    };
    fold.iter().zip(change).zip(target).map(of_class).sum()
}

/// Times that all pairs of sets are gone through; a few are enough.
const MOST_ROUNDS: usize = 20;

/// Sets above which swaps are not tried: pairs grow with the square, and many sets are dealt well without.
const MOST_SWAPPED: usize = 2000;

/// Moves single sets, and swaps pairs of them, as long as that brings folds nearer to their shares.
fn improve(counts: &[&[f64]], target: &[f64], folds: &mut [Vec<f64>], chosen: &mut [usize]) {
    let swapped = if counts.len() > MOST_SWAPPED { 0 } else { counts.len() };
    for _ in 0..MOST_ROUNDS {
        let mut better = false;
        for i in 0..counts.len() {
            let minus: Vec<f64> = counts[i].iter().map(|n| -n).collect();
            for to in 0..folds.len() {
                let from = chosen[i];
                let change = worse(&folds[from], &minus, target) + worse(&folds[to], counts[i], target);
                if to != from && change < -1e-9 {
                    shift(folds, from, to, counts[i]);
                    chosen[i] = to;
                    better = true;
                }
            }
            for j in i + 1..swapped {
                let (a, b) = (chosen[i], chosen[j]);
                let over: Vec<f64> = counts[i].iter().zip(counts[j]).map(|(i, j)| i - j).collect();
                let back: Vec<f64> = over.iter().map(|n| -n).collect();
                if a != b && worse(&folds[a], &back, target) + worse(&folds[b], &over, target) < -1e-9 {
                    shift(folds, a, b, &over);
                    chosen.swap(i, j);
                    better = true;
                }
            }
        }
        if !better {
            break;
        }
    }
}

fn shift(folds: &mut [Vec<f64>], from: usize, to: usize, counts: &[f64]) {
    for (class, n) in counts.iter().enumerate() {
        folds[from][class] -= n;
        folds[to][class] += n;
    }
}

/// Gives every row of a class that is not in an `ood...` split the fold of its value, `values[i]` for row `i`: a fold for
/// each source, recordist or site, so that a model is tested on one that it was not trained on. All other rows keep their
/// split. Returns the value of each fold, in alphabetical order.
///
/// # Errors
/// A row without a value, fewer than two values or more than 255, or a group, a file or a set of `tied` rows (exact
/// duplicates) with more than one value.
pub fn leave_out(rows: &mut [Row], tied: &[Vec<usize>], values: &[String]) -> Result<Vec<String>> {
    let takes_part = |row: &Row| is_class(row) && !row.split.as_deref().is_some_and(|split| split.starts_with("ood"));
    let fail = |expected, got| Err(Error::Setting { setting: "leave-out", expected, got });
    let chosen: Vec<usize> = (0..rows.len()).filter(|&i| takes_part(&rows[i])).collect();
    if let Some(&i) = chosen.iter().find(|&&i| values[i].trim().is_empty()) {
        return fail("a value in every row of a class", format!("none for {}", rows[i].path));
    }
    let folds: BTreeSet<&str> = chosen.iter().map(|&i| values[i].trim()).collect();
    if !(2..=usize::from(u8::MAX)).contains(&folds.len()) {
        return fail("2 to 255 values", format!("{}", folds.len()));
    }
    for set in Set::all(rows, tied, 0) {
        let own = set.rows.iter().map(|&i| i as usize);
        let of_set: BTreeSet<&str> = own.filter(|&i| takes_part(&rows[i])).map(|i| values[i].trim()).collect();
        if of_set.len() > 1 {
            let values = of_set.into_iter().collect::<Vec<_>>().join(", ");
            return fail("one value for each group and for equal sounds", format!("{values} for `{}`", set.name(rows)));
        }
    }
    for i in chosen {
        let fold = folds.range(..values[i].trim()).count();
        rows[i].split = Some(fold_name(fold));
    }
    Ok(folds.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

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
    fn skewed_groups_are_dealt_as_evenly_as_they_allow() {
        // Greedy by size ends at 15, 15 and 12; 7+7, 6+4+4 and 5+5+4 are even.
        let sizes = [7, 7, 6, 5, 5, 4, 4, 4];
        let mut rows: Vec<Row> = Vec::new();
        for (group, n) in sizes.into_iter().enumerate() {
            rows.extend((0..n).map(|i| Row {
                path: format!("{group}-{i}.wav"),
                label: "bird".into(),
                group: Some(group.to_string()),
                ..Row::default()
            }));
        }
        assign_folds(&mut rows, &[], 3, 0).unwrap();
        let n = |fold: usize| rows.iter().filter(|row| row.split == Some(fold_name(fold))).count();
        assert_eq!((0..3).map(n).collect::<Vec<_>>().iter().max(), Some(&14));
        let spread = (0..3).map(|fold| n(fold).abs_diff(14)).max();
        assert_eq!(spread, Some(0), "{:?}", (0..3).map(n).collect::<Vec<_>>());
    }

    #[test]
    fn each_source_is_a_fold_and_none_is_shared() {
        let mut rows = rows();
        let mut values: Vec<String> = rows.iter().map(|row| format!("by-{}", row.group.is_some())).collect();
        for (row, value) in rows.iter().zip(&mut values) {
            if row.group.as_deref().is_some_and(|group| group < "g15") {
                *value = "ann".into();
            }
        }
        assert_eq!(leave_out(&mut rows, &[], &values).unwrap(), ["ann", "by-true"]);
        for (row, value) in rows.iter().zip(&values).take(120) {
            assert_eq!(row.split.as_deref(), Some(if value == "ann" { "fold-0" } else { "fold-1" }));
        }
        assert_eq!(rows[120].split.as_deref(), Some("ood-test"));
        values[0] = "bob".into();
        let message = leave_out(&mut rows, &[], &values).unwrap_err().to_string();
        assert!(message.contains("leave-out") && message.contains("ann, bob for `g0`"), "{message}");
        values[0] = " ".into();
        let message = leave_out(&mut rows, &[], &values).unwrap_err().to_string();
        assert!(message.contains("none for 0.wav"), "{message}");
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
