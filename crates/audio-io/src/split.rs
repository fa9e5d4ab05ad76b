//! Training, validation and test: by group, each class in its share, the same for the same seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::deal::deal;
use crate::groups::{Set, is_class};
use crate::manifest::Row;
use crate::split_names::split_index;
use crate::warning::Warning;

pub use crate::labels::NEITHER;
pub use crate::shares::Shares;
pub use crate::split_names::SPLITS;

/// Rows of a class in `val` or `test` below which a warning is given: results will be imprecise.
pub const SMALL_SPLIT_ROWS: usize = 5;

/// Gives a split to every labeled row that has none; rows that have one keep it.
///
/// Rows of one group, of one file, and rows listed together in `tied` (indices into `rows`, for exact duplicates)
/// land in one split. The largest sets of rows are dealt first, each to where it brings every class nearest to its
/// share; every class is in training, and in the other splits too when it has a group for each. Rows labeled
/// [`NEITHER`] go to `ood-val` and `ood-test`, half the groups each, unless they share a recording with a class.
pub fn assign(rows: &mut [Row], tied: &[Vec<usize>], shares: &Shares, seed: u64) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let ungrouped = rows.iter().filter(|row| row.split.is_none() && row.group.is_none() && !row.label.is_empty());
    let n_rows = ungrouped.count();
    if n_rows > 0 {
        warnings.push(Warning::NoGroup { n_rows });
    }
    let sets = Set::all(rows, tied, seed);
    for set in &sets {
        let splits: BTreeSet<&str> = set.of(rows).filter_map(|row| row.split.as_deref()).collect();
        if splits.len() > 1 {
            let splits = splits.into_iter().map(str::to_owned).collect();
            warnings.push(Warning::GroupCrosses { group: set.name(rows).to_owned(), splits });
        }
    }
    let chosen = deal(rows, &sets, shares);
    let mut next_ood = 0;
    for (nth, set) in sets.iter().enumerate() {
        give(rows, set, chosen.of(nth), &mut next_ood);
    }
    warnings.extend(thin_classes(rows, &sets, shares));
    warnings
}

/// A group with rows in more than one split: what is measured on one of them has been learned from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// The group.
    pub group: String,
    /// Its files in each split, in order.
    pub files: BTreeMap<String, Vec<String>>,
}

impl std::fmt::Display for Crossing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "group `{}`", self.group)?;
        for (i, (split, files)) in self.files.iter().enumerate() {
            let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
            write!(out, "{} {split}: {}{more}", if i == 0 { " is in" } else { ";" }, files[0])?;
        }
        Ok(())
    }
}

/// The groups that cross splits, by name. Rows without a group are groups of their own files, as in [`assign`]; rows
/// without a split and out-of-distribution ones, which no class is measured on, do not count.
pub fn crossings<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Vec<Crossing> {
    let key = |row: &'a Row| {
        let split = row.split.as_deref().filter(|split| !split.starts_with("ood"))?;
        Some((row.group.as_deref().unwrap_or(&row.path), split, row.path.as_str()))
    };
    // Most groups do not cross: what is kept of them is one split.
    let mut first: HashMap<&str, &str> = HashMap::new();
    let mut groups: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for (group, split, _) in rows.clone().filter_map(key) {
        if *first.entry(group).or_insert(split) != split {
            groups.entry(group).or_default();
        }
    }
    drop(first);
    for (group, split, path) in rows.filter_map(key) {
        if let Some(files) = groups.get_mut(group) {
            files.entry(split).or_default().insert(path);
        }
    }
    let owned = |(split, files): (&str, BTreeSet<&str>)| {
        (split.to_owned(), files.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    groups
        .into_iter()
        .map(|(group, files)| Crossing { group: group.to_owned(), files: files.into_iter().map(owned).collect() })
        .collect()
}

/// Writes the split of a set into its rows that have none.
fn give(rows: &mut [Row], set: &Set, chosen: Option<&str>, next_ood: &mut usize) {
    const OOD: [&str; 2] = ["ood-val", "ood-test"];
    let open = |row: &Row| row.split.is_none() && !row.label.is_empty();
    let own = || set.rows.iter().map(|&i| i as usize);
    if let Some(split) = chosen {
        for i in own() {
            if open(&rows[i]) && is_class(&rows[i]) {
                rows[i].split = Some(split.to_owned());
            }
        }
    }
    let neither: Vec<usize> = own().filter(|&i| open(&rows[i])).collect();
    if neither.is_empty() {
        return;
    }
    let given = own().filter_map(|i| rows[i].split.clone()).find(|split| split.starts_with("ood"));
    let split = given.unwrap_or_else(|| {
        let side = match chosen {
            Some("test") => 1,
            Some(_) => 0,
            None => {
                *next_ood += 1;
                (*next_ood - 1) % 2
            }
        };
        OOD[side].to_owned()
    });
    neither.into_iter().for_each(|i| rows[i].split = Some(split.clone()));
}

/// Warns of classes with few groups, and of few rows in validation and test.
fn thin_classes(rows: &[Row], sets: &[Set], shares: &Shares) -> Vec<Warning> {
    let mut n_sets: BTreeMap<&str, usize> = BTreeMap::new();
    let mut n_rows: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    for set in sets {
        let mut classes = BTreeSet::new();
        for row in set.of(rows).filter(|row| is_class(row)) {
            if let Some(split) = row.split.as_deref().and_then(split_index) {
                *n_rows.entry((&row.label, split)).or_default() += 1;
                classes.insert(row.label.as_str());
            }
        }
        classes.into_iter().for_each(|class| *n_sets.entry(class).or_default() += 1);
    }
    let mut warnings = Vec::new();
    for (class, n_groups) in n_sets {
        if n_groups < SPLITS.len() {
            warnings.push(Warning::FewGroups { class: class.to_owned(), n_groups });
        }
        for (split, name) in SPLITS.iter().enumerate().skip(1) {
            let n_rows = n_rows.get(&(class, split)).copied().unwrap_or(0);
            if shares.normalized()[split] > 0.0 && n_rows < SMALL_SPLIT_ROWS {
                let (split, class) = ((*name).to_owned(), class.to_owned());
                warnings.push(Warning::SmallSplit { split, class, n_rows });
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str, label: &str, group: Option<&str>) -> Row {
        Row { path: path.into(), label: label.into(), group: group.map(Into::into), ..Row::default() }
    }

    fn many(n: usize, label: &str, group_size: usize) -> Vec<Row> {
        (0..n).map(|i| row(&format!("{label}/{i}.wav"), label, Some(&format!("{label}-{}", i / group_size)))).collect()
    }

    fn counts(rows: &[Row], label: &str) -> [usize; 3] {
        SPLITS.map(|split| rows.iter().filter(|row| row.label == label && row.split.as_deref() == Some(split)).count())
    }

    #[test]
    fn shares_are_met_and_repeat_for_a_seed() {
        let mut rows = many(200, "dog", 4);
        rows.extend(many(100, "bird", 1));
        let fresh = rows.clone();
        let warnings = assign(&mut rows, &[], &Shares::default(), 7);
        assert_eq!(warnings, []);
        assert_eq!(counts(&rows, "bird"), [70, 15, 15]);
        let [train, val, test] = counts(&rows, "dog");
        assert!(train.abs_diff(140) <= 4 && val.abs_diff(30) <= 4 && test.abs_diff(30) <= 4);
        let mut again = fresh.clone();
        assign(&mut again, &[], &Shares::default(), 7);
        assert_eq!(again, rows);
        let mut other = fresh;
        assign(&mut other, &[], &Shares::default(), 8);
        assert_ne!(other, rows);
    }

    #[test]
    fn every_class_is_everywhere_when_it_has_three_groups() {
        let mut rows = many(60, "dog", 20);
        rows.extend(many(3, "bird", 1));
        rows.extend(many(2, "cat", 1));
        let warnings = assign(&mut rows, &[], &Shares::default(), 1);
        assert_eq!(counts(&rows, "dog"), [20, 20, 20]);
        assert_eq!(counts(&rows, "bird"), [1, 1, 1]);
        assert!(counts(&rows, "cat")[0] >= 1);
        assert!(warnings.contains(&Warning::FewGroups { class: "cat".into(), n_groups: 2 }));
        assert!(warnings.contains(&Warning::SmallSplit { split: "val".into(), class: "bird".into(), n_rows: 1 }));
    }

    #[test]
    fn given_splits_stay_and_draw_their_group_along() {
        let mut rows = many(30, "dog", 3);
        rows[0].split = Some("test".into());
        rows[4].split = Some("fold-2".into());
        rows[7].split = Some("val".into());
        rows[8].split = Some("train".into());
        let warnings = assign(&mut rows, &[], &Shares::default(), 1);
        assert!(rows[..3].iter().all(|row| row.split.as_deref() == Some("test")));
        assert!(rows[3..6].iter().all(|row| row.split.as_deref() == Some("fold-2")));
        assert_eq!(rows[7].split.as_deref(), Some("val"));
        let splits = vec!["train".to_owned(), "val".to_owned()];
        assert!(warnings.contains(&Warning::GroupCrosses { group: "dog-2".into(), splits }));
    }

    #[test]
    fn duplicates_and_parts_of_one_file_stay_together() {
        let mut rows: Vec<Row> = (0..40).map(|i| row(&format!("{}.wav", i / 2), "dog", None)).collect();
        let warnings = assign(&mut rows, &[vec![0, 20, 30]], &Shares::default(), 3);
        assert!(rows.chunks(2).all(|pair| pair[0].split == pair[1].split));
        assert_eq!(rows[0].split, rows[20].split);
        assert_eq!(rows[0].split, rows[30].split);
        assert!(warnings.contains(&Warning::NoGroup { n_rows: 40 }));
    }

    #[test]
    fn neither_is_never_trained_on_and_halved_by_group() {
        let mut rows = many(40, "neither", 4);
        rows.push(row("x", "neither", None));
        rows[0].split = Some("ood-far".into());
        assign(&mut rows, &[], &Shares::default(), 3);
        let groups = |split: &str| rows.iter().filter(|row| row.split.as_deref() == Some(split)).count();
        assert_eq!(groups("ood-far"), 4);
        assert!((16..=20).contains(&groups("ood-val")) && groups("ood-val") + groups("ood-test") == 37);
    }

    #[test]
    fn groups_that_cross_are_named_with_their_files() {
        let mut rows = many(6, "dog", 3);
        for (row, split) in rows.iter_mut().zip(["train", "train", "test", "val", "val", "ood-val"]) {
            row.split = Some(split.into());
        }
        rows.push(row("lone.wav", "bird", None));
        let found = crossings(rows.iter());
        assert_eq!(found.len(), 1);
        let text = found[0].to_string();
        assert_eq!(text, "group `dog-0` is in test: dog/2.wav; train: dog/0.wav and 1 more");
        assign(&mut rows[3..], &[], &Shares::default(), 0);
        assert_eq!(crossings(rows[3..].iter()), []);
    }

    #[test]
    fn unlabeled_rows_get_no_split() {
        let mut rows = vec![row("a", "", None)];
        assert_eq!(assign(&mut rows, &[], &Shares::default(), 0), []);
        assert_eq!(rows[0].split, None);
    }

    #[test]
    fn no_share_no_rows() {
        let mut rows = many(20, "dog", 1);
        assign(&mut rows, &[], &Shares { train: 0.8, val: 0.0, test: 0.2 }, 0);
        assert_eq!(counts(&rows, "dog"), [16, 0, 4]);
        assert!(Shares { train: 0.0, val: 1.0, test: 0.0 }.validate().is_err());
        assert!(Shares { train: f64::NAN, ..Shares::default() }.validate().is_err());
    }
}
