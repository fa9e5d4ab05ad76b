//! Which method to detect unknown sounds is used, from validation clips and labeled unknown sounds alone.

use crate::error::Result;
use anomaly::metrics::{Bootstrap, auroc_difference, figures};
use inference::unknown::{Fitted, Outputs};

/// The method that is used.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// Its number among those that it was chosen from.
    pub(crate) nth: usize,
    /// AUROC on the unknown sounds of the choice.
    pub(crate) auroc: f64,
    /// The method with the largest AUROC, and that.
    pub(crate) best: (usize, f64),
}

/// A fitted method, and its scores.
pub(crate) struct Scored {
    /// How many numbers it has learned.
    pub(crate) n_numbers: usize,
    /// Scores of known clips that were new to it.
    pub(crate) known: Vec<f64>,
    /// Scores of unknown sounds.
    pub(crate) unknown: Vec<f64>,
}

/// Of the methods whose AUROC is not significantly below the best, the one that fitted the fewest numbers; the first of
/// several. Few clips choose here, and what has learned least from the training clips moves least when sounds come from
/// elsewhere. Not significant means that the 95 % interval of their difference, over groups, includes 0.
///
/// Ways that learned from the unknown sounds do not take part.
pub(super) fn choose(fitted: &[Fitted], validation: &Outputs, unknowns: &Outputs, seed: u64) -> Result<Option<Choice>> {
    let mut scored = Vec::new();
    for (nth, one) in fitted.iter().enumerate().filter(|(_, one)| !one.method.needs_unknowns()) {
        let (known, unknown) = (one.score(validation)?, one.score(unknowns)?);
        scored.push((nth, Scored { n_numbers: one.n_numbers(), known, unknown }));
    }
    let all: Vec<&Scored> = scored.iter().map(|(_, scored)| scored).collect();
    let choice = choose_scored(&all, [&validation.groups(), &unknowns.groups()], seed)?;
    let number =
        |choice: Choice| Choice { nth: scored[choice.nth].0, best: (scored[choice.best.0].0, choice.best.1), ..choice };
    Ok(choice.map(number))
}

/// The same of scores; the groups are those of known and of unknown sounds.
pub(crate) fn choose_scored(all: &[&Scored], groups: [&[&str]; 2], seed: u64) -> Result<Option<Choice>> {
    let aurocs = all.iter().map(|scored| Ok(figures(&scored.known, &scored.unknown)?.auroc));
    let aurocs: Vec<f64> = aurocs.collect::<Result<_>>()?;
    let better = |best: usize, at: usize| if aurocs[at] > aurocs[best] { at } else { best };
    let Some(best) = (0..all.len()).reduce(better) else { return Ok(None) };
    let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
    let mut chosen = best;
    for (at, scored) in all.iter().enumerate() {
        if scored.n_numbers >= all[chosen].n_numbers {
            continue;
        }
        let (known, unknown) = ([&all[best].known[..], &scored.known], [&all[best].unknown[..], &scored.unknown]);
        let [low, _] = auroc_difference(known, groups[0], unknown, groups[1], &bootstrap)?;
        if low <= 0.0 {
            chosen = at;
        }
    }
    Ok(Some(Choice { nth: chosen, auroc: aurocs[chosen], best: (best, aurocs[best]) }))
}
