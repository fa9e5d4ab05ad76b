//! What a model concludes about one window.

use serde::{Deserialize, Serialize};

use crate::time::milliseconds;
use crate::{Error, Result};

/// The label of a window whose most likely class is not likely enough.
pub const UNSURE: &str = "unsure";

/// The label of a window that is no sound of the model's classes.
pub const NEITHER: &str = "neither";

/// When a window gets no class.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Thresholds {
    /// [`UNSURE`] where no class is as probable as this.
    pub unsure_below: f32,
    /// [`NEITHER`] where `outlier_p` is this or less: the maximum false-rejection rate.
    pub alpha: f64,
}

/// One window of a recording, and what a model concludes about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The recording, as in its manifest or as it was given.
    pub path: String,
    /// Start of the window in the recording, in seconds.
    pub start_s: f64,
    /// End of its sound, in seconds.
    pub end_s: f64,
    /// The channel, counted from 0; none where channels are mixed.
    pub channel: Option<u16>,
    /// Probability of each class, in the order of the model's classes.
    pub probability: Vec<f32>,
    /// p-value of "this is a known sound": small for an unknown one; none without a detector.
    pub outlier_p: Option<f64>,
    /// Whether the window is silent: [`NEITHER`], whatever the probabilities are.
    pub silent: bool,
    /// The true label, where one is known.
    pub truth: Option<String>,
    /// What a reader should know of the recording, such as that it is damaged; empty for nothing.
    pub note: String,
    /// Numbers of the classes that the sound may be, with a stated coverage; none where no coverage was asked for. Empty for
    /// a silent window. It does not change the [`label`](Self::label).
    pub set: Option<Vec<usize>>,
    /// The strongest of a pretrained network's own classes and the probability of each, the strongest first; none where they
    /// were not asked for, or the model has no such network.
    pub evidence: Option<Vec<(String, f32)>>,
}

impl Verdict {
    /// Index of the most likely class; the first of several.
    pub fn class(&self) -> usize {
        let better = |best: usize, i: usize| if self.probability[i] > self.probability[best] { i } else { best };
        (1..self.probability.len()).fold(0, better)
    }

    /// Whether the window is [`NEITHER`]: silent, or `outlier_p` is alpha or less.
    pub fn is_rejected(&self, thresholds: Thresholds) -> bool {
        self.silent || self.outlier_p.is_some_and(|p| p <= thresholds.alpha)
    }

    /// Index of the class that is the window's label; none where that is [`NEITHER`] or [`UNSURE`].
    pub fn decided(&self, thresholds: Thresholds) -> Option<usize> {
        let class = self.class();
        let unsure = self.probability[class] < thresholds.unsure_below;
        (!unsure && !self.is_rejected(thresholds)).then_some(class)
    }

    /// The most likely class, [`NEITHER`], or [`UNSURE`]; and the most likely class's probability. The first that applies:
    ///
    /// 1. [`NEITHER`], where the window is silent;
    /// 2. [`NEITHER`], where `outlier_p` is alpha or less;
    /// 3. [`UNSURE`], where no class is as probable as asked for;
    /// 4. the most likely class.
    pub fn label<'a>(&self, classes: &'a [String], thresholds: Thresholds) -> (&'a str, f32) {
        let label = match self.decided(thresholds) {
            Some(class) => &classes[class],
            None if self.is_rejected(thresholds) => NEITHER,
            None => UNSURE,
        };
        (label, self.probability[self.class()])
    }

    /// Start and end in whole milliseconds.
    pub(crate) fn bounds_ms(&self) -> Result<(u64, u64)> {
        let fail = |what: &'static str, expected: &str, got: f64| {
            let (expected, got) = (expected.to_owned(), got.to_string());
            Err(Error::Window { path: self.path.clone(), start_s: self.start_s, what, expected, got })
        };
        match (milliseconds(self.start_s), milliseconds(self.end_s)) {
            (None, _) => fail("start", "a number of seconds, 0 or more", self.start_s),
            (Some(start_ms), Some(end_ms)) if end_ms >= start_ms => Ok((start_ms, end_ms)),
            _ => fail("end", "a number of seconds, the start or more", self.end_s),
        }
    }

    /// Names of the classes in the set; none where no coverage was asked for.
    pub fn set_names<'a>(&self, classes: &'a [String]) -> Option<Vec<&'a str>> {
        let names = |set: &Vec<usize>| set.iter().filter_map(|&class| classes.get(class).map(String::as_str)).collect();
        self.set.as_ref().map(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_likely_class_unless_something_speaks_against_it() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let thresholds = Thresholds { unsure_below: 0.6, alpha: 0.02 };
        let sure = Verdict { probability: vec![0.75, 0.25], ..Verdict::default() };
        assert_eq!(sure.label(&classes, thresholds), ("bird", 0.75));
        let torn = Verdict { probability: vec![0.5, 0.5], outlier_p: Some(0.03), ..sure.clone() };
        assert_eq!(torn.label(&classes, thresholds), (UNSURE, 0.5));
        let unknown = Verdict { outlier_p: Some(0.02), ..sure.clone() };
        assert_eq!(unknown.label(&classes, thresholds).0, NEITHER);
        let silent = Verdict { silent: true, ..sure };
        assert_eq!(silent.label(&classes, thresholds).0, NEITHER);
    }

    #[test]
    fn neither_comes_before_unsure_and_a_set_changes_no_label() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let thresholds = Thresholds { unsure_below: 0.6, alpha: 0.02 };
        let both = Verdict { probability: vec![0.5, 0.5], outlier_p: Some(0.01), ..Verdict::default() };
        assert_eq!(both.label(&classes, thresholds), (NEITHER, 0.5));
        let silent = Verdict { outlier_p: Some(0.9), silent: true, ..both.clone() };
        assert_eq!(silent.label(&classes, thresholds).0, NEITHER);
        // On the edges: alpha itself is rejected, the asked probability itself is enough.
        let edge = Verdict { probability: vec![0.4, 0.6], outlier_p: Some(0.02), ..both.clone() };
        assert_eq!(edge.label(&classes, thresholds).0, NEITHER);
        let edge = Verdict { outlier_p: None, ..edge };
        assert_eq!(edge.label(&classes, thresholds), ("dog", 0.6));
        for set in [None, Some(vec![]), Some(vec![0]), Some(vec![0, 1])] {
            let verdict = Verdict { set, ..edge.clone() };
            assert_eq!(verdict.label(&classes, thresholds).0, "dog");
        }
        let two = Verdict { set: Some(vec![0, 1]), ..edge };
        assert_eq!(two.set_names(&classes).unwrap(), ["bird", "dog"]);
    }
}
