//! Options of a training.

use crate::compute::Precision;
use crate::config::{ConfigSource, Strength};
use crate::named::{Named, named};
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

    /// The options that are set, by the names that they have where a training is asked for in words; those without a value are only there
    /// where they hold. The model and [`only`](Self::only) are not among them.
    pub fn named(&self) -> Vec<(&'static str, Option<String>)> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let values = [
            ("features", Some(path(&self.features))),
            ("out", Some(path(&self.out))),
            ("train-split", Some(self.train_split.clone())),
            ("val-split", Some(self.val_split.clone())),
            ("config", self.config.file.as_ref().map(path)),
            ("preset", self.preset.map(|value| value.name().to_owned())),
            ("epochs", self.epochs.map(|value| value.to_string())),
            ("batch-size", self.batch_size.map(|value| value.to_string())),
            ("lr", self.lr.map(|value| value.to_string())),
            ("augment", self.augment.map(|value| value.name().to_owned())),
            ("precision", self.precision.map(|value| value.name().to_owned())),
            ("pretrained", self.pretrained.clone()),
            ("revision", self.revision.clone()),
            ("cache", self.cache.as_ref().map(path)),
            ("strategy", self.strategy.map(|value| value.name().to_owned())),
            ("minutes", self.minutes.map(|value| value.to_string())),
            ("last", self.last_layers.map(|value| value.to_string())),
            ("head", self.head.map(|value| value.name().to_owned())),
            ("tensorboard", self.tensorboard.as_ref().map(path)),
        ];
        let set = self.config.set.iter().map(|(key, value)| ("set", Some(format!("{key}={value}"))));
        let flags = [
            ("offline", self.offline),
            ("resume", self.start == Start::Resume),
            ("overwrite", self.start == Start::Overwrite),
        ];
        let flags = flags.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| (name, None));
        values.into_iter().filter(|(_, value)| value.is_some()).chain(set).chain(flags).collect()
    }

    /// The clips of the splits.
    pub(super) fn data(&self, clips: impl Into<Clips>) -> Result<Data, train::Error> {
        Data::from_some(clips, &self.train_split, &self.val_split, self.only.as_ref())
    }
}
