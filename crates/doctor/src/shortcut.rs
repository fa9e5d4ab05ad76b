//! Shortcuts: what tells the classes apart without any of them being heard, and what a split gives away.
//!
//! Geirhos et al. (2020), "Shortcut Learning in Deep Neural Networks": a model takes whatever parts the classes. Where a
//! nuisance alone does, a figure says nothing about what was asked.

use crate::cross_validation::{CrossValidation, out_of_fold};
use crate::error::Result;
use crate::figure::{Figure, balanced_accuracy, difference};
use crate::forest::ForestConfig;
use crate::nuisance::Nuisance;
use crate::table::Table;
use crate::truth::Truth;
use serde::{Deserialize, Serialize};

/// How far from guessing to always right the low end of the interval must be for a shortcut: several nuisances are
/// looked at, and one of twenty intervals lies beside the truth.
pub const CLEARLY_ABOVE: f64 = 0.1;

/// What one nuisance alone tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shortcut {
    /// As [`Nuisance::name`].
    pub nuisance: String,
    /// Whether a model can see it.
    pub audible: bool,
    /// The mean over the classes of the share of clips whose class the nuisance alone tells.
    pub balanced_accuracy: Figure,
    /// What guessing reaches.
    pub chance: f64,
    /// Whether the low end of the interval is clearly above that.
    pub is_shortcut: bool,
    /// What the clips of each class have, where that can be said: `bird: 44100 Hz; dog: 8000 Hz`.
    pub typical: String,
    /// In words.
    pub sentence: String,
}

/// Measures how well one nuisance alone tells the classes apart, in clips of groups that the classifier has not seen.
///
/// # Errors
/// As [`out_of_fold`].
pub fn judge(nuisance: &Nuisance, truth: &Truth, config: &CrossValidation) -> Result<Shortcut> {
    let chance = truth.chance();
    let figure = if nuisance.table.is_constant() {
        // Nothing to tell from, and no need to grow a forest to know it.
        Figure { value: chance, low: chance, high: chance, n: truth.n_clips(), n_groups: truth.n_groups }
    } else {
        let called = out_of_fold(&nuisance.table, truth, config)?.called();
        balanced_accuracy(truth, &called, config.n_resamples, config.seed)
    };
    let is_shortcut = figure.low > chance + CLEARLY_ABOVE * (1.0 - chance);
    let typical: Vec<String> =
        truth.classes.iter().zip(&nuisance.typical).map(|(class, typical)| format!("{class}: {typical}")).collect();
    Ok(Shortcut {
        nuisance: nuisance.name.clone(),
        audible: nuisance.audible,
        balanced_accuracy: figure,
        chance,
        is_shortcut,
        typical: typical.join("; "),
        sentence: sentence(nuisance, truth, &figure, is_shortcut),
    })
}

fn sentence(nuisance: &Nuisance, truth: &Truth, figure: &Figure, is_shortcut: bool) -> String {
    let words = capital(&nuisance.words);
    let chance = truth.chance();
    if nuisance.table.is_constant() {
        return format!("{words} is the same in all clips: nothing can be told from it.");
    }
    let told = told(truth);
    let figures = format!(
        "in {:.2} of clips (95 % interval {:.2} to {:.2}, guessing {chance:.2})",
        figure.value, figure.low, figure.high
    );
    match (is_shortcut, nuisance.audible) {
        (true, true) => {
            let what = truth.classes.join(" or ");
            format!("{words} alone {told} {figures}: a model can look good without hearing any {what}.")
        }
        (true, false) => format!(
            "{words} alone {told} {figures}: no model hears it, but the classes come from different sources, which \
             differ in more than the class."
        ),
        (false, _) => format!("{words} alone {told} {figures}: no shortcut that this many groups would show."),
    }
}

/// `tells dog from bird`, or of more than two classes, their number.
fn told(truth: &Truth) -> String {
    match &truth.classes[..] {
        [one, other] => format!("tells {other} from {one}"),
        classes => format!("tells the {} classes apart", classes.len()),
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// How much better a random split makes the same classifier look than one that keeps groups together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Balanced accuracy where every clip is dealt by itself, so that its neighbours of the same recording are learned.
    pub random: Figure,
    /// The same where groups are held out whole.
    pub grouped: Figure,
    /// The first less the second.
    pub difference: Figure,
    /// Whether the low end of that is above zero.
    pub leaks: bool,
    /// In words.
    pub sentence: String,
}

/// Measures the leak with a simple classifier of the content of clips (statistics of their spectrograms, or a model's
/// embeddings).
///
/// # Errors
/// As [`out_of_fold`].
pub fn leak(content: &Table, truth: &Truth, config: &CrossValidation) -> Result<Leak> {
    // Leaves of one clip: to recognise a recording is what a leak rewards, and a network can.
    let config = &CrossValidation { forest: ForestConfig { min_leaf: 1, ..config.forest }, ..*config };
    let called = |truth: &Truth| Ok::<_, crate::Error>(out_of_fold(content, truth, config)?.called());
    let (apart, together) = (called(&truth.ungrouped())?, called(truth)?);
    // Intervals over groups either way: that clips are dealt by themselves does not make them independent.
    let figure = |called: &[usize]| balanced_accuracy(truth, called, config.n_resamples, config.seed);
    let (random, grouped) = (figure(&apart), figure(&together));
    let difference = difference(truth, &apart, &together, config.n_resamples, config.seed);
    let leaks = difference.low > 0.0;
    let verdict = if truth.n_groups == truth.n_clips() {
        "every clip is a group of its own, so the two are the same; name the recording or session of each clip in \
         the column `group` if there are any"
    } else if leaks {
        "a random split would report the difference as skill: split by group"
    } else {
        "no difference that this many groups would show; split by group all the same"
    };
    let sentence = format!(
        "A simple classifier is right in {:.3} of clips on a random split and in {:.3} on a split by group, a difference \
         of {:+.3} (95 % interval {:+.3} to {:+.3}): {verdict}.",
        random.value, grouped.value, difference.value, difference.low, difference.high
    );
    Ok(Leak { random, grouped, difference, leaks, sentence })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stats::seed::nth;

    fn quick() -> CrossValidation {
        let forest = ForestConfig { n_trees: 40, ..ForestConfig::default() };
        CrossValidation { forest, n_resamples: 300, ..CrossValidation::default() }
    }

    /// 2 classes, 20 groups each, 3 clips a group.
    fn truth() -> Truth {
        let labels: Vec<&str> = (0..120).map(|i| if i < 60 { "bird" } else { "dog" }).collect();
        let groups: Vec<String> = (0..120).map(|i| (i / 3).to_string()).collect();
        Truth::new(&labels, &groups.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_nuisance_that_tells_is_named_in_words() {
        let truth = truth();
        // One group of eight has what the other class has.
        let rates: Vec<f64> =
            (0..120).map(|i| if (i < 60) == ((i / 3) % 8 != 0) { 44_100.0 } else { 8000.0 }).collect();
        let nuisance = Nuisance::number("sample_rate", "the sample rate", "Hz", &rates, &truth).unwrap();
        let found = judge(&nuisance, &truth, &quick()).unwrap();
        assert!(found.is_shortcut && (found.balanced_accuracy.value - 0.86).abs() < 0.03, "{found:?}");
        assert!(found.sentence.starts_with("The sample rate alone tells dog from bird in 0.8"), "{}", found.sentence);
        assert_eq!(found.typical, "bird: 44100 Hz; dog: 8000 Hz");
    }

    #[test]
    fn a_nuisance_that_tells_nothing_is_none() {
        let truth = truth();
        let level: Vec<f64> = (0..120).map(|i| (nth(1, i) % 100) as f64).collect();
        let found = judge(&Nuisance::number("level", "the level", "dB", &level, &truth).unwrap(), &truth, &quick());
        assert!(!found.unwrap().is_shortcut);
        let same = judge(&Nuisance::names("codec", "the codec", &["flac"; 120], &truth).unwrap(), &truth, &quick());
        let same = same.unwrap();
        assert!(!same.is_shortcut && same.sentence.contains("is the same in all clips"), "{}", same.sentence);
    }

    #[test]
    fn a_group_that_is_recognised_is_a_leak() {
        let truth = truth();
        let place = Table::new((0..120).map(|i| (nth(9, i / 3) % 1000) as f32).collect(), 1).unwrap();
        let found = leak(&place, &truth, &quick()).unwrap();
        assert!(found.leaks && found.random.value > 0.9 && found.grouped.value < 0.7, "{found:?}");
        let class = Table::new((0..120).map(|i| if i < 60 { 0.0 } else { 1.0 }).collect(), 1).unwrap();
        assert!(!leak(&class, &truth, &quick()).unwrap().leaks);
    }
}
