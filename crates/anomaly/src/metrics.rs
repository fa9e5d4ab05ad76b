//! How well scores tell unknown sounds from what is known: AUROC, AUPR, FPR95, with intervals over groups.

use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::error::{Error, Result, at_least};
use crate::seed::{Use, generator};

/// Share of the unknown sounds that the threshold of [`Figures::fpr95`] must catch.
const DETECTED: f64 = 0.95;

/// Figures of one set of unknown sounds beside one set of knowns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// How often an unknown sound, drawn at random, scores higher than a known; equal scores count half. 0.5 is chance.
    pub auroc: f64,
    /// Mean precision over the unknown sounds, the highest score first (average precision). The unknown sounds' share is chance.
    pub aupr: f64,
    /// Share of the knowns that are taken for unknown sounds where at least 95 % of the unknown sounds are detected.
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
    /// Share of the resamples within the interval, above 0 and below 1.
    pub level: f64,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { n_resamples: 1000, level: 0.95, seed: 0 }
    }
}

/// Figures of the unknown sounds' scores beside the knowns'.
///
/// # Errors
/// An empty set, or a score that is not finite.
pub fn figures(known: &[f64], unknown: &[f64]) -> Result<Figures> {
    let ranked = Ranked::new(known, unknown)?;
    Ok(ranked.figures(&vec![1; known.len()], &vec![1; unknown.len()]))
}

/// Intervals of the figures by resampling groups with replacement, those of the knowns and of the unknown sounds each on
/// their own; clips of one group rise and fall together, so resampling clips would make intervals too narrow.
///
/// Percentiles of the resamples. The same seed gives the same interval. With fewer than about ten groups on a side the
/// interval is itself rough.
///
/// Source: Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; Davison and Hinkley (1997), "Bootstrap
/// Methods and their Application", section 3.8, for groups.
///
/// # Errors
/// An empty set, a score that is not finite, groups of another number, or a setting outside its range.
pub fn intervals<G: Ord>(
    known: &[f64],
    known_groups: &[G],
    unknown: &[f64],
    unknown_groups: &[G],
    bootstrap: &Bootstrap,
) -> Result<Intervals> {
    let level = bootstrap.level;
    crate::error::check(level > 0.0 && level < 1.0, "level", "above 0 and below 1", level)?;
    at_least("resamples", 1, bootstrap.n_resamples)?;
    let ranked = Ranked::new(known, unknown)?;
    let known_groups = members("groups of the knowns' scores", known.len(), known_groups)?;
    let unknown_groups = members("groups of the unknown sounds' scores", unknown.len(), unknown_groups)?;
    let resamples: Vec<Figures> = (0..bootstrap.n_resamples)
        .into_par_iter()
        .map(|resample| {
            let mut rng = generator(bootstrap.seed, Use::Bootstrap, resample);
            let known = draw(&known_groups, known.len(), &mut rng);
            ranked.figures(&known, &draw(&unknown_groups, unknown.len(), &mut rng))
        })
        .collect();
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = resamples.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        [0.5 - level / 2.0, 0.5 + level / 2.0].map(|share| quantile(&values, share))
    };
    Ok(Intervals { auroc: of(|f| f.auroc), aupr: of(|f| f.aupr), fpr95: of(|f| f.fpr95) })
}

/// Interval of how much larger the AUROC of a first detector is than that of a second one, over the same clips: both are
/// computed on the same resamples of the groups, so that what is hard in the clips falls out.
///
/// # Errors
/// As for [`intervals`], or scores of another number of clips.
pub fn auroc_difference<G: Ord>(
    known: [&[f64]; 2],
    known_groups: &[G],
    unknown: [&[f64]; 2],
    unknown_groups: &[G],
    bootstrap: &Bootstrap,
) -> Result<[f64; 2]> {
    let level = bootstrap.level;
    crate::error::check(level > 0.0 && level < 1.0, "level", "above 0 and below 1", level)?;
    at_least("resamples", 1, bootstrap.n_resamples)?;
    let first = Ranked::new(known[0], unknown[0])?;
    let second = Ranked::new(known[1], unknown[1])?;
    for (what, scores, groups) in [
        ("groups of the knowns' scores", known[1], known_groups.len()),
        ("groups of the unknown sounds' scores", unknown[1], unknown_groups.len()),
    ] {
        if scores.len() != groups {
            return Err(Error::Shape { what, expected: scores.len().to_string(), got: groups.to_string() });
        }
    }
    let known_groups = members("groups of the knowns' scores", known[0].len(), known_groups)?;
    let unknown_groups = members("groups of the unknown sounds' scores", unknown[0].len(), unknown_groups)?;
    let mut differences: Vec<f64> = (0..bootstrap.n_resamples)
        .into_par_iter()
        .map(|resample| {
            let mut rng = generator(bootstrap.seed, Use::Bootstrap, resample);
            let known = draw(&known_groups, known[0].len(), &mut rng);
            let unknown = draw(&unknown_groups, unknown[0].len(), &mut rng);
            first.figures(&known, &unknown).auroc - second.figures(&known, &unknown).auroc
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    Ok([0.5 - level / 2.0, 0.5 + level / 2.0].map(|share| quantile(&differences, share)))
}

/// Rows of each group, the groups in their own order; `n_rows` of them have to have one.
pub(crate) fn members<G: Ord>(what: &'static str, n_rows: usize, groups: &[G]) -> Result<Vec<Vec<usize>>> {
    if groups.len() != n_rows {
        return Err(Error::Shape { what, expected: n_rows.to_string(), got: groups.len().to_string() });
    }
    let mut members: BTreeMap<&G, Vec<usize>> = BTreeMap::new();
    groups.iter().enumerate().for_each(|(row, group)| members.entry(group).or_default().push(row));
    Ok(members.into_values().collect())
}

/// Checks that there are scores, all finite.
pub(crate) fn check_scores(what: &'static str, scores: &[f64]) -> Result<()> {
    at_least(what, 1, scores.len())?;
    match scores.iter().position(|score| !score.is_finite()) {
        Some(row) => Err(Error::NotFinite { what, row }),
        None => Ok(()),
    }
}

/// How often each row is in a resample of the groups.
fn draw(groups: &[Vec<usize>], n_rows: usize, rng: &mut impl Rng) -> Vec<u32> {
    let mut counts = vec![0; n_rows];
    for _ in 0..groups.len() {
        groups[rng.random_range(0..groups.len())].iter().for_each(|&row| counts[row] += 1);
    }
    counts
}

/// Between order statistics, linearly.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// All scores, the highest first, those that are equal together.
struct Ranked {
    /// For each value: which knowns and which unknown sounds have it.
    ties: Vec<[Vec<usize>; 2]>,
}

impl Ranked {
    fn new(known: &[f64], unknown: &[f64]) -> Result<Self> {
        check_scores("scores of knowns", known)?;
        check_scores("scores of unknown sounds", unknown)?;
        let mut all: Vec<(f64, usize, usize)> = known.iter().enumerate().map(|(i, &score)| (score, 0, i)).collect();
        all.extend(unknown.iter().enumerate().map(|(i, &score)| (score, 1, i)));
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut ties: Vec<[Vec<usize>; 2]> = Vec::new();
        let mut last = f64::INFINITY;
        for (score, side, row) in all {
            if score < last {
                ties.push([Vec::new(), Vec::new()]);
                last = score;
            }
            if let Some(tie) = ties.last_mut() {
                tie[side].push(row);
            }
        }
        Ok(Self { ties })
    }

    /// Figures with each row counted so many times.
    fn figures(&self, known: &[u32], unknown: &[u32]) -> Figures {
        let total = |counts: &[u32]| counts.iter().map(|&count| f64::from(count)).sum::<f64>();
        let (n_known, n_unknown) = (total(known), total(unknown));
        let (mut known_so_far, mut unknown_so_far) = (0.0, 0.0);
        let (mut pairs, mut precision) = (0.0, 0.0);
        let mut fpr95 = None;
        for [known_rows, unknown_rows] in &self.ties {
            let sum = |rows: &[usize], counts: &[u32]| rows.iter().map(|&row| f64::from(counts[row])).sum::<f64>();
            let (known, unknown) = (sum(known_rows, known), sum(unknown_rows, unknown));
            pairs += known * (unknown_so_far + 0.5 * unknown);
            known_so_far += known;
            unknown_so_far += unknown;
            if unknown > 0.0 {
                precision += unknown * unknown_so_far / (unknown_so_far + known_so_far);
            }
            if fpr95.is_none() && unknown_so_far >= DETECTED * n_unknown {
                fpr95 = Some(known_so_far / n_known);
            }
        }
        Figures { auroc: pairs / (n_known * n_unknown), aupr: precision / n_unknown, fpr95: fpr95.unwrap_or(1.0) }
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
        // Ranked: s k s k. Pairs won: 2 + 1 of 4; precisions 1 and 2/3.
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
