//! What frozen layers make of the clips, kept in the run's folder: computed once, used in every epoch, found again by a run
//! that goes on.

use crate::embeddings::{Source, write_embeddings, write_tokens};
use crate::error::{Context, Result};
use crate::job::Job;
use candle_core::Tensor;
use classifier::Classifier;
use serde_json::json;
use shard::{Clips, Provenance};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use train::Data;

/// Folder of what is kept, in that of the run.
const FOLDER: &str = "kept";

/// What made the kept values: with another one they are made anew.
pub(super) struct Maker<'a> {
    /// The network, its frozen weights and how far up it goes.
    pub(super) description: serde_json::Value,
    /// The training and validation clips.
    pub(super) data: &'a Data,
    pub(super) source: Source<'a>,
}

impl Maker<'_> {
    fn provenance(&self) -> Provenance {
        let configuration = json!({"made by": self.description, "clips": self.data.fingerprint()});
        Provenance {
            stage: "kept".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            configuration,
            seed: 0,
            inputs: BTreeMap::new(),
        }
    }

    /// The clips that training or validation takes, each once.
    fn rows(&self) -> Vec<usize> {
        let examples = self.data.train.iter().chain(&self.data.val);
        examples.map(|example| example.row as usize).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether `folder` holds what would be made.
    fn is_there(&self, folder: &Path) -> bool {
        shard::read_index(folder).is_ok_and(|index| index.provenance == self.provenance())
    }

    /// Embeddings, as spectrograms of one frame.
    pub(super) fn embeddings(&self, model: &dyn Classifier, run: &Path, job: &Job<'_>) -> Result<Clips> {
        let folder = run.join(FOLDER);
        if !self.is_there(&folder) {
            write_embeddings(model, self.source, &self.rows(), &folder, self.provenance(), job)?;
        }
        Ok(shard::read_embeddings(&folder).with_context(|| folder.display().to_string())?.into())
    }

    /// Tokens, as spectrograms of as many bands as there are tokens.
    pub(super) fn tokens(&self, below: impl Fn(&Tensor) -> Result<Tensor>, run: &Path, job: &Job<'_>) -> Result<Clips> {
        let folder = run.join(FOLDER);
        if !self.is_there(&folder) {
            write_tokens(below, self.source, &self.rows(), &folder, self.provenance(), job)?;
        }
        Clips::open(&folder).with_context(|| folder.display().to_string())
    }
}

/// A hash of tensors, by name and value.
pub(super) fn fingerprint(tensors: &BTreeMap<String, Tensor>) -> Result<String> {
    let mut text = String::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        text += &format!("{name} {:?} {}\n", tensor.dims(), shard::sha256_hex(&bytes));
    }
    Ok(shard::sha256_hex(text.as_bytes()))
}
