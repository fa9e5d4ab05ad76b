//! Learning curves in words: a pure function of the epochs, with its thresholds in one place.

use crate::data::Epoch;

/// Fewer epochs than this show no trend.
pub const MIN_EPOCHS: usize = 4;
/// Overfitting: the validation loss ends at least this share above its lowest, ...
pub const RISE_SHARE: f64 = 0.10;
/// ... and at least this much, so that the noise of a loss near zero does not count.
pub const RISE: f64 = 0.02;
/// Overfitting too: at the best epoch the training loss is below this share of the validation loss, ...
pub const GAP_SHARE: f64 = 0.5;
/// ... and below it by this much.
pub const GAP: f64 = 0.1;
/// Underfitting: the training loss ends above this share of the loss of random guessing, ln(classes).
pub const GUESSING_SHARE: f64 = 0.6;
/// Diverged: the training loss ends above this multiple of its first value, or is not finite.
pub const DIVERGED: f64 = 1.5;
/// Still improving: the lowest validation loss is in this last share of the epochs, ...
pub const LATE_SHARE: f64 = 0.1;
/// ... and at least this share below the lowest before them.
pub const LATE_GAIN: f64 = 0.02;

/// The main conclusion from the curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The run has no record of its epochs.
    NotRecorded,
    /// There are too few epochs to show a trend.
    TooShort,
    /// No validation loss was measured, so overfitting cannot be seen.
    NoValidation,
    /// The training loss grew or is not finite.
    Diverged,
    /// The model memorizes the training clips.
    Overfitting,
    /// The model has not learned the training clips.
    Underfitting,
    /// More epochs would likely help.
    StillImproving,
    /// The curves are flat and near each other.
    Converged,
}

impl Verdict {
    /// Two or three words for a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::NotRecorded => "Not recorded",
            Self::TooShort => "Too few epochs",
            Self::NoValidation => "No validation loss",
            Self::Diverged => "Diverged",
            Self::Overfitting => "Overfitting",
            Self::Underfitting => "Underfitting",
            Self::StillImproving => "Still improving",
            Self::Converged => "Converged",
        }
    }
}

/// The curves of a run in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The main conclusion.
    pub verdict: Verdict,
    /// The epoch with the lowest validation loss.
    pub best_epoch: Option<u64>,
    /// Validation loss minus training loss at that epoch.
    pub gap: Option<f64>,
    /// The same in sentences, the main conclusion first.
    pub sentences: Vec<String>,
}

/// Reads the curves of a model with `n_classes` classes.
pub fn read(epochs: &[Epoch], n_classes: usize) -> Reading {
    let (Some(first), Some(last)) = (epochs.first(), epochs.last()) else {
        let sentence = "This run has no record of its epochs (metrics.jsonl), so there are no learning curves to show.";
        return plain(Verdict::NotRecorded, sentence.into());
    };
    let (began, ended) = (train_loss(first), train_loss(last));
    if !ended.is_finite() || (epochs.len() > 1 && ended > DIVERGED * began) {
        return plain(Verdict::Diverged, diverged(began, last));
    }
    let curve: Vec<_> = epochs.iter().filter_map(Point::of).collect();
    let Some(best) = curve.iter().min_by(|a, b| a.val.total_cmp(&b.val)).copied() else {
        let sentence = "No validation loss was measured, so the curves cannot show overfitting.";
        return plain(Verdict::NoValidation, sentence.into());
    };
    let gap = best.val - best.train;
    let (verdict, main) = judge(&curve, best, n_classes);
    let mut sentences = vec![main];
    if verdict != Verdict::TooShort {
        sentences.push(format!(
            "The validation loss is lowest at epoch {} of {}: {:.3}, with a training loss of {:.3} (a gap of {:.3}).",
            best.epoch, last.epoch, best.val, best.train, gap
        ));
    }
    if epochs.iter().all(|epoch| epoch.train_loss_eval.is_none()) {
        let sentence = "The training loss was measured only during training, on augmented clips, where it is higher \
                        than on the original clips: the true gap is larger.";
        sentences.push(sentence.into());
    }
    Reading { verdict, best_epoch: Some(best.epoch), gap: Some(gap), sentences }
}

/// An epoch with both losses.
#[derive(Clone, Copy)]
struct Point {
    epoch: u64,
    train: f64,
    val: f64,
}

impl Point {
    fn of(epoch: &Epoch) -> Option<Self> {
        let (train, val) = (train_loss(epoch), epoch.val_loss?);
        (train.is_finite() && val.is_finite()).then_some(Self { epoch: epoch.epoch, train, val })
    }
}

/// The training loss that is comparable with the validation loss, or else the optimized one.
fn train_loss(epoch: &Epoch) -> f64 {
    epoch.train_loss_eval.unwrap_or(epoch.train_loss)
}

/// The verdict and its sentence; the most important verdict that applies.
fn judge(curve: &[Point], best: Point, n_classes: usize) -> (Verdict, String) {
    let end = tail(curve);
    if curve.len() < MIN_EPOCHS {
        let sentence = match curve.len() {
            1 => "One epoch is too few for the curves to show a trend.".into(),
            n => format!("{n} epochs are too few for the curves to show a trend."),
        };
        return (Verdict::TooShort, sentence);
    }
    let chance = (n_classes.max(2) as f64).ln();
    if end.train > GUESSING_SHARE * chance {
        let sentence = format!(
            "Underfitting: the training loss ends at {:.3}, not far below the {chance:.3} of random guessing. Train \
             longer or with a higher learning rate, use a larger model, or augment less.",
            end.train
        );
        return (Verdict::Underfitting, sentence);
    }
    let remedy = "More recordings from other groups help most; stronger augmentation, more weight decay or a smaller \
                  model can help too.";
    if end.val > best.val * (1.0 + RISE_SHARE) && end.val > best.val + RISE && end.train <= best.train {
        let sentence = format!(
            "Overfitting: after epoch {} the validation loss rises from {:.3} to {:.3} while the training loss \
             keeps falling, so the model memorizes the training clips. {remedy}",
            best.epoch, best.val, end.val
        );
        return (Verdict::Overfitting, sentence);
    }
    if late_gain(curve, best) {
        let sentence = format!(
            "Still improving: the validation loss is lowest at epoch {}, at the end of the run. More epochs \
             would likely help.",
            best.epoch
        );
        return (Verdict::StillImproving, sentence);
    }
    if best.train < GAP_SHARE * best.val && best.val - best.train > GAP {
        let sentence = format!(
            "Mild overfitting: the validation loss does not rise again, but at its minimum of {:.3} the training loss \
             is already {:.3}. {remedy}",
            best.val, best.train
        );
        return (Verdict::Overfitting, sentence);
    }
    let sentence = "Converged: the validation loss has stopped falling and stays close to the training loss. More epochs \
                    or a larger model are unlikely to help; more or better data may.";
    (Verdict::Converged, sentence.into())
}

/// The end of the curves: medians over the last three epochs, so that one outlier does not decide.
fn tail(curve: &[Point]) -> Point {
    let last = &curve[curve.len().saturating_sub(3)..];
    let median = |of: fn(&Point) -> f64| {
        let mut values: Vec<_> = last.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Point { epoch: last[last.len() - 1].epoch, train: median(|p| p.train), val: median(|p| p.val) }
}

/// Whether the best epoch is among the last and clearly better than all before those.
fn late_gain(curve: &[Point], best: Point) -> bool {
    let n_late = ((curve.len() as f64 * LATE_SHARE).ceil() as usize).max(1);
    let (early, late) = curve.split_at(curve.len() - n_late);
    let early_best = early.iter().map(|point| point.val).fold(f64::INFINITY, f64::min);
    late.iter().any(|point| point.epoch == best.epoch) && best.val < early_best * (1.0 - LATE_GAIN)
}

fn diverged(began: f64, last: &Epoch) -> String {
    let ended = train_loss(last);
    let what = if ended.is_finite() {
        format!("the training loss grew from {began:.3} to {ended:.3}")
    } else {
        format!("the training loss is not finite at epoch {}", last.epoch)
    };
    format!("Diverged: {what}. Use a lower learning rate, a longer warm-up or a lower gradient clipping norm.")
}

fn plain(verdict: Verdict, sentence: String) -> Reading {
    Reading { verdict, best_epoch: None, gap: None, sentences: vec![sentence] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(losses: impl IntoIterator<Item = (f64, f64)>) -> Vec<Epoch> {
        let epoch = |(i, (train, val))| Epoch {
            epoch: i as u64 + 1,
            step: 10 * (i as u64 + 1),
            lr: 1e-3,
            train_loss: train + 0.1,
            train_loss_eval: Some(train),
            val_loss: Some(val),
            val_accuracy: None,
            val_balanced_accuracy: None,
            seconds: 1.0,
        };
        losses.into_iter().enumerate().map(epoch).collect()
    }

    fn verdict(losses: impl IntoIterator<Item = (f64, f64)>) -> Verdict {
        read(&epochs(losses), 2).verdict
    }

    #[test]
    fn a_rising_validation_loss_is_overfitting() {
        let losses = (0..20).map(|i| (0.6 * 0.8_f64.powi(i), 0.3 + 0.01 * f64::from((i - 8).abs())));
        let reading = read(&epochs(losses), 2);
        assert_eq!((reading.verdict, reading.best_epoch), (Verdict::Overfitting, Some(9)));
        assert!(reading.sentences[0].contains("after epoch 9"), "{:?}", reading.sentences);
    }

    #[test]
    fn one_bad_epoch_at_the_end_is_not_overfitting() {
        let mut losses: Vec<_> = (0..20).map(|i| 0.1 + 0.5 * 0.7_f64.powi(i)).map(|loss| (loss, loss + 0.02)).collect();
        losses[19].1 = 0.5;
        assert_eq!(verdict(losses), Verdict::Converged);
    }

    #[test]
    fn a_wide_gap_that_stays_is_mild_overfitting() {
        assert_eq!(verdict((0..20).map(|i| (0.01, 0.4 - 0.01 * f64::from(i.min(10))))), Verdict::Overfitting);
    }

    #[test]
    fn a_loss_near_guessing_is_underfitting() {
        assert_eq!(verdict((0..20).map(|i| (0.69 - 0.001 * f64::from(i), 0.69))), Verdict::Underfitting);
    }

    #[test]
    fn the_loss_of_guessing_grows_with_the_classes() {
        let flat = epochs((0..20).map(|_| (1.0, 1.1)));
        assert_eq!(read(&flat, 2).verdict, Verdict::Underfitting);
        assert_eq!(read(&flat, 50).verdict, Verdict::Converged);
    }

    #[test]
    fn falling_to_the_end_is_still_improving() {
        assert_eq!(verdict((0..20).map(|i| (0.4 * 0.9_f64.powi(i), 0.45 * 0.92_f64.powi(i)))), Verdict::StillImproving);
    }

    #[test]
    fn a_growing_or_infinite_training_loss_has_diverged() {
        assert_eq!(verdict([(0.7, 0.7), (0.9, 0.9), (1.5, 1.6)]), Verdict::Diverged);
        assert_eq!(verdict([(0.7, 0.7), (f64::NAN, f64::NAN)]), Verdict::Diverged);
    }

    #[test]
    fn few_epochs_and_no_validation_are_pointed_out() {
        assert_eq!(read(&[], 2).verdict, Verdict::NotRecorded);
        assert_eq!(verdict([(0.6, 0.6)]), Verdict::TooShort);
        let mut blind = epochs([(0.6, 0.6), (0.5, 0.5), (0.4, 0.4), (0.3, 0.3)]);
        blind.iter_mut().for_each(|epoch| epoch.val_loss = None);
        assert_eq!(read(&blind, 2).verdict, Verdict::NoValidation);
    }

    #[test]
    fn a_training_loss_in_training_mode_is_pointed_out() {
        let mut old = epochs((0..20).map(|_| (0.1, 0.1)));
        old.iter_mut().for_each(|epoch| epoch.train_loss_eval = None);
        assert!(read(&old, 2).sentences.iter().any(|s| s.contains("augmented clips")));
    }
}
