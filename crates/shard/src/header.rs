//! The JSON header of a shard: its clips, their sources, and how they were processed.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::hash::is_sha256_hex;

/// The `label` of a clip that has none.
pub const NO_LABEL: u32 = u32::MAX;

/// Maximum number of clips in a shard; all shards of a folder but the last have exactly this many.
pub const CLIPS_PER_SHARD: usize = 256;

/// One clip of a shard; its position in `clips` is its row in every tensor.
///
/// Rows of different stages (spectrograms, embeddings, predictions) are joined by `id` and `view`, never by path and start
/// alone: two channels of one file have the same path and start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipRecord {
    /// Identifies the clip in every stage: the same recording, start and channel always have the same id, no other clip has
    /// it, and it ends in `#CHANNEL` if the recording was split into channels. With `view` and a seed it determines all
    /// randomness that is applied to the clip.
    pub id: String,
    /// The recording as in the manifest, with `/` between folders; never absolute.
    pub path: String,
    /// Recordings that must stay in one split (one animal, one site, one session) share a group.
    pub group: Option<String>,
    /// SHA-256 of the recording's bytes, 64 lower-case hexadecimal digits; empty where it is not known.
    pub source_sha256: String,
    /// Start of the clip in the recording, in seconds.
    pub start_s: f64,
    /// Channel of the recording, from 0; none for a mix, or if it is not known. Not written if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// Seconds of real sound in the clip, without padding.
    pub seconds: f64,
    /// 0 is the recording itself; 1, 2, ... are augmented views of it.
    pub view: u32,
    /// The processing steps in order, in plain words.
    pub steps: Vec<String>,
}

impl ClipRecord {
    /// What must not be in two splits: the group, or the recording where no group is known.
    pub fn group_or_path(&self) -> &str {
        self.group.as_deref().unwrap_or(&self.path)
    }
}

/// How a folder of shards was made: enough to make it again.
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
    /// SHA-256 of the inputs of the stage, by name.
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
    /// How the shard was made.
    pub provenance: Provenance,
}

/// What all shards of a folder have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// The configuration of the front end that made the spectrograms.
    pub front_end: Value,
    /// Class names; `label` is an index into them.
    pub classes: Vec<String>,
    /// Split names as the manifest writes them; `split` is an index into them.
    pub splits: Vec<String>,
    /// How the shards were made.
    pub provenance: Provenance,
}

impl From<Header> for Common {
    fn from(header: Header) -> Self {
        let Header { front_end, classes, splits, provenance, .. } = header;
        Self { front_end, classes, splits, provenance }
    }
}

/// Free-form JSON is written with its keys in alphabetical order, so that equal values give equal bytes
/// whichever map serde_json was compiled with.
pub(crate) fn sorted<S: Serializer>(value: &Value, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let mut value = value.clone();
    value.sort_all_objects();
    value.serialize(serializer)
}

/// Checks names and clip records; errors name `file`.
pub(crate) fn check(header: &Header, file: &Path) -> Result<()> {
    check_names(&header.classes, &header.splits, file)?;
    header.clips.iter().enumerate().try_for_each(|(row, clip)| check_clip(clip, file, || format!("clip {row}")))
}

/// Classes and splits: no name empty, none duplicate, and at most 256 splits.
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

/// Checks the times and the hash of a record.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_without_a_channel_is_written_as_before_there_were_channels() {
        let old = r#"{"id":"a@0","path":"a.wav","group":null,"source_sha256":"","start_s":0.5,"seconds":1.0,"view":0,"steps":[]}"#;
        let clip: ClipRecord = serde_json::from_str(old).unwrap();
        assert_eq!(clip.channel, None);
        assert_eq!(serde_json::to_string(&clip).unwrap(), old);
        let right = ClipRecord { channel: Some(1), ..clip };
        let text = serde_json::to_string(&right).unwrap();
        assert!(text.contains(r#""start_s":0.5,"channel":1,"seconds""#), "{text}");
        assert_eq!(serde_json::from_str::<ClipRecord>(&text).unwrap(), right);
    }
}
