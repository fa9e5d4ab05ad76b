//! What tells one set of clips from another: the `split` of a model's header, and the fingerprint that a resumed run compares.

use crate::example::Example;
use serde_json::json;
use shard::{Clips, IdHash, sha256_hex_of_all};
use std::collections::BTreeMap;

/// Clips, groups and classes of each part, and a hash over which clip is in which part, whatever their order.
pub(crate) fn describe_split(
    spectrograms: &Clips,
    classes: &[String],
    parts: [(&str, &str, &Vec<Example>); 2],
) -> serde_json::Value {
    let mut clips: Vec<(u8, u32, IdHash)> = Vec::new();
    let mut described = serde_json::Map::new();
    for (number, (part, names, examples)) in parts.iter().enumerate() {
        let group = |example: &Example| spectrograms.group[example.row as usize] as usize;
        let mut used = vec![false; examples.iter().map(group).max().map_or(0, |last| last + 1)];
        let mut n_clips = BTreeMap::<&str, usize>::new();
        for example in *examples {
            used[group(example)] = true;
            *n_clips.entry(classes[example.class as usize].as_str()).or_default() += 1;
            clips.push((number as u8, example.class, spectrograms.id[example.row as usize]));
        }
        let groups = used.iter().filter(|used| **used).count();
        let description = json!({"splits": names, "clips": examples.len(), "groups": groups, "classes": n_clips});
        described.insert((*part).to_owned(), description);
    }
    clips.sort_unstable();
    let lines = clips.iter().map(|(part, class, id)| {
        let mut line = format!("{}\t{}\t", parts[usize::from(*part)].0, classes[*class as usize]).into_bytes();
        line.extend(id);
        line
    });
    described.insert("sha256".to_owned(), sha256_hex_of_all(lines).into());
    described.into()
}

/// SHA-256 over the sizes of the spectrograms, the split, and id, view, class, frames and checksum of each clip.
pub(crate) fn fingerprint<'a>(
    spectrograms: &Clips,
    split: &serde_json::Value,
    examples: impl Iterator<Item = &'a Example>,
) -> String {
    let Clips { n_mels, n_frames, .. } = spectrograms;
    let sizes = format!("{n_mels} {n_frames}\n{split}\n");
    let clip = |example: &'a Example| {
        let row = example.row as usize;
        let numbers = [spectrograms.view[row], example.class, spectrograms.frames[row], spectrograms.crc[row]];
        let mut bytes = spectrograms.id[row].to_vec();
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes
    };
    sha256_hex_of_all(std::iter::once(sizes.into_bytes()).chain(examples.map(clip)))
}
