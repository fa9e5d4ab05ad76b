//! Results in words: tables and lines for a terminal.

mod sound;

pub(crate) use sound::{predicted, progress};

use pipeline::Named;
use pipeline::evaluate::{ConditionFigures, Stress, UnknownFigures, UnknownSounds};
use pipeline::train::{EpochMetrics, Metrics};

/// Lines up columns for a terminal: the first to the left, the others to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let columns = header.len();
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let cell = |(i, (cell, width)): (usize, (&&str, &usize))| {
            if i == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        let joined: Vec<_> = cells.iter().zip(&widths).enumerate().map(cell).collect();
        format!("  {}", joined.join("  ")).trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().take(columns).map(String::as_str).collect())));
    lines.join("\n")
}

/// Most rows of a list or a table for a terminal.
pub(crate) const MOST_ROWS: usize = 60;

/// The first rows of a table, and a line that says where the others are.
pub(crate) fn table_of_few(header: &[&str], rows: &[Vec<String>], all_are_in: &str) -> String {
    let shown = table(header, &rows[..rows.len().min(MOST_ROWS)]);
    match rows.len().checked_sub(MOST_ROWS) {
        None | Some(0) => shown,
        Some(more) => format!("{shown}\n  ... and {more} more; all are in {all_are_in}"),
    }
}

/// A number with so many decimals, or a dash.
fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.decimals$}"))
}

/// One epoch of a training.
pub(crate) fn epoch(epoch: &EpochMetrics) -> String {
    format!(
        "epoch {:>3}  lr {:.2e}  loss: train {} validation {}  validation accuracy {}  {:.1} s",
        epoch.epoch,
        epoch.lr,
        number(Some(epoch.train_loss_eval), 4),
        number(epoch.val_loss, 4),
        number(epoch.val_accuracy, 4),
        epoch.seconds
    )
}

/// Classes up to which a table of them, and the confusion matrix, is printed whole.
const FEW_CLASSES: usize = 20;

/// Classes up to which the table of stress tests shows the recall of each.
const MOST_COLUMNS: usize = 4;

/// The figures of an evaluation.
pub(crate) fn metrics(metrics: &Metrics) -> String {
    let with_interval = |name: &str, value: Option<f64>| match metrics.intervals.get(name) {
        Some([low, high]) => format!("{} [{low:.3}, {high:.3}]", number(value, 3)),
        None => number(value, 3),
    };
    let mut lines = vec![format!(
        "{}: balanced accuracy {} (95 % interval), accuracy {}, on {} clips of {} groups",
        metrics.split,
        with_interval("balanced_accuracy", metrics.balanced_accuracy),
        with_interval("accuracy", metrics.accuracy),
        metrics.n,
        metrics.n_groups
    )];
    if metrics.n_unknowns > 0 {
        lines.push(format!("{} clips of other labels are not counted", metrics.n_unknowns));
    }
    let mut worst: Vec<_> = metrics.per_class.iter().filter(|(_, c)| c.support > 0).collect();
    let n_classes = worst.len();
    if n_classes > FEW_CLASSES {
        worst.sort_by(|a, b| a.1.recall.unwrap_or(0.0).total_cmp(&b.1.recall.unwrap_or(0.0)));
        worst.truncate(FEW_CLASSES);
        lines.push(format!("the {FEW_CLASSES} classes of {n_classes} with the lowest recall (metrics.json has all):"));
    }
    let row = |(class, c): &(&String, &pipeline::train::ClassMetrics)| {
        let figures = [c.precision, c.recall, c.f1, c.auroc].map(|value| number(value, 3));
        std::iter::once((*class).clone()).chain(figures).chain([c.support.to_string()]).collect::<Vec<_>>()
    };
    let rows: Vec<_> = worst.iter().map(row).collect();
    lines.push(table(&["class", "precision", "recall", "F1", "AUROC", "clips"], &rows));
    if metrics.classes.len() <= FEW_CLASSES {
        let mut header = vec!["truth \\ predicted"];
        header.extend(metrics.classes.iter().map(String::as_str));
        let row = |(class, counts): (&String, &Vec<u64>)| {
            std::iter::once(class.clone()).chain(counts.iter().map(ToString::to_string)).collect::<Vec<_>>()
        };
        let rows: Vec<_> = metrics.classes.iter().zip(&metrics.confusion).map(row).collect();
        lines.push(table(&header, &rows));
    }
    lines.push(format!(
        "calibration error {} ({} before calibration), loss {}",
        with_interval("ece", metrics.ece),
        number(metrics.ece_uncalibrated, 3),
        number(metrics.loss, 3)
    ));
    lines.join("\n")
}

/// The stress tests: a row a condition, and the worst of them in the last line.
pub(crate) fn stress(stress: &Stress, as_recorded: &Metrics) -> String {
    let with_interval = |value: Option<f64>, interval: Option<[f64; 2]>| match interval {
        Some([low, high]) => format!("{} [{low:.2}, {high:.2}]", number(value, 2)),
        None => number(value, 2),
    };
    let classes: Vec<&String> =
        as_recorded.per_class.iter().filter(|(_, c)| c.support > 0).map(|(name, _)| name).collect();
    let classes = if classes.len() > MOST_COLUMNS { &[][..] } else { &classes };
    let row = |name: &str, figures: &ConditionFigures| {
        let balanced_accuracy = with_interval(figures.balanced_accuracy, figures.interval);
        let recall = classes.iter().map(|class| number(figures.recall.get(*class).copied().flatten(), 2));
        [name.to_owned(), figures.n.to_string(), balanced_accuracy].into_iter().chain(recall).collect::<Vec<_>>()
    };
    let mut rows = vec![row("as recorded", &ConditionFigures::of(as_recorded))];
    rows.extend(stress.conditions.iter().map(|(condition, figures)| row(condition.name(), figures)));
    let recall = classes.iter().map(|class| format!("recall of {class}"));
    let header: Vec<String> =
        ["condition", "clips", "balanced accuracy"].map(str::to_owned).into_iter().chain(recall).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let worst = stress.worst.as_ref().map_or_else(
        || "stress tests: no clip of the model's classes".to_owned(),
        |worst| {
            let figure = with_interval(Some(worst.balanced_accuracy), worst.interval);
            format!("worst stress test: {}, balanced accuracy {figure}", worst.name.name())
        },
    );
    format!("{}\n{worst}", table(&header, &rows))
}

/// Detection of unknown sounds: a row a set.
pub(crate) fn unknown(unknown: &UnknownSounds) -> String {
    let row = |(name, of): (&String, &UnknownFigures)| {
        let auroc = match of.interval {
            Some([low, high]) => format!("{} [{low:.2}, {high:.2}]", number(of.auroc, 3)),
            None => number(of.auroc, 3),
        };
        vec![name.clone(), of.n.to_string(), auroc, number(Some(of.rejected), 2)]
    };
    let mut rows: Vec<Vec<String>> = unknown.sets.iter().map(row).collect();
    let known = ["known sounds".into(), unknown.n_known.to_string(), String::new(), number(unknown.known_rejected, 2)];
    rows.push(known.to_vec());
    let rejected = format!("rejected at alpha {}", unknown.alpha);
    table(&[&format!("unknown sounds ({})", unknown.method), "clips", "AUROC", &rejected], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_ends_with_where_the_rest_is() {
        let rows = vec![vec!["dog".into()]; MOST_ROWS + 3];
        let shown = table_of_few(&["class"], &rows, "index.json");
        assert_eq!(shown.lines().count(), MOST_ROWS + 2);
        assert!(shown.ends_with("... and 3 more; all are in index.json"), "{shown}");
        assert_eq!(table_of_few(&["class"], &rows[..2], "x"), table(&["class"], &rows[..2]));
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["dog".into(), "12".into()], vec!["nightingale".into(), "3".into()]];
        assert_eq!(table(&["class", "n"], &rows), "  class         n\n  dog          12\n  nightingale   3");
    }
}
