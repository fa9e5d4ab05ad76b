//! The ROC curve and its figures, with a weight for each clip.

/// Clips in the order of their score: sorted once, used for many weightings, such as bootstrap resamples.
#[derive(Debug, Clone)]
pub struct Ranking {
    /// Clip, is it positive, does the next one have the same score: from the lowest score up.
    order: Vec<(usize, bool, bool)>,
}

/// Weights of the clips that score at least as high as a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accepted {
    /// Of positive clips: true positives.
    pub positives: f64,
    /// Of negative clips: false positives.
    pub negatives: f64,
}

/// What a threshold below one distinct score adds, and what all thresholds up to it include.
struct Step {
    /// Weight of the positives with this score.
    positives: f64,
    /// Weight of all positives with this score or a higher one.
    positives_so_far: f64,
    /// Weight of all negatives with this score or a higher one.
    negatives_so_far: f64,
}

impl Ranking {
    /// Ranks clips by score. A score that is not a number counts as the lowest; 0 and -0 are equal.
    pub fn new(scores: &[f64], positive: impl Fn(usize) -> bool) -> Self {
        let key = |i: usize| if scores[i].is_nan() { f64::NEG_INFINITY } else { scores[i] };
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
        let tied = |at: usize| order.get(at + 1).is_some_and(|next| key(*next) == key(order[at]));
        let entry = |(at, clip): (usize, &usize)| (*clip, positive(*clip), tied(at));
        Self { order: order.iter().enumerate().map(entry).collect() }
    }

    /// Area under the ROC curve: the probability that a positive clip scores higher than a negative one, where a tie
    /// counts one half and clip `i` occurs `weights[i]` times. None without both kinds.
    pub fn auroc(&self, weights: &[f64]) -> Option<f64> {
        let (mut below, mut tied_positive, mut tied_negative) = (0.0, 0.0, 0.0); // weights
        let (mut wins, mut positives) = (0.0, 0.0);
        for (clip, positive, ties_with_next) in &self.order {
            if *positive {
                tied_positive += weights[*clip];
            } else {
                tied_negative += weights[*clip];
            }
            if !ties_with_next {
                wins += tied_positive * (below + tied_negative / 2.0);
                below += tied_negative;
                positives += tied_positive;
                (tied_positive, tied_negative) = (0.0, 0.0);
            }
        }
        let pairs = positives * below;
        (pairs > 0.0).then(|| wins / pairs)
    }

    /// Average precision: the mean over the positive clips of the precision at their score, where clip `i` occurs
    /// `weights[i]` times. None without positive clips.
    ///
    /// The area under the precision-recall curve (AUPR) by steps; scikit-learn's `average_precision_score`.
    pub fn average_precision(&self, weights: &[f64]) -> Option<f64> {
        let mut sum = 0.0;
        let positives = self.descend(weights, |step| {
            if step.positives > 0.0 {
                sum += step.positives * step.positives_so_far / (step.positives_so_far + step.negatives_so_far);
            }
        })[0];
        (positives > 0.0).then(|| sum / positives)
    }

    /// False positive rate at the highest threshold that has a true positive rate of at least `sensitivity`, where clip
    /// `i` occurs `weights[i]` times. None without both kinds.
    ///
    /// With a sensitivity of 0.95 it is the FPR95 of the literature on out-of-distribution detection.
    pub fn false_positive_rate(&self, weights: &[f64], sensitivity: f64) -> Option<f64> {
        let [positives, negatives] = self.descend(weights, |_| {});
        let mut found = None;
        self.descend(weights, |step| {
            if found.is_none() && step.positives_so_far >= sensitivity * positives {
                found = Some(step.negatives_so_far / negatives);
            }
        });
        (positives > 0.0 && negatives > 0.0).then(|| found.unwrap_or(1.0))
    }

    /// What each threshold accepts, the highest threshold first: clips that score at least as high as one of the distinct
    /// scores. From these, points of the ROC curve and of the precision-recall curve follow.
    pub fn accepted(&self, weights: &[f64]) -> Vec<Accepted> {
        let mut all = Vec::new();
        self.descend(weights, |step| {
            all.push(Accepted { positives: step.positives_so_far, negatives: step.negatives_so_far });
        });
        all
    }

    /// Calls `each` for every distinct score, the highest first. Returns the weights of all positives and negatives.
    fn descend(&self, weights: &[f64], mut each: impl FnMut(&Step)) -> [f64; 2] {
        let mut step = Step { positives: 0.0, positives_so_far: 0.0, negatives_so_far: 0.0 };
        for (at, (clip, positive, _)) in self.order.iter().enumerate().rev() {
            if *positive {
                step.positives += weights[*clip];
                step.positives_so_far += weights[*clip];
            } else {
                step.negatives_so_far += weights[*clip];
            }
            // The clip below ties with this one.
            let ties = at.checked_sub(1).is_some_and(|below| self.order[below].2);
            if !ties {
                each(&step);
                step.positives = 0.0;
            }
        }
        [step.positives_so_far, step.negatives_so_far]
    }
}

/// Area under the ROC curve of clips that count once each. None without both kinds.
pub fn auroc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores, |i| positive[i]).auroc(&vec![1.0; scores.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thresholds_accept_more_and_more() {
        let scores = [0.1, 0.4, 0.35, 0.8, 0.4];
        let ranking = Ranking::new(&scores, |clip| clip >= 2);
        let counts: Vec<_> = ranking.accepted(&[1.0; 5]).iter().map(|of| (of.positives, of.negatives)).collect();
        // 0.8; the two of 0.4 together; 0.35; 0.1.
        assert_eq!(counts, [(1.0, 0.0), (2.0, 1.0), (3.0, 1.0), (3.0, 2.0)]);
        assert!(Ranking::new(&[], |_| true).accepted(&[]).is_empty());
    }

    #[test]
    fn by_hand() {
        assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Some(0.75));
        assert_eq!(auroc(&[0.5, 0.5, 0.5], &[false, true, true]), Some(0.5));
        assert_eq!(auroc(&[1.0, 2.0], &[true, false]), Some(0.0));
        assert_eq!(auroc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(auroc(&[0.0, -0.0], &[true, false]), Some(0.5));
        assert_eq!(auroc(&[f64::NAN, 2.0], &[false, true]), Some(1.0));
    }

    /// Clips with a score, whether they are positive, and how often they occur.
    fn clips() -> impl Strategy<Value = Vec<(i32, bool, u8)>> {
        prop::collection::vec((0_i32..9, any::<bool>(), 0_u8..4), 1..60)
    }

    fn ranked(clips: &[(i32, bool, u8)]) -> (Ranking, Vec<f64>) {
        let scores: Vec<f64> = clips.iter().map(|clip| f64::from(clip.0) / 3.0).collect();
        let weights: Vec<f64> = clips.iter().map(|clip| f64::from(clip.2)).collect();
        (Ranking::new(&scores, |i| clips[i].1), weights)
    }

    /// How many positives and negatives score at least `score`.
    fn at_least(clips: &[(i32, bool, u8)], score: i32) -> [f64; 2] {
        [true, false].map(|kind| {
            clips.iter().filter(|clip| clip.0 >= score && clip.1 == kind).map(|clip| f64::from(clip.2)).sum()
        })
    }

    /// The expected value where it is defined, else none.
    fn agrees(got: Option<f64>, is_defined: bool, expected: f64) -> bool {
        got.map_or(!is_defined, |got| is_defined && (got - expected).abs() < 1e-12)
    }

    proptest! {
        #[test]
        fn auroc_equals_all_pairs(clips in clips()) {
            let (ranking, weights) = ranked(&clips);
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (i, a) in clips.iter().enumerate().filter(|(_, clip)| clip.1) {
                for (j, b) in clips.iter().enumerate().filter(|(_, clip)| !clip.1) {
                    let weight = weights[i] * weights[j];
                    pairs += weight;
                    wins += weight * if a.0 > b.0 { 1.0 } else if a.0 == b.0 { 0.5 } else { 0.0 };
                }
            }
            let got = ranking.auroc(&weights);
            prop_assert!(agrees(got, pairs > 0.0, wins / pairs), "{got:?}");
        }

        #[test]
        fn average_precision_equals_the_mean_over_positives(clips in clips()) {
            let (ranking, weights) = ranked(&clips);
            let [positives, _] = at_least(&clips, 0);
            let sum: f64 = clips.iter().filter(|clip| clip.1 && clip.2 > 0).map(|clip| {
                let [tp, fp] = at_least(&clips, clip.0);
                f64::from(clip.2) * tp / (tp + fp)
            }).sum();
            let got = ranking.average_precision(&weights);
            prop_assert!(agrees(got, positives > 0.0, sum / positives), "{got:?}");
        }

        #[test]
        fn false_positive_rate_equals_a_search_over_thresholds(clips in clips(), sensitivity in 0.01..=1.0_f64) {
            let (ranking, weights) = ranked(&clips);
            let [positives, negatives] = at_least(&clips, 0);
            let got = ranking.false_positive_rate(&weights, sensitivity);
            let meets = |score: &i32| at_least(&clips, *score)[0] >= sensitivity * positives;
            let threshold = (0..9).rev().find(meets).unwrap_or(0);
            let expected = at_least(&clips, threshold)[1] / negatives;
            prop_assert!(agrees(got, positives > 0.0 && negatives > 0.0, expected), "{got:?} {expected}");
        }
    }
}
