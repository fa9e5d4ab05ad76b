//! What every model's training starts from.

use super::options::{Options, Preset};
use super::tensorboard::TensorBoard;
use crate::compute::device_name;
use crate::config::{AugmentConfig, Config, section_flag};
use crate::error::{Result, bail};
use crate::job::Job;
use crate::observer::Event;
use crate::one_line;
use crate::strategy::{Strategy, recipe};
use classifier::{Classifier, Parameters};
use inference::{Chain, MODEL_FILE};
use models_cnn::CnnConfig;
use std::sync::{Mutex, PoisonError};
use train::{Control, Data, Outcome, Progress, RunHeader, Start, TrainConfig};

/// Most classes that a message names.
const MOST_NAMES: usize = 10;

/// Options, data and configuration of one training.
pub(super) struct Session<'a> {
    pub(super) options: &'a Options,
    pub(super) job: &'a Job<'a>,
    pub(super) config: Config,
    pub(super) data: Data,
    pub(super) chain: Chain,
    pub(super) header: RunHeader,
}

/// Fewer steps an epoch than this are few: at 8, recipes were chosen.
const FEW_STEPS: usize = 8;

impl Session<'_> {
    /// Takes the recipe of a strategy that only now is known, under what the user has set.
    pub(super) fn settle(&mut self, strategy: Strategy) -> Result<()> {
        self.config = resolve(self.options, self.job, strategy)?;
        self.config.finetune.strategy = strategy;
        Ok(())
    }

    /// Tells the observer what is about to be trained.
    pub(super) fn say(&self, what: &str, parameters: &Parameters, more: &str) {
        let compute = &self.header.compute_record;
        let instructions = compute["instructions"].as_str().map_or(String::new(), |name| format!(" ({name})"));
        let precision = compute["precision"].as_str().filter(|name| *name != "f32");
        self.job.say(format!(
            "{what}: {} parameters{more}, {} training and {} validation clips, {} on {}{instructions}{}",
            parameters.count(),
            self.data.train.len(),
            self.data.val.len(),
            few(&self.data.classes),
            device_name(&self.job.device),
            precision.map_or(String::new(), |name| format!(" in {name}")),
        ));
        let TrainConfig { repeat, batch_size, epoch_parts, .. } = self.config.train;
        let steps = (self.data.train.len() * repeat).div_ceil(batch_size.max(1) * epoch_parts.max(1));
        if steps < FEW_STEPS && repeat == 1 && epoch_parts == 1 {
            let repeat = FEW_STEPS.div_ceil(steps.max(1));
            self.job.say(format!(
                "with so few clips an epoch has {steps} step{}, and the training may end before it has learned them: try --set \
                 train.repeat={repeat} (docs/comparison.md)",
                if steps == 1 { "" } else { "s" }
            ));
        }
    }

    /// The loop, with progress.
    pub(super) fn fit(
        &self,
        classifier: &dyn Classifier,
        parameters: &Parameters,
        data: &Data,
        config: &TrainConfig,
    ) -> Result<Outcome> {
        let bar = self.job.progress("training", config.epochs);
        let events = Mutex::new(self.tensorboard()?);
        let progress = |progress: Progress| {
            if let Progress::Epoch(epoch) = progress {
                bar.set(epoch.epoch);
                self.job.observer.event(Event::Epoch(&epoch));
                let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                // A training does not end for a full disk of curves.
                if let Some(Err(error)) = events.as_mut().map(|events| events.epoch(&epoch)) {
                    self.job.warn(format!("{}; no further curves are written", one_line(&error)));
                    *events = None;
                }
            }
        };
        let control = Control { cancel: self.job.cancel.flag(), progress: &progress };
        let (out, start) = (&self.options.out, self.options.start);
        Ok(train::run(classifier, parameters, data, config, &self.header, out, start, &control)?)
    }

    /// The event file of TensorBoard, where one is asked for.
    fn tensorboard(&self) -> Result<Option<TensorBoard>> {
        let Some(folder) = &self.options.tensorboard else { return Ok(None) };
        let name = self.options.out.file_name().unwrap_or_default().to_string_lossy();
        let name = if name.is_empty() { "run" } else { &*name };
        Ok(Some(TensorBoard::create(folder, name, self.options.start != Start::Resume)?))
    }

    /// Refuses a folder that holds another run before anything is computed for it.
    pub(super) fn check_out(&self) -> Result<()> {
        let out = &self.options.out;
        if self.options.start == Start::Fresh && storage::exists(out.join(MODEL_FILE)) {
            bail!("{}: holds a run; --resume goes on with it, --overwrite replaces it", out.display());
        }
        Ok(())
    }
}

/// Names on one line, however many there are.
fn few(names: &[String]) -> String {
    match names.len().checked_sub(MOST_NAMES) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MOST_NAMES].join(", ")),
    }
}

/// Defaults of the model and the strategy, then the file, then the options.
pub(super) fn resolve(options: &Options, job: &Job<'_>, strategy: Strategy) -> Result<Config> {
    let base = Config { train: recipe(options.model, strategy), ..Config::default() };
    let mut flags = Vec::new();
    if let Some(preset) = options.preset {
        let cnn = match preset {
            Preset::Small => CnnConfig::small(),
            Preset::Base => CnnConfig::base(),
        };
        flags.push(section_flag("cnn", &cnn)?);
    }
    if let Some(strength) = options.augment {
        let augment = AugmentConfig::preset(strength).spectrogram;
        flags.push(section_flag("train.augment", &augment)?);
    }
    flags.extend_from_slice(&options.config.set);
    let mut config = Config::resolve_from(&base, options.config.file.as_deref(), &flags)?;
    let finetune = &mut config.finetune;
    finetune.pretrained = options.pretrained.clone().or(finetune.pretrained.take());
    finetune.revision = options.revision.clone().or(finetune.revision.take());
    finetune.strategy = options.strategy.unwrap_or(finetune.strategy);
    finetune.last_layers = options.last_layers.unwrap_or(finetune.last_layers);
    finetune.head = options.head.unwrap_or(finetune.head);
    finetune.minutes = options.minutes.unwrap_or(finetune.minutes);
    config.compute.precision = options.precision.unwrap_or(config.compute.precision);
    let train = &mut config.train;
    train.epochs = options.epochs.unwrap_or(train.epochs);
    train.batch_size = options.batch_size.unwrap_or(train.batch_size);
    train.lr = options.lr.unwrap_or(train.lr);
    train.seed = job.seed.unwrap_or(train.seed);
    Ok(config)
}
