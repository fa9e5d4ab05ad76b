//! The confusion matrix as table rows, and its most common error.

use crate::data::Metrics;
use crate::number::{fixed, percent, thousands};

/// One row: a true class.
pub(crate) struct Row {
    /// Number of the class.
    pub(crate) nth: usize,
    pub(crate) truth: String,
    pub(crate) cells: Vec<Cell>,
    pub(crate) total: String,
}

/// One cell: clips of the row's class that were classified as the column's.
pub(crate) struct Cell {
    pub(crate) count: String,
    /// Share of the row's clips.
    pub(crate) percent: String,
    /// The same from 0 to 1, for the color.
    pub(crate) share: String,
    pub(crate) is_correct: bool,
}

/// The rows; none when the matrix does not have the size of the classes.
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
                is_correct: truth == predicted,
            }
        };
        Row {
            nth: truth,
            truth: metrics.classes[truth].clone(),
            cells: counts.iter().enumerate().map(cell).collect(),
            total: thousands(total),
        }
    };
    metrics.confusion.iter().enumerate().map(row).collect()
}

/// A kind of error: clips of one class that were classified as another.
pub(crate) struct Pair {
    pub(crate) truth: String,
    pub(crate) predicted: String,
    pub(crate) count: String,
    pub(crate) percent: String,
}

/// Most rows of the table of errors.
const MAX_PAIRS: usize = 15;

/// The most common kinds of errors, the most common first.
pub(crate) fn pairs(metrics: &Metrics) -> Vec<Pair> {
    if !fits(metrics) {
        return Vec::new();
    }
    let n = metrics.classes.len();
    let cells = (0..n).flat_map(|truth| (0..n).map(move |predicted| (truth, predicted)));
    let mut errors: Vec<(usize, usize)> =
        cells.filter(|&(truth, predicted)| truth != predicted && metrics.confusion[truth][predicted] > 0).collect();
    errors.sort_by_key(|&(truth, predicted)| std::cmp::Reverse(metrics.confusion[truth][predicted]));
    let pair = |&(truth, predicted): &(usize, usize)| {
        let (count, total) = (metrics.confusion[truth][predicted], sum(&metrics.confusion[truth]));
        Pair {
            truth: metrics.classes[truth].clone(),
            predicted: metrics.classes[predicted].clone(),
            count: format!("{} of {}", thousands(count), thousands(total)),
            percent: percent(count as f64 / total as f64),
        }
    };
    errors.iter().take(MAX_PAIRS).map(pair).collect()
}

/// Whether the matrix is square with a row for each class.
pub(crate) fn fits(metrics: &Metrics) -> bool {
    let n = metrics.classes.len();
    n > 0 && metrics.confusion.len() == n && metrics.confusion.iter().all(|row| row.len() == n)
}

/// Clips of one class.
pub(crate) struct Counts {
    /// Clips of the class.
    pub(crate) truth: u64,
    /// Clips classified as the class.
    pub(crate) predicted: u64,
    /// Clips that are both.
    pub(crate) correct: u64,
}

/// The counts of a class; none when the matrix has the wrong size or no such class.
pub(crate) fn counts(metrics: &Metrics, class: &str) -> Option<Counts> {
    let i = metrics.classes.iter().position(|name| name == class).filter(|_| fits(metrics))?;
    let predicted = metrics.confusion.iter().map(|row| row[i]).fold(0, u64::saturating_add);
    Some(Counts { truth: sum(&metrics.confusion[i]), predicted, correct: metrics.confusion[i][i] })
}

/// The most common error: truth, predicted, how often, and of how many.
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
    fn the_most_common_error_and_the_counts() {
        let metrics = metrics(vec![vec![9, 1], vec![5, 20]]);
        assert_eq!(worst(&metrics), Some(("dog", "bird", 5, 25)));
        let counts = counts(&metrics, "bird").unwrap();
        assert_eq!((counts.truth, counts.predicted, counts.correct), (10, 14, 9));
        assert!(worst(&self::metrics(vec![vec![9, 0], vec![0, 3]])).is_none());
    }

    #[test]
    fn errors_are_in_order() {
        let pairs = pairs(&metrics(vec![vec![9, 1], vec![5, 20]]));
        let texts: Vec<_> = pairs.iter().map(|pair| (pair.truth.as_str(), pair.count.as_str())).collect();
        assert_eq!(texts, [("dog", "5 of 25"), ("bird", "1 of 10")]);
        assert!(self::pairs(&metrics(vec![vec![3]])).is_empty());
    }

    #[test]
    fn a_matrix_of_the_wrong_size_is_ignored() {
        for confusion in [vec![], vec![vec![1, 2]], vec![vec![1], vec![2]]] {
            let metrics = metrics(confusion);
            assert!(rows(&metrics).is_empty() && worst(&metrics).is_none() && counts(&metrics, "dog").is_none());
        }
    }
}
