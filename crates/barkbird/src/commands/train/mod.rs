//! `barkbird train`: spectrograms to a model.

mod auto;
mod cnn;
mod kept;
mod pretrained;
mod vit;
mod yamnet;

use crate::cancel;
use crate::cli::{Global, ModelKind, Preset, TrainArgs};
use crate::config::{AugmentConfig, Config, section_flag};
use crate::device;
use crate::finetune::{Way, recipe};
use crate::front_end::Chain;
use crate::model;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use candle_core::Device;
use classifier::{Classifier, Parameters};
use models_cnn::CnnConfig;
use train::{Control, Data, Outcome, Progress, RunHeader, Start, TrainConfig};

/// The resolved configuration, beside the model.
const CONFIG_FILE: &str = "config.toml";

/// What every model's training starts from.
struct Session<'a> {
    args: &'a TrainArgs,
    global: &'a Global,
    ui: &'a Ui,
    device: Device,
    config: Config,
    data: Data,
    chain: Chain,
    header: RunHeader,
}

pub(crate) fn run(args: &TrainArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let config = resolve(args, global, Way::Auto)?;
    let (compute, compute_record) = config.compute.apply(&device, args.model)?;
    let index = shard::read_index(&args.features)?;
    let data = Data::from_spectrograms(shard::Clips::open(&args.features)?, &args.train_split, &args.val_split)
        .with_context(|| args.features.display().to_string())?;
    let chain = Chain::from_header(&index.front_end, &args.features)?;
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
    let mut session = Session { args, global, ui, device, config, data, chain, header };
    let outcome = kernels::with(compute, || match args.model {
        ModelKind::Cnn => cnn::train(&session),
        ModelKind::Vit => vit::train(&mut session),
        ModelKind::Yamnet => yamnet::train(&mut session),
    })?;
    shard::write_atomic(&args.out.join(CONFIG_FILE), session.config.to_toml()?.as_bytes())?;
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

impl Session<'_> {
    /// Takes the recipe of a way that only now is known, under what the user has said.
    fn settle(&mut self, way: Way) -> Result<()> {
        self.config = resolve(self.args, self.global, way)?;
        self.config.finetune.way = way;
        Ok(())
    }

    /// Says what is about to be trained.
    fn say(&self, what: &str, parameters: &Parameters, more: &str) {
        let compute = &self.header.compute_record;
        let instructions = compute["instructions"].as_str().map_or(String::new(), |name| format!(" ({name})"));
        let precision = compute["precision"].as_str().filter(|name| *name != "f32");
        self.ui.say(format!(
            "{what}: {} parameters{more}, {} training and {} validation clips, {} on {}{instructions}{}",
            parameters.count(),
            self.data.train.len(),
            self.data.val.len(),
            self.data.classes.join(", "),
            device::name(&self.device),
            precision.map_or(String::new(), |name| format!(" in {name}")),
        ));
    }

    /// The loop, with progress.
    fn fit(
        &self,
        classifier: &dyn Classifier,
        parameters: &Parameters,
        data: &Data,
        config: &TrainConfig,
    ) -> Result<Outcome> {
        let start = match (self.args.resume, self.args.overwrite) {
            (true, _) => Start::Resume,
            (_, true) => Start::Overwrite,
            _ => Start::Fresh,
        };
        let bar = self.ui.bar(config.epochs, "training");
        let progress = |progress: Progress| match progress {
            Progress::Epoch(epoch) => {
                bar.set_position(epoch.epoch as u64);
                bar.suspend(|| self.ui.say(epoch_line(&epoch)));
            }
            Progress::Step { .. } => bar.tick(),
        };
        let control = Control { cancel: &cancel::REQUESTED, progress: &progress };
        let out = &self.args.out;
        let outcome = train::run(classifier, parameters, data, config, &self.header, out, start, &control)?;
        bar.finish_and_clear();
        Ok(outcome)
    }

    /// Refuses a folder that holds another run before anything is computed for it.
    fn check_out(&self) -> Result<()> {
        let out = &self.args.out;
        if !self.args.resume && !self.args.overwrite && out.join(model::MODEL_FILE).exists() {
            bail!("{}: holds a run; --resume goes on with it, --overwrite replaces it", out.display());
        }
        Ok(())
    }
}

/// Defaults of the model and the way, then the file, then the flags.
fn resolve(args: &TrainArgs, global: &Global, way: Way) -> Result<Config> {
    let base = Config { train: recipe(args.model, way), ..Config::default() };
    let mut flags = Vec::new();
    if let Some(preset) = args.preset {
        let cnn = match preset {
            Preset::Small => CnnConfig::small(),
            Preset::Base => CnnConfig::base(),
        };
        flags.push(section_flag("cnn", &cnn)?);
    }
    if let Some(strength) = args.augment {
        let augment = AugmentConfig::preset(strength).spectrogram;
        flags.push(section_flag("train.augment", &augment)?);
    }
    flags.extend_from_slice(&args.config.set);
    let mut config = Config::resolve_from(&base, args.config.config.as_deref(), &flags)?;
    let finetune = &mut config.finetune;
    finetune.pretrained = args.pretrained.clone().or(finetune.pretrained.take());
    finetune.revision = args.revision.clone().or(finetune.revision.take());
    finetune.way = if args.auto { Way::Auto } else { args.way.unwrap_or(finetune.way) };
    finetune.last_layers = args.last.unwrap_or(finetune.last_layers);
    finetune.head = args.head.unwrap_or(finetune.head);
    finetune.minutes = args.minutes.unwrap_or(finetune.minutes);
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
