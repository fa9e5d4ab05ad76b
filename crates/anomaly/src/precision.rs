//! Which score a class needs, so that what is called by it is right as often as was asked for: read off clips that the model was
//! not fitted on.
//!
//! A clip counts for a class where its probability reaches the threshold and the detector of unknown sounds does not reject it.
//! Precision is the weight of the clips of the class among those that count. Every class has the same weight, and all unknown
//! sounds together as much as a class; in each, groups weigh the same, however many clips they have.
//!
//! So the figure is that of a place where each class and unknown sounds are equally frequent. Where a class is rare, fewer of its
//! detections are right; where the model was fitted without unknown sounds, only confusions between classes are counted.

use crate::error::{Error, Result, check};
use serde::{Deserialize, Serialize};
use stats::{Groups, bootstrap, quantile_sorted, seed};
use std::collections::BTreeMap;

/// The `schema` of what is stored.
const SCHEMA: &str = "held_out/1";
/// Probabilities below this are not kept: no threshold is as low.
const LEAST: f64 = 0.05;
/// Probabilities are kept, and thresholds given, in whole multiples of 1 / this, rounded down.
const STEPS: f64 = 1e4;
/// Resamples of groups behind an interval.
const RESAMPLES: usize = 1000;

/// A clip that the model was not fitted on, and what the model says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOutClip<G> {
    /// Its class; none for an unknown sound.
    pub class: Option<u32>,
    /// The group it belongs to.
    pub group: G,
    /// Probability of each class.
    pub probability: Vec<f32>,
    /// The detector's p-value, where there is a detector.
    pub outlier_p: Option<f64>,
}

/// What a model says of clips that it was not fitted on.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    stored: Stored,
    n_classes: usize,
    weights: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: String,
    /// By clip; none for an unknown sound.
    class: Vec<Option<u32>>,
    /// By clip.
    group: Vec<usize>,
    /// By clip.
    outlier_p: Vec<Option<f64>>,
    /// By clip: class and probability in steps, where it is not small.
    probability: Vec<Vec<(u32, u32)>>,
}

/// A threshold, and what it gives on the held-out clips.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The lowest score with the precision that was asked for.
    pub threshold: f64,
    /// Share of what counts that is of the class, by weight.
    pub precision: f64,
    /// Its interval of 95 %, from resamples of the groups.
    pub interval: [f64; 2],
    /// Share of the clips of the class that count, by weight.
    pub recall: f64,
    /// Clips that count.
    pub n: usize,
}

impl HeldOut {
    /// Takes clips of known classes and unknown sounds.
    ///
    /// # Errors
    /// A class or a probability outside its range, or clips with another number of classes.
    pub fn new<G: Ord + Clone>(clips: &[HeldOutClip<G>], n_classes: usize) -> Result<Self> {
        let mut numbers: BTreeMap<G, usize> = BTreeMap::new();
        for clip in clips {
            let next = numbers.len();
            numbers.entry(clip.group.clone()).or_insert(next);
            if clip.probability.len() != n_classes {
                let (expected, got) = (n_classes.to_string(), clip.probability.len().to_string());
                return Err(Error::Shape { what: "probabilities of a clip", expected, got });
            }
            for &p in &clip.probability {
                check((0.0..=1.0).contains(&p), "probability of a class", "0 to 1", p)?;
            }
        }
        let sparse = |clip: &HeldOutClip<G>| {
            let all = clip.probability.iter().enumerate().filter(|(_, p)| f64::from(**p) >= LEAST);
            all.map(|(class, &p)| (class as u32, (f64::from(p) * STEPS) as u32)).collect()
        };
        Self::from_stored(
            Stored {
                schema: SCHEMA.into(),
                class: clips.iter().map(|clip| clip.class).collect(),
                group: clips.iter().map(|clip| numbers[&clip.group]).collect(),
                outlier_p: clips.iter().map(|clip| clip.outlier_p).collect(),
                probability: clips.iter().map(sparse).collect(),
            },
            n_classes,
        )
    }

    /// What a model's header keeps.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.stored).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) gave.
    ///
    /// # Errors
    /// Another schema, or values that do not fit each other.
    pub fn from_json(value: &serde_json::Value, n_classes: usize) -> Result<Self> {
        let broken = |got: String| Error::Shape { what: "held-out clips", expected: SCHEMA.into(), got };
        let stored: Stored = serde_json::from_value(value.clone()).map_err(|error| broken(error.to_string()))?;
        if stored.schema != SCHEMA {
            return Err(broken(stored.schema));
        }
        Self::from_stored(stored, n_classes)
    }

    fn from_stored(stored: Stored, n_classes: usize) -> Result<Self> {
        let n = stored.class.len();
        let lengths = [stored.group.len(), stored.outlier_p.len(), stored.probability.len()];
        if lengths.iter().any(|&length| length != n) {
            let (expected, got) = (format!("{n} of each"), format!("{lengths:?}"));
            return Err(Error::Shape { what: "held-out clips", expected, got });
        }
        let classes = stored.class.iter().flatten().chain(stored.probability.iter().flatten().map(|(class, _)| class));
        for &class in classes {
            check((class as usize) < n_classes, "class of a held-out clip", "one of the classes", class)?;
        }
        // By class and group: how many clips; by class: how many groups.
        let mut clips: BTreeMap<(Option<u32>, usize), usize> = BTreeMap::new();
        let keys = || stored.class.iter().copied().zip(stored.group.iter().copied());
        keys().for_each(|key| *clips.entry(key).or_default() += 1);
        let mut groups: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        clips.keys().for_each(|(class, _)| *groups.entry(*class).or_default() += 1);
        let weights = keys().map(|key| 1.0 / (clips[&key] * groups[&key.0]) as f64).collect();
        Ok(Self { stored, n_classes, weights })
    }

    /// The clips, with the numbers of their groups. Probabilities that were not kept are 0.
    pub fn clips(&self) -> Vec<HeldOutClip<usize>> {
        let Stored { class, group, outlier_p, probability, .. } = &self.stored;
        let dense = |kept: &Vec<(u32, u32)>| {
            let mut all = vec![0.0; self.n_classes];
            kept.iter().for_each(|&(class, steps)| all[class as usize] = (f64::from(steps) / STEPS) as f32);
            all
        };
        let rows = class.iter().zip(group).zip(outlier_p).zip(probability);
        let clip =
            |(((&class, &group), &outlier_p), kept)| HeldOutClip { class, group, probability: dense(kept), outlier_p };
        rows.map(clip).collect()
    }

    /// Clips of known classes.
    pub fn n_known(&self) -> usize {
        self.stored.class.iter().flatten().count()
    }

    /// Clips of unknown sounds.
    pub fn n_unknown(&self) -> usize {
        self.stored.class.len() - self.n_known()
    }

    /// The lowest threshold, `at_least` this, with which a class has at least this precision, where clips with a p-value of
    /// `alpha` or less are rejected; or, where no threshold has, the one with the highest.
    ///
    /// # Errors
    /// A class that the model does not have, or of which no clip counts.
    pub fn threshold(&self, class: usize, precision: f64, alpha: f64, at_least: f64) -> Result<Threshold> {
        check(class < self.n_classes, "class", "one of the classes", class)?;
        let mut counting: Vec<(u32, usize)> = (0..self.weights.len())
            .filter(|&row| self.stored.outlier_p[row].is_none_or(|p| p > alpha))
            .filter_map(|row| {
                let of_class = self.stored.probability[row].iter().find(|(of, _)| *of as usize == class);
                of_class.map(|(_, steps)| (*steps, row))
            })
            .filter(|(steps, _)| f64::from(*steps) >= at_least * STEPS)
            .collect();
        counting.sort_unstable_by(|a, b| b.cmp(a));
        let is_right = |row: usize| self.stored.class[row] == Some(class as u32);
        let (mut right, mut all) = (0.0, 0.0);
        // From the highest score down; the last with the precision has the lowest threshold.
        let (mut lowest, mut highest) = (None, None::<(usize, f64)>);
        for (nth, &(steps, row)) in counting.iter().enumerate() {
            all += self.weights[row];
            right += if is_right(row) { self.weights[row] } else { 0.0 };
            let is_last_of_equals = counting.get(nth + 1).is_none_or(|(next, _)| *next < steps);
            if !is_last_of_equals || right == 0.0 {
                continue;
            }
            let share = right / all;
            if share >= precision {
                lowest = Some(nth);
            }
            if highest.is_none_or(|(_, best)| share >= best) {
                highest = Some((nth, share));
            }
        }
        let Some(last) = lowest.or(highest.map(|(nth, _)| nth)) else {
            let (expected, got) = ("a clip of each class that is not rejected".into(), "none".into());
            return Err(Error::Shape { what: "held-out clips", expected, got });
        };
        let threshold = if last + 1 == counting.len() { at_least } else { f64::from(counting[last].0) / STEPS };
        Ok(self.figures(class, threshold, &counting[..=last]))
    }

    /// The figures of a threshold, with the clips that count.
    fn figures(&self, class: usize, threshold: f64, counting: &[(u32, usize)]) -> Threshold {
        let is_right = |row: usize| self.stored.class[row] == Some(class as u32);
        let share = |times: &[f64]| {
            let weight = |row: usize| self.weights[row] * times.get(row).copied().unwrap_or(1.0);
            let (right, all) = counting.iter().fold((0.0, 0.0), |(right, all), &(_, row)| {
                (right + if is_right(row) { weight(row) } else { 0.0 }, all + weight(row))
            });
            (right, if all > 0.0 { right / all } else { f64::NAN })
        };
        let (recall, precision) = share(&[]);
        let groups = Groups::from_names(&self.stored.group);
        let mut samples =
            bootstrap([&groups], RESAMPLES, |sample| seed::stream(0, sample as u64), |[times]| share(times).1);
        samples.retain(|sample| sample.is_finite());
        samples.sort_by(f64::total_cmp);
        let at = |share| quantile_sorted(&samples, share).unwrap_or(precision);
        Threshold { threshold, precision, interval: [at(0.025), at(0.975)], recall, n: counting.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(class: Option<u32>, group: usize, p: f32, outlier_p: f64) -> HeldOutClip<usize> {
        HeldOutClip { class, group, probability: vec![p, 1.0 - p], outlier_p: Some(outlier_p) }
    }

    /// Ten groups of each class, surer and surer; unknown sounds in between.
    fn held_out() -> HeldOut {
        let known = (0..10).flat_map(|i| {
            let p = 0.55 + 0.04 * i as f32;
            [clip(Some(0), i, p, 0.5), clip(Some(1), 10 + i, 1.0 - p, 0.5)]
        });
        let unknown = [clip(None, 20, 0.7, 0.5), clip(None, 21, 0.99, 0.01)];
        HeldOut::new(&known.chain(unknown).collect::<Vec<_>>(), 2).unwrap()
    }

    #[test]
    fn the_lowest_threshold_with_the_precision_is_taken() {
        let held_out = held_out();
        assert_eq!((held_out.n_known(), held_out.n_unknown()), (20, 2));
        // Above 0.7 there are the clips of class 0 from 0.71 on: six groups of ten.
        let sure = held_out.threshold(0, 0.99, 0.05, 0.5).unwrap();
        assert_eq!((sure.threshold, sure.precision, sure.n), (0.71, 1.0, 6));
        assert!((sure.recall - 0.6).abs() < 1e-12 && sure.interval == [1.0, 1.0]);
        // Down to the lowest, the unknown sound at 0.7 weighs 0.5 beside all clips of the class.
        let all = held_out.threshold(0, 0.6, 0.05, 0.5).unwrap();
        assert_eq!((all.threshold, all.n), (0.5, 11));
        assert!(
            (all.recall - 1.0).abs() < 1e-9
                && (all.precision - 1.0 / 1.5).abs() < 1e-9
                && all.interval[0] < all.precision
        );
        // Without the detector, the unknown sound at 0.99 is above everything, and 0.99 cannot be had.
        let best = held_out.threshold(0, 0.99, 0.0, 0.5).unwrap();
        assert!(best.precision < 0.99, "{best:?}");
    }

    #[test]
    fn what_is_stored_is_read_again_and_damage_is_refused() {
        let held_out = held_out();
        let mut json = held_out.to_json();
        assert_eq!(HeldOut::from_json(&json, 2).unwrap(), held_out);
        assert!(HeldOut::from_json(&json, 1).is_err());
        json["group"] = serde_json::json!([1]);
        assert!(HeldOut::from_json(&json, 2).is_err());
        let odd = clip(Some(0), 0, 1.5, 0.5);
        assert!(HeldOut::new(&[odd], 2).is_err());
        assert!(HeldOut::new::<usize>(&[], 2).unwrap().threshold(0, 0.9, 0.05, 0.5).is_err());
    }
}
