//! The manifest without what is unusable or there twice, and with groups merged that hold the same sound.

use super::form::group;
use super::form::{Changes, Pair, Session};
use super::measured::{Measured, Outcome};
use audio_io::{Manifest, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct Cleaned {
    /// The manifest to go on with.
    pub(super) manifest: Manifest,
    /// Of each row of the manifest before: the group that it has now, ...
    pub(super) groups: Vec<String>,
    /// ... and whether it is still there.
    pub(super) kept: Vec<bool>,
    /// What was changed.
    pub(super) changes: Changes,
}

/// The manifest to go on with. Groups are merged where rows of both hold the same sound, and where they are one
/// session. The merged group has the name of the first in the manifest.
pub(super) fn clean(
    manifest: &Manifest,
    outcomes: &[Outcome],
    copies: &BTreeSet<usize>,
    pairs: &[Pair],
    sessions: &[Session],
) -> Cleaned {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut parents: Vec<usize> = Vec::new();
    let number: Vec<usize> = manifest
        .rows
        .iter()
        .map(|row| {
            *first.entry(group(row)).or_insert_with(|| {
                parents.push(parents.len());
                parents.len() - 1
            })
        })
        .collect();
    // Copies that are left out still tie: what a copy shares with a third clip, its original may share too.
    for pair in pairs {
        join(&mut parents, number[pair.rows[0]], number[pair.rows[1]]);
    }
    for session in sessions {
        let known: Vec<usize> = session.groups.iter().filter_map(|name| first.get(name.as_str()).copied()).collect();
        known.windows(2).for_each(|two| join(&mut parents, two[0], two[1]));
    }
    let names: BTreeMap<usize, &str> = first.iter().map(|(name, number)| (*number, *name)).collect();
    let merged: BTreeSet<usize> = (0..parents.len()).filter(|i| parents[*i] != *i).map(|i| root(&parents, i)).collect();
    let mut cleaned = Cleaned::default();
    let mut rows = Vec::new();
    for (i, row) in manifest.rows.iter().enumerate() {
        let root = root(&parents, number[i]);
        let name = names.get(&root).copied().unwrap_or_else(|| group(row)).to_owned();
        let unusable = !outcomes[i].as_ref().is_ok_and(Measured::is_usable);
        cleaned.kept.push(!unusable && !copies.contains(&i));
        if unusable {
            cleaned.changes.unusable += 1;
        } else if copies.contains(&i) {
            cleaned.changes.copies += 1;
        } else {
            cleaned.changes.regrouped += usize::from(name != group(row));
            // A row without a group that stays alone stays without.
            let group = if merged.contains(&root) { Some(name.clone()) } else { row.group.clone() };
            rows.push(Row { group, ..row.clone() });
        }
        cleaned.groups.push(name);
    }
    cleaned.manifest = Manifest { rows, ..manifest.clone() };
    cleaned
}

fn root(parents: &[usize], mut i: usize) -> usize {
    while parents[i] != i {
        i = parents[i];
    }
    i
}

/// The smaller number, which is that of the earlier group, becomes the root.
fn join(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b)] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::super::measured::fixture::{measured, silence};
    use super::super::same::{copies, pairs};
    use super::*;

    fn manifest(rows: &[(&str, Option<&str>)]) -> Manifest {
        let row = |(path, group): &(&str, Option<&str>)| Row {
            path: (*path).into(),
            label: "dog".into(),
            group: group.map(str::to_owned),
            ..Row::default()
        };
        Manifest { rows: rows.iter().map(row).collect(), ..Manifest::default() }
    }

    #[test]
    fn copies_and_silence_go_and_groups_that_share_a_sound_are_one() {
        let groups = [Some("x"), Some("y"), Some("y"), Some("z"), None, Some("w"), Some("v")];
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let manifest = manifest(&names.into_iter().zip(groups).collect::<Vec<_>>());
        // b is a copy of a, so that c of b's group belongs to a's; d is silent; v and w are one session.
        let sounds = [
            measured(1, 1.0),
            measured(1, 1.0),
            measured(2, 1.0),
            silence(),
            measured(3, 1.0),
            measured(4, 1.0),
            measured(5, 1.0),
        ];
        let outcomes: Vec<Outcome> = sounds.into_iter().map(Ok).collect();
        let found = pairs(&manifest, &outcomes).unwrap();
        let session = Session {
            groups: vec!["w".into(), "v".into()],
            ties: Vec::new(),
            splits: BTreeSet::new(),
            path: "f".into(),
        };
        let cleaned = clean(&manifest, &outcomes, &copies(&found, &outcomes), &found, &[session]);
        let rows: Vec<(&str, Option<&str>)> =
            cleaned.manifest.rows.iter().map(|row| (row.path.as_str(), row.group.as_deref())).collect();
        assert_eq!(rows, [("a", Some("x")), ("c", Some("x")), ("e", None), ("f", Some("w")), ("g", Some("w"))]);
        assert_eq!(cleaned.kept, [true, false, true, false, true, true, true]);
        assert_eq!(cleaned.groups, ["x", "x", "x", "z", "e", "w", "w"]);
        assert_eq!(cleaned.changes, Changes { unusable: 1, copies: 1, regrouped: 2 });
    }

    #[test]
    fn what_cannot_be_read_goes_and_the_rest_stays_as_it_is() {
        let manifest = manifest(&[("a", None), ("b", Some("g"))]);
        let mut broken = silence().faults;
        let outcomes: Vec<Outcome> = vec![Err(broken.remove(0)), Ok(measured(1, 1.0))];
        let cleaned = clean(&manifest, &outcomes, &BTreeSet::new(), &[], &[]);
        assert_eq!(cleaned.manifest.rows, manifest.rows[1..]);
        assert_eq!(cleaned.changes, Changes { unusable: 1, copies: 0, regrouped: 0 });
    }
}
