//! Embeddings and logits of clips, as `embedding/1` shards.

use crate::embeddings::{Source, write_embeddings};
use crate::error::Result;
use crate::inputs::{self, Expected};
use crate::job::Job;
use crate::output;
use shard::{Clips, Provenance};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Features folder.
    pub features: PathBuf,
    /// Folder for the shards.
    pub out: PathBuf,
}

impl Options {
    /// All clips of the folder.
    pub fn new(run: impl Into<PathBuf>, features: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self { run: run.into(), features: features.into(), out: out.into() }
    }
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The shards.
    pub index: shard::Index,
    /// Width of an embedding.
    pub dim: usize,
}

/// Computes the embeddings of a features folder's clips.
///
/// # Errors
/// A model or features that cannot be read or do not fit each other, or a folder that cannot be written.
#[tracing::instrument(level = "info", name = "embed", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    output::apart(&options.features, &options.out)?;
    let _lock = output::folder(&options.out)?;
    let model = inputs::open_model(&options.run, job)?;
    inputs::expect(&options.features, Expected::Features)?;
    let index = shard::read_index(&options.features)?;
    model.check_front_end(&index.front_end, &options.features)?;
    let clips = Clips::open(&options.features)?;
    let provenance = Provenance {
        stage: "embed".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        configuration: serde_json::json!({"architecture": model.header.architecture, "classes": model.header.classes}),
        seed: job.seed(),
        inputs: BTreeMap::from([
            ("features".to_owned(), shard::sha256_hex(&index.to_bytes()?)),
            ("model".to_owned(), model.sha256.clone()),
        ]),
    };
    let source = Source { clips: &clips, normalization: &model.header.normalization, device: &job.device };
    let rows: Vec<usize> = (0..clips.n_clips()).collect();
    let index = write_embeddings(&*model.only()?.classifier, source, &rows, &options.out, provenance, job)?;
    Ok(Outcome { index, dim: model.only()?.classifier.embedding_dim() })
}
