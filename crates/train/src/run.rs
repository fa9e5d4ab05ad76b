//! The training loop.

use crate::average::Average;
use crate::batch::{Assembler, Batch};
use crate::checkpoint::{CheckpointHeader, EpochMetrics, Settings};
use crate::config::TrainConfig;
use crate::control::{Control, Progress};
use crate::data::{Data, Example};
use crate::folder::{Folder, Start};
use crate::loss::{normalized_logits, soft_cross_entropy};
use crate::metrics::Confusion;
use crate::optimizer::AdamW;
use crate::rows::{Predictor, clip_loss, largest, predict_rows};
use crate::sampler::{Strata, epoch_turns, n_batches, subset};
use crate::schedule::{LearningRate, PlateauState};
use crate::seeds::{Purpose, seed};
use crate::state::{after_epoch, is_over, restore, restore_weights, settings};
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};
use classifier::{Calibration, Classifier, MODEL_SCHEMA, Mode, ModelHeader, Normalization, Parameters};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// What the model file has to say that the loop can't know.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHeader {
    /// Version of the program.
    pub version: String,
    /// What computes: device, instructions and precision. A run that goes on with others is not the same to the last bit,
    /// which is a warning.
    pub compute: serde_json::Value,
    /// What made the spectrograms, as in their shards.
    pub front_end: serde_json::Value,
    /// How many units of the spectrogram one decibel is.
    pub unit_per_db: f32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Epochs that were run, those before a resumption included.
    pub epochs: usize,
    /// The epoch whose weights the model file has.
    pub best_epoch: usize,
    /// Whether validation stopped the run before the last epoch of the configuration.
    pub stopped_early: bool,
    /// The figures of the best epoch.
    pub best: EpochMetrics,
    /// Wall time of all epochs.
    pub seconds: f64,
    /// Whether the run had finished before, so that nothing was done.
    pub was_finished: bool,
    /// What a user should know.
    pub warnings: Vec<String>,
}

/// Trains `model`, whose parameters are `parameters`, and writes into the folder `out`:
///
/// - `metrics.jsonl`: one line an epoch, [`EpochMetrics`];
/// - `last.safetensors`: after every epoch, all that the run needs to go on;
/// - `best.safetensors`: the model file of the best epoch so far;
/// - `model.safetensors`: at the very end, the model file of the best epoch with its calibration.
///
/// A run that was killed at any moment and is started again with [`Start::Resume`] ends with the same bytes in every
/// file as a run that was not, except for `seconds` in `metrics.jsonl` and in `last.safetensors`. In the end
/// `parameters` hold the weights of the best epoch.
///
/// # Errors
/// A configuration that makes no sense, a model that does not fit the data, a folder that holds another run, a loss that
/// is no number any more, a write that failed, or [`Error::Cancelled`]. Whatever it is, the last checkpoint is kept.
#[allow(clippy::too_many_arguments, reason = "each is another thing that the caller owns")]
pub fn run(
    model: &dyn Classifier,
    parameters: &Parameters,
    data: &Data,
    config: &TrainConfig,
    header: &RunHeader,
    out: &Path,
    start: Start,
    control: &Control<'_>,
) -> Result<Outcome> {
    config.validate()?;
    check_model(model, data)?;
    check_exposure(data, config)?;
    let settings = settings(model, data, config, header)?;
    let trainer = Trainer::new(model, parameters, data, config, header, control);
    let mut warnings = data.warnings.clone();
    let folder = Folder::open(out, start)?;
    let mut steps = Steps {
        optimizer: AdamW::new(parameters, config)?,
        average: (config.average > 0.0).then(|| Average::new(parameters, config.average)).transpose()?,
    };
    let mut state = match folder.checkpoint(start)? {
        Some(checkpoint) => {
            if let Some(difference) = checkpoint.header.settings.difference(&settings) {
                return Err(Error::Different { path: folder.last(), difference });
            }
            let (then, now) = (&checkpoint.header.settings.compute, &settings.compute);
            if then != now {
                warnings.push(format!(
                    "the run was begun with {then} and goes on with {now}: its bytes are not those of an unbroken one"
                ));
            }
            restore(&checkpoint, parameters, &mut steps.optimizer, &folder.last())?;
            if let (Some(average), Some(saved)) = (&mut steps.average, &checkpoint.average) {
                average.restore(saved, &folder.last())?;
            }
            // A kill may have come between the checkpoint and the files that follow from it.
            folder.write_metrics(&checkpoint.header.epochs)?;
            let best = trainer.model_header(&checkpoint.header.settings, None);
            folder.write_model(&folder.best(), &best, &parameters.whole(checkpoint.best_weights()))?;
            if is_over(&checkpoint.header, config) && folder.model().exists() {
                warnings.push("the run had finished before: nothing was done".into());
                restore_weights(checkpoint.best_weights(), parameters, &folder.last())?;
                return Ok(trainer.outcome(&checkpoint.header, true, warnings));
            }
            Some(checkpoint)
        }
        None if start == Start::Resume => {
            warnings.push(format!("{}: no checkpoint: started from the beginning", out.display()));
            None
        }
        None => None,
    };

    loop {
        let (done, plateau) = match &state {
            Some(state) => (state.header.epochs.len(), state.header.plateau),
            None => (0, PlateauState::default()),
        };
        if state.as_ref().is_some_and(|state| is_over(&state.header, config)) {
            break;
        }
        let began = Instant::now();
        let epoch = done + 1;
        let (train_loss, lr) = trainer.train_epoch(&mut steps, epoch, plateau)?;
        // What is looked at is what would be kept: the average, where there is one.
        let last = steps.average.as_ref().map(|average| trainer.put_average(average)).transpose()?;
        let train = trainer.evaluate(&trainer.train_eval, epoch, done)?;
        let val = if data.val.is_empty() { None } else { Some(trainer.evaluate(&data.val, epoch, done)?) };
        if let Some(last) = last {
            restore_weights(&last, parameters, &folder.last())?;
        }
        let metrics = EpochMetrics {
            epoch,
            step: steps.optimizer.steps(),
            lr,
            train_loss,
            train_loss_eval: train.loss,
            val_loss: val.as_ref().map(|val| val.loss),
            val_accuracy: val.as_ref().and_then(|val| val.confusion.accuracy()),
            val_balanced_accuracy: val.as_ref().and_then(|val| val.confusion.balanced_accuracy()),
            seconds: began.elapsed().as_secs_f64(),
        };
        let next = after_epoch(state.take(), metrics, &settings, config, parameters, &steps)?;
        folder.write_last(&next)?; // the truth: what follows can be made from it again
        folder.write_metrics(&next.header.epochs)?;
        if next.header.best.epoch == epoch {
            let whole = parameters.whole(next.best_weights());
            folder.write_model(&folder.best(), &trainer.model_header(&settings, None), &whole)?;
        }
        state = Some(next);
        (control.progress)(Progress::Epoch(metrics));
    }

    let Some(state) = state else { return Err(Error::Data("training: no epoch to run".into())) };
    restore_weights(state.best_weights(), parameters, &folder.last())?;
    let epochs = state.header.epochs.len();
    let calibration = match data.val.as_slice() {
        [] => None,
        val => {
            let labels: Vec<u32> = val.iter().map(|example| example.class).collect();
            Some(Calibration::fit(&trainer.evaluate(val, epochs, epochs)?.logits, &labels, data.classes.len())?)
        }
    };
    let finished = model.finished(parameters.whole(state.best_weights()), &trainer.normalization)?;
    let header = ModelHeader {
        architecture: finished.architecture,
        normalization: finished.normalization,
        ..trainer.model_header(&settings, calibration)
    };
    folder.write_model(&folder.model(), &header, &finished.tensors)?;
    Ok(trainer.outcome(&state.header, false, warnings))
}

/// What every step moves, beside the parameters.
pub(crate) struct Steps {
    pub(crate) optimizer: AdamW,
    pub(crate) average: Option<Average>,
}

/// What stays the same over a run.
struct Trainer<'a> {
    model: &'a dyn Classifier,
    parameters: &'a Parameters,
    data: &'a Data,
    config: &'a TrainConfig,
    header: &'a RunHeader,
    control: &'a Control<'a>,
    /// What the model's input is normalised with.
    normalization: Normalization,
    /// Class of each training clip.
    strata: Strata,
    /// The training clips that are looked at in evaluation mode.
    train_eval: Vec<Example>,
    /// Batches of an epoch.
    n_batches: usize,
    learning_rate: LearningRate,
}

/// What a model says of labelled clips.
struct Evaluated {
    loss: f64,
    confusion: Confusion,
    logits: Vec<f32>,
}

impl<'a> Trainer<'a> {
    fn new(
        model: &'a dyn Classifier,
        parameters: &'a Parameters,
        data: &'a Data,
        config: &'a TrainConfig,
        header: &'a RunHeader,
        control: &'a Control<'a>,
    ) -> Self {
        let is_recording = |example: &&Example| data.spectrograms.header.clips[example.row].view == 0;
        let mut recordings: Vec<Example> = data.train.iter().filter(is_recording).copied().collect();
        if recordings.is_empty() {
            recordings.clone_from(&data.train);
        }
        let chosen = subset(recordings.len(), config.train_eval_clips, config.seed);
        let n_batches = n_batches(data.train.len() * config.repeat, config.batch_size);
        Self {
            model,
            parameters,
            data,
            config,
            header,
            control,
            normalization: model.normalization(data.spectrograms.n_mels).unwrap_or_else(|| data.normalization.clone()),
            strata: data.strata(),
            train_eval: chosen.into_iter().map(|i| recordings[i]).collect(),
            n_batches,
            learning_rate: config.learning_rate((n_batches * config.epochs) as u64),
        }
    }

    /// Every training clip once. Returns the mean loss a clip, unknown sounds included, and the last learning rate. A model with nothing to train is
    /// left as it is.
    fn train_epoch(&self, steps: &mut Steps, epoch: usize, plateau: PlateauState) -> Result<(f64, f64)> {
        let Self { data, config, .. } = *self;
        if self.parameters.count() == 0 {
            return Ok((self.evaluate(&self.train_eval, epoch, epoch - 1)?.loss, 0.0));
        }
        let turns = epoch_turns(&self.strata, config, epoch);
        let (mut n_seen, mut loss_sum, mut lr) = (0, 0.0, 0.0);
        let assembler =
            Assembler { data, config, normalization: &self.normalization, unit_per_db: self.header.unit_per_db };
        std::thread::scope(|scope| {
            let batches = assembler.spawn(scope, turns, epoch);
            for number in 1..=self.n_batches {
                if self.control.cancelled() {
                    return Err(Error::Cancelled { epoch, epochs_kept: epoch - 1 });
                }
                let batch = batches.recv().map_err(|_| Error::Worker)??;
                let (n_clips, step) = (batch.rows.len(), steps.optimizer.steps());
                lr = self.learning_rate.at(step, plateau);
                let finite = |what, value: f64| {
                    let clips = || self.name(&batch.rows);
                    let error = || Error::NotFinite { what, value, epoch, step: step + 1, clips: clips() };
                    if value.is_finite() { Ok(()) } else { Err(error()) }
                };
                let (value, gradients) = self.gradients(&batch, step)?;
                finite("the loss", value)?;
                let norm = steps.optimizer.step(&gradients, lr)?;
                finite("the gradient norm", norm)?;
                if let Some(average) = &mut steps.average {
                    average.update(steps.optimizer.steps())?;
                }
                loss_sum += value * n_clips as f64;
                n_seen += n_clips;
                let (epochs, batches) = (config.epochs, self.n_batches);
                (self.control.progress)(Progress::Step { epoch, epochs, batch: number, batches, loss: value });
            }
            Ok((loss_sum / n_seen as f64, lr))
        })
    }

    /// The mean loss of a batch and its gradients, computed for a part of the batch at a time where that is asked for.
    fn gradients(&self, batch: &Batch, step: u64) -> Result<(f64, GradStore)> {
        let n_clips = batch.rows.len();
        let (n_cells, n_classes) = (self.data.spectrograms.n_cells(), self.data.classes.len());
        let most = if self.config.micro_batch == 0 { n_clips } else { self.config.micro_batch };
        // Parts as even as they can be: none is left with a clip alone.
        let n_parts = n_clips.div_ceil(most);
        let (mut sum, mut value) = (None::<GradStore>, 0.0);
        for part in 0..n_parts {
            let clips = part * n_clips / n_parts..(part + 1) * n_clips / n_parts;
            let device = self.parameters.device();
            let (n_mels, n_frames) = (self.data.spectrograms.n_mels, self.data.spectrograms.n_frames);
            let mel = &batch.mel[clips.start * n_cells..clips.end * n_cells];
            let mel = Tensor::from_slice(mel, (clips.len(), n_mels, n_frames), &Device::Cpu)?.to_device(device)?;
            let targets = &batch.targets[clips.start * n_classes..clips.end * n_classes];
            let targets = Tensor::from_slice(targets, (clips.len(), n_classes), &Device::Cpu)?.to_device(device)?;
            let mode = Mode::Train { seed: seed(self.config.seed, Purpose::Forward, step, part as u64) };
            let logits = self.looked_at(self.model.forward(&mel, mode)?.logits)?;
            let loss = soft_cross_entropy(&logits, &targets)?;
            let share = clips.len() as f64 / n_clips as f64;
            value += f64::from(loss.to_scalar::<f32>()?) * share;
            let loss = if n_parts == 1 { loss } else { (loss * share)? };
            let store = self.parameters.backward(&loss)?;
            sum = Some(match sum {
                None => store,
                Some(mut sum) => {
                    for (_, parameter) in self.parameters.trained() {
                        if let (Some(before), Some(now)) = (sum.get(parameter), store.get(parameter)) {
                            let both = (before + now)?;
                            sum.insert(parameter, both);
                        }
                    }
                    sum
                }
            });
        }
        let sum = sum.ok_or_else(|| Error::Data("training: a batch without clips".into()))?;
        Ok((value, sum))
    }

    /// The logits as training looks at them.
    fn looked_at(&self, logits: Tensor) -> Result<Tensor> {
        let temperature = self.config.logit_norm;
        Ok(if temperature > 0.0 { normalized_logits(&logits, temperature)? } else { logits })
    }

    /// Puts the average in place of the parameters and gives what was there.
    fn put_average(&self, average: &Average) -> Result<BTreeMap<String, Tensor>> {
        let last = self.parameters.state()?;
        restore_weights(&average.snapshot(&last)?, self.parameters, Path::new("average"))?;
        Ok(last)
    }

    /// Loss and confusion in evaluation mode, not augmented.
    fn evaluate(&self, examples: &[Example], epoch: usize, epochs_kept: usize) -> Result<Evaluated> {
        let predictor = Predictor {
            model: self.model,
            device: self.parameters.device(),
            normalization: &self.normalization,
            temperature: 1.0,
        };
        let n_classes = self.data.classes.len();
        let mut evaluated = Evaluated { loss: 0.0, confusion: Confusion::new(n_classes), logits: Vec::new() };
        for batch in examples.chunks(self.config.batch_size) {
            if self.control.cancelled() {
                return Err(Error::Cancelled { epoch, epochs_kept });
            }
            let rows: Vec<usize> = batch.iter().map(|example| example.row).collect();
            let said = predict_rows(predictor, &self.data.spectrograms, &rows, batch.len())?;
            let logits = Tensor::from_slice(&said.logits, (batch.len(), n_classes), &Device::Cpu)?;
            let looked_at = self.looked_at(logits)?.flatten_all()?.to_vec1::<f32>()?;
            for (logits, example) in looked_at.chunks_exact(n_classes).zip(batch) {
                evaluated.loss += clip_loss(logits, example.class as usize, 1.0);
                evaluated.confusion.add(example.class as usize, largest(logits), 1.0);
            }
            evaluated.logits.extend(said.logits);
        }
        evaluated.loss /= examples.len() as f64;
        Ok(evaluated)
    }

    fn model_header(&self, settings: &Settings, calibration: Option<Calibration>) -> ModelHeader {
        let mut training = settings.configuration.clone();
        training["compute"] = settings.compute.clone();
        ModelHeader {
            schema: MODEL_SCHEMA.into(),
            version: self.header.version.clone(),
            architecture: settings.architecture.clone(),
            front_end: self.header.front_end.clone(),
            normalization: self.normalization.clone(),
            classes: self.data.classes.clone(),
            split: self.data.split.clone(),
            seed: self.config.seed,
            training,
            calibration,
            outlier: None,
        }
    }

    fn outcome(&self, header: &CheckpointHeader, was_finished: bool, warnings: Vec<String>) -> Outcome {
        Outcome {
            epochs: header.epochs.len(),
            best_epoch: header.best.epoch,
            stopped_early: header.epochs.len() < self.config.epochs,
            best: header.epochs[header.best.epoch - 1],
            seconds: header.epochs.iter().map(|epoch| epoch.seconds).sum(),
            was_finished,
            warnings,
        }
    }

    fn name(&self, rows: &[usize]) -> String {
        let clips = &self.data.spectrograms.header.clips;
        rows.iter().map(|row| clips[*row].id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn check_exposure(data: &Data, config: &TrainConfig) -> Result<()> {
    if config.exposure.split.is_empty() || !data.unknowns.is_empty() {
        return Ok(());
    }
    Err(Error::Data(format!("exposure: the unknown sounds of split {} are not among the clips", config.exposure.split)))
}

fn check_model(model: &dyn Classifier, data: &Data) -> Result<()> {
    let (expected, got) = (model.n_classes(), data.classes.len());
    if expected == got {
        return Ok(());
    }
    let (expected, got) = (format!("{expected}, as the model has"), got.to_string());
    Err(Error::Mismatch { what: "classes of the training clips".into(), expected, got })
}
