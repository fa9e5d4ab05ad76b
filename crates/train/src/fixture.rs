//! Tiny shards for the tests of this crate.

use shard::{ClipRecord, Header, NO_LABEL, Provenance, SPECTROGRAM, Spectrograms};
use std::collections::{BTreeMap, BTreeSet};

/// Label (empty for none), group, split.
pub(crate) type Row = (&'static str, &'static str, &'static str);

/// A clip of 3 bands and 4 frames a row, all values different, the last frame padding.
pub(crate) fn spectrograms(rows: &[Row]) -> Spectrograms {
    let names = |part: fn(&Row) -> &'static str| -> Vec<String> {
        let set: BTreeSet<_> = rows.iter().map(part).filter(|name| !name.is_empty()).collect();
        set.into_iter().map(str::to_owned).collect()
    };
    let (classes, splits) = (names(|row| row.0), names(|row| row.2));
    let at = |names: &[String], name: &str| names.iter().position(|n| n == name);
    let clip = |(i, row): (usize, &Row)| ClipRecord {
        id: format!("clip-{i}"),
        path: format!("{i}.wav"),
        group: Some(row.1.to_owned()),
        source_sha256: String::new(),
        start_s: 0.0,
        channel: None,
        seconds: 1.0,
        view: 0,
        steps: Vec::new(),
    };
    let provenance = Provenance {
        stage: "test".into(),
        version: "0".into(),
        configuration: serde_json::json!({}),
        seed: 0,
        inputs: BTreeMap::new(),
    };
    Spectrograms {
        n_mels: 3,
        n_frames: 4,
        mel: (0..rows.len() * 12).map(|i| -40.0 + ((i * 7919) % 1009) as f32 / 25.0).collect(),
        frames: vec![3; rows.len()],
        label: rows.iter().map(|row| at(&classes, row.0).map_or(NO_LABEL, |label| label as u32)).collect(),
        split: rows.iter().map(|row| at(&splits, row.2).unwrap() as u8).collect(),
        header: Header {
            schema: SPECTROGRAM.into(),
            front_end: serde_json::json!({"kind": "test"}),
            clips: rows.iter().enumerate().map(clip).collect(),
            classes,
            splits,
            provenance,
        },
    }
}
