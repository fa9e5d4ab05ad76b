//! The state of a run between two epochs, and how it is restored.

use crate::average::Average;
use crate::checkpoint::{Best, CHECKPOINT_SCHEMA, Checkpoint, CheckpointHeader, EpochMetrics, Settings};
use crate::config::{Monitor, TrainConfig};
use crate::data::Data;
use crate::header::RunHeader;
use crate::optimizer::AdamW;
use crate::schedule::PlateauState;
use crate::{Error, Result};
use candle_core::Tensor;
use classifier::{Classifier, Parameters};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What every step changes, beside the parameters.
pub(crate) struct Steps {
    pub(crate) optimizer: AdamW,
    pub(crate) average: Option<Average>,
}

/// The settings that a run is started with.
pub(crate) fn settings(
    model: &dyn Classifier,
    data: &Data,
    config: &TrainConfig,
    header: &RunHeader,
) -> Result<Settings> {
    Ok(Settings {
        version: header.version.clone(),
        configuration: serde_json::to_value(config).map_err(Error::json("configuration"))?,
        architecture: model.architecture(),
        compute: header.compute_record.clone(),
        front_end: header.front_end.clone(),
        unit_per_db: header.unit_per_db,
        data: data.fingerprint().to_owned(),
    })
}

/// The state after an epoch: updates which epoch is the best, and the schedule.
pub(crate) fn after_epoch(
    before: Option<Checkpoint>,
    metrics: EpochMetrics,
    settings: &Settings,
    config: &TrainConfig,
    parameters: &Parameters,
    steps: &Steps,
) -> Result<Checkpoint> {
    let weights = parameters.state()?;
    let average = steps.average.as_ref().map(|average| average.snapshot(&weights)).transpose()?;
    let (mut epochs, best, plateau, best_weights) = match before {
        None => (Vec::new(), Best { epoch: 1, stale: 0 }, PlateauState::default(), None),
        Some(Checkpoint { header, weights, average, best, .. }) => {
            if is_better(config.monitor, &metrics, &header.epochs[header.best.epoch - 1]) {
                (header.epochs, Best { epoch: metrics.epoch, stale: 0 }, header.plateau, None)
            } else {
                let stale = Best { stale: header.best.stale + 1, ..header.best };
                (header.epochs, stale, header.plateau, Some(best.or(average).unwrap_or(weights)))
            }
        }
    };
    epochs.push(metrics);
    let plateau = plateau.after_epoch(config.schedule, metrics.val_loss.unwrap_or(metrics.train_loss_eval));
    let header = CheckpointHeader {
        schema: CHECKPOINT_SCHEMA.into(),
        settings: settings.clone(),
        step: metrics.step,
        best,
        plateau,
        epochs,
    };
    Ok(Checkpoint { header, weights, average, best: best_weights, moments: steps.optimizer.moments()? })
}

/// Without validation the last epoch counts as the best.
fn is_better(monitor: Monitor, now: &EpochMetrics, best: &EpochMetrics) -> bool {
    let (Some(now_loss), Some(best_loss)) = (now.val_loss, best.val_loss) else { return true };
    match monitor {
        Monitor::ValLoss => now_loss < best_loss,
        Monitor::ValBalancedAccuracy => {
            let (now, best) = (now.val_balanced_accuracy, best.val_balanced_accuracy);
            now > best || (now == best && now_loss < best_loss)
        }
    }
}

/// Whether no epoch is left to run. Without validation no epoch is ever stale.
pub(crate) fn is_over(header: &CheckpointHeader, config: &TrainConfig) -> bool {
    let is_stale = config.patience > 0 && header.best.stale >= config.patience;
    header.epochs.len() >= config.epochs || is_stale
}

/// Restores everything from a checkpoint; errors name `path`.
pub(crate) fn restore(
    checkpoint: &Checkpoint,
    parameters: &Parameters,
    optimizer: &mut AdamW,
    path: &Path,
) -> Result<()> {
    restore_weights(&checkpoint.weights, parameters, path)?;
    let moments = checkpoint.moments.iter();
    let first = moments.clone().map(|(name, first, _)| (name.clone(), first.clone())).collect();
    let second = moments.map(|(name, _, second)| (name.clone(), second.clone())).collect();
    optimizer.restore(checkpoint.header.step, &first, &second, path)
}

/// Overwrites every parameter and buffer; errors name `path`.
pub(crate) fn restore_weights(weights: &BTreeMap<String, Tensor>, parameters: &Parameters, path: &Path) -> Result<()> {
    let weights: HashMap<_, _> = weights.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    Ok(parameters.restore_state(&weights, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_epoch() {
        let epoch = |loss, balanced| EpochMetrics {
            epoch: 1,
            step: 1,
            lr: 0.1,
            train_loss: 1.0,
            train_loss_eval: 1.0,
            val_loss: loss,
            val_accuracy: balanced,
            val_balanced_accuracy: balanced,
            seconds: 1.0,
        };
        let (a, b) = (epoch(Some(0.5), Some(0.9)), epoch(Some(0.4), Some(0.8)));
        assert!(is_better(Monitor::ValLoss, &b, &a) && !is_better(Monitor::ValLoss, &a, &b));
        let balanced = Monitor::ValBalancedAccuracy;
        assert!(is_better(balanced, &a, &b) && !is_better(balanced, &b, &a));
        assert!(is_better(balanced, &epoch(Some(0.4), Some(0.9)), &a));
        assert!(!is_better(balanced, &a, &a) && !is_better(Monitor::ValLoss, &a, &a));
        assert!(is_better(Monitor::ValLoss, &epoch(None, None), &epoch(None, None)));
    }
}
