//! `run.json` beside a model: how the run was started, so that a report can say how to repeat it.

use crate::compute::MeasuredPrecision;
use crate::error::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the file in a run's folder.
pub const FILE: &str = "run.json";

/// How a run was started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunRecord {
    /// `run/1`.
    pub schema: String,
    /// Version of barkbird.
    pub version: String,
    /// The command line, without the program's name; what it would have been where a program called the library.
    pub command: Vec<String>,
    /// The command that put a detector of unknown sounds into the model.
    pub detector_command: Vec<String>,
    /// `cnn`, `vit` or `yamnet`.
    pub model: String,
    /// The features folder, as it was named.
    pub features: PathBuf,
    /// SHA-256 of its index.
    pub features_sha256: String,
    /// Splits that were trained on.
    pub train_split: String,
    /// Splits that the epoch was chosen on.
    pub val_split: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Where a pretrained model came from.
    pub pretrained: Option<String>,
    /// Its commit.
    pub revision: Option<String>,
    /// What `--precision auto` decided by, where it measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<MeasuredPrecision>,
}

impl RunRecord {
    /// That of a run's folder; none where there is none, as in runs of version 0.1.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn read(run: &Path) -> Result<Option<Self>> {
        let path = if storage::is_file(run) { run.with_file_name(FILE) } else { run.join(FILE) };
        if !storage::exists(&path) {
            return Ok(None);
        }
        let bytes = storage::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        Ok(Some(serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?))
    }

    /// Writes it into a run's folder.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(&self, run: &Path) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(shard::write_atomic(&run.join(FILE), &bytes)?)
    }
}

/// The words of a command line as one line that a shell takes.
pub fn command_line(words: &[String]) -> String {
    let plain =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c));
    let quote = |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    std::iter::once("barkbird".to_owned()).chain(words.iter().map(quote)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_split_are_quoted() {
        let words = ["train", "cnn", "--out", "my run", "--set", "a='b'"].map(str::to_owned);
        assert_eq!(command_line(&words), r"barkbird train cnn --out 'my run' --set 'a='\''b'\'''");
    }
}
