//! Rows that must stay in one split: those of a group, of a file, and of equal sounds.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use crate::labels::NEITHER;
use crate::manifest::Row;

/// Rows that must stay together.
pub(crate) struct Set {
    pub(crate) rows: Vec<usize>,
    /// Its first group, or its first file where it has none.
    pub(crate) name: String,
}

impl Set {
    /// The sets, the largest first, equals in an order that the seed decides.
    pub(crate) fn all(rows: &[Row], tied: &[Vec<usize>], seed: u64) -> Vec<Set> {
        let mut parents: Vec<usize> = (0..rows.len()).collect();
        let mut first_with: HashMap<(bool, &str), usize> = HashMap::new();
        for (i, row) in rows.iter().enumerate() {
            let keys = [Some((false, row.path.as_str())), row.group.as_deref().map(|group| (true, group))];
            for key in keys.into_iter().flatten() {
                join(&mut parents, i, *first_with.entry(key).or_insert(i));
            }
        }
        for together in tied {
            for pair in together.windows(2) {
                join(&mut parents, pair[0], pair[1]);
            }
        }
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for i in 0..rows.len() {
            members.entry(root(&mut parents, i)).or_default().push(i);
        }
        let name = |i: &usize| rows[*i].group.as_ref().unwrap_or(&rows[*i].path);
        let mut sets: Vec<(Vec<u8>, Set)> = members
            .into_values()
            .map(|members| {
                let name = members.iter().map(name).min().cloned().unwrap_or_default();
                let mut hasher = Sha256::new();
                hasher.update(seed.to_le_bytes());
                hasher.update(name.as_bytes());
                (hasher.finalize().to_vec(), Set { rows: members, name })
            })
            .collect();
        sets.sort_by(|(key_a, a), (key_b, b)| b.rows.len().cmp(&a.rows.len()).then_with(|| key_a.cmp(key_b)));
        sets.into_iter().map(|(_, set)| set).collect()
    }
}

fn root(parents: &mut [usize], mut i: usize) -> usize {
    while parents[i] != i {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    i
}

fn join(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

/// Whether a row belongs to a class.
pub(crate) fn is_class(row: &Row) -> bool {
    !row.label.is_empty() && !row.label.eq_ignore_ascii_case(NEITHER)
}

/// The split that a set's rows already have, the most frequent of several; out-of-distribution ones bind no class.
pub(crate) fn given(rows: &[Row], set: &Set) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for split in set.rows.iter().filter_map(|&i| rows[i].split.as_deref()).filter(|split| !split.starts_with("ood")) {
        *counts.entry(split).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, n)| *n == most).map(|(split, _)| split.to_owned())
}
