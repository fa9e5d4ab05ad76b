//! How well scores separate unknown sounds from known ones: AUROC, AUPR, FPR95, with intervals over groups.

use serde::{Deserialize, Serialize};
use stats::{Groups, Ranking, bootstrap, quantile_sorted};

use crate::error::{Error, Result, at_least, check};
use crate::seed::{Use, generator};

/// Share of the unknown sounds that must be detected at the threshold of [`Figures::fpr95`].
const DETECTED: f64 = 0.95;

/// Figures of one set of unknown sounds against one set of known sounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Area under the ROC curve: the probability that a random unknown sound scores higher than a random known one, where
    /// equal scores count one half. 0.5 is chance.
    pub auroc: f64,
    /// Average precision of the unknown sounds, the highest score first. The share of unknown sounds is chance.
    pub aupr: f64,
    /// Share of the known sounds that are rejected where at least 95 % of the unknown sounds are detected.
    pub fpr95: f64,
}

/// An interval for each figure: low and high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intervals {
    /// Of [`Figures::auroc`].
    pub auroc: [f64; 2],
    /// Of [`Figures::aupr`].
    pub aupr: [f64; 2],
    /// Of [`Figures::fpr95`].
    pub fpr95: [f64; 2],
}

/// Settings of [`intervals`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// Number of resamples.
    pub n_resamples: usize,
    /// Confidence level, above 0 and below 1.
    pub level: f64,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { n_resamples: 1000, level: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    fn check(&self) -> Result<()> {
        check(self.level > 0.0 && self.level < 1.0, "level", "above 0 and below 1", self.level)?;
        at_least("resamples", 1, self.n_resamples)
    }

    /// `figures` of each resample, given how often each clip occurs: known and unknown sounds are resampled separately.
    fn resamples<T: Send>(&self, groups: &[Groups; 2], figures: impl Fn(&[f64]) -> T + Sync) -> Vec<T> {
        let of_resample = |number| generator(self.seed, Use::Bootstrap, number);
        bootstrap(groups.each_ref(), self.n_resamples, of_resample, |sets| figures(&sets.concat()))
    }

    /// The percentile interval of resampled values.
    fn interval(&self, mut values: Vec<f64>) -> [f64; 2] {
        values.sort_by(f64::total_cmp);
        let ends = [0.5 - self.level / 2.0, 0.5 + self.level / 2.0];
        ends.map(|share| quantile_sorted(&values, share).unwrap_or(f64::NAN))
    }
}

/// Figures of the scores of unknown sounds against those of known sounds.
///
/// # Errors
/// An empty set, or a score that is not finite.
pub fn figures(known: &[f64], unknown: &[f64]) -> Result<Figures> {
    Ok(figures_of(&ranking(known, unknown)?, &vec![1.0; known.len() + unknown.len()]))
}

/// Percentile intervals of the figures from a bootstrap over groups, where the groups of known and of unknown sounds are
/// resampled separately ([`stats::bootstrap`]). Clips of one group are alike, so resampling clips would make intervals
/// too narrow.
///
/// The same seed gives the same interval. With fewer than about ten groups on a side the interval is itself rough.
///
/// # Errors
/// An empty set, a score that is not finite, groups of another number, or a setting outside its range.
#[tracing::instrument(level = "debug", skip_all, fields(n_known = known.len(), n_unknown = unknown.len()))]
pub fn intervals<G: Ord>(
    known: &[f64],
    known_groups: &[G],
    unknown: &[f64],
    unknown_groups: &[G],
    bootstrap: &Bootstrap,
) -> Result<Intervals> {
    bootstrap.check()?;
    let ranking = ranking(known, unknown)?;
    let groups = both_groups([known.len(), unknown.len()], known_groups, unknown_groups)?;
    let resamples = bootstrap.resamples(&groups, |weights| figures_of(&ranking, weights));
    let of = |figure: fn(&Figures) -> f64| bootstrap.interval(resamples.iter().map(figure).collect());
    Ok(Intervals { auroc: of(|f| f.auroc), aupr: of(|f| f.aupr), fpr95: of(|f| f.fpr95) })
}

/// Interval of the AUROC of a first detector minus that of a second one, on the same clips. Both are computed on the
/// same resamples of the groups, so that the difficulty of the clips cancels.
///
/// # Errors
/// As for [`intervals`], or scores of another number of clips.
#[tracing::instrument(level = "debug", skip_all, fields(n_resamples = bootstrap.n_resamples))]
pub fn auroc_difference<G: Ord>(
    known: [&[f64]; 2],
    known_groups: &[G],
    unknown: [&[f64]; 2],
    unknown_groups: &[G],
    bootstrap: &Bootstrap,
) -> Result<[f64; 2]> {
    bootstrap.check()?;
    let first = ranking(known[0], unknown[0])?;
    let second = ranking(known[1], unknown[1])?;
    both_groups([known[1].len(), unknown[1].len()], known_groups, unknown_groups)?;
    let groups = both_groups([known[0].len(), unknown[0].len()], known_groups, unknown_groups)?;
    let auroc = |ranking: &Ranking, weights: &[f64]| ranking.auroc(weights).unwrap_or(f64::NAN);
    let difference = |weights: &[f64]| auroc(&first, weights) - auroc(&second, weights);
    Ok(bootstrap.interval(bootstrap.resamples(&groups, difference)))
}

/// All clips, first the known sounds, ranked by score; unknown sounds are the positives.
fn ranking(known: &[f64], unknown: &[f64]) -> Result<Ranking> {
    check_scores("scores of knowns", known)?;
    check_scores("scores of unknown sounds", unknown)?;
    Ok(Ranking::new(&[known, unknown].concat(), |clip| clip >= known.len()))
}

/// Figures where each clip occurs so many times; in a resample both kinds always occur.
fn figures_of(ranking: &Ranking, weights: &[f64]) -> Figures {
    Figures {
        auroc: ranking.auroc(weights).unwrap_or(f64::NAN),
        aupr: ranking.average_precision(weights).unwrap_or(f64::NAN),
        fpr95: ranking.false_positive_rate(weights, DETECTED).unwrap_or(f64::NAN),
    }
}

fn both_groups<G: Ord>(n_clips: [usize; 2], known: &[G], unknown: &[G]) -> Result<[Groups; 2]> {
    Ok([
        groups("groups of the knowns' scores", n_clips[0], known)?,
        groups("groups of the unknown sounds' scores", n_clips[1], unknown)?,
    ])
}

/// Numbers the groups of `n_rows` rows, in the order of their names.
fn groups<G: Ord>(what: &'static str, n_rows: usize, groups: &[G]) -> Result<Groups> {
    if groups.len() != n_rows {
        return Err(Error::Shape { what, expected: n_rows.to_string(), got: groups.len().to_string() });
    }
    Ok(Groups::from_names(groups))
}

/// Rows of each group, the groups in the order of their names; each of `n_rows` rows has to have one.
pub(crate) fn members<G: Ord>(what: &'static str, n_rows: usize, of_rows: &[G]) -> Result<Vec<Vec<usize>>> {
    Ok(groups(what, n_rows, of_rows)?.members())
}

/// Checks that there are scores and that all are finite.
pub(crate) fn check_scores(what: &'static str, scores: &[f64]) -> Result<()> {
    at_least(what, 1, scores.len())?;
    match scores.iter().position(|score| !score.is_finite()) {
        Some(row) => Err(Error::NotFinite { what, row }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let clear = figures(&[0.1, 0.2], &[0.3, 0.4, 0.5]).unwrap();
        assert_eq!(clear, Figures { auroc: 1.0, aupr: 1.0, fpr95: 0.0 });
        let equal = figures(&[1.0; 4], &[1.0; 4]).unwrap();
        assert_eq!(equal, Figures { auroc: 0.5, aupr: 0.5, fpr95: 1.0 });
        // In order: unknown, known, unknown, known. Pairs won: 2 + 1 of 4; precisions 1 and 2/3.
        let mixed = figures(&[3.0, 1.0], &[4.0, 2.0]).unwrap();
        assert_eq!(mixed.auroc, 0.75);
        assert!((mixed.aupr - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-15);
        assert_eq!(mixed.fpr95, 0.5);
        assert!(figures(&[], &[1.0]).is_err() && figures(&[f64::NAN], &[1.0]).is_err());
    }

    #[test]
    fn grouped_intervals_are_wider_and_repeat() {
        // Ten groups of ten clips with one score each.
        let scores = |offset: f64| -> Vec<f64> { (0..100).map(|i| offset + ((i / 10) as f64 * 2.3).sin()).collect() };
        let (known, unknown) = (scores(0.0), scores(0.7));
        let groups: Vec<u32> = (0..100).map(|i| i / 10).collect();
        let clips: Vec<u32> = (0..100).collect();
        let interval = |groups: &[u32]| intervals(&known, groups, &unknown, groups, &Bootstrap::default()).unwrap();
        let (by_group, by_clip) = (interval(&groups), interval(&clips));
        let width = |interval: [f64; 2]| interval[1] - interval[0];
        assert!(width(by_group.auroc) > 2.0 * width(by_clip.auroc), "{by_group:?} {by_clip:?}");
        let auroc = figures(&known, &unknown).unwrap().auroc;
        assert!(by_group.auroc[0] < auroc && auroc < by_group.auroc[1]);
        assert_eq!(interval(&groups), by_group);
        assert!(intervals(&known, &groups[..9], &unknown, &groups, &Bootstrap::default()).is_err());
    }

    #[test]
    fn a_difference_is_of_the_same_resamples() {
        let known: Vec<f64> = (0..20).map(|i| f64::from(i % 7)).collect();
        let unknown: Vec<f64> = (0..20).map(|i| 3.0 + f64::from(i % 5)).collect();
        let groups: Vec<usize> = (0..20).map(|i| i / 2).collect();
        let bootstrap = Bootstrap { n_resamples: 200, ..Bootstrap::default() };
        let same = auroc_difference([&known, &known], &groups, [&unknown, &unknown], &groups, &bootstrap).unwrap();
        assert_eq!(same, [0.0, 0.0]);
        let worse: Vec<f64> = unknown.iter().map(|score| score - 3.0).collect();
        let [low, high] = auroc_difference([&known, &known], &groups, [&unknown, &worse], &groups, &bootstrap).unwrap();
        assert!(low > 0.0 && high <= 1.0, "{low} {high}");
        assert!(auroc_difference([&known, &known[1..]], &groups, [&unknown, &worse], &groups, &bootstrap).is_err());
    }
}
