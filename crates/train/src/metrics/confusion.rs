//! The confusion matrix and the metrics that follow from it.

/// How often each class was predicted as each, with weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    n_classes: usize,
    /// `[C, C]`, row-major: rows are truth, columns prediction.
    counts: Vec<f64>,
}

impl Confusion {
    /// An empty matrix.
    pub fn new(n_classes: usize) -> Self {
        Self { n_classes, counts: vec![0.0; n_classes * n_classes] }
    }

    /// Adds a clip.
    pub fn add(&mut self, truth: usize, predicted: usize, weight: f64) {
        self.counts[truth * self.n_classes + predicted] += weight;
    }

    /// How often `truth` was predicted as `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> f64 {
        self.counts[truth * self.n_classes + predicted]
    }

    /// Number of clips of a class.
    pub fn support(&self, class: usize) -> f64 {
        (0..self.n_classes).map(|predicted| self.count(class, predicted)).sum()
    }

    /// Share of the clips that are predicted correctly; none without clips.
    pub fn accuracy(&self) -> Option<f64> {
        let right = (0..self.n_classes).map(|class| self.count(class, class)).sum();
        ratio(right, self.counts.iter().sum())
    }

    /// Share of a class's clips that are predicted as it; none where the class has no clip.
    pub fn recall(&self, class: usize) -> Option<f64> {
        ratio(self.count(class, class), self.support(class))
    }

    /// Share of the clips predicted as a class that belong to it; none where no clip was.
    pub fn precision(&self, class: usize) -> Option<f64> {
        ratio(self.count(class, class), (0..self.n_classes).map(|truth| self.count(truth, class)).sum())
    }

    /// Harmonic mean of precision and recall, `2 tp / (2 tp + fp + fn)`; none where the class has no clip.
    pub fn f1(&self, class: usize) -> Option<f64> {
        let predicted: f64 = (0..self.n_classes).map(|truth| self.count(truth, class)).sum();
        let support = self.support(class);
        if support > 0.0 { ratio(2.0 * self.count(class, class), predicted + support) } else { None }
    }

    /// Mean recall over the classes that have clips; none without clips.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        mean((0..self.n_classes).filter_map(|class| self.recall(class)))
    }

    /// Mean F1 over the classes that have clips; none without clips.
    pub fn macro_f1(&self) -> Option<f64> {
        mean((0..self.n_classes).filter_map(|class| self.f1(class)))
    }
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The mean of the values; none without values.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_usize), |(sum, n), value| (sum + value, n + 1));
    ratio(sum, n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // True class 0: 3 right, 1 predicted as 1. True class 1: 1 right, 1 predicted as 0. Class 2: no clip, one of true
        // class 1 predicted as it.
        let mut confusion = Confusion::new(3);
        for (truth, predicted, weight) in [(0, 0, 2.0), (0, 0, 1.0), (0, 1, 1.0), (1, 1, 1.0), (1, 0, 1.0), (1, 2, 1.0)]
        {
            confusion.add(truth, predicted, weight);
        }
        assert_eq!(confusion.accuracy(), Some(4.0 / 7.0));
        assert_eq!(
            (confusion.recall(0), confusion.recall(1), confusion.recall(2)),
            (Some(0.75), Some(1.0 / 3.0), None)
        );
        assert_eq!((confusion.precision(0), confusion.precision(2)), (Some(0.75), Some(0.0)));
        assert_eq!((confusion.f1(0), confusion.f1(1), confusion.f1(2)), (Some(0.75), Some(0.4), None));
        assert_eq!(confusion.balanced_accuracy(), Some((0.75 + 1.0 / 3.0) / 2.0));
        assert_eq!(confusion.macro_f1(), Some((0.75 + 0.4) / 2.0));
        assert_eq!(Confusion::new(2).accuracy(), None);
    }
}
