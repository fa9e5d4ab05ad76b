use crate::checkpoint::EpochMetrics;
use serde::Serialize;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Epochs that were run, including those before a resumption.
    pub epochs: usize,
    /// The epoch whose weights are in the model file.
    pub best_epoch: usize,
    /// Whether validation stopped the run before the last epoch of the configuration.
    pub stopped_early: bool,
    /// The metrics of the best epoch.
    pub best: EpochMetrics,
    /// Wall time of all epochs.
    pub seconds: f64,
    /// Whether the run was finished already, so that nothing was done.
    pub was_finished: bool,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// A loss of this many times that of guessing is not the result of learning.
const DIVERGED: f64 = 3.0;

/// The warning if the last epoch's loss shows that training diverged: it is not finite, or far above the loss of a model
/// that gives every class the same probability. Measured on training clips in evaluation mode: a loss that rises on
/// validation clips only is overfitting.
pub(crate) fn divergence(epochs: &[EpochMetrics], n_classes: usize, lr: f64) -> Option<String> {
    let (last, guessing) = (epochs.last()?, (n_classes as f64).ln());
    let loss = last.train_loss_eval;
    let is_diverged = !loss.is_finite() || !last.train_loss.is_finite() || loss > DIVERGED * guessing;
    is_diverged.then(|| {
        format!(
            "training diverged: after epoch {} the loss of the training clips is {loss:.3}, where guessing gives \
             {guessing:.3}: use a smaller lr (it was {lr})",
            last.epoch
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loss_far_above_guessing_is_divergence() {
        let epoch = |train_loss, train_loss_eval| EpochMetrics {
            epoch: 2,
            step: 1,
            lr: 0.1,
            train_loss,
            train_loss_eval,
            val_loss: Some(9.0),
            val_accuracy: None,
            val_balanced_accuracy: None,
            seconds: 1.0,
        };
        let warning = |train_loss, eval| divergence(&[epoch(0.1, 0.1), epoch(train_loss, eval)], 2, 10.0);
        assert_eq!(warning(0.7, 0.7), None);
        assert_eq!(warning(5.0, 2.0), None);
        let expected = "training diverged: after epoch 2 the loss of the training clips is 27000000.000, where guessing \
                        gives 0.693: use a smaller lr (it was 10)";
        assert_eq!(warning(0.7, 2.7e7).unwrap(), expected);
        assert!(warning(f64::NAN, 0.5).is_some() && warning(0.5, f64::INFINITY).is_some());
        assert_eq!(divergence(&[], 2, 0.1), None);
    }
}
