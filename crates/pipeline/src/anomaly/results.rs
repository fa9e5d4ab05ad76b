//! `anomaly.json`.

use crate::error::Result;
use anomaly::conformal::false_rejection_rates;
use anomaly::metrics::{Figures, Intervals};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Rates of false rejections that random splits are tried at.
const ALPHAS: [f64; 2] = [0.05, 0.1];
/// Random splits of the known groups.
const N_RANDOM_SPLITS: usize = 200;

/// `anomaly.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct BenchFile {
    /// `anomaly/1`.
    pub schema: String,
    /// Which model was measured.
    pub model_sha256: String,
    /// Its classes, in order.
    pub classes: Vec<String>,
    /// What each set is made of.
    pub sets: BTreeMap<String, SetInfo>,
    /// The method that is recommended, chosen on validation unknown sounds alone.
    pub chosen: Option<Chosen>,
    /// How often known sounds were called neither by the recommended method when known groups were parted at random.
    #[serde(alias = "partings")]
    pub random_splits: Option<RandomSplits>,
    /// By method, then by set.
    pub methods: BTreeMap<String, BTreeMap<String, Measured>>,
    /// What each method is, in words.
    pub descriptions: BTreeMap<String, String>,
    /// Ways that rank exactly as another does with this number of classes: no results of their own.
    pub ranks_like: BTreeMap<String, String>,
    /// Ways that learned from the unknown sounds of the choice: their figures there say nothing.
    #[serde(alias = "learned_from_strangers")]
    pub learned_from_unknowns: Vec<String>,
    /// Of the backbone's own sounds (by number) those that speak for each class, with weights, where there is a backbone.
    pub fired: BTreeMap<String, Vec<(usize, f32)>>,
}

/// What a set is made of.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetInfo {
    /// Clips of unknown sounds.
    #[serde(alias = "strangers")]
    pub unknowns: usize,
    /// Groups that they belong to.
    #[serde(alias = "stranger_groups")]
    pub unknown_groups: usize,
    /// The split of known sounds beside them.
    pub known_split: String,
    /// Clips of known sounds.
    pub knowns: usize,
    /// Groups that they belong to.
    pub known_groups: usize,
    /// Whether a method was chosen on it.
    pub chosen_on: bool,
}

/// The recommended method's false rejections when all known groups that had no part in fitting are parted at random: half
/// calibrate, the others are new.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RandomSplits {
    /// How many random splits were drawn.
    #[serde(alias = "partings")]
    pub random_splits: usize,
    /// Groups of known sounds.
    pub groups: usize,
    /// By alpha.
    pub rates: Vec<SplitRate>,
}

impl RandomSplits {
    /// What the scores of known clips give, none of which the detector was fitted on; `groups` has the group of each.
    pub(crate) fn of<G: Ord>(scores: &[f64], groups: &[G], seed: u64) -> Result<Self> {
        let rates = false_rejection_rates(scores, groups, &ALPHAS, N_RANDOM_SPLITS, seed)?;
        let rate = |(rates, alpha): (&Vec<f64>, f64)| {
            let n = rates.len() as f64;
            let mean = rates.iter().sum::<f64>() / n;
            let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
            SplitRate { alpha, mean, standard_error: (variance / n).sqrt() }
        };
        Ok(Self {
            random_splits: N_RANDOM_SPLITS,
            groups: groups.iter().collect::<BTreeSet<_>>().len(),
            rates: rates.iter().zip(ALPHAS).map(rate).collect(),
        })
    }
}

/// False rejections at one alpha.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitRate {
    /// What is promised: the mean is at most this.
    pub alpha: f64,
    /// Mean false-rejection rate over the random splits.
    pub mean: f64,
    /// Of the mean, from the spread over random splits, which share their groups: a lower bound.
    pub standard_error: f64,
}

/// The recommendation.
#[derive(Debug, Serialize, Deserialize)]
pub struct Chosen {
    /// The recommended method.
    pub method: String,
    /// The set that it was chosen on.
    pub on: String,
    /// Its AUROC there.
    pub auroc: f64,
    /// The method with the largest AUROC there; where it is another, the difference is not significant and the chosen one has
    /// learned fewer numbers.
    pub best: String,
    /// Its AUROC there.
    pub best_auroc: f64,
}

impl BenchFile {
    /// Whether a set is one kind of noise by itself.
    pub fn is_one_noise(set: &str) -> bool {
        let name = set.split(" vs ").next().unwrap_or("");
        synth::TestSound::ALL.iter().any(|kind| kind.name() == name)
    }
}

impl Chosen {
    /// Why it was chosen.
    pub fn why(&self) -> String {
        let Self { method, on, auroc, best, best_auroc } = self;
        if method == best {
            return format!("the best on {on} (AUROC {auroc:.3})");
        }
        format!(
            "AUROC {auroc:.3} on {on}, not significantly below the best there ({best}, {best_auroc:.3}), and the simplest of those"
        )
    }
}

/// One method on one set.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measured {
    /// AUROC, AUPR and FPR95.
    #[serde(flatten)]
    pub figures: Figures,
    /// Intervals of the figures, 95 %, by bootstrap over groups.
    pub intervals: Intervals,
    /// What calling `neither` at alpha does here.
    pub at_alpha: AtAlpha,
    /// The same with the baseline's threshold of 0.8, for `max_softmax`.
    #[serde(alias = "at_talks_threshold", skip_serializing_if = "Option::is_none")]
    pub at_baseline_threshold: Option<Rates>,
}

/// What calling `neither` at alpha does.
#[derive(Debug, Serialize, Deserialize)]
pub struct AtAlpha {
    /// The maximum false-rejection rate.
    pub alpha: f64,
    /// Detected and falsely rejected.
    #[serde(flatten)]
    pub rates: Rates,
}

/// Shares of clips that are called neither.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Rates {
    /// Share of the knowns that are called neither.
    #[serde(alias = "false_alarms")]
    pub false_rejections: f64,
    /// Share of the unknown sounds that are.
    #[serde(alias = "caught")]
    pub detected: f64,
}
