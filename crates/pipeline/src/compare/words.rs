//! The answer in words.

use super::cost::Cost;
use super::{Difference, Outcome};

/// With fewer groups than this, a small difference cannot be seen.
const FEW_GROUPS: usize = 30;

/// What a person can quote.
pub(super) fn sentences(outcome: &Outcome) -> Vec<String> {
    let Outcome { best, n, n_groups, differences, smallest, .. } = outcome;
    let of = |name: &String| outcome.models.iter().find(|model| model.name == *name);
    let mut sentences = Vec::new();
    if let Some(model) = of(best) {
        let [low, high] = model.interval;
        sentences.push(format!(
            "{best} has the highest balanced accuracy: {:.3} (95 % interval {low:.3} to {high:.3}) on {n} recordings of {n_groups} groups.",
            model.balanced_accuracy
        ));
    }
    sentences.extend(differences.iter().map(|difference| sentence(difference, best, "")));
    if let Some(model) = of(smallest) {
        sentences.push(match smallest == best {
            true => format!(
                "{best} is the smallest of the models that cannot be distinguished from the best ({}).",
                cost(&model.cost)
            ),
            false => format!(
                "The smallest model that cannot be distinguished from {best} is {smallest} ({}).",
                cost(&model.cost)
            ),
        });
    }
    let under = &outcome.differences_under_stress;
    // The best one is the one that has no difference to the best.
    let top = outcome.models.iter().find(|model| under.iter().all(|difference| difference.model != model.name));
    if let Some((top, (value, _))) = top.and_then(|top| Some((top, top.under_stress?))) {
        sentences.push(format!("Over all stress tests, {} has the highest mean: {value:.3}.", top.name));
        sentences.extend(under.iter().map(|difference| sentence(difference, &top.name, " over the stress tests")));
    }
    if *n_groups < FEW_GROUPS {
        sentences.push(format!(
            "{n_groups} groups are few: that models cannot be distinguished here says little about other recordings."
        ));
    }
    sentences
}

fn sentence(difference: &Difference, best: &str, over: &str) -> String {
    let Difference { model, below_best, interval: [low, high], is_level } = difference;
    match is_level {
        true => {
            format!(
                "{model} cannot be distinguished from {best}{over}: it is {below_best:.3} below ({low:.3} to {high:.3})."
            )
        }
        false => format!("{model} is below {best}{over}, by {below_best:.3} ({low:.3} to {high:.3})."),
    }
}

/// Size, speed and training in a few words.
pub(super) fn cost(cost: &Cost) -> String {
    let trained = cost.train_minutes.map_or_else(String::new, |minutes| format!(", {minutes:.1} min to train"));
    let size = match cost.bytes {
        0..100_000 => format!("{} kB", cost.bytes.div_ceil(1000)),
        bytes => format!("{:.1} MB", bytes as f64 / 1e6),
    };
    format!("{size}, {:.0} recordings a second{trained}", cost.recordings_per_s)
}
