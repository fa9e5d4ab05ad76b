//! The files in the folder of a run, each written atomically.

use crate::checkpoint::{Checkpoint, EpochMetrics};
use crate::{Error, Result};
use candle_core::Tensor;
use classifier::{ModelFile, ModelHeader};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What to do if the folder contains a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A folder that contains a run is an error.
    Fresh,
    /// Continues where the run stopped; starts a new one in an empty folder.
    Resume,
    /// The files of the run are removed first.
    Overwrite,
}

/// A folder that a run writes to.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates or opens the folder as `start` says.
    pub(crate) fn open(path: &Path, start: Start) -> Result<Self> {
        let io = |operation| move |source| Error::Io { operation, path: path.to_owned(), source };
        let folder = Self { path: path.to_owned() };
        // The model first: a partly removed run must not look finished.
        let files = [folder.model(), folder.best(), folder.metrics(), folder.last()];
        match start {
            Start::Fresh if files.iter().any(storage::exists) => {
                return Err(Error::Exists { path: path.to_owned() });
            }
            Start::Overwrite => {
                for file in files.iter().filter(|file| storage::exists(file)) {
                    storage::remove_file(file).map_err(|source| Error::Io {
                        operation: "remove",
                        path: file.clone(),
                        source,
                    })?;
                }
            }
            Start::Fresh | Start::Resume => {}
        }
        storage::create_dir_all(path).map_err(io("create folder"))?;
        shard::remove_temporaries(path, Duration::ZERO)?;
        Ok(folder)
    }

    pub(crate) fn last(&self) -> PathBuf {
        self.path.join("last.safetensors")
    }

    pub(crate) fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The checkpoint to continue from, if the run is resumed and there is one.
    pub(crate) fn checkpoint(&self, start: Start) -> Result<Option<Checkpoint>> {
        let path = self.last();
        if start != Start::Resume {
            return Ok(None);
        }
        if !storage::exists(&path) {
            // It is written before the others, so it was removed.
            return match [self.model(), self.best(), self.metrics()].iter().find(|file| storage::exists(file)) {
                None => Ok(None),
                Some(other) => {
                    let reason = format!("missing, beside {}: there is nothing to continue from", other.display());
                    Err(Error::Checkpoint { path, reason })
                }
            };
        }
        let bytes =
            storage::read(&path).map_err(|source| Error::Io { operation: "read", path: path.clone(), source })?;
        Checkpoint::from_bytes(&bytes, &path).map(Some)
    }

    pub(crate) fn write_last(&self, checkpoint: &Checkpoint) -> Result<()> {
        Ok(shard::write_atomic(&self.last(), &checkpoint.to_bytes()?)?)
    }

    /// Writes all lines again: no line is ever incomplete or duplicate.
    pub(crate) fn write_metrics(&self, epochs: &[EpochMetrics]) -> Result<()> {
        let mut text = String::new();
        for epoch in epochs {
            text += &serde_json::to_string(epoch).map_err(Error::json("metrics.jsonl"))?;
            text.push('\n');
        }
        write_changed(&self.metrics(), text.as_bytes())
    }

    pub(crate) fn write_model(
        &self,
        file: &Path,
        header: &ModelHeader,
        weights: &BTreeMap<String, Tensor>,
    ) -> Result<()> {
        write_changed(file, &ModelFile::to_bytes(header, weights)?)
    }
}

/// Does not touch a file that has these bytes already.
fn write_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if storage::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    Ok(shard::write_atomic(path, bytes)?)
}
