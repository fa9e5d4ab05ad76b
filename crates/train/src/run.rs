//! The training loop.

use crate::average::Average;
use crate::checkpoint::{EpochMetrics, Settings};
use crate::config::TrainConfig;
use crate::control::{Control, Progress};
use crate::data::Data;
use crate::folder::{Folder, Start};
use crate::header::RunHeader;
use crate::optimizer::AdamW;
use crate::outcome::Outcome;
use crate::resident::Resident;
use crate::schedule::PlateauState;
use crate::state::{Steps, after_epoch, is_over, restore, restore_weights, settings};
use crate::trainer::Trainer;
use crate::{Error, Result};
use classifier::{Calibration, Classifier, ModelHeader, Parameters};
use std::path::Path;
use std::time::Instant;

/// Trains `model`, whose parameters are `parameters`, and writes into the folder `out`:
///
/// - `metrics.jsonl`: one line per epoch, [`EpochMetrics`];
/// - `last.safetensors`: after every epoch, everything that the run needs to continue;
/// - `best.safetensors`: the model file of the best epoch so far;
/// - `model.safetensors`: at the end, the model file of the best epoch with its calibration.
///
/// A run that was killed at any moment and is started again with [`Start::Resume`] ends with the same bytes in every
/// file as an uninterrupted run, except for `seconds` in `metrics.jsonl` and in `last.safetensors`. At the end
/// `parameters` contain the weights of the best epoch.
///
/// Operations on the CPU compute as [`RunHeader::compute`] says; see [`kernels::with`].
///
/// # Errors
/// An invalid configuration, a model that does not fit the data, a folder that contains another run, a loss that is not
/// finite, a write that failed, or [`Error::Cancelled`]. In every case the last checkpoint is kept.
#[allow(clippy::too_many_arguments, reason = "each is another thing that the caller owns")]
#[tracing::instrument(level = "debug", name = "train", skip_all, fields(out = %out.display()))]
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
    check_parts(data, config)?;
    let settings = settings(model, data, config, header)?;
    let trainer = Trainer::new(model, parameters, data, config, header, control);
    kernels::with(header.compute, || epochs(&trainer, &settings, out, start))
}

/// All epochs of a run that is checked.
fn epochs(trainer: &Trainer<'_>, settings: &Settings, out: &Path, start: Start) -> Result<Outcome> {
    let Trainer { model, parameters, data, config, control, .. } = *trainer;
    let mut warnings = data.warnings.clone();
    let folder = Folder::open(out, start)?;
    let mut steps = Steps {
        optimizer: AdamW::new(parameters, config)?,
        average: (config.average > 0.0).then(|| Average::new(parameters, config.average)).transpose()?,
    };
    let mut state = match folder.checkpoint(start)? {
        Some(checkpoint) => {
            if let Some(difference) = checkpoint.header.settings.difference(settings) {
                return Err(Error::Different { path: folder.last(), difference });
            }
            let (then, now) = (&checkpoint.header.settings.compute, &settings.compute);
            if then != now {
                warnings.push(format!(
                    "the run began with {then} and continues with {now}: its bytes differ from those of an uninterrupted run"
                ));
            }
            restore(&checkpoint, parameters, &mut steps.optimizer, &folder.last())?;
            if let (Some(average), Some(saved)) = (&mut steps.average, &checkpoint.average) {
                average.restore(saved, &folder.last())?;
            }
            // The process may have been killed between writing the checkpoint and the files that are derived from it.
            folder.write_metrics(&checkpoint.header.epochs)?;
            let best = trainer.model_header(&checkpoint.header.settings, None);
            folder.write_model(&folder.best(), &best, &parameters.whole(checkpoint.best_weights()))?;
            if is_over(&checkpoint.header, config) && storage::exists(folder.model()) {
                warnings.push("the run had finished already: nothing was done".into());
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

    let resident = Resident::of(parameters, data, config, &trainer.normalization)?;
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
        let (train_loss, lr) = trainer.train_epoch(&mut steps, epoch, plateau, resident.as_ref())?;
        // Evaluated are the weights that would be kept: the average, if there is one.
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
        let next = after_epoch(state.take(), metrics, settings, config, parameters, &steps)?;
        folder.write_last(&next)?; // first: the other files can be derived from it
        folder.write_metrics(&next.header.epochs)?;
        if next.header.best.epoch == epoch {
            let whole = parameters.whole(next.best_weights());
            folder.write_model(&folder.best(), &trainer.model_header(settings, None), &whole)?;
        }
        tracing::debug!(epoch, train_loss, val_loss = ?metrics.val_loss, "epoch finished");
        state = Some(next);
        (control.progress)(Progress::Epoch(metrics));
    }

    let Some(state) = state else { return Err(Error::Data("training: no epoch to run".into())) };
    restore_weights(state.best_weights(), parameters, &folder.last())?;
    let n_epochs = state.header.epochs.len();
    let calibration = match data.val.as_slice() {
        [] => None,
        val => {
            let labels: Vec<u32> = val.iter().map(|example| example.class).collect();
            Some(Calibration::fit(&trainer.evaluate(val, n_epochs, n_epochs)?.logits, &labels, data.classes.len())?)
        }
    };
    let finished = model.finished(parameters.whole(state.best_weights()), &trainer.normalization)?;
    let header = ModelHeader {
        architecture: finished.architecture,
        normalization: finished.normalization,
        ..trainer.model_header(settings, calibration)
    };
    folder.write_model(&folder.model(), &header, &finished.tensors)?;
    Ok(trainer.outcome(&state.header, false, warnings))
}

fn check_exposure(data: &Data, config: &TrainConfig) -> Result<()> {
    if config.exposure.split.is_empty() || !data.unknowns.is_empty() {
        return Ok(());
    }
    Err(Error::Data(format!("exposure: the unknown sounds of split {} are not among the clips", config.exposure.split)))
}

fn check_parts(data: &Data, config: &TrainConfig) -> Result<()> {
    let most = (data.train.len() * config.repeat / 2).max(1);
    if config.epoch_parts <= most {
        return Ok(());
    }
    let expected = format!("at most {most}, two clips an epoch");
    Err(Error::Config { field: "epoch_parts", expected, got: config.epoch_parts.to_string() })
}

fn check_model(model: &dyn Classifier, data: &Data) -> Result<()> {
    let (expected, got) = (model.n_classes(), data.classes.len());
    if expected == got {
        return Ok(());
    }
    let (expected, got) = (format!("{expected}, as the model has"), got.to_string());
    Err(Error::Mismatch { what: "classes of the training clips".into(), expected, got })
}
