//! How often a model is right, by the answers of a review.

use crate::error::{Context, Result};
use detections::review::{self, Answer, Review};
use serde::Serialize;
use stats::clopper_pearson;
use std::collections::BTreeMap;
use std::path::Path;

/// Half of the width of an interval that is narrow enough to quote.
const HALF_WIDTH: f64 = 0.05;
/// Answers that are counted forward, at most.
const MOST: usize = 5000;

/// What answers say of the detections of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfClass {
    /// The class that was predicted.
    pub class: String,
    /// Answers.
    pub n: usize,
    /// Of which so many say that it is right.
    pub right: usize,
    /// Their share.
    pub precision: f64,
    /// Its exact interval of 95 %.
    pub interval: [f64; 2],
    /// Further answers until the interval is 5 points to either side, if they are as often right.
    pub more: usize,
}

/// Reads answers.
///
/// # Errors
/// A file that cannot be read or is no review.
pub fn read(path: &Path) -> Result<Vec<Review>> {
    let file = storage::open(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(review::read(file, &path.display().to_string())?)
}

/// The precision of each class, by the last answer about each detection. Answers are taken as independent, and as drawn at random
/// from the detections: those of an order by score say more of the sure or of the unsure ones.
pub fn precision(reviews: &[Review]) -> Vec<OfClass> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for review in review::settled(reviews) {
        let (n, right) = counts.entry(&review.predicted).or_default();
        *n += 1;
        *right += usize::from(review.answer() == Answer::Right);
    }
    let of_class = |(class, (n, right)): (&str, (usize, usize))| OfClass {
        class: class.to_owned(),
        n,
        right,
        precision: right as f64 / n as f64,
        interval: clopper_pearson(right, n, 0.95),
        more: more(right, n),
    };
    counts.into_iter().map(of_class).collect()
}

/// Further answers until the interval reaches no more than [`HALF_WIDTH`] to either side, where as many of them are right.
fn more(right: usize, n: usize) -> usize {
    let share = right as f64 / n as f64;
    let is_narrow = |total: usize| {
        let right = (share * total as f64).round() as usize;
        let [low, high] = clopper_pearson(right, total, 0.95);
        high - low <= 2.0 * HALF_WIDTH
    };
    let (mut low, mut high) = (n, n.max(MOST));
    if is_narrow(low) {
        return 0;
    }
    while high - low > 1 {
        let middle = (low + high) / 2;
        if is_narrow(middle) { high = middle } else { low = middle }
    }
    high - n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(start: f64, label: &str) -> Review {
        Review {
            path: "a.wav".into(),
            start,
            end: start + 1.0,
            label: label.into(),
            predicted: "dog".into(),
            ..Review::default()
        }
    }

    #[test]
    fn precision_has_its_exact_interval_and_says_how_many_more() {
        let mut answers: Vec<Review> = (0..8).map(|i| answer(f64::from(i), "dog")).collect();
        answers.extend([answer(8.0, "-dog"), answer(9.0, "neither"), answer(10.0, "bird"), answer(10.0, "")]);
        let [of] = &precision(&answers)[..] else { panic!("one class") };
        assert_eq!((of.n, of.right, of.class.as_str()), (10, 8, "dog"));
        assert!((of.interval[0] - 0.4439).abs() < 1e-3 && (of.interval[1] - 0.9748).abs() < 1e-3, "{of:?}");
        assert!((200..300).contains(&(of.more + of.n)), "{of:?}");
        assert!(precision(&[]).is_empty());
    }
}
