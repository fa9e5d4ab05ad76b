//! Shortcuts: nuisance variables that predict the class, and the leak of a random split.
//!
//! Geirhos et al. (2020), "Shortcut Learning in Deep Neural Networks": a model uses whatever separates the classes. Where a
//! nuisance variable alone does, a high score is no evidence that the model recognizes the sounds.

use crate::cross_validation::{CrossValidation, out_of_fold};
use crate::error::Result;
use crate::figure::{Figure, balanced_accuracy, difference};
use crate::forest::ForestConfig;
use crate::nuisance::Nuisance;
use crate::table::Table;
use crate::truth::Truth;
use serde::{Deserialize, Serialize};

/// The low end of a shortcut's interval must be at least this far from chance (0) towards always right (1). The margin is
/// there because several nuisance variables are tested, and one 95 % interval of twenty misses the true value.
pub const CLEARLY_ABOVE: f64 = 0.1;

/// How well one nuisance variable predicts the class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shortcut {
    /// As [`Nuisance::name`].
    pub nuisance: String,
    /// As [`Nuisance::audible`].
    pub audible: bool,
    /// Balanced accuracy of predicting the class from the nuisance variable alone.
    pub balanced_accuracy: Figure,
    /// Balanced accuracy of guessing.
    pub chance: f64,
    /// Whether the low end of the interval is clearly above chance.
    pub is_shortcut: bool,
    /// Typical values of each class, where known: `bird: 44100 Hz; dog: 8000 Hz`.
    pub typical: String,
    /// In words.
    pub sentence: String,
}

/// Measures how well one nuisance variable alone predicts the class, in grouped cross-validation.
///
/// # Errors
/// As [`out_of_fold`].
#[tracing::instrument(level = "debug", skip_all, fields(nuisance = nuisance.name))]
pub fn judge(nuisance: &Nuisance, truth: &Truth, config: &CrossValidation) -> Result<Shortcut> {
    let chance = truth.chance();
    let figure = if nuisance.table.is_constant() {
        // A constant predicts nothing; no forest is needed.
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
        return format!("{words} is the same in all clips: it predicts nothing.");
    }
    let separates = separates(truth);
    let figures = format!(
        "with a balanced accuracy of {:.2} (95 % interval {:.2} to {:.2}, chance {chance:.2})",
        figure.value, figure.low, figure.high
    );
    match (is_shortcut, nuisance.audible) {
        (true, true) => {
            let what = truth.classes.join(" or ");
            format!("{words} alone {separates} {figures}: a model can score well without recognizing any {what}.")
        }
        (true, false) => format!(
            "{words} alone {separates} {figures}: it is not in the audio, but it shows that the classes come from \
             different sources, which differ in more than the class."
        ),
        (false, _) => format!("{words} alone {separates} {figures}: no shortcut was found with this number of groups."),
    }
}

/// `separates dog from bird`, or with more than two classes, their number.
fn separates(truth: &Truth) -> String {
    match &truth.classes[..] {
        [one, other] => format!("separates {other} from {one}"),
        classes => format!("separates the {} classes", classes.len()),
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// How much higher the same classifier scores on a random split than on a split by group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Balanced accuracy on a random split of the clips, where other clips of the same recording are in training.
    pub random: Figure,
    /// Balanced accuracy on a split by group.
    pub grouped: Figure,
    /// The first minus the second.
    pub difference: Figure,
    /// Whether the low end of the difference is above 0.
    pub leaks: bool,
    /// In words.
    pub sentence: String,
}

/// Measures the leak with a simple classifier of the content of clips (statistics of their spectrograms, or a model's
/// embeddings).
///
/// # Errors
/// As [`out_of_fold`].
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = truth.n_clips()))]
pub fn leak(content: &Table, truth: &Truth, config: &CrossValidation) -> Result<Leak> {
    // Leaves of one clip, so that the forest can recognize a recording, as a network can.
    let config = &CrossValidation { forest: ForestConfig { min_leaf: 1, ..config.forest }, ..*config };
    let called = |truth: &Truth| Ok::<_, crate::Error>(out_of_fold(content, truth, config)?.called());
    let (apart, together) = (called(&truth.ungrouped())?, called(truth)?);
    // Both intervals are over groups: a random split does not make the clips independent.
    let figure = |called: &[usize]| balanced_accuracy(truth, called, config.n_resamples, config.seed);
    let (random, grouped) = (figure(&apart), figure(&together));
    let difference = difference(truth, &apart, &together, config.n_resamples, config.seed);
    let leaks = difference.low > 0.0;
    let verdict = if truth.n_groups == truth.n_clips() {
        "every clip is a group of its own, so both are the same; put the recording or session of each clip into the \
         column `group` if there are any"
    } else if leaks {
        "a random split overestimates the accuracy: split by group"
    } else {
        "no difference was found with this number of groups; split by group nevertheless"
    };
    let sentence = format!(
        "A simple classifier has a balanced accuracy of {:.3} on a random split and of {:.3} on a split by group, a \
         difference of {:+.3} (95 % interval {:+.3} to {:+.3}): {verdict}.",
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
    fn a_nuisance_that_predicts_the_class_is_a_shortcut() {
        let truth = truth();
        // One group of eight has what the other class has.
        let rates: Vec<f64> =
            (0..120).map(|i| if (i < 60) == ((i / 3) % 8 != 0) { 44_100.0 } else { 8000.0 }).collect();
        let nuisance = Nuisance::number("sample_rate", "the sample rate", "Hz", &rates, &truth).unwrap();
        let found = judge(&nuisance, &truth, &quick()).unwrap();
        assert!(found.is_shortcut && (found.balanced_accuracy.value - 0.86).abs() < 0.03, "{found:?}");
        assert!(
            found.sentence.starts_with("The sample rate alone separates dog from bird with a balanced accuracy of 0.8"),
            "{}",
            found.sentence
        );
        assert_eq!(found.typical, "bird: 44100 Hz; dog: 8000 Hz");
    }

    #[test]
    fn a_nuisance_that_predicts_nothing_is_no_shortcut() {
        let truth = truth();
        let level: Vec<f64> = (0..120).map(|i| (nth(1, i) % 100) as f64).collect();
        let found = judge(&Nuisance::number("level", "the level", "dB", &level, &truth).unwrap(), &truth, &quick());
        assert!(!found.unwrap().is_shortcut);
        let same = judge(&Nuisance::names("codec", "the codec", &["flac"; 120], &truth).unwrap(), &truth, &quick());
        let same = same.unwrap();
        assert!(!same.is_shortcut && same.sentence.contains("is the same in all clips"), "{}", same.sentence);
    }

    #[test]
    fn a_group_that_is_recognized_is_a_leak() {
        let truth = truth();
        let place = Table::new((0..120).map(|i| (nth(9, i / 3) % 1000) as f32).collect(), 1).unwrap();
        let found = leak(&place, &truth, &quick()).unwrap();
        assert!(found.leaks && found.random.value > 0.9 && found.grouped.value < 0.7, "{found:?}");
        let class = Table::new((0..120).map(|i| if i < 60 { 0.0 } else { 1.0 }).collect(), 1).unwrap();
        assert!(!leak(&class, &truth, &quick()).unwrap().leaks);
    }
}
