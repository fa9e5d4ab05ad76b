//! Rows that must stay in one split: those of a group, of a file, and of equal sounds.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use crate::labels::NEITHER;
use crate::manifest::Row;

/// Rows that must stay together.
pub(crate) struct Set {
    /// Indices of its rows, in order.
    pub(crate) rows: Vec<u32>,
    /// The row that has its name.
    named_by: u32,
}

impl Set {
    /// The sets, the largest first, equals in an order that the seed decides.
    pub(crate) fn all(rows: &[Row], tied: &[Vec<usize>], seed: u64) -> Vec<Set> {
        let mut parents: Vec<u32> = (0..rows.len() as u32).collect();
        let mut tie = |key: fn(&Row) -> Option<&str>| {
            let mut first_with: HashMap<&str, u32> = HashMap::new();
            for (i, row) in rows.iter().enumerate() {
                if let Some(key) = key(row) {
                    join(&mut parents, i as u32, *first_with.entry(key).or_insert(i as u32));
                }
            }
        };
        tie(|row| Some(&row.path));
        tie(|row| row.group.as_deref());
        for together in tied {
            for pair in together.windows(2) {
                join(&mut parents, pair[0] as u32, pair[1] as u32);
            }
        }
        // The first row of a set is its root, so the sets are in the order of their first rows.
        let mut place = vec![0_u32; rows.len()];
        let mut members: Vec<Vec<u32>> = Vec::new();
        for i in 0..rows.len() as u32 {
            let root = root(&mut parents, i);
            if root == i {
                place[i as usize] = members.len() as u32;
                members.push(Vec::new());
            }
            members[place[root as usize] as usize].push(i);
        }
        let keyed = |members: Vec<u32>| {
            let named_by = members.iter().copied().min_by_key(|&i| name(rows, i)).unwrap_or_default();
            let mut hasher = Sha256::new();
            hasher.update(seed.to_le_bytes());
            hasher.update(name(rows, named_by).as_bytes());
            let key: [u8; 32] = hasher.finalize().into();
            (key, Set { rows: members, named_by })
        };
        let mut sets: Vec<([u8; 32], Set)> = members.into_iter().map(keyed).collect();
        sets.sort_by(|(key_a, a), (key_b, b)| b.rows.len().cmp(&a.rows.len()).then_with(|| key_a.cmp(key_b)));
        sets.into_iter().map(|(_, set)| set).collect()
    }

    /// Its first group, or its first file where it has none.
    pub(crate) fn name<'a>(&self, rows: &'a [Row]) -> &'a str {
        name(rows, self.named_by)
    }

    /// Its rows.
    pub(crate) fn of<'a>(&self, rows: &'a [Row]) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().map(|&i| &rows[i as usize])
    }
}

fn name(rows: &[Row], row: u32) -> &str {
    let row = &rows[row as usize];
    row.group.as_ref().unwrap_or(&row.path)
}

fn root(parents: &mut [u32], mut i: u32) -> u32 {
    while parents[i as usize] != i {
        parents[i as usize] = parents[parents[i as usize] as usize];
        i = parents[i as usize];
    }
    i
}

/// Of two sets, the one whose first row comes first is the root.
fn join(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
}

/// Whether a row belongs to a class.
pub(crate) fn is_class(row: &Row) -> bool {
    !row.label.is_empty() && !row.label.eq_ignore_ascii_case(NEITHER)
}

/// The split that a set's rows already have, the most frequent of several; out-of-distribution ones bind no class.
pub(crate) fn given<'a>(rows: &'a [Row], set: &Set) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for split in set.of(rows).filter_map(|row| row.split.as_deref()).filter(|split| !split.starts_with("ood")) {
        *counts.entry(split).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, n)| *n == most).map(|(split, _)| split)
}
