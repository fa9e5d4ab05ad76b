//! Options of a training.

use crate::compute::Precision;
use crate::config::{ConfigSource, Strength};
use crate::named::named;
use crate::strategy::{Head, ModelKind, Strategy};
use shard::Clips;
use std::collections::BTreeSet;
use std::path::PathBuf;
use train::{Data, Start};

named! {
    /// Sizes of the convolutional network.
    pub enum Preset {
        Small = "small", "Four blocks of 16 to 128 channels";
        Base = "base", "Wider, with residual blocks";
    }
}

/// Options of [`run`](super::run). What is none is taken from the configuration, or from the recipe of the model and the strategy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which model.
    pub model: ModelKind,
    /// Features folder.
    pub features: PathBuf,
    /// Folder of the run.
    pub out: PathBuf,
    /// Splits that are trained on, separated by commas.
    pub train_split: String,
    /// Splits that the epoch is chosen on, separated by commas; with `none` the last epoch is kept.
    pub val_split: String,
    /// Ids of the clips of these splits that are trained on; none for all of them.
    pub only: Option<BTreeSet<String>>,
    /// Configuration of model and training.
    pub config: ConfigSource,
    /// Size of the convolutional network.
    pub preset: Option<Preset>,
    /// Passes over the training clips.
    pub epochs: Option<usize>,
    /// Clips a step.
    pub batch_size: Option<usize>,
    /// Highest learning rate.
    pub lr: Option<f64>,
    /// How strongly clips are varied.
    pub augment: Option<Strength>,
    /// What the factors of products are rounded to.
    pub precision: Option<Precision>,
    /// A folder or file of pretrained weights, or a repository of the hub (owner/name).
    pub pretrained: Option<String>,
    /// Branch, tag or commit of the repository.
    pub revision: Option<String>,
    /// Take a repository from the cache alone.
    pub offline: bool,
    /// Folder that keeps what comes from the hub.
    pub cache: Option<PathBuf>,
    /// Which weights of a pretrained model are trained.
    pub strategy: Option<Strategy>,
    /// Minutes that the strategy `auto` may take.
    pub minutes: Option<f64>,
    /// Layers that the strategy `last` trains.
    pub last_layers: Option<usize>,
    /// The head of the strategy `probe`.
    pub head: Option<Head>,
    /// Folder for event files of TensorBoard, in a folder with the name of the run.
    pub tensorboard: Option<PathBuf>,
    /// What happens where the folder holds a run.
    pub start: Start,
}

impl Options {
    /// The recipe of the model, on the splits `train` and `val`.
    pub fn new(model: ModelKind, features: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            model,
            features: features.into(),
            out: out.into(),
            train_split: "train".into(),
            val_split: "val".into(),
            only: None,
            config: ConfigSource::default(),
            preset: None,
            epochs: None,
            batch_size: None,
            lr: None,
            augment: None,
            precision: None,
            pretrained: None,
            revision: None,
            offline: false,
            cache: None,
            strategy: None,
            minutes: None,
            last_layers: None,
            head: None,
            tensorboard: None,
            start: Start::Fresh,
        }
    }

    /// The clips of the splits.
    pub(super) fn data(&self, clips: impl Into<Clips>) -> Result<Data, train::Error> {
        Data::from_some(clips, &self.train_split, &self.val_split, self.only.as_ref())
    }
}
