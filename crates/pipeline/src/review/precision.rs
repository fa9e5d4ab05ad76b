//! How often a model is right, by the answers of a review.

use super::page::counts;
use crate::error::{Context, Result};
use detections::TableDetection;
use detections::review::{self, Answer, Review};
use serde::Serialize;
use stats::{clopper_pearson, draws_until, finite_population};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Half of the width of an interval that is narrow enough to quote.
const HALF_WIDTH: f64 = 0.05;
/// How often an interval holds.
const LEVEL: f64 = 0.95;

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
    /// Its exact interval of 95 %, for recordings to come that are like these (Clopper-Pearson).
    pub interval: [f64; 2],
    /// Further answers until the interval is 10 points wide, if they are as often right.
    pub more: usize,
    /// What they say of the table that they are about, where it is given.
    pub table: Option<OfTable>,
}

/// What answers say of all detections of a class in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfTable {
    /// Detections of the class.
    pub n: usize,
    /// The exact interval of 95 % of the share of them that are right (hypergeometric). It says nothing of other recordings.
    pub interval: [f64; 2],
    /// Further answers until the interval is 10 points wide, if they are as often right.
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
/// from the detections: those of an order by score say more of the sure or of the unsure ones. With the table that was reviewed, answers
/// about other detections do not count, and [`OfClass::table`] says what is known of the table.
pub fn precision(reviews: &[Review], table: Option<&[TableDetection]>) -> Vec<OfClass> {
    let mut answered: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let last = table.map_or_else(|| review::settled(reviews), |rows| of_table(reviews, rows));
    for review in last {
        let (n, right) = answered.entry(&review.predicted).or_default();
        *n += 1;
        *right += usize::from(review.answer() == Answer::Right);
    }
    let sizes = table.map(counts);
    let of_class = |(class, (n, right)): (&str, (usize, usize))| OfClass {
        class: class.to_owned(),
        n,
        right,
        precision: right as f64 / n as f64,
        interval: clopper_pearson(right, n, LEVEL),
        more: draws_until(HALF_WIDTH, right, n, None, LEVEL),
        table: sizes.as_ref().map(|sizes| {
            let size = sizes.get(class).copied().unwrap_or_default().max(n);
            OfTable {
                n: size,
                interval: finite_population(right, n, size, LEVEL),
                more: draws_until(HALF_WIDTH, right, n, Some(size), LEVEL),
            }
        }),
    };
    answered.into_iter().map(of_class).collect()
}

/// A detection, as answers name it.
type Name<'a> = (&'a str, u64, u64, Option<u16>, &'a str);

/// The last answer about each detection of a table, without those that were taken back and those about other detections.
pub fn of_table<'a>(reviews: &'a [Review], rows: &[TableDetection]) -> Vec<&'a Review> {
    // A table without recordings is of one.
    let is_of_one = rows.iter().all(|row| row.path.is_none());
    let name = |review: &'a Review| -> Name<'a> {
        let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
        let path = if is_of_one { "" } else { &review.path };
        (path, ms(review.start), ms(review.end), review.channel, &review.predicted)
    };
    let mut last = review::settled(reviews);
    let asked: HashSet<Name<'_>> = last.iter().map(|review| name(review)).collect();
    let mut found = HashSet::new();
    for row in rows {
        let of: Name<'_> =
            (row.path.as_deref().unwrap_or_default(), row.start_ms, row.end_ms, row.channel, row.label.as_str());
        if let Some(of) = asked.get(&of) {
            found.insert(*of);
        }
    }
    last.retain(|review| found.remove(&name(review)));
    last
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

    fn row(start: u64, label: &str) -> TableDetection {
        TableDetection {
            path: Some("a.wav".into()),
            start_ms: 1000 * start,
            end_ms: 1000 * start + 1000,
            channel: None,
            label: label.into(),
            score: None,
            outlier_p: None,
            low_hz: None,
            high_hz: None,
        }
    }

    #[test]
    fn precision_has_its_exact_interval_and_says_how_many_more() {
        let mut answers: Vec<Review> = (0..8).map(|i| answer(f64::from(i), "dog")).collect();
        answers.extend([answer(8.0, "-dog"), answer(9.0, "neither"), answer(10.0, "bird"), answer(10.0, "")]);
        let [of] = &precision(&answers, None)[..] else { panic!("one class") };
        assert_eq!((of.n, of.right, of.class.as_str(), &of.table), (10, 8, "dog", &None));
        assert!((of.interval[0] - 0.4439).abs() < 1e-3 && (of.interval[1] - 0.9748).abs() < 1e-3, "{of:?}");
        assert!((200..300).contains(&(of.more + of.n)), "{of:?}");
        assert!(precision(&[], None).is_empty());
    }

    #[test]
    fn of_a_table_its_own_detections_count_and_few_are_left() {
        let answers: Vec<Review> = (0..10).map(|i| answer(f64::from(i), if i < 8 { "dog" } else { "-dog" })).collect();
        let mut rows: Vec<TableDetection> = (0..40).map(|start| row(start, "dog")).collect();
        let [of] = &precision(&answers, Some(&rows))[..] else { panic!("one class") };
        let table = of.table.as_ref().unwrap();
        assert_eq!((table.n, table.interval, of.n), (40, [0.5, 0.95], 10));
        assert!(table.more < 30 && table.more < of.more, "{of:?}");
        // The model says something else now, or the detection is not there.
        rows[0].label = "bird".into();
        rows.remove(9);
        assert_eq!(precision(&answers, Some(&rows))[0].n, 8);
        rows.iter_mut().for_each(|row| row.path = None);
        assert_eq!(of_table(&answers, &rows).len(), 8);
        assert!(precision(&answers, Some(&[])).is_empty());
    }
}
