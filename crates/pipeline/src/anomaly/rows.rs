//! Where the clips come from that methods are fitted on, chosen on and measured on.

use crate::error::Result;
use crate::inputs::{self, Expected};
use crate::job::Job;
use crate::origin::local;
use candle_core::Device;
use inference::Model;
use inference::unknown::Backbone;
use std::path::PathBuf;

/// Where rows come from, and which splits have which part.
#[derive(Debug, Clone)]
pub struct RowsOptions {
    /// Folder of a run, or a model file.
    pub run: PathBuf,
    /// Features folders.
    pub features: Vec<PathBuf>,
    /// Weights of a backbone that was pretrained on sounds, or `yamnet` for those that `barkbird fetch` has fetched.
    pub backbone: Option<PathBuf>,
    /// Features folders of the same clips for the backbone.
    pub backbone_features: Vec<PathBuf>,
    /// Splits that methods are fitted on.
    pub train_split: Vec<String>,
    /// Splits of known sounds that methods are chosen and calibrated on.
    pub val_split: Vec<String>,
    /// Split of unknown sounds that the method is chosen on; none for `ood-val` where there is one.
    pub choose_on: Option<String>,
}

impl RowsOptions {
    /// The model, once it is known that nothing is in the place of another thing.
    pub(super) fn open_model(&self, job: &Job<'_>) -> Result<Model> {
        for folder in self.features.iter().chain(&self.backbone_features) {
            inputs::expect(folder, Expected::Features)?;
        }
        inputs::open_model(&self.run, job)
    }

    /// The backbone, where there is one: a path, or YAMNet by its name.
    pub(super) fn open_backbone(&self, device: &Device) -> Result<Option<Backbone>> {
        let Some(path) = &self.backbone else { return Ok(None) };
        Ok(Some(Backbone::open(&local(path, "--backbone")?, device)?))
    }

    /// The classifier's own rows, on the splits `train` and `val`.
    pub fn new(run: impl Into<PathBuf>, features: Vec<PathBuf>) -> Self {
        Self {
            run: run.into(),
            features,
            backbone: None,
            backbone_features: Vec::new(),
            train_split: vec!["train".into()],
            val_split: vec!["val".into()],
            choose_on: None,
        }
    }
}
