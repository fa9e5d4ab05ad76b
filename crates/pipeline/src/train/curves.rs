//! Learning curves in characters.

use train::EpochMetrics;

/// Lines and columns of the picture.
const ROWS: usize = 8;
const COLUMNS: usize = 60;

/// The losses so far, an epoch a column; of more epochs than columns, the means of those that share one.
pub fn curves(epochs: &[EpochMetrics]) -> String {
    let per_column = epochs.len().div_ceil(COLUMNS).max(1);
    let mean = |values: Vec<f64>| {
        let finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        (!finite.is_empty()).then(|| finite.iter().sum::<f64>() / finite.len() as f64)
    };
    let column = |of: &[EpochMetrics]| {
        let train = mean(of.iter().map(|epoch| epoch.train_loss_eval).collect());
        (train, mean(of.iter().filter_map(|epoch| epoch.val_loss).collect()))
    };
    let columns: Vec<_> = epochs.chunks(per_column).map(column).collect();
    let all = || columns.iter().flat_map(|(train, val)| [*train, *val]).flatten();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if !low.is_finite() || !high.is_finite() {
        return String::new();
    }
    let span = (high - low).max(1e-12);
    let row_of = |value: Option<f64>| value.map(|value| ((high - value) / span * (ROWS - 1) as f64).round() as usize);
    let mut lines = Vec::new();
    for row in 0..ROWS {
        let label = match row {
            0 => format!("{high:.3}"),
            _ if row == ROWS - 1 => format!("{low:.3}"),
            _ => String::new(),
        };
        let mark = |(train, val): &(Option<f64>, Option<f64>)| match (
            row_of(*train) == Some(row),
            row_of(*val) == Some(row),
        ) {
            (_, true) => 'o',
            (true, false) => '.',
            (false, false) => ' ',
        };
        let marks: String = columns.iter().map(mark).collect();
        lines.push(format!("{label:>10} |{}", marks.trim_end()));
    }
    lines.push(format!("{:>10}  loss: . training, o validation", ""));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(train_loss_eval: f64, val_loss: Option<f64>) -> EpochMetrics {
        EpochMetrics {
            epoch: 1,
            step: 1,
            lr: 0.1,
            train_loss: 1.0,
            train_loss_eval,
            val_loss,
            val_accuracy: None,
            val_balanced_accuracy: None,
            seconds: 1.0,
        }
    }

    #[test]
    fn the_highest_is_above_and_the_lowest_below() {
        let picture = curves(&[epoch(0.8, Some(1.0)), epoch(0.3, Some(0.6))]);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[7]), (9, "     1.000 |o", "     0.300 | ."));
        let many: Vec<EpochMetrics> = (0..500).map(|nth| epoch(f64::from(nth), None)).collect();
        assert!(curves(&many).lines().all(|line| line.chars().count() <= 12 + COLUMNS));
        assert_eq!(curves(&[epoch(f64::NAN, None)]), "");
        assert_eq!(curves(&[]), "");
    }
}
