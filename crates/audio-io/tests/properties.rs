//! What must hold for any manifest.

use std::collections::{BTreeMap, BTreeSet};

use audio_io::split::{Shares, assign};
use audio_io::{Manifest, Row};
use proptest::prelude::*;

/// A field that reads back as it was written: no blanks around it, not empty.
fn word() -> impl Strategy<Value = String> {
    "[a-zé,\"';= \n-]{0,8}[a-z0-9\"]"
        .prop_map(|text| text.trim_start().to_owned())
        .prop_filter("a missing value or a word of predictions", |text| audio_io::labels::refusal(text).is_none())
}

fn row(n_extra: usize) -> impl Strategy<Value = Row> {
    let part = prop::option::of((0.0..1e4f64, 1e-3..1e3f64));
    let names = (word(), word(), prop::option::of(word()), prop::option::of(word()));
    let rest = (part, prop::option::of(any::<u16>()), prop::collection::vec("\\PC{0,6}", n_extra));
    (names, rest).prop_map(|((path, label, group, split), (part, channel, extra))| Row {
        path,
        label,
        group,
        split,
        start_s: part.map(|(start, _)| start),
        end_s: part.map(|(start, length)| start + length),
        channel,
        extra: extra.iter().collect(),
    })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    (0usize..4).prop_flat_map(|n_extra| {
        prop::collection::vec(row(n_extra), 1..12).prop_map(move |rows| Manifest {
            rows,
            extra_columns: (0..n_extra).map(|i| format!("carried, {i}")).collect(),
            ..Manifest::default()
        })
    })
}

/// Rows as (class, group, whether a split is given).
fn data_set() -> impl Strategy<Value = Vec<Row>> {
    let row = (0usize..4, prop::option::of(0usize..25), prop::option::weighted(0.1, 0usize..3));
    prop::collection::vec(row, 1..120).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(i, (class, group, split))| Row {
                path: format!("{i}.wav"),
                label: ["dog", "bird", "cat", "neither"][class].to_owned(),
                group: group.map(|group| format!("g{group}")),
                split: split.map(|split| ["train", "test", "fold-1"][split].to_owned()),
                ..Row::default()
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_manifest_reads_back_as_it_was_written(manifest in manifest()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, manifest.to_csv()).unwrap();
        let back = Manifest::read_csv(&path).unwrap();
        prop_assert_eq!(&back.rows, &manifest.rows);
        prop_assert_eq!(&back.extra_columns, &manifest.extra_columns);
        prop_assert_eq!(back.root.as_path(), folder.path());
        prop_assert_eq!(back.to_csv(), manifest.to_csv());
    }

    #[test]
    fn no_group_crosses_and_every_row_has_a_place(rows in data_set(), seed in any::<u64>(), tie in 0usize..120) {
        let mut split = rows.clone();
        let tied = vec![vec![0, tie.min(rows.len() - 1)]];
        assign(&mut split, &tied, &Shares::default(), seed);
        let mut again = rows.clone();
        assign(&mut again, &tied, &Shares::default(), seed);
        prop_assert_eq!(&again, &split);

        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (before, after) in rows.iter().zip(&split) {
            let place = after.split.as_deref().unwrap();
            if let Some(given) = &before.split {
                prop_assert_eq!(given, place);
            } else {
                prop_assert_eq!(before.label == "neither", place.starts_with("ood"), "{:?}", after);
                // What was given may cross; what is dealt may not. Unknown sounds are in their own two splits.
                if let Some(group) = before.group.as_deref().filter(|_| before.label != "neither") {
                    groups.entry(group).or_default().insert(place);
                }
            }
        }
        for (group, places) in groups {
            prop_assert!(places.len() == 1, "{group} is in {places:?}");
        }
    }

    #[test]
    fn classes_with_enough_groups_are_in_every_split(sizes in prop::collection::vec((0usize..3, 1usize..20), 9..30)) {
        let mut rows = Vec::new();
        for (group, (class, size)) in sizes.iter().enumerate() {
            for i in 0..*size {
                rows.push(Row {
                    path: format!("{group}-{i}.wav"),
                    label: ["a", "b", "c"][*class].to_owned(),
                    group: Some(group.to_string()),
                    ..Row::default()
                });
            }
        }
        assign(&mut rows, &[], &Shares::default(), 5);
        for class in ["a", "b", "c"] {
            let of = |split: &str| rows.iter().any(|row| row.label == class && row.split.as_deref() == Some(split));
            let n_groups = rows.iter().filter(|row| row.label == class).map(|row| &row.group).collect::<BTreeSet<_>>();
            if n_groups.len() >= 3 {
                prop_assert!(of("train") && of("val") && of("test"), "{class}");
            }
        }
    }
}
