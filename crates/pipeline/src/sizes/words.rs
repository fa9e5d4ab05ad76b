//! The answers in words.

use super::curve::{Curve, Estimate, Fit};
use super::outcome::{Outcome, counted};
use super::versus::{AtSize, Spread};

/// With fewer groups than this, a small difference cannot be seen.
const FEW_GROUPS: usize = 30;
/// A gain below this is none.
const NONE: f64 = 0.0005;
/// With fewer seeds than this, the spread of trainings is hardly known.
const FEW_SEEDS: usize = 5;

/// What a person can quote.
pub(super) fn sentences(outcome: &Outcome) -> Vec<String> {
    let mut sentences: Vec<String> =
        outcome.at_sizes.iter().filter(|at| !at.others.is_empty()).map(|at| which(outcome, at)).collect();
    sentences.extend(outcome.curves.iter().filter_map(more));
    sentences.extend(outcome.spread.iter().map(clips_or_groups));
    for set in outcome.sets.iter().filter(|set| set.n_groups < FEW_GROUPS) {
        sentences.push(format!(
            "{}: {} groups are few: that models cannot be distinguished here says little about other recordings.",
            set.name, set.n_groups
        ));
    }
    if outcome.seeds < FEW_SEEDS {
        sentences.push(format!(
            "Few seeds ({}): the intervals know little of how trainings differ, and are rather too narrow.",
            outcome.seeds
        ));
    }
    sentences
}

/// Which model at a size.
fn which(outcome: &Outcome, at: &AtSize) -> String {
    let size = counted(outcome.by, &at.size_requested, at.n_clips);
    let mut text =
        format!("{size}, {}: {} has the highest balanced accuracy ({:.3})", at.set, at.best, at.balanced_accuracy);
    for of in &at.others {
        let Estimate { value, interval: [low, high] } = of.below_best;
        text += &match of.is_level {
            true => format!("; {} cannot be distinguished from it ({value:.3} below, {low:.3} to {high:.3})", of.model),
            false => format!("; {} is below by {value:.3} ({low:.3} to {high:.3})", of.model),
        };
    }
    text + "."
}

/// Would more clips help, and how many for one point.
fn more(curve: &Curve) -> Option<String> {
    let Curve { model, set, .. } = curve;
    let Some(fit) = &curve.fit else {
        return curve.no_fit.as_ref().map(|why| format!("{model}, {set}: no power law: {why}."));
    };
    let Fit { n_now, at_twice, gain, for_one_point, .. } = fit;
    let [low, high] = at_twice.interval;
    let twice = format!(
        "{model}, {set}: with twice as many clips ({:.0}) the error would be {:.3} ({low:.3} to {high:.3}), {:.3} lower than now \
         ({:.3} to {:.3})",
        2.0 * n_now,
        at_twice.value,
        gain.value,
        gain.interval[0],
        gain.interval[1]
    );
    let help = if gain.interval[0] < NONE {
        "whether more clips of this kind would help cannot be said"
    } else {
        "more clips of this kind would help"
    };
    Some(format!("{twice}: {help}. {}", one_point(*n_now, for_one_point)))
}

fn one_point(now: f64, needed: &Estimate) -> String {
    let more = |n: f64| if n.is_finite() && n < 1000.0 * now { format!("{:.0}", n - now) } else { "never".to_owned() };
    let [low, high] = needed.interval.map(more);
    match more(needed.value).as_str() {
        "never" => format!("By its curve no number of clips takes away one point (interval: {low} to {high} more)."),
        value => format!("One point (0.01) takes {value} more ({low} to {high})."),
    }
}

/// More clips of the same groups, or more groups.
fn clips_or_groups(of: &Spread) -> String {
    let Spread { model, set, better: Estimate { value, interval: [low, high] }, n_sizes, .. } = of;
    let figures = format!("{value:+.3} ({low:+.3} to {high:+.3}), mean over {n_sizes} sizes");
    let answer = if *low > 0.0 {
        "more groups help more than more clips of the same groups"
    } else if *high < 0.0 {
        "more clips of the same groups help more than more groups"
    } else {
        "more groups and more clips of the same groups cannot be distinguished"
    };
    format!(
        "{model}, {set}: with equally many clips, few of each of many groups against all of few groups: {figures}: {answer}."
    )
}
