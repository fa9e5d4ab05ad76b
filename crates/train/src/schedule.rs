//! The learning rate as a pure function of the step.

use serde::{Deserialize, Serialize};

/// Distance between two drops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// A number of steps: `every = 500`.
    Steps(u64),
    /// A share of all steps of the run: `every = 0.3`. It means the same for every batch size.
    Share(f64),
}

/// The shape of the learning rate over a run, after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Constant.
    Constant,
    /// Multiplied by `factor` at every `every`.
    Step {
        /// Distance between two drops, counted from the end of the warm-up.
        every: Span,
        /// Factor of the rate, in (0, 1].
        factor: f64,
    },
    /// Half a cosine from the peak down to the smallest rate, reached at the last step.
    Cosine,
    /// Multiplied by `factor` when the validation loss has not improved for more than `patience` epochs.
    Plateau {
        /// Factor of the rate, in (0, 1).
        factor: f64,
        /// Epochs without improvement before a drop.
        patience: usize,
    },
}

/// The state of a [`Schedule::Plateau`] between epochs; part of the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauState {
    /// Current factor of the peak rate.
    pub scale: f64,
    /// The smallest loss so far.
    pub best: Option<f64>,
    /// Epochs since then, or since the last drop.
    pub bad_epochs: usize,
}

impl Default for PlateauState {
    fn default() -> Self {
        Self { scale: 1.0, best: None, bad_epochs: 0 }
    }
}

impl PlateauState {
    /// The state after an epoch with this loss. Schedules other than [`Schedule::Plateau`] do not change it.
    #[must_use]
    pub fn after_epoch(self, schedule: Schedule, loss: f64) -> Self {
        let Schedule::Plateau { factor, patience } = schedule else { return self };
        if self.best.is_none_or(|best| loss < best) {
            return Self { best: Some(loss), bad_epochs: 0, ..self };
        }
        if self.bad_epochs >= patience {
            return Self { scale: self.scale * factor, bad_epochs: 0, ..self };
        }
        Self { bad_epochs: self.bad_epochs + 1, ..self }
    }
}

/// The learning rate of a run as a function of the step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// The highest rate, reached at the end of the warm-up.
    pub peak: f64,
    /// The smallest rate as a share of the peak.
    pub min_share: f64,
    /// Steps of the linear warm-up.
    pub warmup_steps: u64,
    /// Steps of the whole run.
    pub total_steps: u64,
    /// The shape after the warm-up.
    pub schedule: Schedule,
}

impl LearningRate {
    /// The rate of step `step`, counted from 0.
    pub fn at(&self, step: u64, plateau: PlateauState) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let done = (step - self.warmup_steps) as f64;
        let share = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Step { every, factor } => {
                let every = match every {
                    Span::Steps(steps) => steps as f64,
                    Span::Share(share) => share * self.total_steps as f64,
                };
                factor.powi((done / every.max(1.0)) as i32)
            }
            Schedule::Cosine => {
                let last = self.total_steps.saturating_sub(self.warmup_steps + 1).max(1) as f64;
                let progress = (done / last).min(1.0);
                self.min_share + (1.0 - self.min_share) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
            Schedule::Plateau { .. } => plateau.scale,
        };
        self.peak * share.max(self.min_share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(schedule: Schedule) -> LearningRate {
        LearningRate { peak: 1.0, min_share: 0.1, warmup_steps: 4, total_steps: 25, schedule }
    }

    #[test]
    fn warm_up_is_linear_and_ends_at_the_peak() {
        let state = PlateauState::default();
        let rates: Vec<f64> = (0..5).map(|step| rate(Schedule::Constant).at(step, state)).collect();
        assert_eq!(rates, [0.25, 0.5, 0.75, 1.0, 1.0]);
    }

    #[test]
    fn cosine_goes_from_the_peak_to_the_smallest() {
        let state = PlateauState::default();
        let rate = rate(Schedule::Cosine);
        assert_eq!(rate.at(4, state), 1.0);
        assert!((rate.at(14, state) - 0.55).abs() < 1e-12); // half way
        assert!((rate.at(24, state) - 0.1).abs() < 1e-12);
        assert!((rate.at(99, state) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn steps_by_number_and_by_share() {
        let state = PlateauState::default();
        for every in [Span::Steps(5), Span::Share(0.2)] {
            let rate = rate(Schedule::Step { every, factor: 0.5 });
            let rates: Vec<f64> = [4, 8, 9, 13, 14, 24].map(|step| rate.at(step, state)).to_vec();
            assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25, 0.1], "{every:?}");
        }
    }

    #[test]
    fn plateau_drops_after_its_patience() {
        let schedule = Schedule::Plateau { factor: 0.5, patience: 1 };
        let mut state = PlateauState::default();
        let mut scales = Vec::new();
        for loss in [1.0, 0.9, 0.9, 0.95, 0.8, 0.8, 0.8, 0.8, 0.8] {
            state = state.after_epoch(schedule, loss);
            scales.push(state.scale);
        }
        assert_eq!(scales, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]);
        assert_eq!(rate(schedule).at(10, state), 0.125);
        assert_eq!(PlateauState::default().after_epoch(Schedule::Cosine, 1.0), PlateauState::default());
    }

    #[test]
    fn reads_as_a_person_writes_it() {
        let read = |text| serde_json::from_str::<Schedule>(text);
        let step = |every| Schedule::Step { every, factor: 0.5 };
        assert_eq!(read(r#"{"kind":"cosine"}"#).unwrap(), Schedule::Cosine);
        assert_eq!(read(r#"{"kind":"step","every":500,"factor":0.5}"#).unwrap(), step(Span::Steps(500)));
        assert_eq!(read(r#"{"kind":"step","every":0.3,"factor":0.5}"#).unwrap(), step(Span::Share(0.3)));
        assert!(read(r#"{"kind":"plateau","factor":0.5,"patience":1,"x":1}"#).is_err());
    }
}
