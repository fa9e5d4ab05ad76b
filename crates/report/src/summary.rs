//! The figures of an evaluation in plain words: what was found, how sure that is, and what it cannot say.

use crate::confusion::{counts, worst};
use crate::data::Metrics;
use crate::number::{count, fixed, percent, thousands};

/// Fewer groups than this make an interval rough.
pub(crate) const FEW_GROUPS: u64 = 30;
/// A class with fewer clips than this moves by more than five points with one clip.
pub(crate) const FEW_CLIPS: u64 = 20;
/// Probabilities that are off by more than this on average are worth a sentence.
pub(crate) const MISCALIBRATED: f64 = 0.1;

/// Sentences about an evaluation, the main figure first.
pub(crate) fn sentences(metrics: &Metrics) -> Vec<String> {
    let mut sentences = vec![headline(metrics)];
    sentences.extend(against_guessing(metrics));
    sentences.extend(mistakes(metrics));
    sentences.extend(limits(metrics));
    if metrics.ece > MISCALIBRATED {
        let off = percent(metrics.ece);
        sentences.push(format!("Its probabilities are off by {off} on average: read them as a ranking."));
    }
    if metrics.n_unknowns > 0 {
        let n = count(metrics.n_unknowns, "clip", "clips");
        sentences.push(format!("{n} with labels that the model does not know are not counted in any figure."));
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
        return format!("With {} there is nothing to measure.", clips_and_groups(metrics));
    }
    let interval = match metrics.intervals.get("balanced_accuracy") {
        Some([low, high]) => format!("95\u{a0}% interval {} to {}", fixed(*low, 3), fixed(*high, 3)),
        None => "no interval was computed".into(),
    };
    let split = if metrics.split.is_empty() { String::new() } else { format!(" of the split {}", metrics.split) };
    let value = fixed(metrics.balanced_accuracy, 3);
    format!("On {}{split} the balanced accuracy is {value} ({interval}).", clips_and_groups(metrics))
}

/// What guessing would give, and whether the interval keeps clear of it.
fn against_guessing(metrics: &Metrics) -> Option<String> {
    let n_classes = metrics.classes.len().max(metrics.per_class.len());
    let [low, high] = *metrics.intervals.get("balanced_accuracy")?;
    if n_classes < 2 || metrics.n == 0 {
        return None;
    }
    let guessing = 1.0 / n_classes as f64;
    let verdict = if low > guessing {
        "the interval keeps clear of that"
    } else if high < guessing {
        "the model is worse than that, as if trained with the labels swapped"
    } else {
        "this test does not rule that out"
    };
    Some(format!("Guessing among {n_classes} classes gives {}; {verdict}.", fixed(guessing, 3)))
}

fn mistakes(metrics: &Metrics) -> Option<String> {
    if let Some((truth, predicted, times, of)) = worst(metrics) {
        let (times, of) = (thousands(times), thousands(of));
        return Some(format!("Its commonest mistake: {truth} taken for {predicted} ({times} of {of})."));
    }
    // Three divided by n bounds what may hide behind no error at all, at 95 %; groups are what is independent.
    let n = if metrics.n_groups > 0 { metrics.n_groups } else { metrics.n };
    (n > 0 && metrics.accuracy >= 1.0).then(|| {
        let most = percent((3.0 / n as f64).min(1.0));
        let of = clips_and_groups(metrics);
        format!("No error in {of} does not mean none will come: up to about {most} of new recordings may go wrong.")
    })
}

/// What so few clips cannot say.
fn limits(metrics: &Metrics) -> Vec<String> {
    let mut sentences = Vec::new();
    let half = metrics.intervals.get("balanced_accuracy").map(|[low, high]| (high - low) / 2.0);
    if (1..FEW_GROUPS).contains(&metrics.n_groups) {
        let rough = match half {
            Some(half) if half > 0.0 => {
                let points = format!("{:.0}", (100.0 * half).ceil());
                format!("two models that differ by less than about {points} points cannot be told apart")
            }
            _ => "the figures are rough".into(),
        };
        sentences.push(format!("With {}, {rough}.", clips_and_groups(metrics)));
    }
    let few: Vec<_> = metrics
        .per_class
        .iter()
        .map(|(class, of)| (class, counts(metrics, class).map_or(of.support, |counts| counts.are)))
        .filter(|(_, n)| *n < FEW_CLIPS)
        .collect();
    match few.as_slice() {
        [] => {}
        [(class, 0)] => sentences.push(format!("There is no clip of {class}: nothing is known about it.")),
        [(class, n)] => {
            let points = percent(1.0 / *n as f64);
            let n = count(*n, "clip", "clips");
            sentences.push(format!("{class} has only {n}: one clip moves its recall by {points}."));
        }
        several => {
            let n = several.len();
            sentences.push(format!("{n} classes have fewer than {FEW_CLIPS} clips each; their own figures are rough."));
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
    fn the_usual_case() {
        assert_eq!(
            text(&metrics()),
            "On 51 clips in 29 groups of the split test the balanced accuracy is 0.857 (95 % interval 0.750 to \
             0.940). Guessing among 2 classes gives 0.500; the interval keeps clear of that. Its commonest mistake: \
             dog taken for bird (5 of 25). With 51 clips in 29 groups, two models that differ by less than about 10 \
             points cannot be told apart."
        );
    }

    #[test]
    fn no_error_is_no_proof() {
        let perfect = Metrics { accuracy: 1.0, confusion: vec![vec![26, 0], vec![0, 25]], ..metrics() };
        let text = text(&perfect);
        assert!(text.contains("up to about 10 % of new recordings may go wrong"), "{text}");
    }

    #[test]
    fn an_interval_that_reaches_guessing_says_so() {
        let weak = Metrics { intervals: [("balanced_accuracy".to_owned(), [0.44, 0.7])].into(), ..metrics() };
        assert!(text(&weak).contains("this test does not rule that out"));
    }

    #[test]
    fn unknowns_small_classes_and_bad_probabilities() {
        let odd = Metrics { n_unknowns: 3, ece: 0.2, confusion: vec![vec![40, 2], vec![1, 8]], ..metrics() };
        let text = text(&odd);
        assert!(text.contains("3 clips with labels that the model does not know"), "{text}");
        assert!(text.contains("dog has only 9 clips: one clip moves its recall by 11 %"), "{text}");
        assert!(text.contains("off by 20 % on average"), "{text}");
    }

    #[test]
    fn nothing_to_measure() {
        let empty = Metrics { balanced_accuracy: f64::NAN, ..Metrics::default() };
        assert_eq!(text(&empty), "With 0 clips there is nothing to measure.");
    }
}
