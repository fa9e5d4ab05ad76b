//! The metrics of an evaluation in plain words: the result, how certain it is, and what it does not show.

use crate::confusion::{counts, worst};
use crate::data::Metrics;
use crate::number::{count, fixed, percent, thousands};

/// With fewer groups than this an interval is rough.
pub(crate) const FEW_GROUPS: u64 = 30;
/// With fewer clips than this one clip changes the recall of a class by more than five points.
pub(crate) const FEW_CLIPS: u64 = 20;
/// A calibration error above this gets a sentence.
pub(crate) const MISCALIBRATED: f64 = 0.1;

/// Sentences about an evaluation, the main metric first.
pub(crate) fn sentences(metrics: &Metrics) -> Vec<String> {
    let mut sentences = vec![headline(metrics)];
    sentences.extend(against_chance(metrics));
    sentences.extend(most_common_error(metrics));
    sentences.extend(limits(metrics));
    if metrics.ece > MISCALIBRATED {
        let off = percent(metrics.ece);
        sentences.push(format!("Its probabilities are off by {off} on average: use them to rank, not as frequencies."));
    }
    if metrics.n_unknowns > 0 {
        let n = count(metrics.n_unknowns, "clip", "clips");
        sentences.push(format!("Not counted in any metric: {n} whose label is not a class of the model."));
    }
    sentences
}

fn clips_and_groups(metrics: &Metrics) -> String {
    let clips = count(metrics.n, "clip", "clips");
    match metrics.n_groups {
        0 => clips,
        n => format!("{clips} in {}", count(n, "group", "groups")),
    }
}

fn headline(metrics: &Metrics) -> String {
    if metrics.n == 0 || !metrics.balanced_accuracy.is_finite() {
        return format!("Nothing could be measured on {}.", clips_and_groups(metrics));
    }
    let interval = match metrics.intervals.get("balanced_accuracy") {
        Some([low, high]) => format!("95\u{a0}% interval {} to {}", fixed(*low, 3), fixed(*high, 3)),
        None => "without an interval".into(),
    };
    let split = if metrics.split.is_empty() { String::new() } else { format!(" of the split {}", metrics.split) };
    let value = fixed(metrics.balanced_accuracy, 3);
    format!("On {}{split} the balanced accuracy is {value} ({interval}).", clips_and_groups(metrics))
}

/// What random guessing scores, and whether the interval is above it.
fn against_chance(metrics: &Metrics) -> Option<String> {
    let n_classes = metrics.classes.len().max(metrics.per_class.len());
    let [low, high] = *metrics.intervals.get("balanced_accuracy")?;
    if n_classes < 2 || metrics.n == 0 {
        return None;
    }
    let chance = 1.0 / n_classes as f64;
    let verdict = if low > chance {
        "the whole interval is above that"
    } else if high < chance {
        "the whole interval is below that, as if the labels had been swapped"
    } else {
        "the interval includes that, so the model may be no better"
    };
    Some(format!("Random guessing among {n_classes} classes scores {}; {verdict}.", fixed(chance, 3)))
}

fn most_common_error(metrics: &Metrics) -> Option<String> {
    if let Some((truth, predicted, times, of)) = worst(metrics) {
        let (times, of) = (thousands(times), thousands(of));
        return Some(format!("Most common error: {truth} classified as {predicted} ({times} of {of})."));
    }
    // The rule of three: with no error in n, the error rate is below 3 / n at 95 %. Groups are independent, clips are not.
    let n = if metrics.n_groups > 0 { metrics.n_groups } else { metrics.n };
    (n > 0 && metrics.accuracy >= 1.0).then(|| {
        let most = percent((3.0 / n as f64).min(1.0));
        let of = clips_and_groups(metrics);
        format!("There is no error in {of}; the error rate on new recordings can still be up to about {most}.")
    })
}

/// What so few clips cannot show.
fn limits(metrics: &Metrics) -> Vec<String> {
    let mut sentences = Vec::new();
    let half = metrics.intervals.get("balanced_accuracy").map(|[low, high]| (high - low) / 2.0);
    if (1..FEW_GROUPS).contains(&metrics.n_groups) {
        let rough = match half {
            Some(half) if half > 0.0 => {
                let points = format!("{:.0}", (100.0 * half).ceil());
                format!("a difference of less than about {points} points between two models is not meaningful")
            }
            _ => "the metrics are rough".into(),
        };
        sentences.push(format!("With only {}, {rough}.", clips_and_groups(metrics)));
    }
    let few: Vec<_> = metrics
        .per_class
        .iter()
        .map(|(class, of)| (class, counts(metrics, class).map_or(of.support, |counts| counts.truth)))
        .filter(|(_, n)| *n < FEW_CLIPS)
        .collect();
    match few.as_slice() {
        [] => {}
        [(class, 0)] => sentences.push(format!("There is no clip of {class}, so its recall is not known.")),
        [(class, n)] => {
            let points = format!("{:.0}", 100.0 / *n as f64);
            let n = count(*n, "clip", "clips");
            sentences.push(format!("{class} has only {n}: one clip changes its recall by {points} points."));
        }
        several => {
            let n = several.len();
            sentences.push(format!(
                "{n} classes have fewer than {FEW_CLIPS} clips each: their recall and precision are rough."
            ));
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ClassMetrics;

    fn metrics() -> Metrics {
        let class = |support| ClassMetrics { support, ..ClassMetrics::default() };
        Metrics {
            split: "test".into(),
            n: 51,
            n_groups: 29,
            accuracy: 0.86,
            balanced_accuracy: 0.857,
            per_class: [("bird".to_owned(), class(26)), ("dog".to_owned(), class(25))].into(),
            classes: vec!["bird".into(), "dog".into()],
            confusion: vec![vec![24, 2], vec![5, 20]],
            intervals: [("balanced_accuracy".to_owned(), [0.75, 0.94])].into(),
            ..Metrics::default()
        }
    }

    fn text(metrics: &Metrics) -> String {
        sentences(metrics).join(" ").replace('\u{a0}', " ")
    }

    #[test]
    fn the_usual_sentences() {
        assert_eq!(
            text(&metrics()),
            "On 51 clips in 29 groups of the split test the balanced accuracy is 0.857 (95 % interval 0.750 to \
             0.940). Random guessing among 2 classes scores 0.500; the whole interval is above that. Most common error: \
             dog classified as bird (5 of 25). With only 51 clips in 29 groups, a difference of less than about 10 \
             points between two models is not meaningful."
        );
    }

    #[test]
    fn no_error_still_allows_some() {
        let perfect = Metrics { accuracy: 1.0, confusion: vec![vec![26, 0], vec![0, 25]], ..metrics() };
        let text = text(&perfect);
        assert!(text.contains("the error rate on new recordings can still be up to about 10 %"), "{text}");
    }

    #[test]
    fn an_interval_that_includes_chance_is_pointed_out() {
        let weak = Metrics { intervals: [("balanced_accuracy".to_owned(), [0.44, 0.7])].into(), ..metrics() };
        assert!(text(&weak).contains("the interval includes that"));
    }

    #[test]
    fn unknowns_small_classes_and_bad_probabilities() {
        let odd = Metrics { n_unknowns: 3, ece: 0.2, confusion: vec![vec![40, 2], vec![1, 8]], ..metrics() };
        let text = text(&odd);
        assert!(text.contains("3 clips whose label is not a class of the model"), "{text}");
        assert!(text.contains("dog has only 9 clips: one clip changes its recall by 11 points"), "{text}");
        assert!(text.contains("off by 20 % on average"), "{text}");
    }

    #[test]
    fn nothing_to_measure() {
        let empty = Metrics { balanced_accuracy: f64::NAN, ..Metrics::default() };
        assert_eq!(text(&empty), "Nothing could be measured on 0 clips.");
    }
}
