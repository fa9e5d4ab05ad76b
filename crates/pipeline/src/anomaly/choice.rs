//! Which method to detect unknown sounds is used, from validation clips and labeled unknown sounds alone.

use crate::error::Result;
use anomaly::metrics::{Bootstrap, auroc_difference, figures};
use inference::unknown::{Fitted, Outputs};

/// The method that is used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// Its number among those that it was chosen from.
    pub nth: usize,
    /// AUROC on the unknown sounds of the choice.
    pub auroc: f64,
    /// The method with the largest AUROC, and that.
    pub best: (usize, f64),
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
        let auroc = figures(&known, &unknown)?.auroc;
        scored.push((nth, auroc, known, unknown));
    }
    let better = |best: usize, at: usize| if scored[at].1 > scored[best].1 { at } else { best };
    let Some(best) = (0..scored.len()).reduce(better) else { return Ok(None) };
    let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
    let (known_groups, unknown_groups) = (validation.groups(), unknowns.groups());
    let mut chosen = (best, fitted[scored[best].0].n_numbers());
    for (at, (nth, _, known, unknown)) in scored.iter().enumerate() {
        let n_numbers = fitted[*nth].n_numbers();
        if n_numbers >= chosen.1 {
            continue;
        }
        let (_, _, best_known, best_unknown) = &scored[best];
        let [low, _] =
            auroc_difference([best_known, known], &known_groups, [best_unknown, unknown], &unknown_groups, &bootstrap)?;
        if low <= 0.0 {
            chosen = (at, n_numbers);
        }
    }
    let (nth, auroc, ..) = scored[chosen.0];
    Ok(Some(Choice { nth, auroc, best: (scored[best].0, scored[best].1) }))
}
