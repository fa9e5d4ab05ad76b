//! `barkbird train`: spectrograms to a model.

use crate::cancel;
use crate::cli::{Global, ModelKind, Preset, Strength, TrainArgs};
use crate::config::Config;
use crate::device;
use crate::model;
use crate::ui::Ui;
use anyhow::{Context, Result};
use augment::SpectrogramAugment;
use models_cnn::CnnConfig;
use train::{Control, Data, Progress, RunHeader, Start};

/// The resolved configuration, beside the model.
const CONFIG_FILE: &str = "config.toml";

pub(crate) fn run(args: &TrainArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let config = resolve(args, global)?;
    let compute = config.compute.apply(&device)?;
    let index = shard::read_index(&args.features)?;
    let data = Data::from_spectrograms(shard::Clips::open(&args.features)?, "train", "val")
        .with_context(|| args.features.display().to_string())?;
    let architecture = match args.model {
        ModelKind::Cnn => config.cnn.architecture(),
    };
    let (classifier, parameters) = model::build(&architecture, data.classes.len(), config.train.seed, &device)?;
    ui.say(format!(
        "{}: {} parameters, {} training and {} validation clips, {} on {}{}",
        architecture["kind"].as_str().unwrap_or_default(),
        parameters.count(),
        data.train.len(),
        data.val.len(),
        data.classes.join(", "),
        device::name(&device),
        compute["instructions"].as_str().map_or(String::new(), |instructions| format!(" ({instructions})"))
    ));
    let header = RunHeader {
        version: env!("CARGO_PKG_VERSION").into(),
        compute,
        front_end: index.front_end.clone(),
        unit_per_db: crate::front_end::Chain::from_header(&index.front_end, &args.features)?.unit_per_db(),
    };
    let start = match (args.resume, args.overwrite) {
        (true, _) => Start::Resume,
        (_, true) => Start::Overwrite,
        _ => Start::Fresh,
    };
    let bar = ui.bar(config.train.epochs, "training");
    let progress = |progress: Progress| match progress {
        Progress::Epoch(epoch) => {
            bar.set_position(epoch.epoch as u64);
            bar.suspend(|| ui.say(epoch_line(&epoch)));
        }
        Progress::Step { .. } => bar.tick(),
    };
    let control = Control { cancel: &cancel::REQUESTED, progress: &progress };
    let outcome = train::run(&*classifier, &parameters, &data, &config.train, &header, &args.out, start, &control)?;
    bar.finish_and_clear();
    shard::write_atomic(&args.out.join(CONFIG_FILE), config.to_toml()?.as_bytes())?;
    for warning in &outcome.warnings {
        ui.warn(warning);
    }
    ui.say(format!(
        "best epoch {} of {}{}; {:.1} s: {}",
        outcome.best_epoch,
        outcome.epochs,
        if outcome.stopped_early { " (stopped early: validation no longer improved)" } else { "" },
        outcome.seconds,
        args.out.join(model::MODEL_FILE).display()
    ));
    ui.result(&outcome)
}

/// File and flags together.
fn resolve(args: &TrainArgs, global: &Global) -> Result<Config> {
    let mut config = Config::resolve(args.config.config.as_deref(), &args.config.set)?;
    if let Some(preset) = args.preset {
        config.cnn = match preset {
            Preset::Small => CnnConfig::small(),
            Preset::Base => CnnConfig::base(),
        };
    }
    let train = &mut config.train;
    if let Some(strength) = args.augment {
        train.augment = match strength {
            Strength::Off => SpectrogramAugment::off(),
            Strength::Light => SpectrogramAugment::light(),
            Strength::Strong => SpectrogramAugment::strong(),
        };
    }
    config.compute.precision = args.precision.unwrap_or(config.compute.precision);
    let train = &mut config.train;
    train.epochs = args.epochs.unwrap_or(train.epochs);
    train.batch_size = args.batch_size.unwrap_or(train.batch_size);
    train.lr = args.lr.unwrap_or(train.lr);
    train.seed = global.seed.unwrap_or(train.seed);
    Ok(config)
}

fn epoch_line(epoch: &train::EpochMetrics) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    format!(
        "epoch {:>3}  lr {:.2e}  loss: train {} validation {}  validation accuracy {}  {:.1} s",
        epoch.epoch,
        epoch.lr,
        number(Some(epoch.train_loss_eval)),
        number(epoch.val_loss),
        number(epoch.val_accuracy),
        epoch.seconds
    )
}
