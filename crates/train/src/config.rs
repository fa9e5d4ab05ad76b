use crate::exposure::Exposure;
use crate::schedule::{LearningRate, Schedule, Span};
use crate::{Error, Result};
use augment::SpectrogramAugment;
use serde::{Deserialize, Serialize};

/// The metric that decides which epoch is the best one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The smallest validation loss: it still differs when every clip is correct.
    ValLoss,
    /// The largest balanced accuracy on validation; among equals the smallest loss.
    ValBalancedAccuracy,
}

/// The settings of a training run, as in flags and configuration files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Maximum number of epochs.
    pub epochs: usize,
    /// Clips per step; at least 2, because batch normalization needs more than one clip.
    pub batch_size: usize,
    /// The peak learning rate.
    pub lr: f64,
    /// Decoupled weight decay, for parameters of two or more dimensions only.
    pub weight_decay: f64,
    /// The shape of the learning rate over the steps.
    pub schedule: Schedule,
    /// Share of all steps for the linear warm-up.
    pub warmup_share: f64,
    /// The smallest rate as a share of the peak.
    pub min_lr_share: f64,
    /// Maximum norm of the gradient over all parameters; a longer one is scaled down to it. 0 switches clipping off.
    pub clip_norm: f64,
    /// Label smoothing: share of a clip's target that is distributed over all classes.
    pub label_smoothing: f64,
    /// Whether every class is drawn equally often.
    pub balance: bool,
    /// Balancing of the groups of a class, 0 to 1: a group of `n` clips is drawn in proportion to `n^(1 - group_balance)`. 0
    /// draws every clip equally often, 1 every group. Clips of one recording are similar, and a few long recordings should
    /// not dominate a class.
    pub group_balance: f64,
    /// Augmentation of a training clip each time it is drawn.
    pub augment: SpectrogramAugment,
    /// Epochs without improvement before the run stops; 0 never stops early.
    pub patience: usize,
    /// Seed of all randomness except the initial parameters.
    pub seed: u64,
    /// Decay of AdamW's first moment.
    pub beta1: f64,
    /// Decay of AdamW's second moment.
    pub beta2: f64,
    /// Constant that AdamW adds to the root of the second moment.
    pub eps: f64,
    /// The metric that decides which epoch is the best one.
    pub monitor: Monitor,
    /// Passes over the clips per epoch, so that small data sets do not spend their time on evaluation.
    pub repeat: usize,
    /// Maximum number of training clips for `train_loss_eval`; the same ones in every epoch.
    pub train_eval_clips: usize,
    /// Decay per step of the moving average of the weights, which is evaluated and kept in place of the last weights; 0: no
    /// average. It rises to this value over the first steps.
    pub average: f64,
    /// Gradient accumulation: clips per backward pass, if memory is too small for a whole batch; 0: all of them. A step still
    /// takes the whole batch, but batch norm uses the statistics of each part.
    pub micro_batch: usize,
    /// Outlier exposure. Written only if it is used, for compatibility with older runs.
    #[serde(skip_serializing_if = "Exposure::is_off")]
    pub exposure: Exposure,
    /// Temperature of logit normalization: in the loss, logits are divided by their norm and this temperature, so that
    /// confidence does not grow with the norm; 0 for none, 0.04 in the paper (Wei and others (2022), "Mitigating Neural Network
    /// Overconfidence with Logit Normalization").
    #[serde(skip_serializing_if = "is_zero")]
    pub logit_norm: f64,
    /// Gigabytes of training clips on disk that are shuffled together. The clips of a larger set are trained on in windows of
    /// about so many: whole shards, others in every epoch, so that each is read once an epoch. Written only if it is not the
    /// usual value, for compatibility with older runs.
    #[serde(skip_serializing_if = "is_usual_shuffle")]
    pub shuffle_gb: f64,
    /// Epochs that a pass over the clips is divided into, so that a training on a large set is evaluated and saved more often
    /// than once a pass: the reverse of `repeat`. Written only if it is not 1.
    #[serde(skip_serializing_if = "is_one")]
    pub epoch_parts: usize,
    /// Gigabytes of training clips that a CUDA device keeps in its memory, if they take no more than this and than a quarter of
    /// what is free there; 0: none. The CPU then only draws what is done to the clips of a batch. Written only if it is not the
    /// usual value.
    #[serde(skip_serializing_if = "is_usual_device")]
    pub device_gb: f64,
}

fn is_one(value: &usize) -> bool {
    *value == 1
}

/// [`TrainConfig::shuffle_gb`], unless it is set.
const SHUFFLE_GB: f64 = 4.0;

/// [`TrainConfig::device_gb`], unless it is set.
const DEVICE_GB: f64 = 16.0;

fn is_usual_device(value: &f64) -> bool {
    *value == DEVICE_GB
}

fn is_usual_shuffle(value: &f64) -> bool {
    *value == SHUFFLE_GB
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 30,
            batch_size: 32,
            lr: 1e-3,
            weight_decay: 1e-2,
            schedule: Schedule::Cosine,
            warmup_share: 0.05,
            min_lr_share: 0.01,
            clip_norm: 5.0,
            label_smoothing: 0.05,
            balance: true,
            group_balance: 0.0,
            augment: SpectrogramAugment::light(),
            patience: 10,
            seed: 0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            monitor: Monitor::ValLoss,
            repeat: 1,
            train_eval_clips: 512,
            average: 0.0,
            micro_batch: 0,
            exposure: Exposure::default(),
            logit_norm: 0.0,
            shuffle_gb: SHUFFLE_GB,
            epoch_parts: 1,
            device_gb: DEVICE_GB,
        }
    }
}

impl TrainConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field with an invalid value, by name.
    pub fn validate(&self) -> Result<()> {
        let least = |field, value: usize, least: usize| {
            require(field, value >= least, format!("{least} or more"), value.to_string())
        };
        least("epochs", self.epochs, 1)?;
        least("batch_size", self.batch_size, 2)?;
        least("repeat", self.repeat, 1)?;
        least("epoch_parts", self.epoch_parts, 1)?;
        least("train_eval_clips", self.train_eval_clips, 1)?;
        let range = |field, value: f64, expected: &str, ok: bool| {
            require(field, ok && value.is_finite(), expected.to_owned(), value.to_string())
        };
        range("lr", self.lr, "a number above 0", self.lr > 0.0)?;
        range("weight_decay", self.weight_decay, "0 or more", self.weight_decay >= 0.0)?;
        range("warmup_share", self.warmup_share, "a share from 0 to 1", (0.0..=1.0).contains(&self.warmup_share))?;
        range("min_lr_share", self.min_lr_share, "a share from 0 to 1", (0.0..=1.0).contains(&self.min_lr_share))?;
        range("clip_norm", self.clip_norm, "0 or more", self.clip_norm >= 0.0)?;
        let groups = (0.0..=1.0).contains(&self.group_balance);
        range("group_balance", self.group_balance, "a share from 0 to 1", groups)?;
        let smoothing = (0.0..1.0).contains(&self.label_smoothing);
        range("label_smoothing", self.label_smoothing, "a share from 0 to below 1", smoothing)?;
        range("beta1", self.beta1, "a number from 0 to below 1", (0.0..1.0).contains(&self.beta1))?;
        range("beta2", self.beta2, "a number from 0 to below 1", (0.0..1.0).contains(&self.beta2))?;
        range("average", self.average, "a number from 0 to below 1", (0.0..1.0).contains(&self.average))?;
        let micro = self.micro_batch;
        require("micro_batch", micro != 1, "0 for the whole batch, or 2 or more".into(), micro.to_string())?;
        range("logit_norm", self.logit_norm, "0 or more", self.logit_norm >= 0.0)?;
        range("shuffle_gb", self.shuffle_gb, "a number above 0", self.shuffle_gb > 0.0)?;
        range("device_gb", self.device_gb, "0 or more", self.device_gb >= 0.0)?;
        self.exposure.validate()?;
        range("eps", self.eps, "a number above 0", self.eps > 0.0)?;
        match self.schedule {
            Schedule::Constant | Schedule::Cosine => {}
            Schedule::Step { every, factor } => {
                match every {
                    Span::Steps(steps) => {
                        require("schedule.every", steps > 0, "1 step or more".into(), steps.to_string())?;
                    }
                    Span::Share(share) => range("schedule.every", share, "a share above 0", share > 0.0)?,
                }
                range("schedule.factor", factor, "a number above 0, at most 1", factor > 0.0 && factor <= 1.0)?;
            }
            Schedule::Plateau { factor, .. } => {
                range("schedule.factor", factor, "a number between 0 and 1", factor > 0.0 && factor < 1.0)?;
            }
        }
        Ok(self.augment.validate()?)
    }

    /// The learning rate of a run of `total_steps`.
    pub fn learning_rate(&self, total_steps: u64) -> LearningRate {
        LearningRate {
            peak: self.lr,
            min_share: self.min_lr_share,
            warmup_steps: (self.warmup_share * total_steps as f64).ceil() as u64,
            total_steps,
            schedule: self.schedule,
        }
    }
}

fn require(field: &'static str, ok: bool, expected: String, got: String) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Config { field, expected, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_survives_json() {
        let config = TrainConfig::default();
        config.validate().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&text).unwrap(), config);
        assert_eq!(serde_json::from_str::<TrainConfig>("{}").unwrap(), config);
        assert!(serde_json::from_str::<TrainConfig>(r#"{"learning_rate": 1}"#).is_err());
    }

    #[test]
    fn settings_of_large_sets_are_written_where_they_are_not_the_usual_ones() {
        let usual = serde_json::to_string(&TrainConfig::default()).unwrap();
        assert!(!usual.contains("shuffle_gb") && !usual.contains("device_gb"));
        let config = TrainConfig { shuffle_gb: 1.5, epoch_parts: 3, ..TrainConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains(r#""shuffle_gb":1.5,"epoch_parts":3"#), "{text}");
        assert_eq!(serde_json::from_str::<TrainConfig>(&text).unwrap(), config);
    }

    #[test]
    fn wrong_fields_are_named() {
        let wrong = |config: TrainConfig| config.validate().unwrap_err().to_string();
        let base = TrainConfig::default;
        let message = wrong(TrainConfig { batch_size: 1, ..base() });
        assert_eq!(message, "configuration: batch_size: expected 2 or more, got 1");
        assert!(wrong(TrainConfig { lr: f64::NAN, ..base() }).contains("lr: expected a number above 0, got NaN"));
        assert!(wrong(TrainConfig { shuffle_gb: 0.0, ..base() }).contains("shuffle_gb: expected a number above 0"));
        assert!(wrong(TrainConfig { device_gb: -1.0, ..base() }).contains("device_gb: expected 0 or more"));
        assert!(wrong(TrainConfig { epoch_parts: 0, ..base() }).contains("epoch_parts: expected 1 or more"));
        assert!(wrong(TrainConfig { label_smoothing: 1.0, ..base() }).contains("label_smoothing"));
        let schedule = Schedule::Step { every: Span::Steps(0), factor: 0.5 };
        assert!(wrong(TrainConfig { schedule, ..base() }).contains("schedule.every"));
        let augment = SpectrogramAugment { gain_db: -1.0, ..SpectrogramAugment::off() };
        assert!(wrong(TrainConfig { augment, ..base() }).contains("gain_db"));
    }
}
