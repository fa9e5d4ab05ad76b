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
    /// The way that is recommended, chosen on validation strangers alone.
    pub(super) chosen: Option<Chosen>,
    /// How often known sounds were called neither by the recommended way when known groups were parted at random.
    pub(super) partings: Option<Partings>,
    /// By way, then by set.
    pub(super) methods: BTreeMap<String, BTreeMap<String, Measured>>,
    /// What each way is, in words.
    pub(super) descriptions: BTreeMap<String, String>,
    /// Ways that rank exactly as another does with this number of classes: no results of their own.
    pub(super) ranks_like: BTreeMap<String, String>,
    /// Ways that learned from the strangers of the choice: their figures there say nothing.
    pub(super) learned_from_strangers: Vec<String>,
    /// Of the trunk's own sounds (by number) those that speak for each class, with weights, where there is a trunk.
    pub(super) fired: BTreeMap<String, Vec<(usize, f32)>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SetInfo {
    pub(super) strangers: usize,
    pub(super) stranger_groups: usize,
    pub(super) known_split: String,
    pub(super) knowns: usize,
    pub(super) known_groups: usize,
    /// Whether a way was chosen on it.
    pub(super) chosen_on: bool,
}

/// The recommended way's false alarms when all known groups that had no part in fitting are parted at random: half
/// calibrate, the others are new.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Partings {
    pub(super) partings: usize,
    pub(super) groups: usize,
    pub(super) rates: Vec<PartedRate>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartedRate {
    /// What is promised: the mean is at most this.
    pub(super) alpha: f64,
    pub(super) mean: f64,
    /// Of the mean, from the spread over partings, which share their groups: a lower bound.
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
    /// The same with the talk's threshold, for the way that it was one of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_talks_threshold: Option<Rates>,
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
    pub(super) false_alarms: f64,
    /// Share of the strangers that are.
    pub(super) caught: f64,
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
    if !result.learned_from_strangers.is_empty() {
        let names = result.learned_from_strangers.join(", ");
        lines.push(format!("learned from the strangers of the choice, and not to be chosen: {names}"));
    }
    match &result.chosen {
        None => lines.push("nothing is recommended: there are no strangers to choose on (--choose-on)".into()),
        Some(chosen) => {
            lines.push(format!("recommended: {}: {}", chosen.method, chosen.why()));
            for (set, measured) in &result.methods[&chosen.method] {
                if result.sets[set].chosen_on || !is_shown(&set) {
                    continue;
                }
                let (info, [low, high]) = (&result.sets[set], measured.intervals.auroc);
                let rates = measured.at_alpha.rates;
                lines.push(format!(
                    "  {set}: AUROC {:.3} [{low:.3}, {high:.3}]; at alpha {} {:.0} % caught, {:.0} % false alarms ({} strangers of \
                     {} groups, {} knowns of {})",
                    measured.figures.auroc,
                    measured.at_alpha.alpha,
                    100.0 * rates.caught,
                    100.0 * rates.false_alarms,
                    info.strangers,
                    info.stranger_groups,
                    info.knowns,
                    info.known_groups
                ));
            }
        }
    }
    for rate in result.partings.iter().flat_map(|partings| &partings.rates) {
        lines.push(format!("known groups parted at random: at alpha {} {:.3} false alarms", rate.alpha, rate.mean));
    }
    lines.join("\n")
}
