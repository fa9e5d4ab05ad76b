//! Threshold for a given rate of false rejections.

use serde::{Deserialize, Serialize};

use crate::error::{Result, check};
use crate::metrics::{check_scores, members};

/// A threshold: clips with a higher score are rejected as unknown sounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The threshold.
    pub score: f64,
    /// Rate of false rejections on the scores that it was computed from, never above the wanted one.
    #[serde(alias = "false_alarms")]
    pub false_rejections: f64,
}

/// The lowest threshold with at most this rate of false rejections on known sounds. Every group has the same weight,
/// however many clips it has.
///
/// The rate is met on these scores. For a guarantee on new recordings use [`Conformal`](crate::conformal::Conformal),
/// which takes the number of groups into account.
///
/// # Errors
/// No scores, one that is not finite, groups of another number, or a rate outside 0 to 1.
pub fn threshold<G: Ord>(known: &[f64], groups: &[G], false_rejections: f64) -> Result<Threshold> {
    check_scores("scores of knowns", known)?;
    check((0.0..=1.0).contains(&false_rejections), "false_rejections", "0 to 1", false_rejections)?;
    let groups = members("groups of the scores", known.len(), groups)?;
    let share = |rows: &[usize]| 1.0 / (rows.len() * groups.len()) as f64;
    let mut weighted: Vec<(f64, f64)> =
        groups.iter().flat_map(|rows| rows.iter().map(|&row| (known[row], share(rows)))).collect();
    weighted.sort_by(|a, b| b.0.total_cmp(&a.0));
    // The threshold is one of the scores: all larger ones are above it.
    let (mut threshold, mut above, mut at) = (weighted[0].0, 0.0, 0);
    while at < weighted.len() {
        let equal = weighted[at..].iter().take_while(|(score, _)| *score == weighted[at].0);
        let (n_equal, weight) = equal.fold((0, 0.0), |(n, sum), (_, weight)| (n + 1, sum + weight));
        threshold = weighted[at].0;
        // With a tolerance for the rounding of the sum.
        if above + weight > false_rejections + 1e-12 {
            return Ok(Threshold { score: threshold, false_rejections: above });
        }
        above += weight;
        at += n_equal;
    }
    Ok(Threshold { score: threshold.next_down(), false_rejections: above })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_met_and_groups_have_equal_weight() {
        let known: Vec<f64> = (0..100).map(f64::from).collect();
        let clips: Vec<usize> = (0..100).collect();
        let line = threshold(&known, &clips, 0.05).unwrap();
        assert_eq!(line.score, 94.0);
        assert!((line.false_rejections - 0.05).abs() < 1e-12);
        // The upper half is one group: one of its fifty is a hundredth.
        let groups: Vec<usize> = (0..100).map(|i| i.min(50)).collect();
        let line = threshold(&known, &groups, 0.01).unwrap();
        assert!(line.score < 95.0 && line.false_rejections <= 0.01, "{line:?}");
        assert_eq!(
            threshold(&[1.0, 1.0, 1.0], &[0, 1, 2], 0.5).unwrap(),
            Threshold { score: 1.0, false_rejections: 0.0 }
        );
        assert!(threshold(&[1.0], &[0], 1.0).unwrap().score < 1.0);
    }
}
