//! The choice: the candidate that leans least on the clips, of those whose worst stress test is not clearly below the
//! best one's.

use super::candidates::{Candidate, Known};
use crate::balanced::balanced_accuracy;
use crate::named::Named;
use crate::stress::Condition;
use classifier::largest;
use serde::Serialize;
use stats::{Groups, bootstrap, seed};

/// Resamples of groups behind a standard error.
const RESAMPLES: usize = 500;
/// What the stream of the resamples is for.
const STREAM: u64 = 0x6368_6f6f_7365;

/// What a candidate may be below the best one on the clips as they are, at least. Measured: networks that were trained on
/// the clips of one collection lose so much, and more, in new places, which cross-validation within the collection does not
/// show; class evidence of a pretrained network loses nothing (docs/new-places.md).
const NEARLY: f64 = 0.03;
/// The same under the hardest condition.
const NEARLY_WORST: f64 = 0.10;

/// The rule, as reports state it.
const RULE: &str = "of all candidates that are nearly as good as the best one (balanced accuracy as recorded within 0.03, and \
     under the hardest stress test within 0.10, or within one standard error over groups where that is more), the one that \
     learned the fewest numbers from the clips (the mean over its parts). Cross-validation within a collection cannot show what a \
     network takes from its places and recorders, and in new places networks lose more than that";
/// In its place where a candidate was asked for.
const ASKED: &str = "asked for with --candidate";

/// A candidate's figures from the cross-validation.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateFigures {
    /// Its name.
    pub name: String,
    /// Balanced accuracy on the clips as they are.
    pub balanced_accuracy: f64,
    /// The lowest over the clips as they are and all stress tests.
    pub worst: f64,
    /// Which condition that is; `as_recorded` for the clips as they are.
    pub worst_condition: String,
    /// The mean over all of them.
    pub mean: f64,
    /// Balanced accuracy under each condition, `as_recorded` first.
    pub conditions: Vec<(String, f64)>,
    /// How many numbers it learned from the clips; the mean over its parts.
    pub learned: usize,
    /// Whether it is the one that was chosen.
    pub chosen: bool,
}

/// What was chosen, and between what.
#[derive(Debug, Clone, Serialize)]
pub struct Choice {
    /// The rule in words.
    pub rule: &'static str,
    /// One standard error of the best candidate's worst stress test.
    pub standard_error: f64,
    /// The candidate with the best worst stress test.
    pub best: String,
    /// All candidates, the best worst stress test first.
    pub candidates: Vec<CandidateFigures>,
}

/// Chooses. Returns the number of the candidate, too.
///
/// With `asked`, the candidate of that name is taken; none where there is no such candidate.
pub(super) fn choose(
    candidates: &[Candidate],
    conditions: &[Option<Condition>],
    known: &Known<'_>,
    asked: Option<&str>,
    seed: u64,
) -> Option<(usize, Choice)> {
    let right: Vec<Vec<Vec<bool>>> = candidates
        .iter()
        .map(|candidate| candidate.logits.iter().map(|logits| is_right(logits, known)).collect())
        .collect();
    let ones = vec![1.0; known.class.len()];
    let figures: Vec<Vec<f64>> =
        right.iter().map(|of| of.iter().map(|right| balanced(right, known, &ones)).collect()).collect();
    let worst = |nth: usize| lowest(&figures[nth]);
    let mean = |nth: usize| figures[nth].iter().sum::<f64>() / figures[nth].len() as f64;
    let order = |a: &usize, b: &usize| {
        worst(*b)
            .1
            .total_cmp(&worst(*a).1)
            .then(mean(*b).total_cmp(&mean(*a)))
            .then(candidates[*a].learned.cmp(&candidates[*b].learned))
    };
    let mut by_worst: Vec<usize> = (0..candidates.len()).collect();
    by_worst.sort_by(order);
    let best = by_worst[0];
    let (at, limit) = worst(best);
    let standard_error = standard_error(&right[best][at], known, seed);
    let as_recorded = figures.iter().map(|of| of[0]).fold(0.0, f64::max);
    let is_nearly = |nth: &usize| {
        worst(*nth).1 >= limit - standard_error.max(NEARLY_WORST)
            && figures[*nth][0] >= as_recorded - standard_error.max(NEARLY)
    };
    let accepted = by_worst.iter().copied().filter(is_nearly);
    let chosen =
        accepted.min_by(|a, b| candidates[*a].learned.cmp(&candidates[*b].learned).then(order(a, b))).unwrap_or(best);
    let chosen = match asked {
        None => chosen,
        Some(asked) => candidates.iter().position(|candidate| candidate.name == asked)?,
    };
    let name = |nth: usize| conditions[nth].map_or("as_recorded", Named::name).to_owned();
    let of = |&nth: &usize| CandidateFigures {
        name: candidates[nth].name.clone(),
        balanced_accuracy: figures[nth][0],
        worst: worst(nth).1,
        worst_condition: name(worst(nth).0),
        mean: mean(nth),
        conditions: figures[nth].iter().enumerate().map(|(at, figure)| (name(at), *figure)).collect(),
        learned: candidates[nth].learned,
        chosen: nth == chosen,
    };
    let best_name = candidates[best].name.clone();
    let all = by_worst.iter().map(of).collect();
    let rule = if asked.is_some() { ASKED } else { RULE };
    Some((chosen, Choice { rule, standard_error, best: best_name, candidates: all }))
}

fn is_right(logits: &[f32], known: &Known<'_>) -> Vec<bool> {
    logits.chunks_exact(known.n_classes).zip(&known.class).map(|(row, class)| largest(row) == *class as usize).collect()
}

fn balanced(right: &[bool], known: &Known<'_>, weights: &[f64]) -> f64 {
    balanced_accuracy(right, &known.class, known.n_classes, weights)
}

/// The standard deviation of a balanced accuracy over resamples of the groups.
fn standard_error(right: &[bool], known: &Known<'_>, seed: u64) -> f64 {
    let groups = Groups::from_names(&known.group);
    let generator = |resample: usize| seed::stream(seed ^ STREAM, resample as u64);
    let values = bootstrap([&groups], RESAMPLES, generator, |[weights]| balanced(right, known, weights));
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}

/// The lowest value and its place, the first of equals.
fn lowest(values: &[f64]) -> (usize, f64) {
    values
        .iter()
        .copied()
        .enumerate()
        .fold((0, f64::INFINITY), |low, (at, value)| if value < low.1 { (at, value) } else { low })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(n: usize, groups: &[String]) -> Known<'_> {
        Known {
            n_classes: 2,
            class: (0..n as u32).map(|i| i % 2).collect(),
            group: groups.iter().map(String::as_str).collect(),
            fold: vec![0; n],
        }
    }

    /// Right about all but the first `n_wrong` clips.
    fn logits(known: &Known<'_>, n_wrong: usize) -> Vec<f32> {
        let of = |(nth, class): (usize, &u32)| if (nth < n_wrong) == (*class == 0) { [0.0, 1.0] } else { [1.0, 0.0] };
        known.class.iter().enumerate().flat_map(of).collect()
    }

    #[test]
    fn the_simplest_that_is_not_clearly_worse_wins() {
        let groups: Vec<String> = (0..40).map(|i| format!("g{}", i / 2)).collect();
        let known = known(40, &groups);
        let candidate = |name: &str, learned, wrong: [usize; 2]| Candidate {
            name: name.into(),
            parts: vec![0],
            learned,
            logits: wrong.iter().map(|n| logits(&known, *n)).collect(),
        };
        let all = [
            candidate("perfect here, lost there", 1, [0, 20]),
            candidate("simple", 2, [1, 3]),
            candidate("best", 10, [1, 2]),
        ];
        let (chosen, choice) = choose(&all, &[None, Some(Condition::Rate8k)], &known, None, 0).unwrap();
        assert_eq!((chosen, choice.best.as_str()), (1, "best"));
        assert!((choice.candidates[0].worst - 0.95).abs() < 1e-12 && choice.standard_error > 0.025);
        let lost = choice.candidates.iter().find(|of| of.learned == 1).unwrap();
        assert_eq!((lost.worst, lost.worst_condition.as_str(), lost.balanced_accuracy), (0.5, "rate_8k", 1.0));
    }
}
