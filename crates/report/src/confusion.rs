//! The confusion matrix as table rows, and its largest mistakes.

use crate::data::Metrics;
use crate::number::{fixed, percent, thousands};

/// One row: a true class.
pub(crate) struct Row {
    pub(crate) truth: String,
    pub(crate) cells: Vec<Cell>,
    pub(crate) total: String,
}

/// One cell: clips of the row's class that were taken for the column's.
pub(crate) struct Cell {
    pub(crate) count: String,
    /// Of the row's clips.
    pub(crate) percent: String,
    /// The same from 0 to 1, for the colour.
    pub(crate) share: String,
    pub(crate) right: bool,
}

/// The rows; none when the matrix does not fit the classes.
pub(crate) fn rows(metrics: &Metrics) -> Vec<Row> {
    if !fits(metrics) {
        return Vec::new();
    }
    let row = |(truth, counts): (usize, &Vec<u64>)| {
        let total = sum(counts);
        let cell = |(predicted, count): (usize, &u64)| {
            let share = if total == 0 { 0.0 } else { *count as f64 / total as f64 };
            Cell {
                count: thousands(*count),
                percent: percent(share),
                share: fixed(share, 3),
                right: truth == predicted,
            }
        };
        Row {
            truth: metrics.classes[truth].clone(),
            cells: counts.iter().enumerate().map(cell).collect(),
            total: thousands(total),
        }
    };
    metrics.confusion.iter().enumerate().map(row).collect()
}

/// Whether there is a square matrix over the classes.
pub(crate) fn fits(metrics: &Metrics) -> bool {
    let n = metrics.classes.len();
    n > 0 && metrics.confusion.len() == n && metrics.confusion.iter().all(|row| row.len() == n)
}

/// How many clips of class `truth` there are, how many were called so, and how many of those rightly.
pub(crate) struct Counts {
    pub(crate) are: u64,
    pub(crate) called: u64,
    pub(crate) right: u64,
}

/// The counts of a class; none when the matrix does not fit or has no such class.
pub(crate) fn counts(metrics: &Metrics, class: &str) -> Option<Counts> {
    let i = metrics.classes.iter().position(|name| name == class).filter(|_| fits(metrics))?;
    let called = metrics.confusion.iter().map(|row| row[i]).fold(0, u64::saturating_add);
    Some(Counts { are: sum(&metrics.confusion[i]), called, right: metrics.confusion[i][i] })
}

/// The commonest mistake: truth, predicted, how often, and of how many.
pub(crate) fn worst(metrics: &Metrics) -> Option<(&str, &str, u64, u64)> {
    if !fits(metrics) {
        return None;
    }
    let mut worst: Option<(usize, usize, u64)> = None;
    for (truth, row) in metrics.confusion.iter().enumerate() {
        for (predicted, count) in row.iter().enumerate() {
            if truth != predicted && *count > worst.map_or(0, |(.., most)| most) {
                worst = Some((truth, predicted, *count));
            }
        }
    }
    let (truth, predicted, count) = worst?;
    Some((&metrics.classes[truth], &metrics.classes[predicted], count, sum(&metrics.confusion[truth])))
}

fn sum(counts: &[u64]) -> u64 {
    counts.iter().copied().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(confusion: Vec<Vec<u64>>) -> Metrics {
        Metrics { classes: vec!["bird".into(), "dog".into()], confusion, ..Metrics::default() }
    }

    #[test]
    fn shares_are_of_the_row() {
        let rows = rows(&metrics(vec![vec![9, 1], vec![0, 0]]));
        assert_eq!((rows[0].cells[0].share.as_str(), rows[0].cells[1].percent.as_str()), ("0.900", "10\u{a0}%"));
        assert_eq!((rows[1].cells[1].share.as_str(), rows[1].total.as_str()), ("0.000", "0"));
    }

    #[test]
    fn the_worst_mistake_and_the_counts() {
        let metrics = metrics(vec![vec![9, 1], vec![5, 20]]);
        assert_eq!(worst(&metrics), Some(("dog", "bird", 5, 25)));
        let counts = counts(&metrics, "bird").unwrap();
        assert_eq!((counts.are, counts.called, counts.right), (10, 14, 9));
        assert!(worst(&self::metrics(vec![vec![9, 0], vec![0, 3]])).is_none());
    }

    #[test]
    fn a_matrix_that_does_not_fit_is_left_out() {
        for confusion in [vec![], vec![vec![1, 2]], vec![vec![1], vec![2]]] {
            let metrics = metrics(confusion);
            assert!(rows(&metrics).is_empty() && worst(&metrics).is_none() && counts(&metrics, "dog").is_none());
        }
    }
}
