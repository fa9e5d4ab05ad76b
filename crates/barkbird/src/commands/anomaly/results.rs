//! `anomaly.json`, and what it says in words.

use crate::outlier::fitted::Fitted;
use crate::ui::table;
use anomaly::metrics::{Figures, Intervals};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `anomaly.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BenchFile {
    pub(super) schema: String,
    pub(super) model_sha256: String,
    pub(super) classes: Vec<String>,
    /// What each set is made of.
    pub(super) sets: BTreeMap<String, SetInfo>,
    /// The way that is recommended, chosen on validation unknown sounds alone.
    pub(super) chosen: Option<Chosen>,
    /// How often known sounds were called neither by the recommended way when known groups were parted at random.
    #[serde(alias = "partings")]
    pub(super) random_splits: Option<RandomSplits>,
    /// By way, then by set.
    pub(super) methods: BTreeMap<String, BTreeMap<String, Measured>>,
    /// What each way is, in words.
    pub(super) descriptions: BTreeMap<String, String>,
    /// Ways that rank exactly as another does with this number of classes: no results of their own.
    pub(super) ranks_like: BTreeMap<String, String>,
    /// Ways that learned from the unknown sounds of the choice: their figures there say nothing.
    #[serde(alias = "learned_from_strangers")]
    pub(super) learned_from_unknowns: Vec<String>,
    /// Of the backbone's own sounds (by number) those that speak for each class, with weights, where there is a backbone.
    pub(super) fired: BTreeMap<String, Vec<(usize, f32)>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetInfo {
    #[serde(alias = "strangers")]
    pub(super) unknowns: usize,
    #[serde(alias = "stranger_groups")]
    pub(super) unknown_groups: usize,
    pub(super) known_split: String,
    pub(super) knowns: usize,
    pub(super) known_groups: usize,
    /// Whether a way was chosen on it.
    pub(super) chosen_on: bool,
}

/// The recommended way's false rejections when all known groups that had no part in fitting are parted at random: half
/// calibrate, the others are new.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RandomSplits {
    #[serde(alias = "partings")]
    pub(super) random_splits: usize,
    pub(super) groups: usize,
    pub(super) rates: Vec<SplitRate>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SplitRate {
    /// What is promised: the mean is at most this.
    pub(super) alpha: f64,
    pub(super) mean: f64,
    /// Of the mean, from the spread over random splits, which share their groups: a lower bound.
    pub(super) standard_error: f64,
}

/// The recommendation.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Chosen {
    pub(super) method: String,
    /// The set that it was chosen on.
    pub(super) on: String,
    /// Its AUROC there.
    pub(super) auroc: f64,
    /// The way with the largest AUROC there; where it is another, the two cannot be told apart and the chosen one has
    /// learned fewer numbers.
    pub(super) best: String,
    pub(super) best_auroc: f64,
}

impl Chosen {
    /// Why it was chosen.
    pub(super) fn why(&self) -> String {
        let Self { method, on, auroc, best, best_auroc } = self;
        if method == best {
            return format!("the best on {on} (AUROC {auroc:.3})");
        }
        format!(
            "AUROC {auroc:.3} on {on}, not to be told from the best there ({best}, {best_auroc:.3}), and the simplest of those"
        )
    }
}

/// One way on one set.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Measured {
    #[serde(flatten)]
    pub(super) figures: Figures,
    pub(super) intervals: Intervals,
    /// What calling `neither` at alpha does here.
    pub(super) at_alpha: AtAlpha,
    /// The same with the baseline's threshold of 0.8, for `max_softmax`.
    #[serde(alias = "at_talks_threshold", skip_serializing_if = "Option::is_none")]
    pub(super) at_baseline_threshold: Option<Rates>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AtAlpha {
    pub(super) alpha: f64,
    #[serde(flatten)]
    pub(super) rates: Rates,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Rates {
    /// Share of the knowns that are called neither.
    #[serde(alias = "false_alarms")]
    pub(super) false_rejections: f64,
    /// Share of the unknown sounds that are.
    #[serde(alias = "caught")]
    pub(super) detected: f64,
}

/// AUROC of every way on every set but the single kinds of noise, and the recommendation.
pub(super) fn summary(result: &BenchFile, fitted: &[Fitted]) -> String {
    let kinds: BTreeSet<&str> = synth::TestSound::ALL.iter().map(|kind| kind.name()).collect();
    let is_shown = |name: &&String| !kinds.contains(name.split(" vs ").next().unwrap_or(""));
    let shown: Vec<&String> = result.sets.keys().filter(is_shown).collect();
    let mut header = vec!["AUROC"];
    header.extend(shown.iter().map(|name| name.as_str()));
    let row = |one: &Fitted| {
        let of_way = &result.methods[&one.way.name];
        let cells = shown.iter().map(|set| format!("{:.3}", of_way[*set].figures.auroc));
        std::iter::once(one.way.name.clone()).chain(cells).collect::<Vec<_>>()
    };
    let mut lines = vec![table(&header, &fitted.iter().map(row).collect::<Vec<_>>())];
    lines.extend(result.ranks_like.iter().map(|(name, like)| format!("{name} ranks as {like} does, with two classes")));
    if !result.learned_from_unknowns.is_empty() {
        let names = result.learned_from_unknowns.join(", ");
        lines.push(format!("learned from the unknown sounds of the choice, and not to be chosen: {names}"));
    }
    match &result.chosen {
        None => lines.push("nothing is recommended: there are no unknown sounds to choose on (--choose-on)".into()),
        Some(chosen) => {
            lines.push(format!("recommended: {}: {}", chosen.method, chosen.why()));
            for (set, measured) in &result.methods[&chosen.method] {
                if result.sets[set].chosen_on || !is_shown(&set) {
                    continue;
                }
                let (info, [low, high]) = (&result.sets[set], measured.intervals.auroc);
                let rates = measured.at_alpha.rates;
                lines.push(format!(
                    "  {set}: AUROC {:.3} [{low:.3}, {high:.3}]; at alpha {} {:.0} % detected, {:.0} % false alarms ({} unknowns of \
                     {} groups, {} knowns of {})",
                    measured.figures.auroc,
                    measured.at_alpha.alpha,
                    100.0 * rates.detected,
                    100.0 * rates.false_rejections,
                    info.unknowns,
                    info.unknown_groups,
                    info.knowns,
                    info.known_groups
                ));
            }
        }
    }
    for rate in result.random_splits.iter().flat_map(|random_splits| &random_splits.rates) {
        lines.push(format!("known groups parted at random: at alpha {} {:.3} false rejections", rate.alpha, rate.mean));
    }
    lines.join("\n")
}
