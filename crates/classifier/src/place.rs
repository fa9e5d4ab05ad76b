//! Calibration for a place: biases of the classes and a temperature, from a few labeled clips.
//!
//! In a new place a model may still rank clips well and draw the line between classes in the wrong spot. Adding a constant to
//! each logit moves the line (Alexandari, Kundaje and Shrikumar, "Maximum Likelihood with Bias-Corrected Calibration is
//! Hard-To-Beat at Label Shift Adaptation", 2020: temperature with biases). With ten clips the constants cannot be estimated
//! freely: they have a normal prior around 0, and the temperature one around that of the model.

use crate::Error;
use serde::{Deserialize, Serialize};
use stats::{Stop, minimize};
use std::collections::{BTreeMap, BTreeSet};

/// What a model file says of the place that it was calibrated for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Added to each logit, `[C]`, before it is divided by the temperature.
    pub bias: Vec<f32>,
    /// How it came to be, for people and programs.
    pub record: serde_json::Value,
}

impl Place {
    /// Adds the biases to logits, `[N, C]` row by row.
    pub fn shift(&self, logits: &mut [f32]) {
        for row in logits.chunks_exact_mut(self.bias.len().max(1)) {
            row.iter_mut().zip(&self.bias).for_each(|(logit, bias)| *logit += bias);
        }
    }
}

/// Labeled clips of a place, and what a model computes for them.
#[derive(Debug, Clone, Copy)]
pub struct PlaceClips<'a> {
    /// `[N, C]` row by row.
    pub logits: &'a [f32],
    /// `[N]`, each below C.
    pub class: &'a [u32],
    /// `[N]`: number of the group of each. A group counts once for each of its classes, however many clips it has.
    pub group: &'a [usize],
    /// C.
    pub n_classes: usize,
}

/// How much is believed before any clip is seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlacePrior {
    /// Standard deviation of a class's bias, in units of calibrated log-odds.
    pub bias_sd: f64,
    /// Standard deviation of the logarithm of the temperature.
    pub temperature_sd: f64,
}

impl Default for PlacePrior {
    fn default() -> Self {
        Self { bias_sd: 1.0, temperature_sd: 0.5 }
    }
}

/// Biases and temperature for a place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceFit {
    /// As in [`Place::bias`]; those of classes without a clip are 0.
    pub bias: Vec<f32>,
    /// Divisor of the logits.
    pub temperature: f32,
}

/// What clips say that were held out by group, of the model as it was and as it is with what the other clips gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceCheck {
    /// Mean loss of a clip, where every class weighs the same.
    pub loss_before: f64,
    /// The same after.
    pub loss_after: f64,
    /// Standard error of the difference, over groups.
    pub standard_error: f64,
    /// Balanced accuracy before.
    pub balanced_accuracy_before: f64,
    /// The same after.
    pub balanced_accuracy_after: f64,
}

impl PlaceCheck {
    /// Whether what was fitted helps: fewer errors or, with as many, a loss that is lower by more than chance explains.
    pub fn helps(&self) -> bool {
        let (before, after) = (self.balanced_accuracy_before, self.balanced_accuracy_after);
        let gain = self.loss_before - self.loss_after;
        gain > 0.0 && (after > before + 1e-9 || (after > before - 1e-9 && gain > 2.0 * self.standard_error))
    }
}

/// Held-out parts at most.
const MOST_FOLDS: usize = 20;

impl<'a> PlaceClips<'a> {
    fn check(&self) -> Result<(), Error> {
        let n = self.class.len();
        if n == 0 || self.logits.len() != n * self.n_classes || self.group.len() != n {
            let (logits, groups) = (self.logits.len(), self.group.len());
            return Err(Error::Fit(format!("calibration for a place: {n} classes, {groups} groups, {logits} logits")));
        }
        match self.class.iter().find(|class| **class as usize >= self.n_classes) {
            Some(class) => {
                Err(Error::Fit(format!("calibration for a place: class {class} is not below {}", self.n_classes)))
            }
            None => Ok(()),
        }
    }

    /// Weights of clips, 0 for those that are not among `rows`: classes weigh the same, in each its groups, in each their clips.
    /// They sum to the number of groups, counted once for each of their classes.
    fn weights(&self, rows: &[usize]) -> Vec<f64> {
        let mut clips: BTreeMap<(u32, usize), f64> = BTreeMap::new();
        rows.iter().for_each(|&row| *clips.entry((self.class[row], self.group[row])).or_default() += 1.0);
        let mut groups: BTreeMap<u32, f64> = BTreeMap::new();
        clips.keys().for_each(|(class, _)| *groups.entry(*class).or_default() += 1.0);
        let mut weights = vec![0.0; self.class.len()];
        for &row in rows {
            let key = (self.class[row], self.group[row]);
            weights[row] = clips.len() as f64 / (groups.len() as f64 * groups[&key.0] * clips[&key]);
        }
        weights
    }

    fn row(&self, row: usize) -> &'a [f32] {
        &self.logits[row * self.n_classes..(row + 1) * self.n_classes]
    }

    /// Classes that have a clip.
    pub fn present(&self) -> BTreeSet<u32> {
        self.class.iter().copied().collect()
    }

    /// Fits biases and temperature on all clips: the most probable ones. `temperature` is that of the model. A class that has no
    /// clip keeps its bias of 0, and what the model says of it is left aside.
    ///
    /// # Errors
    /// No clip, or values that do not fit each other.
    pub fn fit(&self, temperature: f32, prior: PlacePrior) -> Result<PlaceFit, Error> {
        self.check()?;
        Ok(self.fit_rows(&(0..self.class.len()).collect::<Vec<_>>(), temperature, prior))
    }

    fn fit_rows(&self, rows: &[usize], temperature: f32, prior: PlacePrior) -> PlaceFit {
        let present: Vec<u32> = rows.iter().map(|&row| self.class[row]).collect::<BTreeSet<_>>().into_iter().collect();
        let mut bias = vec![0.0; self.n_classes];
        // One class says nothing of the line between classes.
        if present.len() < 2 {
            return PlaceFit { bias, temperature };
        }
        let weights = self.weights(rows);
        let loss = |at: &[f64]| {
            let (biases, scale) = (&at[..present.len()], (-at[present.len()]).exp());
            let mut slope: Vec<f64> = biases.iter().map(|bias| bias / prior.bias_sd.powi(2)).collect();
            slope.push(at[present.len()] / prior.temperature_sd.powi(2));
            let mut value = 0.5 * at.iter().zip(&slope).map(|(x, slope)| x * slope).sum::<f64>();
            for &row in rows {
                let logits = self.row(row);
                let scaled: Vec<f64> = present
                    .iter()
                    .map(|&class| f64::from(logits[class as usize]) / f64::from(temperature) * scale)
                    .collect();
                let z: Vec<f64> = scaled.iter().zip(biases).map(|(z, bias)| z + bias).collect();
                let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = z.iter().map(|z| (z - top).exp()).sum();
                for (nth, &class) in present.iter().enumerate() {
                    let truth = f64::from(u8::from(class == self.class[row]));
                    value += weights[row] * truth * (sum.ln() + top - z[nth]);
                    let of_z = weights[row] * ((z[nth] - top).exp() / sum - truth);
                    slope[nth] += of_z;
                    slope[present.len()] -= of_z * scaled[nth];
                }
            }
            (value, slope)
        };
        let at = minimize(vec![0.0; present.len() + 1], Stop { gradient: 1e-9, n_steps: 200 }, loss);
        let fitted = f64::from(temperature) * at[present.len()].exp();
        for (&class, of_class) in present.iter().zip(&at) {
            bias[class as usize] = (of_class * fitted) as f32;
        }
        PlaceFit { bias, temperature: fitted as f32 }
    }

    /// The logits of each clip, shifted by what the clips of other groups give, and divided by their temperature: `[N, C]`
    /// logarithms of probabilities but for a constant.
    ///
    /// # Errors
    /// As for [`fit`](Self::fit).
    pub fn held_out(&self, temperature: f32, prior: PlacePrior) -> Result<Vec<f32>, Error> {
        self.check()?;
        let groups: Vec<usize> = self.group.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let fold = |row: usize| groups.binary_search(&self.group[row]).unwrap_or(0) % MOST_FOLDS;
        let mut out = vec![0.0; self.logits.len()];
        for held in 0..groups.len().min(MOST_FOLDS) {
            let (inside, outside): (Vec<usize>, Vec<usize>) = (0..self.class.len()).partition(|&row| fold(row) == held);
            let fitted = self.fit_rows(&outside, temperature, prior);
            for row in inside {
                let shifted = self.row(row).iter().zip(&fitted.bias).map(|(z, bias)| (z + bias) / fitted.temperature);
                out[row * self.n_classes..(row + 1) * self.n_classes]
                    .iter_mut()
                    .zip(shifted)
                    .for_each(|(to, from)| *to = from);
            }
        }
        Ok(out)
    }

    /// Compares the model as it was with what clips of other groups make of it.
    ///
    /// # Errors
    /// As for [`fit`](Self::fit).
    pub fn cross_validate(&self, temperature: f32, prior: PlacePrior) -> Result<PlaceCheck, Error> {
        let after = self.held_out(temperature, prior)?;
        let rows: Vec<usize> = (0..self.class.len()).collect();
        let weights = self.weights(&rows);
        let total: f64 = weights.iter().sum();
        let mut by_group: BTreeMap<usize, f64> = BTreeMap::new();
        let mut sums = [0.0; 4];
        for row in rows {
            let of = |logits: &[f32], temperature| {
                let class = self.class[row] as usize;
                let right = f64::from(u8::from(crate::largest(logits) == class));
                (crate::clip_loss(logits, class, temperature), right)
            };
            let (before, after) =
                (of(self.row(row), temperature), of(&after[row * self.n_classes..(row + 1) * self.n_classes], 1.0));
            for (sum, value) in sums.iter_mut().zip([before.0, after.0, before.1, after.1]) {
                *sum += weights[row] * value / total;
            }
            *by_group.entry(self.group[row]).or_default() += weights[row] * (before.0 - after.0) / total;
        }
        let gain = sums[0] - sums[1];
        let n = by_group.len() as f64;
        let spread: f64 = by_group.values().map(|of_group| (of_group - gain / n).powi(2)).sum();
        Ok(PlaceCheck {
            loss_before: sums[0],
            loss_after: sums[1],
            standard_error: if n > 1.0 { (spread * n / (n - 1.0)).sqrt() } else { f64::INFINITY },
            balanced_accuracy_before: sums[2],
            balanced_accuracy_after: sums[3],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clips of two classes, whose log-odds are 3 to either side of `line`.
    fn clips(line: f32, n: usize) -> (Vec<f32>, Vec<u32>, Vec<usize>) {
        let class: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
        let logit = |i: &u32| if *i == 1 { line + 3.0 } else { line - 3.0 };
        (class.iter().flat_map(|i| [0.0, logit(i)]).collect(), class, (0..n).collect())
    }

    fn of(all: &(Vec<f32>, Vec<u32>, Vec<usize>)) -> PlaceClips<'_> {
        PlaceClips { logits: &all.0, class: &all.1, group: &all.2, n_classes: 2 }
    }

    #[test]
    fn a_line_in_the_wrong_spot_is_moved_and_one_in_the_right_spot_is_left() {
        let moved = clips(5.0, 12);
        let check = of(&moved).cross_validate(1.0, PlacePrior::default()).unwrap();
        let is_near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        assert!(
            is_near(check.balanced_accuracy_before, 0.5) && is_near(check.balanced_accuracy_after, 1.0),
            "{check:?}"
        );
        assert!(check.helps());
        let fitted = of(&moved).fit(1.0, PlacePrior::default()).unwrap();
        let mut logits = moved.0.clone();
        Place { bias: fitted.bias.clone(), record: serde_json::Value::Null }.shift(&mut logits);
        let right = logits.chunks(2).zip(&moved.1).all(|(row, class)| crate::largest(row) == *class as usize);
        assert!(right, "{fitted:?}");
        assert!((fitted.bias[0] + fitted.bias[1]).abs() < 1e-4);

        let fine = clips(0.0, 12);
        let fitted = of(&fine).fit(1.0, PlacePrior::default()).unwrap();
        assert!(fitted.bias[0].abs() < 1e-3, "{fitted:?}");
    }

    #[test]
    fn a_class_without_a_clip_and_clips_of_one_class_change_nothing() {
        let logits = [0.0, 5.0, 1.0, 0.0, 9.0, 1.0];
        let two = PlaceClips { logits: &logits, class: &[0, 1], group: &[0, 1], n_classes: 3 };
        assert_eq!(two.fit(2.0, PlacePrior::default()).unwrap().bias[2], 0.0);
        let one = PlaceClips { logits: &logits, class: &[1, 1], group: &[0, 1], n_classes: 3 };
        let fitted = one.fit(2.0, PlacePrior::default()).unwrap();
        assert_eq!((fitted.bias, fitted.temperature), (vec![0.0; 3], 2.0));
        assert!(!one.cross_validate(2.0, PlacePrior::default()).unwrap().helps());
    }

    #[test]
    fn many_clips_of_one_group_count_as_one() {
        let mut all = clips(4.0, 8);
        let once = of(&all).fit(1.0, PlacePrior::default()).unwrap();
        // The first clip twenty times.
        for _ in 0..19 {
            all.0.extend_from_within(..2);
            all.1.push(0);
            all.2.push(0);
        }
        let often = of(&all).fit(1.0, PlacePrior::default()).unwrap();
        assert!((once.bias[1] - often.bias[1]).abs() < 1e-4, "{once:?} {often:?}");
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let of = |class: &'static [u32]| PlaceClips { logits: &[0.0; 4], class, group: &[0, 1], n_classes: 2 };
        assert!(of(&[0, 2]).fit(1.0, PlacePrior::default()).is_err());
        assert!(of(&[0]).fit(1.0, PlacePrior::default()).is_err());
    }
}
