//! Trains a model on a features folder.

mod auto;
mod cnn;
mod kept;
mod pretrained;
mod session;
mod vit;
mod yamnet;

pub use crate::strategy::{Head, ModelKind, Strategy};
pub use train::{ClassMetrics, EpochMetrics, Metrics, Outcome as TrainOutcome, Start};

use crate::compute::Precision;
use crate::config::{ConfigSource, Strength};
use crate::error::{Context, Result};
use crate::inputs::{Expected, expect};
use crate::job::Job;
use crate::named::{Named, named};
use crate::output;
use crate::run_record::RunRecord;
use inference::Chain;
use session::{Session, resolve};
use std::path::PathBuf;
use train::{Data, Outcome, RunHeader};

/// The resolved configuration, beside the model.
const CONFIG_FILE: &str = "config.toml";

named! {
    /// Sizes of the convolutional network.
    pub enum Preset {
        Small = "small", "Four blocks of 16 to 128 channels";
        Base = "base", "Wider, with residual blocks";
    }
}

/// Options of [`run`]. What is none is taken from the configuration, or from the recipe of the model and the strategy.
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
            start: Start::Fresh,
        }
    }
}

/// Trains a model, and writes the run's folder.
///
/// # Errors
/// Features that cannot be read or lack the splits, a folder that holds a run already, a checkpoint that does not fit, or
/// a stop that was asked for.
#[tracing::instrument(level = "info", name = "train", skip_all, fields(model = options.model.name()))]
pub fn run(options: &Options, job: &Job<'_>) -> Result<Outcome> {
    let _lock = output::folder(&options.out)?;
    expect(&options.features, Expected::Features)?;
    let config = resolve(options, job, Strategy::Auto)?;
    let (compute, compute_record) = config.compute.apply(&job.device, options.model)?;
    let index = shard::read_index(&options.features)?;
    let clips = shard::Clips::open(&options.features)?;
    let data = Data::from_spectrograms(clips, &options.train_split, &options.val_split)
        .with_context(|| options.features.display().to_string())?;
    let chain = Chain::from_header(&index.front_end, &options.features)?;
    let header = RunHeader {
        version: env!("CARGO_PKG_VERSION").into(),
        compute,
        compute_record,
        front_end: index.front_end.clone(),
        unit_per_db: chain.unit_per_db(),
    };
    let data = match config.train.exposure.split.as_str() {
        "" => data,
        split => data.with_unknowns(split)?,
    };
    let mut session = Session { options, job, config, data, chain, header };
    let outcome = kernels::with(compute, || match options.model {
        ModelKind::Cnn => cnn::train(&session),
        ModelKind::Vit => vit::train(&mut session),
        ModelKind::Yamnet => yamnet::train(&mut session),
    })?;
    let config = &session.config;
    shard::write_atomic(&options.out.join(CONFIG_FILE), config.to_toml()?.as_bytes())?;
    let record = RunRecord {
        schema: "run/1".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        command: job.command.clone(),
        detector_command: Vec::new(),
        model: options.model.name().into(),
        features: options.features.clone(),
        features_sha256: shard::sha256_hex(&index.to_bytes()?),
        train_split: options.train_split.clone(),
        val_split: options.val_split.clone(),
        seed: config.train.seed,
        pretrained: config.finetune.pretrained.clone(),
        revision: config.finetune.revision.clone(),
    };
    record.write(&options.out)?;
    for warning in &outcome.warnings {
        job.warn(warning);
    }
    Ok(outcome)
}
