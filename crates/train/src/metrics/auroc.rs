//! Area under the ROC curve.

/// Clips in the order of their score, made once and used for many weightings.
#[derive(Debug, Clone)]
pub struct Ranking {
    /// Clip, is it positive, does the next one have the same score: from the lowest score up.
    order: Vec<(usize, bool, bool)>,
}

impl Ranking {
    /// Ranks clips by score; a score that is not a number counts as the lowest.
    pub fn new(scores: &[f64], positive: impl Fn(usize) -> bool) -> Self {
        let key = |i: usize| if scores[i].is_nan() { f64::NEG_INFINITY } else { scores[i] };
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
        let tied = |at: usize| order.get(at + 1).is_some_and(|next| key(*next) == key(order[at]));
        let entry = |(at, clip): (usize, &usize)| (*clip, positive(*clip), tied(at));
        Self { order: order.iter().enumerate().map(entry).collect() }
    }

    /// The probability that a positive clip scores higher than a negative one, a tie counting half, where clip `i` is
    /// there `weights[i]` times. None without both kinds.
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
}

/// The probability that a positive clip scores higher than a negative one, a tie counting half. None without both
/// kinds.
pub fn auroc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores, |i| positive[i]).auroc(&vec![1.0; scores.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Some(0.75));
        assert_eq!(auroc(&[0.5, 0.5, 0.5], &[false, true, true]), Some(0.5));
        assert_eq!(auroc(&[1.0, 2.0], &[true, false]), Some(0.0));
        assert_eq!(auroc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(auroc(&[0.0, -0.0], &[true, false]), Some(0.5));
        assert_eq!(auroc(&[f64::NAN, 2.0], &[false, true]), Some(1.0));
    }

    proptest! {
        #[test]
        fn equals_all_pairs(clips in prop::collection::vec((0_i32..9, any::<bool>(), 0_u8..4), 1..60)) {
            let scores: Vec<f64> = clips.iter().map(|clip| f64::from(clip.0) / 3.0).collect();
            let weights: Vec<f64> = clips.iter().map(|clip| f64::from(clip.2)).collect();
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (i, a) in clips.iter().enumerate().filter(|(_, clip)| clip.1) {
                for (j, b) in clips.iter().enumerate().filter(|(_, clip)| !clip.1) {
                    let weight = weights[i] * weights[j];
                    pairs += weight;
                    wins += weight * if a.0 > b.0 { 1.0 } else if a.0 == b.0 { 0.5 } else { 0.0 };
                }
            }
            let got = Ranking::new(&scores, |i| clips[i].1).auroc(&weights);
            prop_assert_eq!(got.is_some(), pairs > 0.0);
            if let Some(got) = got {
                prop_assert!((got - wins / pairs).abs() < 1e-12);
            }
        }
    }
}
