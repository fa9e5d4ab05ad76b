//! Clips that hold the same sound: copies and overlapping excerpts, and what follows for groups and splits.

use super::findings::{Finding, Kind, Severity};
use super::form::{Pair, group};
use super::measured::{Measured, Outcome};
use crate::error::Result;
use audio_io::Manifest;
use doctor::fingerprint::Fingerprint;
use doctor::index::{NearDuplicate, SearchConfig, near_duplicates};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Share of the shorter clip that must be within the longer one for it to be a copy; less is an overlap.
const COPY_SHARE: f64 = 0.7;

/// All pairs among the rows that were measured, in the manifest's order.
pub(super) fn pairs(manifest: &Manifest, outcomes: &[Outcome]) -> Result<Vec<Pair>> {
    let measured: Vec<(usize, &Measured)> =
        outcomes.iter().enumerate().filter_map(|(i, outcome)| Some((i, outcome.as_ref().ok()?))).collect();
    // Silence is like silence; that is a fault and no duplicate.
    let sounds: Vec<&(usize, &Measured)> = measured.iter().filter(|(_, measured)| measured.is_usable()).collect();
    let fingerprints: Vec<Fingerprint> = sounds.iter().map(|(_, measured)| measured.fingerprint.clone()).collect();
    let mut found: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
    for NearDuplicate { a, b, score, overlap_s, .. } in near_duplicates(&fingerprints, &SearchConfig::default())? {
        found.insert((sounds[a].0, sounds[b].0), (score, overlap_s));
    }
    let mut first = HashMap::new();
    for (i, measured) in sounds {
        // The same file with another part of it has the same hash and is no copy.
        let row = &manifest.rows[*i];
        let part = (&measured.sha256, row.start_s.map(f64::to_bits), row.end_s.map(f64::to_bits), row.channel);
        let first = *first.entry(part).or_insert(*i);
        if first != *i {
            found.insert((first, *i), (1.0, measured.raw.seconds));
        }
    }
    let pair = |((a, b), (score, overlap_s)): ((usize, usize), (f64, f64))| {
        let (one, other) = (&manifest.rows[a], &manifest.rows[b]);
        let sound = |i: usize| outcomes[i].as_ref().ok();
        let seconds = |i: usize| sound(i).map_or(0.0, |measured| measured.raw.seconds);
        let overlap_share = (overlap_s / seconds(a).min(seconds(b)).max(1e-9)).min(1.0);
        let same = sound(a).map(|measured| &measured.sha256) == sound(b).map(|measured| &measured.sha256);
        let part = |row: &audio_io::Row| (row.start_s, row.end_s, row.channel);
        let exact = same && part(one) == part(other);
        Pair {
            rows: [a, b],
            paths: [one.path.clone(), other.path.clone()],
            score,
            overlap_s,
            overlap_share,
            exact,
            copy: exact || overlap_share >= COPY_SHARE,
            labels_differ: one.label != other.label,
            splits_differ: one.split != other.split,
        }
    };
    Ok(found.into_iter().map(pair).collect())
}

/// The rows that are copies of another: of each pair the shorter, the later of equals, where the labels agree.
pub(super) fn copies(pairs: &[Pair], outcomes: &[Outcome]) -> BTreeSet<usize> {
    let seconds = |row: usize| outcomes[row].as_ref().map_or(0.0, |measured| measured.raw.seconds);
    let mut removed = BTreeSet::new();
    for pair in pairs.iter().filter(|pair| pair.copy && !pair.labels_differ) {
        let [a, b] = pair.rows;
        if removed.contains(&a) || removed.contains(&b) {
            continue;
        }
        removed.insert(if seconds(b) > 1.05 * seconds(a) { a } else { b });
    }
    removed
}

/// What pairs mean, one finding each.
pub(super) fn findings(pairs: &[Pair], manifest: &Manifest, removed: &BTreeSet<usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for pair in pairs {
        let [a, b] = pair.rows;
        let (row, other) = if removed.contains(&a) && !removed.contains(&b) { (a, b) } else { (b, a) };
        let (path, other_path) = (&manifest.rows[row].path, &manifest.rows[other].path);
        let what = match (pair.exact, pair.copy) {
            (true, _) => "the same samples as".to_owned(),
            (_, true) => format!("the same sound as (agreement {:.2})", pair.score),
            _ => format!("shares {:.1} s with (agreement {:.2})", pair.overlap_s, pair.score),
        };
        let suggestion = if pair.labels_differ {
            let (one, other) = (&manifest.rows[row].label, &manifest.rows[other].label);
            format!("one sound with two labels, {one} and {other}: listen, and correct one")
        } else if pair.copy {
            "keep one".to_owned()
        } else {
            "give both the same group".to_owned()
        };
        let severity = if pair.labels_differ { Severity::High } else { Severity::Medium };
        findings.push(Finding::new(path, Kind::Duplicate, severity, format!("{what} {other_path}"), suggestion));
        if pair.splits_differ {
            let split = |row: usize| manifest.rows[row].split.as_deref().unwrap_or("no split").to_owned();
            findings.push(Finding::new(
                path,
                Kind::Leak,
                Severity::High,
                format!("in {}, and {other_path}, which holds the same sound, in {}", split(row), split(other)),
                "keep one, or give both the same group and split",
            ));
        }
    }
    findings
}

/// Groups whose rows are in more than one split.
pub(super) fn crossing(manifest: &Manifest) -> Vec<Finding> {
    let mut splits: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in &manifest.rows {
        if let (Some(_), Some(split)) = (&row.group, &row.split) {
            splits.entry(group(row)).or_default().insert(split);
        }
    }
    let crossing = splits.into_iter().filter(|(_, splits)| splits.len() > 1);
    let finding = |(name, splits): (&str, BTreeSet<&str>)| {
        let path = manifest.rows.iter().find(|row| group(row) == name).map_or("", |row| row.path.as_str());
        let splits = splits.into_iter().collect::<Vec<_>>().join(" and ");
        let suggestion = "leave the column split empty and run `barkbird scan`, which keeps groups together";
        Finding::new(path, Kind::Leak, Severity::High, format!("group {name} is in {splits}"), suggestion)
    };
    crossing.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::measured::fixture::{measured, silence};
    use super::*;
    use audio_io::Row;

    fn row(path: &str, label: &str, group: &str, split: &str) -> Row {
        let [group, split] = [group, split].map(|text| Some(text.to_owned()));
        Row { path: path.into(), label: label.into(), group, split, ..Row::default() }
    }

    fn manifest(rows: Vec<Row>) -> Manifest {
        Manifest { rows, ..Manifest::default() }
    }

    #[test]
    fn the_same_sound_is_a_pair_and_silence_is_none() {
        let rows = [("a", "dog", "train"), ("b", "dog", "test"), ("c", "bird", "train"), ("d", "dog", "train")];
        let mut rows: Vec<Row> = rows.map(|(name, label, split)| row(name, label, name, split)).to_vec();
        rows.extend(["e", "f"].map(|name| row(name, "dog", name, "train")));
        let outcomes: Vec<Outcome> = vec![
            Ok(measured(1, 2.0)),
            Ok(measured(1, 2.0)),
            Ok(measured(1, 2.0)),
            Ok(measured(2, 2.0)),
            Ok(silence()),
            Ok(silence()),
        ];
        let manifest = manifest(rows);
        let found = pairs(&manifest, &outcomes).unwrap();
        assert_eq!(found.iter().map(|pair| pair.rows).collect::<Vec<_>>(), [[0, 1], [0, 2], [1, 2]]);
        assert!(found.iter().all(|pair| pair.exact && pair.copy && pair.score == 1.0), "{found:?}");
        assert!(found[0].splits_differ && !found[0].labels_differ && found[1].labels_differ);
        // One of two labels is wrong, and nobody knows which: neither goes.
        let removed = copies(&found, &outcomes);
        assert_eq!(removed, BTreeSet::from([1]));
        let said = findings(&found, &manifest, &removed);
        let kinds = |kind: Kind| said.iter().filter(|finding| finding.kind == kind).count();
        assert_eq!((kinds(Kind::Duplicate), kinds(Kind::Leak)), (3, 2));
        assert!(said.iter().any(|finding| finding.suggestion.starts_with("one sound with two labels, ")));
    }

    #[test]
    fn parts_of_one_file_are_no_copies_of_each_other() {
        let part = |start_s, end_s| Row { start_s: Some(start_s), end_s: Some(end_s), ..row("a", "dog", "a", "train") };
        let mut other = measured(4, 1.0);
        other.sha256 = measured(3, 1.0).sha256;
        let found = pairs(&manifest(vec![part(0.0, 1.0), part(1.0, 2.0)]), &[Ok(measured(3, 1.0)), Ok(other)]).unwrap();
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_group_in_two_splits_is_a_leak() {
        let rows = vec![row("a", "dog", "g", "train"), row("b", "dog", "g", "test"), row("c", "dog", "h", "test")];
        let found = crossing(&manifest(rows));
        assert_eq!(found.len(), 1);
        assert!(found[0].path == "a" && found[0].evidence == "group g is in test and train", "{found:?}");
    }
}
