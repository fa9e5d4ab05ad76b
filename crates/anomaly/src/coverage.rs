//! Prediction sets: for each clip the classes that it may be, with a stated coverage.
//!
//! # What is guaranteed
//! Calibration has `G_c` groups (recordings, animals, sessions) with clips of class c that the classifier was not fitted on.
//! A new group with clips of class c arrives. It and the calibration groups of c are *exchangeable*: every order of them is
//! equally likely. Then a clip of class c drawn at random from the new group has c in its set with a probability of at
//! least the coverage that was asked for. That holds for each class by itself, and so for every mixture of classes.
//!
//! It says nothing of sounds of no class, nor of recordings from another source (another microphone, place or season).
//! For one given calibration set the share varies about the coverage, with a standard deviation of about
//! `sqrt(coverage (1 - coverage) / G_c)`.
//!
//! # How
//! The score of a clip for a class is 1 minus the probability of the class. Each class has a
//! [`Conformal`] of the scores of its own calibration clips, where a group weighs as much as
//! any other however many clips it has. The p-value of a class is computed from these; a class is in the set where its
//! p-value is above 1 - coverage. The proof is that of [`conformal`](crate::conformal), once a class.
//!
//! A p-value is never below `1 / (G_c + 1)`. Where that is above 1 - coverage, no score can exclude the class: it is in
//! every set ([`Coverage::is_always_in`]). A coverage of 0.95 needs 19 groups of the class, 0.90 needs 9.
//!
//! An empty set says that the clip is unlike the calibration clips of every class. A set of several says that each of them
//! is plausible.
//!
//! Sources: M. Sadinle, J. Lei and L. Wasserman, "Least Ambiguous Set-Valued Classifiers with Bounded Error Levels", 2019,
//! for the score; V. Vovk, "Conditional validity of inductive conformal predictors", 2012, for coverage by class.
//!
//! ```
//! use anomaly::coverage::Coverage;
//! use anomaly::{Labels, Rows};
//!
//! // Twenty groups of each class; the classifier is wrong about one of them.
//! let probability: Vec<f32> = (0..40).flat_map(|i| if i < 19 || i == 39 { [0.9, 0.1] } else { [0.2, 0.8] }).collect();
//! let class: Vec<u32> = (0..40).map(|i| u32::from(i >= 20)).collect();
//! let group: Vec<usize> = (0..40).collect();
//! let coverage = Coverage::fit(Rows::new(&probability, 2)?, Labels::new(&class, 2)?, &group)?;
//! assert_eq!(coverage.set(&[0.95, 0.05], 0.9), [0]);
//! assert_eq!(coverage.set(&[0.95, 0.05], 0.96), [0, 1]); // 20 groups are too few to exclude a class at 0.96
//! # Ok::<(), anomaly::Error>(())
//! ```

use crate::conformal::{Conformal, Form};
use crate::error::{Error, Result, check};
use crate::rows::{Labels, Rows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `schema` of what is stored.
const SCHEMA: &str = "coverage/1";
/// Scores are kept as whole multiples of this, rounded up: a class is excluded a little less easily for it.
const STEPS: f64 = 1e6;
/// What is left over where 1 - coverage is not exact, so that 9 groups are enough for 0.9.
const ROUNDING: f64 = 1e-9;

/// Calibration scores of each class, from which sets are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    classes: Vec<OfClass>,
}

/// What is kept of a class, and its p-values.
#[derive(Debug, Clone, PartialEq)]
struct OfClass {
    stored: Stored,
    conformal: Conformal,
}

/// Scores of a class in rising order, and how many clips share the weight of each score's group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    groups: usize,
    scores: Vec<f64>,
    sharing: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct All {
    schema: String,
    classes: Vec<Stored>,
}

impl Coverage {
    /// Takes the probabilities of known clips, `[N, C]`, from a classifier that was not fitted on them, and the class and
    /// the group of each.
    ///
    /// # Errors
    /// Labels or groups of another number, or a probability outside 0 to 1.
    pub fn fit<G: Ord + Copy>(probability: Rows<'_>, labels: Labels<'_>, groups: &[G]) -> Result<Self> {
        let (n, class) = (probability.n_rows(), labels.get());
        if class.len() != n || groups.len() != n || probability.n_columns() != labels.n_classes() {
            let expected = format!("{n} labels and groups, {} classes", probability.n_columns());
            let got = format!("{} labels, {} groups, {} classes", class.len(), groups.len(), labels.n_classes());
            return Err(Error::Shape { what: "clips for the coverage", expected, got });
        }
        let of_class = |of: usize| -> Result<OfClass> {
            let rows: Vec<usize> = (0..n).filter(|&row| class[row] as usize == of).collect();
            let mut members: Vec<(f64, G)> = Vec::with_capacity(rows.len());
            for row in rows {
                let p = f64::from(probability.row(row)[of]);
                check((0.0..=1.0).contains(&p), "probability of a class", "0 to 1", p)?;
                members.push((((1.0 - p) * STEPS).ceil() / STEPS, groups[row]));
            }
            members.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut sizes: BTreeMap<G, u32> = BTreeMap::new();
            members.iter().for_each(|(_, group)| *sizes.entry(*group).or_default() += 1);
            let (scores, sharing) = members.iter().map(|(score, group)| (*score, sizes[group])).unzip();
            OfClass::new(Stored { groups: sizes.len(), scores, sharing })
        };
        Ok(Self { classes: (0..labels.n_classes()).map(of_class).collect::<Result<_>>()? })
    }

    /// Number of classes, C.
    pub fn n_classes(&self) -> usize {
        self.classes.len()
    }

    /// Calibration groups of a class.
    pub fn n_groups(&self, class: usize) -> usize {
        self.classes[class].stored.groups
    }

    /// Whether a class has too few groups to be excluded at this coverage.
    pub fn is_always_in(&self, class: usize, coverage: f64) -> bool {
        let smallest = 1.0 / (self.n_groups(class) + 1) as f64;
        smallest > 1.0 - coverage + ROUNDING
    }

    /// Calibration groups that a class needs to be excluded at this coverage.
    pub fn groups_needed(coverage: f64) -> usize {
        ((1.0 / (1.0 - coverage) - ROUNDING).ceil() as usize).saturating_sub(1)
    }

    /// The p-value of each class for the probabilities `[C]` of a clip: small where the clip is unlike those of the class.
    pub fn p_values(&self, probability: &[f32]) -> Vec<f64> {
        let p_value = |(of, p): (&OfClass, &f32)| of.conformal.p_value(1.0 - f64::from(*p));
        self.classes.iter().zip(probability).map(p_value).collect()
    }

    /// The classes that a clip with the probabilities `[C]` may be, in rising order.
    pub fn set(&self, probability: &[f32], coverage: f64) -> Vec<usize> {
        let p_values = self.p_values(probability);
        (0..p_values.len()).filter(|&class| p_values[class] > 1.0 - coverage + ROUNDING).collect()
    }

    /// What a model's header keeps: `schema`, and for each class its number of `groups`, `scores` in rising order (six
    /// decimals) and, for each score, the number of clips `sharing` the weight of its group.
    pub fn to_json(&self) -> serde_json::Value {
        let classes: Vec<&Stored> = self.classes.iter().map(|of| &of.stored).collect();
        serde_json::json!({"schema": SCHEMA, "classes": classes})
    }

    /// Reads what [`to_json`](Self::to_json) returned, of a model with `n_classes` classes.
    ///
    /// # Errors
    /// Another schema, another number of classes, or scores that do not belong together.
    pub fn from_json(json: &serde_json::Value, n_classes: usize) -> Result<Self> {
        let wrong = |expected: &str, got: String| Error::Stored {
            part: "coverage".to_owned(),
            expected: expected.to_owned(),
            got,
        };
        let schema = json["schema"].as_str().unwrap_or("none");
        if schema != SCHEMA {
            return Err(wrong(SCHEMA, schema.to_owned()));
        }
        let All { classes, .. } =
            serde_json::from_value(json.clone()).map_err(|error| wrong("scores of each class", error.to_string()))?;
        if classes.len() != n_classes {
            return Err(wrong(&format!("{n_classes} classes"), classes.len().to_string()));
        }
        Ok(Self { classes: classes.into_iter().map(OfClass::new).collect::<Result<_>>()? })
    }
}

impl OfClass {
    fn new(stored: Stored) -> Result<Self> {
        let weight: f64 = stored.sharing.iter().map(|n| 1.0 / f64::from(*n)).sum();
        let in_range = stored.scores.iter().all(|score| (0.0..=1.0).contains(score));
        let fits = stored.scores.len() == stored.sharing.len() && (weight - stored.groups as f64).abs() < 1e-6;
        if !in_range || !fits || stored.scores.is_empty() || !stored.scores.is_sorted() {
            let expected = "sorted scores from 0 to 1 with weight 1 for each group".to_owned();
            return Err(Error::Stored { part: "coverage".into(), expected, got: format!("weight {weight}") });
        }
        let sharing = stored.sharing.iter().map(|n| *n as f32).collect();
        let conformal = Conformal::of_sorted(Form::Weighted, stored.groups, &stored.scores, sharing);
        Ok(Self { stored, conformal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 0 in 3 groups, one of them with two clips; class 1 in one group.
    fn small() -> Coverage {
        let probability = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.4, 0.6, 0.3, 0.7];
        let labels = Labels::new(&[0, 0, 0, 0, 1], 2).unwrap();
        Coverage::fit(Rows::new(&probability, 2).unwrap(), labels, &["a", "a", "b", "c", "c"]).unwrap()
    }

    #[test]
    fn p_values_and_sets_by_hand() {
        let coverage = small();
        assert_eq!((coverage.n_classes(), coverage.n_groups(0), coverage.n_groups(1)), (2, 3, 1));
        // At least 0.25 are the scores of b and of c.
        assert_eq!(coverage.p_values(&[0.75, 0.25]), [0.75, 0.5]);
        // At least 0.15 is half of a, too.
        assert_eq!(coverage.p_values(&[0.85, 0.15]), [3.5 / 4.0, 0.5]);
        assert_eq!(coverage.p_values(&[0.1, 0.9]), [0.25, 1.0]);
        assert_eq!(coverage.set(&[0.1, 0.9], 0.75), [1]);
        assert_eq!(coverage.set(&[0.1, 0.9], 0.8), [0, 1]);
        assert_eq!(coverage.set(&[0.39, 0.61], 0.5), [] as [usize; 0]);
    }

    #[test]
    fn a_class_with_too_few_groups_is_always_in() {
        let coverage = small();
        assert!(!coverage.is_always_in(0, 0.75) && coverage.is_always_in(0, 0.76) && coverage.is_always_in(1, 0.51));
        assert_eq!([0.5, 0.75, 0.9, 0.95, 0.99].map(Coverage::groups_needed), [1, 3, 9, 19, 99]);
        for (n_groups, asked) in [(9, 0.9), (19, 0.95), (99, 0.99)] {
            let probability: Vec<f32> = (0..n_groups).flat_map(|_| [0.9, 0.1]).chain([0.1, 0.9]).collect();
            let class: Vec<u32> = (0..=n_groups).map(|nth| u32::from(nth == n_groups)).collect();
            let group: Vec<i32> = (0..=n_groups).collect();
            let rows = Rows::new(&probability, 2).unwrap();
            let coverage = Coverage::fit(rows, Labels::new(&class, 2).unwrap(), &group).unwrap();
            assert!(!coverage.is_always_in(0, asked) && coverage.is_always_in(0, asked + 0.001), "{asked}");
            assert_eq!(coverage.set(&[0.2, 0.8], asked), [1]);
        }
    }

    #[test]
    fn what_is_stored_reads_back_and_what_is_damaged_is_refused() {
        let coverage = small();
        let text = coverage.to_json().to_string();
        assert!(text.contains("\"scores\":[0.100001,0.2,0.300001,0.6],\"sharing\":[2,2,1,1]"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(Coverage::from_json(&json, 2).unwrap(), coverage);
        let message = |json: &serde_json::Value, n| Coverage::from_json(json, n).unwrap_err().to_string();
        assert!(message(&json, 3).contains("3 classes"));
        assert!(message(&serde_json::json!({"schema": "coverage/9"}), 2).contains("coverage/1"));
        let mut wrong = json.clone();
        wrong["classes"][0]["groups"] = 4.into();
        assert!(message(&wrong, 2).contains("weight 3"));
        wrong["classes"][0]["groups"] = "many".into();
        assert!(message(&wrong, 2).contains("scores of each class"));
        let mut zero = json;
        zero["classes"][1]["sharing"] = serde_json::json!([0]);
        assert!(message(&zero, 2).contains("weight"));
    }

    #[test]
    fn numbers_that_do_not_match_are_refused() {
        let (probability, labels) = ([0.5], Labels::new(&[0], 1).unwrap());
        assert!(Coverage::fit(Rows::new(&probability, 1).unwrap(), labels, &[1, 2]).is_err());
        assert!(Coverage::fit(Rows::new(&[1.5], 1).unwrap(), labels, &[1]).is_err());
    }
}
