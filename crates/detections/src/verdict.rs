//! What a model concludes about one window.

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
#[derive(Debug, Clone, Default, PartialEq)]
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
}

impl Verdict {
    /// Index of the most likely class; the first of several.
    pub fn class(&self) -> usize {
        let better = |best: usize, i: usize| if self.probability[i] > self.probability[best] { i } else { best };
        (1..self.probability.len()).fold(0, better)
    }

    /// The most likely class, [`NEITHER`], or [`UNSURE`]; and the most likely class's probability.
    pub fn label<'a>(&self, classes: &'a [String], thresholds: Thresholds) -> (&'a str, f32) {
        let class = self.class();
        let probability = self.probability[class];
        let label = match self.outlier_p {
            _ if self.silent => NEITHER,
            Some(p) if p <= thresholds.alpha => NEITHER,
            _ if probability < thresholds.unsure_below => UNSURE,
            _ => &classes[class],
        };
        (label, probability)
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
}
