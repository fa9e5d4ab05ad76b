//! `index.json`: the shards of a folder and their common properties; written last, so its presence means "done".

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::hash::is_sha256_hex;
use crate::header::{CLIPS_PER_SHARD, Provenance, check_names, sorted};

/// The index's file name.
pub(crate) const INDEX: &str = "index.json";
/// Maximum length of an index; a million skipped files with their reasons fit.
const MAX_INDEX_BYTES: u64 = 256 << 20;

/// One shard of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardEntry {
    /// File name in the folder: `shard-00000.safetensors` for the first, and so on without a gap.
    pub file: String,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Clips in it; 256 in all but the last.
    pub clips: u64,
}

/// A recording that the stage left out, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// The recording as the manifest writes it.
    pub path: String,
    /// Why, in plain words.
    pub reason: String,
}

/// The content of `index.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// [`SPECTROGRAM`](crate::SPECTROGRAM) or [`EMBEDDING`](crate::EMBEDDING).
    pub schema: String,
    /// The same as in every shard's header.
    #[serde(serialize_with = "sorted")]
    pub front_end: Value,
    /// The same as in every shard's header.
    pub classes: Vec<String>,
    /// The same as in every shard's header.
    pub splits: Vec<String>,
    /// Clips in all shards.
    pub n_clips: u64,
    /// The shards in order.
    pub shards: Vec<ShardEntry>,
    /// The recordings that were left out.
    pub skipped: Vec<Skipped>,
    /// The same as in every shard's header.
    pub provenance: Provenance,
}

impl Index {
    /// The file's bytes: indented JSON and a newline at the end.
    ///
    /// # Errors
    /// [`Error::Json`] when a value cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(Error::json(Path::new(INDEX), "index"))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Parses the file's bytes; errors call it `name`. Safe for untrusted bytes.
    ///
    /// # Errors
    /// The first violation of the format, with file, part, expected and got.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self> {
        let index: Self = serde_json::from_slice(bytes).map_err(Error::json(name, "index"))?;
        index.check(name)?;
        Ok(index)
    }

    fn check(&self, file: &Path) -> Result<()> {
        check_names(&self.classes, &self.splits, file)?;
        let mut n_clips = 0_u64;
        for (number, entry) in self.shards.iter().enumerate() {
            let part = |field: &str| format!("shard {number}: {field}");
            // The name in the file is not trusted: it could lead out of the folder.
            let expected = file_name(number);
            if entry.file != expected {
                return Err(Error::mismatch(file, part("file"), expected, format!("{:?}", entry.file)));
            }
            if !is_sha256_hex(&entry.sha256) {
                let got = format!("{:?}", entry.sha256);
                return Err(Error::mismatch(file, part("sha256"), "64 hexadecimal digits", got));
            }
            let full = CLIPS_PER_SHARD as u64;
            let last = number + 1 == self.shards.len();
            if !(entry.clips == full || last && (1..full).contains(&entry.clips)) {
                let expected = if last { format!("1 to {full}") } else { full.to_string() };
                return Err(Error::mismatch(file, part("clips"), expected, entry.clips));
            }
            n_clips += entry.clips;
        }
        if self.n_clips != n_clips {
            return Err(Error::mismatch(file, "n_clips", format!("{n_clips} (the sum over shards)"), self.n_clips));
        }
        Ok(())
    }
}

/// Reads and checks the index of a folder of shards.
///
/// # Errors
/// [`Error::Unfinished`] if there is none, otherwise the first violation of the format.
pub fn read_index(dir: &Path) -> Result<Index> {
    Ok(read_index_bytes(dir)?.0)
}

/// As [`read_index`], with the bytes of the file.
pub(crate) fn read_index_bytes(dir: &Path) -> Result<(Index, Vec<u8>)> {
    let path = dir.join(INDEX);
    if !storage::is_dir(dir) {
        return Err(Error::mismatch(dir, "folder", "a folder of shards", "no such folder"));
    }
    let length = match storage::metadata(&path) {
        Ok(metadata) => metadata.n_bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Unfinished { dir: dir.into() });
        }
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    if length > MAX_INDEX_BYTES {
        return Err(Error::mismatch(&path, "file", format!("at most {MAX_INDEX_BYTES} bytes"), length));
    }
    let bytes = storage::read(&path).map_err(Error::io("read", &path))?;
    Ok((Index::from_bytes(&bytes, &path)?, bytes))
}

/// `shard-00007.safetensors` for 7.
pub(crate) fn file_name(number: usize) -> String {
    format!("shard-{number:05}.safetensors")
}

/// Whether `name` is one that [`file_name`] gives.
pub(crate) fn is_shard_name(name: &str) -> bool {
    let number = name.strip_prefix("shard-").and_then(|rest| rest.strip_suffix(".safetensors"));
    number.and_then(|number| number.parse().ok()).is_some_and(|number| file_name(number) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shard_names_are_recognized_exactly() {
        assert!(is_shard_name("shard-00007.safetensors"));
        assert!(is_shard_name("shard-123456.safetensors"));
        for other in ["shard-7.safetensors", "shard-+0007.safetensors", "shard-00007.bin", "../shard-00007.safetensors"]
        {
            assert!(!is_shard_name(other), "{other}");
        }
    }
}
