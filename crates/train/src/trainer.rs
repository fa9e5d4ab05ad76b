//! The steps of a run: one epoch, an evaluation, and the gradients of a batch.

use crate::average::Average;
use crate::batch::Assembler;
use crate::batches::{Batches, Input};
use crate::checkpoint::{CheckpointHeader, Settings};
use crate::config::TrainConfig;
use crate::control::{Control, Progress};
use crate::data::{Data, name_of};
use crate::example::Example;
use crate::header::RunHeader;
use crate::loss::{normalized_logits, soft_cross_entropy};
use crate::metrics::Confusion;
use crate::outcome::{Outcome, divergence};
use crate::pending::{self, Pending};
use crate::predict::predict_each;
use crate::resident::Resident;
use crate::sampler::{Strata, n_batches, subset};
use crate::schedule::{LearningRate, PlateauState};
use crate::seeds::{Purpose, seed};
use crate::state::{Steps, restore_weights};
use crate::windows::{epoch_order, n_turns};
use crate::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};
use classifier::{
    Calibration, Classifier, MODEL_SCHEMA, Mode, ModelHeader, Normalization, Parameters, Predictor, clip_loss, largest,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything of a run that stays the same.
pub(crate) struct Trainer<'a> {
    pub(crate) model: &'a dyn Classifier,
    pub(crate) parameters: &'a Parameters,
    pub(crate) data: &'a Data,
    pub(crate) config: &'a TrainConfig,
    pub(crate) header: &'a RunHeader,
    pub(crate) control: &'a Control<'a>,
    /// Normalization of the model's input.
    pub(crate) normalization: Normalization,
    /// Class of each training clip.
    strata: Strata,
    /// The training clips on which `train_loss_eval` is measured.
    pub(crate) train_eval: Vec<Example>,
    learning_rate: LearningRate,
    /// Steps whose losses are read together: one, but on a CUDA device, which is not to wait for the host.
    pub(crate) read_every: usize,
}

/// The same there.
const READ_EVERY_ON_CARD: usize = 8;

/// Outputs and metrics of a model for labeled clips.
pub(crate) struct Evaluated {
    pub(crate) loss: f64,
    pub(crate) confusion: Confusion,
    pub(crate) logits: Vec<f32>,
}

impl<'a> Trainer<'a> {
    pub(crate) fn new(
        model: &'a dyn Classifier,
        parameters: &'a Parameters,
        data: &'a Data,
        config: &'a TrainConfig,
        header: &'a RunHeader,
        control: &'a Control<'a>,
    ) -> Self {
        let is_recording = |example: &&Example| data.spectrograms.view[example.row as usize] == 0;
        let mut recordings: Vec<Example> = data.train.iter().filter(is_recording).copied().collect();
        if recordings.is_empty() {
            recordings.clone_from(&data.train);
        }
        let chosen = subset(recordings.len() as u32, config.train_eval_clips, config.seed);
        let n_batches = n_batches(n_turns(data.train.len(), config), config.batch_size);
        Self {
            model,
            parameters,
            data,
            config,
            header,
            control,
            normalization: model.normalization(data.spectrograms.n_mels).unwrap_or_else(|| data.normalization.clone()),
            strata: data.strata(),
            train_eval: chosen.into_iter().map(|i| recordings[i as usize]).collect(),
            learning_rate: config.learning_rate((n_batches * config.epochs) as u64),
            read_every: if parameters.device().is_cuda() { READ_EVERY_ON_CARD } else { 1 },
        }
    }

    /// One epoch over the training clips, which are in the device's memory or not. Returns the mean loss per clip, unknown sounds
    /// included, and the last learning rate. A model without trained parameters is not changed.
    pub(crate) fn train_epoch(
        &self,
        steps: &mut Steps,
        epoch: usize,
        plateau: PlateauState,
        resident: Option<&Resident>,
    ) -> Result<(f64, f64)> {
        let Self { data, config, .. } = *self;
        if self.parameters.count() == 0 {
            return Ok((self.evaluate(&self.train_eval, epoch, epoch - 1)?.loss, 0.0));
        }
        let turns = epoch_order(data, &self.strata, config, epoch);
        let n_batches = n_batches(turns.len(), config.batch_size);
        let (mut n_seen, mut loss_sum, mut lr) = (0, 0.0, 0.0);
        let assembler =
            Assembler { data, config, normalization: &self.normalization, unit_per_db: self.header.unit_per_db };
        std::thread::scope(|scope| {
            let batches = Batches::spawn(scope, assembler, resident, turns, epoch);
            let mut pending = Vec::new();
            for number in 1..=n_batches {
                if self.control.cancelled() {
                    return Err(Error::Cancelled { epoch, epochs_kept: epoch - 1 });
                }
                let batch = batches.next()?;
                let step = steps.optimizer.steps();
                lr = self.learning_rate.at(step, plateau);
                let (losses, gradients) = self.gradients(&batch, step)?;
                let norm = steps.optimizer.step_with(&gradients, lr, steps.average.as_mut())?;
                pending.push(Pending { losses, norm, rows: batch.rows, step, number });
                if pending.len() < self.read_every && number < n_batches {
                    continue;
                }
                for (Pending { rows, step, number, .. }, (loss, norm)) in pending.iter().zip(pending::read(&pending)?) {
                    let step = step + 1;
                    for (what, value) in [("the loss", loss), ("the gradient norm", norm)] {
                        if !value.is_finite() {
                            return Err(Error::NotFinite { what, value, epoch, step, clips: self.name(rows) });
                        }
                    }
                    loss_sum += loss * rows.len() as f64;
                    n_seen += rows.len();
                    let (epochs, batch, batches) = (config.epochs, *number, n_batches);
                    (self.control.progress)(Progress::Step { epoch, epochs, batch, batches, loss });
                }
                pending.clear();
            }
            Ok((loss_sum / n_seen as f64, lr))
        })
    }

    /// The gradients of a batch, computed in parts of `micro_batch` clips if the configuration says so; and the mean loss of each
    /// part, with its share of the clips.
    fn gradients(&self, batch: &Input, step: u64) -> Result<(Vec<(Tensor, f64)>, GradStore)> {
        let n_clips = batch.rows.len();
        let n_classes = self.data.classes.len();
        let most = if self.config.micro_batch == 0 { n_clips } else { self.config.micro_batch };
        // Parts of nearly equal size: no part has a single clip.
        let n_parts = n_clips.div_ceil(most);
        let (mut sum, mut losses) = (None::<GradStore>, Vec::with_capacity(n_parts));
        for part in 0..n_parts {
            let clips = part * n_clips / n_parts..(part + 1) * n_clips / n_parts;
            let device = self.parameters.device();
            let (n_mels, n_frames) = (self.data.spectrograms.n_mels, self.data.spectrograms.n_frames);
            let mel = batch.mel.part(clips.clone(), [n_mels, n_frames], device)?;
            let targets = &batch.targets[clips.start * n_classes..clips.end * n_classes];
            let targets = Tensor::from_slice(targets, (clips.len(), n_classes), &Device::Cpu)?.to_device(device)?;
            let mode = Mode::Train { seed: seed(self.config.seed, Purpose::Forward, step, part as u64) };
            let logits = self.for_loss(self.model.forward(&mel, mode)?.logits)?;
            let loss = soft_cross_entropy(&logits, &targets)?;
            let share = clips.len() as f64 / n_clips as f64;
            losses.push((loss.detach(), share));
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
        Ok((losses, sum))
    }

    /// The logits as they enter the loss.
    fn for_loss(&self, logits: Tensor) -> Result<Tensor> {
        let temperature = self.config.logit_norm;
        Ok(if temperature > 0.0 { normalized_logits(&logits, temperature)? } else { logits })
    }

    /// Replaces the parameters by the average and returns their values.
    pub(crate) fn put_average(&self, average: &Average) -> Result<BTreeMap<String, Tensor>> {
        let last = self.parameters.state()?;
        restore_weights(&average.snapshot(&last)?, self.parameters, Path::new("average"))?;
        Ok(last)
    }

    /// Loss and confusion in evaluation mode, without augmentation.
    pub(crate) fn evaluate(&self, examples: &[Example], epoch: usize, epochs_kept: usize) -> Result<Evaluated> {
        let predictor = Predictor {
            model: self.model,
            device: self.parameters.device(),
            normalization: &self.normalization,
            temperature: 1.0,
            compute: self.header.compute,
        };
        let n_classes = self.data.classes.len();
        let mut evaluated = Evaluated { loss: 0.0, confusion: Confusion::new(n_classes), logits: Vec::new() };
        let rows: Vec<usize> = examples.iter().map(|example| example.row as usize).collect();
        let mut rest = examples;
        predict_each(predictor, &self.data.spectrograms, &rows, self.config.batch_size, |rows, outputs| {
            if self.control.cancelled() {
                return Err(Error::Cancelled { epoch, epochs_kept });
            }
            let (batch, after) = rest.split_at(rows.len());
            rest = after;
            let logits = Tensor::from_slice(&outputs.logits, (batch.len(), n_classes), &Device::Cpu)?;
            let scaled = self.for_loss(logits)?.flatten_all()?.to_vec1::<f32>()?;
            for (logits, example) in scaled.chunks_exact(n_classes).zip(batch) {
                evaluated.loss += clip_loss(logits, example.class as usize, 1.0);
                evaluated.confusion.add(example.class as usize, largest(logits), 1.0);
            }
            evaluated.logits.extend(outputs.logits);
            Ok(())
        })?;
        evaluated.loss /= examples.len() as f64;
        Ok(evaluated)
    }

    pub(crate) fn model_header(&self, settings: &Settings, calibration: Option<Calibration>) -> ModelHeader {
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
            coverage: None,
            held_out: None,
            place: None,
        }
    }

    pub(crate) fn outcome(&self, header: &CheckpointHeader, was_finished: bool, mut warnings: Vec<String>) -> Outcome {
        let is_trained = self.parameters.count() > 0;
        let warning = divergence(&header.epochs, self.data.classes.len(), self.config.lr);
        if let Some(warning) = warning.filter(|_| is_trained) {
            tracing::warn!("{warning}");
            warnings.push(warning);
        }
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
        rows.iter().map(|row| name_of(&self.data.spectrograms, *row)).collect::<Vec<_>>().join(", ")
    }
}
