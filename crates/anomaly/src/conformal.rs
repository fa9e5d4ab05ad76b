//! Conformal p-values: a guaranteed bound on how often a known sound is rejected.
//!
//! # What is guaranteed
//! A *group* is a set of clips that belong together, such as one recording, animal or session. Calibration has G groups of
//! known sounds that the detector was not fitted on. A new group of known sounds arrives. It and the calibration groups
//! are *exchangeable*: every order of them is equally likely, as when all are drawn independently from one source. Clips
//! within a group may depend on each other in any manner, and groups may be of any size. Then for every alpha:
//!
//! - [`Form::Weighted`] and [`Form::OneAGroup`]: a clip drawn at random from the new group has `P(p <= alpha) <= alpha`.
//! - [`Form::Largest`]: `P(any clip of the new group has p <= alpha) <= alpha`. It is the stricter guarantee, for
//!   decisions about a whole recording; its p-values are larger.
//!
//! The probability is over the calibration groups and the new group together. For one given calibration set the rate
//! varies about alpha, with a standard deviation of about `sqrt(alpha (1 - alpha) / G)`. There is no guarantee for sounds
//! of another source (another microphone, place or season), which are not exchangeable with the calibration groups, nor
//! for how many unknown sounds are detected.
//!
//! # Proof
//! Let S be the score of the new clip, and p as below.
//!
//! *One a group.* A clip drawn from each calibration group, and the new one, are G + 1 exchangeable numbers.
//! `p = (1 + #{drawn >= S}) / (G + 1)` is at least the share of the G + 1 numbers that are >= S, i.e. the rank of S from
//! the top over G + 1. By exchangeability S is equally likely to be any of them, and at most `alpha (G + 1)` of them have
//! a rank of at most `alpha (G + 1)`. So `P(p <= alpha) <= alpha`.
//!
//! *Largest.* The same holds for each group's largest score, which are exchangeable too. A clip's p-value falls with its
//! score, so the smallest p-value of the new group is that of its largest score.
//!
//! *Weighted.* Give each of the n_g clips of each of the G + 1 groups, including the new one, the weight
//! `1 / ((G + 1) n_g)`: the sum is 1. Given these clips, but not which group is the new one and which of its clips was
//! drawn, S is a draw with these weights: every group is equally likely, and so is every clip within it. The weight of
//! all clips with a score >= that of a draw is at most alpha with probability at most alpha (as for ranks). And
//! `p = (1 + Σ_g share of group g that is >= S) / (G + 1)` is at least that weight, since the new group has a weight of
//! `1 / (G + 1)`. So `P(p <= alpha) <= alpha`. This form uses every clip and draws nothing, so it is the default.
//!
//! A p-value is never below `1 / (G + 1)`: [`Conformal::smallest_alpha`]. An alpha of 0.05 needs 19 groups and 0.01
//! needs 99, however many clips they have.
//!
//! # Windows and files
//! For p-values of windows, calibrate on windows, with recordings as groups. For p-values of whole files, combine the
//! scores of a file's windows with [`pool`](crate::pool::pool), for calibration files and new ones alike, and calibrate
//! on these, with the files' groups. A single window of many with a p-value below alpha is no evidence about the file,
//! since that happens by chance, unless the form is [`Form::Largest`].
//!
//! Sources: Vovk, Gammerman and Shafer (2005), "Algorithmic Learning in a Random World"; Dunn, Wasserman and Ramdas
//! (2023), "Distribution-Free Prediction Sets for Two-Layer Hierarchical Models", for one a group; Lee, Barber and Willett
//! (2023), "Distribution-free inference with hierarchical data", for the weights.

use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, check};
use crate::metrics::{check_scores, members};
use crate::seed::{Use, generator};
use crate::stored::Stored;

/// How a group is represented; the [module](self) documentation has the guarantee of each form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// By all its clips, each with its share of the group's weight.
    #[default]
    Weighted,
    /// By one of its clips, drawn with this seed.
    OneAGroup(u64),
    /// By the clip with the largest score.
    Largest,
}

/// Calibration scores of known sounds, from which p-values are computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformal {
    form: Form,
    n_groups: usize,
    /// `[N]`, in rising order.
    scores: Vec<f32>,
    /// `[N]`: weight of this and all larger scores, where a whole group has weight 1.
    at_least: Vec<f64>,
    /// `[N]`: number of clips that share the weight of each score's group.
    n_sharing: Vec<f32>,
}

impl Conformal {
    /// Takes the scores of known sounds, `[N]`, which the detector was not fitted on, and the group of each.
    ///
    /// # Errors
    /// No scores, one that is not finite, or groups of another number.
    #[tracing::instrument(level = "debug", skip_all, fields(n_scores = scores.len()))]
    pub fn fit<G: Ord>(scores: &[f64], groups: &[G], form: Form) -> Result<Self> {
        check_scores("calibration scores", scores)?;
        let groups = members("groups of the scores", scores.len(), groups)?;
        let of_group = |(group, rows): (usize, &Vec<usize>)| -> Vec<(f64, f32)> {
            match form {
                Form::Weighted => rows.iter().map(|&row| (scores[row], rows.len() as f32)).collect(),
                Form::OneAGroup(seed) => {
                    let drawn = generator(seed, Use::Conformal, group).random_range(0..rows.len());
                    vec![(scores[rows[drawn]], 1.0)]
                }
                Form::Largest => {
                    vec![(rows.iter().map(|&row| scores[row]).fold(f64::NEG_INFINITY, f64::max), 1.0)]
                }
            }
        };
        let mut kept: Vec<(f64, f32)> = groups.iter().enumerate().flat_map(of_group).collect();
        kept.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Rounded up, so that f32 scores never make a p-value smaller.
        let (scores, n_sharing) = kept.into_iter().map(|(score, n)| (rounded_up(score), n)).unzip();
        Ok(Self::new(form, groups.len(), scores, n_sharing))
    }

    /// Scores in rising order, and for each the number of clips that share the weight of its group.
    pub(crate) fn of_sorted(form: Form, n_groups: usize, scores: &[f64], n_sharing: Vec<f32>) -> Self {
        Self::new(form, n_groups, scores.iter().map(|score| rounded_up(*score)).collect(), n_sharing)
    }

    fn new(form: Form, n_groups: usize, scores: Vec<f32>, n_sharing: Vec<f32>) -> Self {
        let mut sum = 0.0;
        let mut at_least: Vec<f64> = n_sharing.iter().rev().map(|&n| (sum += 1.0 / f64::from(n), sum).1).collect();
        at_least.reverse();
        Self { form, n_groups, scores, at_least, n_sharing }
    }

    /// Scores in rising order, and for each the number of clips that share the weight of its group.
    pub(crate) fn sorted(&self) -> impl Iterator<Item = (f64, f64)> {
        self.scores.iter().zip(&self.n_sharing).map(|(&score, &n)| (f64::from(score), f64::from(n)))
    }

    /// The score that half of the weight of all groups reaches.
    pub(crate) fn median(&self) -> f64 {
        let half = self.n_groups as f64 / 2.0;
        let n = self.at_least.partition_point(|&at_least| at_least >= half);
        f64::from(self.scores[n.saturating_sub(1).min(self.scores.len() - 1)])
    }

    /// The p-value of a score: small for an unknown sound.
    pub fn p_value(&self, score: f64) -> f64 {
        let first = self.scores.partition_point(|&known| f64::from(known) < score);
        let above = self.at_least.get(first).copied().unwrap_or(0.0);
        ((1.0 + above) / (self.n_groups + 1) as f64).min(1.0)
    }

    /// Number of calibration groups, G.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// The smallest possible p-value, and so the smallest alpha at which a clip can be rejected: 1 / (G + 1).
    pub fn smallest_alpha(&self) -> f64 {
        1.0 / (self.n_groups + 1) as f64
    }

    /// Checks that a clip can be rejected at `alpha`.
    ///
    /// # Errors
    /// An alpha outside 0 to 1, or below [`smallest_alpha`](Self::smallest_alpha), with the number of groups that it needs.
    pub fn check_alpha(&self, alpha: f64) -> Result<()> {
        check(alpha > 0.0 && alpha < 1.0, "alpha", "above 0 and below 1", alpha)?;
        if alpha >= self.smallest_alpha() {
            return Ok(());
        }
        let expected = (1.0 / alpha).ceil() as usize - 1;
        Err(Error::TooFew { what: "calibration groups for this alpha", expected, got: self.n_groups })
    }

    /// `scores` `[N]`, `n_sharing` `[N]`, `n_groups` `[1]`.
    pub fn to_tensors(&self) -> Stored {
        let n = [self.scores.len()];
        Stored::new(&ConformalSettings { form: self.form })
            .with("scores", &n, self.scores.clone())
            .with("n_sharing", &n, self.n_sharing.clone())
            .with("n_groups", &[1], vec![self.n_groups as f32])
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let ConformalSettings { form } = stored.settings()?;
        let scores = stored.values("scores", &[None])?;
        let n_sharing = stored.values("n_sharing", &[Some(scores.len())])?;
        let n_groups = stored.values("n_groups", &[Some(1)])?[0];
        let total: f64 = n_sharing.iter().map(|&n| 1.0 / f64::from(n)).sum();
        let fine = n_sharing.iter().all(|&n| n >= 1.0) && (total - f64::from(n_groups)).abs() < 1e-6 * total;
        if scores.is_empty() || !scores.is_sorted() || !fine {
            let (expected, got) =
                ("sorted scores with weight 1 for each group", format!("weight {total} of {n_groups}"));
            return Err(Error::Stored { part: "scores".into(), expected: expected.into(), got });
        }
        Ok(Self::new(form, n_groups as usize, scores, n_sharing))
    }
}

/// Rates of false rejections over random splits of the known groups: in each split one half calibrates and the other half
/// is new. A rate is the mean over the new groups of the share of their clips with `p <= alpha`. [`Form::Weighted`]
/// guarantees that its mean over all random splits is at most alpha.
///
/// Returns the rates of each random split for each alpha, `[alphas][random_splits]`.
///
/// # Errors
/// As for [`Conformal::fit`], or fewer than two groups.
#[tracing::instrument(level = "debug", skip_all, fields(n_random_splits))]
pub fn false_rejection_rates<G: Ord>(
    scores: &[f64],
    groups: &[G],
    alphas: &[f64],
    n_random_splits: usize,
    seed: u64,
) -> Result<Vec<Vec<f64>>> {
    check_scores("scores of knowns", scores)?;
    let groups = members("groups of the scores", scores.len(), groups)?;
    crate::error::at_least("groups", 2, groups.len())?;
    let mut rates = vec![Vec::with_capacity(n_random_splits); alphas.len()];
    for split in 0..n_random_splits {
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.shuffle(&mut generator(seed, Use::RandomSplits, split));
        let (calibration, new) = order.split_at(groups.len() / 2);
        let of = |chosen: &[usize]| -> (Vec<f64>, Vec<usize>) {
            chosen.iter().flat_map(|&group| groups[group].iter().map(move |&row| (scores[row], group))).unzip()
        };
        let (known, known_groups) = of(calibration);
        let conformal = Conformal::fit(&known, &known_groups, Form::Weighted)?;
        for (rates, &alpha) in rates.iter_mut().zip(alphas) {
            let share = |&group: &usize| {
                let rows = &groups[group];
                let n_rejected = rows.iter().filter(|&&row| conformal.p_value(scores[row]) <= alpha).count();
                n_rejected as f64 / rows.len() as f64
            };
            rates.push(new.iter().map(share).sum::<f64>() / new.len() as f64);
        }
    }
    Ok(rates)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConformalSettings {
    form: Form,
}

/// The smallest f32 that is at least `score`.
fn rounded_up(score: f64) -> f32 {
    let nearest = score as f32;
    if f64::from(nearest) < score { nearest.next_up() } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_p_values() {
        let scores = [1.0, 2.0, 3.0, 4.0];
        let groups = ["a", "a", "b", "c"];
        let p = |form, score| Conformal::fit(&scores, &groups, form).unwrap().p_value(score);
        assert_eq!(p(Form::Weighted, 5.0), 0.25);
        assert_eq!(p(Form::Weighted, 4.0), 0.5);
        assert_eq!(p(Form::Weighted, 2.0), 3.5 / 4.0);
        assert_eq!(p(Form::Largest, 1.5), 1.0);
        assert_eq!(p(Form::Largest, 2.5), 0.75);
        assert_eq!(p(Form::OneAGroup(3), 2.5), 0.75);
        let conformal = Conformal::fit(&scores, &groups, Form::Weighted).unwrap();
        assert_eq!(conformal.smallest_alpha(), 0.25);
        let error = conformal.check_alpha(0.05).unwrap_err().to_string();
        assert_eq!(error, "calibration groups for this alpha: expected at least 19, got 3");
        assert_eq!(Conformal::from_tensors(&conformal.to_tensors()).unwrap(), conformal);
    }

    #[test]
    fn random_splits_keep_the_guarantee_in_the_mean() {
        let groups: Vec<usize> = (0..240).map(|row| row / 4).collect();
        let scores: Vec<f64> =
            groups.iter().enumerate().map(|(row, group)| ((group * 37 % 60) as f64) + 0.1 * (row % 4) as f64).collect();
        let rates = false_rejection_rates(&scores, &groups, &[0.05, 0.1], 200, 0).unwrap();
        for (rates, alpha) in rates.iter().zip([0.05, 0.1]) {
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            assert!(rates.len() == 200 && mean <= alpha + 0.005 && mean > 0.4 * alpha, "{alpha}: {mean}");
        }
        assert!(false_rejection_rates(&scores[..4], &groups[..4], &[0.1], 1, 0).is_err());
    }
}
