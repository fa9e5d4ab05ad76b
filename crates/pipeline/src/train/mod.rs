//! Trains a model on a features folder.

mod auto;
mod cnn;
mod curves;
mod kept;
pub(crate) mod options;
mod pretrained;
mod session;
mod tensorboard;
mod vit;
mod yamnet;

pub use crate::strategy::{Head, ModelKind, Strategy};
pub use curves::curves;
pub use options::{Options, Preset};
pub use train::{ClassMetrics, EpochMetrics, Metrics, Outcome as TrainOutcome, Start};

use crate::compute::Applied;
use crate::error::{Context, Result, bail};
use crate::inputs::{Expected, expect};
use crate::job::Job;
use crate::named::Named;
use crate::output;
use crate::run_record::RunRecord;
use inference::Chain;
use session::{Session, resolve};
use train::{Outcome, RunHeader};

/// The resolved configuration, beside the model.
const CONFIG_FILE: &str = "config.toml";

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
    let Applied { compute, record: compute_record, measured } = config.compute.apply(&job.device, options.model)?;
    let index = shard::read_index(&options.features)?;
    let clips = shard::Clips::open(&options.features)?;
    let data = options.data(clips).with_context(|| options.features.display().to_string())?;
    let chain = Chain::from_header(&index.front_end, &options.features)?;
    if let Some(model) = &chain.onnx {
        bail!(
            "{}: what {} computes, and no spectrograms: `barkbird fit` with it as --backbone puts heads on that",
            options.features.display(),
            model.name()
        );
    }
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
        ModelKind::Cnn => cnn::train(&mut session),
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
        precision: measured,
    };
    record.write(&options.out)?;
    for warning in &outcome.warnings {
        job.warn(warning);
    }
    Ok(outcome)
}
