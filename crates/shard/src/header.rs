//! The JSON header of a shard: what its clips are, where they came from and what was done to them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::hash::is_sha256_hex;

/// One clip of a shard; its place in `clips` is its row in every tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipRecord {
    /// Names the clip; with `view` and a seed it fixes everything random that is done to the clip.
    pub id: String,
    /// The recording as the manifest writes it, with `/` between folders; never absolute.
    pub path: String,
    /// Recordings that must stay in one split (one animal, one site, one session) share a group.
    pub group: Option<String>,
    /// SHA-256 of the recording's bytes, 64 lower-case hexadecimal digits; empty where it is not known.
    pub source_sha256: String,
    /// Where in the recording the clip starts, in seconds.
    pub start_s: f64,
    /// How many seconds of real sound the clip holds; padding is not counted.
    pub seconds: f64,
    /// 0 is the recording itself; 1, 2, ... are augmented views of it.
    pub view: u32,
    /// What was done to it, in order, in words that a person reads.
    pub steps: Vec<String>,
}

impl ClipRecord {
    /// The channel of the recording, where each channel is a clip of its own: the number after the last `#` of the id.
    pub fn channel(&self) -> Option<u16> {
        self.id.rsplit_once('#').and_then(|(_, channel)| channel.parse().ok())
    }
}

/// What made a folder of shards: enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The stage that wrote it, such as `features`.
    pub stage: String,
    /// The version of the program.
    pub version: String,
    /// The resolved configuration of the stage.
    #[serde(serialize_with = "sorted")]
    pub configuration: Value,
    /// The seed of everything random in the stage.
    pub seed: u64,
    /// SHA-256 of what the stage read, by name.
    pub inputs: BTreeMap<String, String>,
}

/// The header of a shard, stored as JSON under the metadata key `shard`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`SPECTROGRAM`](crate::SPECTROGRAM) or [`EMBEDDING`](crate::EMBEDDING).
    pub schema: String,
    /// The configuration of the front end that made the spectrograms (or that the model read).
    #[serde(serialize_with = "sorted")]
    pub front_end: Value,
    /// Class names; `label` is an index into them.
    pub classes: Vec<String>,
    /// Split names as the manifest writes them; `split` is an index into them.
    pub splits: Vec<String>,
    /// The clips, in the order of the tensors' rows.
    pub clips: Vec<ClipRecord>,
    /// What made the shard.
    pub provenance: Provenance,
}

/// Free-form JSON is written with its keys in alphabetical order, so that equal values give equal bytes
/// whichever map serde_json was compiled with.
pub(crate) fn sorted<S: Serializer>(value: &Value, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let mut value = value.clone();
    value.sort_all_objects();
    value.serialize(serializer)
}

/// Names and clip records that make sense; `file` is what the error names.
pub(crate) fn check(header: &Header, file: &Path) -> Result<()> {
    check_names(&header.classes, &header.splits, file)?;
    header.clips.iter().enumerate().try_for_each(|(row, clip)| check_clip(clip, file, || format!("clip {row}")))
}

/// Classes and splits: no name empty, none twice, and no more splits than a byte counts.
pub(crate) fn check_names(classes: &[String], splits: &[String], file: &Path) -> Result<()> {
    for (part, names) in [("classes", classes), ("splits", splits)] {
        let mut seen = HashSet::new();
        for name in names {
            if name.is_empty() {
                return Err(Error::mismatch(file, part, "names", "an empty name"));
            }
            if !seen.insert(name) {
                return Err(Error::mismatch(file, part, "each name once", format!("{name:?} twice")));
            }
        }
    }
    let most = usize::from(u8::MAX) + 1;
    if splits.len() > most {
        return Err(Error::mismatch(file, "splits", format!("at most {most}"), splits.len()));
    }
    Ok(())
}

/// One record: times that are times, a hash that is a hash.
pub(crate) fn check_clip(clip: &ClipRecord, file: &Path, part: impl Fn() -> String) -> Result<()> {
    for (field, seconds) in [("start_s", clip.start_s), ("seconds", clip.seconds)] {
        if !(seconds.is_finite() && seconds >= 0.0) {
            return Err(Error::mismatch(file, format!("{}: {field}", part()), "a finite time from 0 s", seconds));
        }
    }
    if !(clip.source_sha256.is_empty() || is_sha256_hex(&clip.source_sha256)) {
        let got = format!("{:?}", clip.source_sha256);
        return Err(Error::mismatch(file, format!("{}: source_sha256", part()), "64 hexadecimal digits", got));
    }
    Ok(())
}
