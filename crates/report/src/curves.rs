//! Learning curves as SVG that goes into the page.

use crate::data::Epoch;
use crate::error::Result;
use crate::plot::{Chart, Line, Plot};
use crate::words::Reading;

/// The chart that does not show the best epoch.
const RATE: &str = "Learning rate";

fn line(name: &str, epochs: &[Epoch], is_minor: bool, value: impl Fn(&Epoch) -> Option<f64>) -> Line {
    let point = |epoch: &Epoch| value(epoch).filter(|y| y.is_finite()).map(|y| (epoch.epoch as f64, y));
    Line { name: name.to_owned(), points: epochs.iter().filter_map(point).collect(), is_minor }
}

/// The charts that there are values for.
pub(crate) fn charts(epochs: &[Epoch], reading: &Reading) -> Result<Vec<Chart>> {
    let best = reading.best_epoch.map(|epoch| epoch as f64);
    let note = |text: &str| match reading.best_epoch {
        Some(epoch) => format!("{text} The dotted line marks epoch {epoch}, with the lowest validation loss."),
        None => text.to_owned(),
    };
    let losses = vec![
        line("validation", epochs, false, |e| e.val_loss),
        line("training, evaluation mode", epochs, false, |e| e.train_loss_eval),
        line("training, as optimized", epochs, true, |e| Some(e.train_loss)),
    ];
    let accuracies = vec![
        line("balanced accuracy", epochs, false, |e| e.val_balanced_accuracy),
        line("accuracy", epochs, false, |e| e.val_accuracy),
    ];
    let rates = vec![line("learning rate", epochs, false, |e| Some(e.lr))];
    let charts = [
        (
            "Loss",
            losses,
            None,
            note("Mean per clip; lower is better. Compare the first two: both without augmentation or dropout."),
        ),
        ("Validation accuracy", accuracies, Some(1.0), note("Higher is better.")),
        (RATE, rates, None, "At the last step of each epoch.".into()),
    ];
    let mut drawn = Vec::new();
    for (title, mut lines, top, note) in charts {
        lines.retain(|line| !line.points.is_empty());
        if !lines.is_empty() {
            drawn.push(chart(title, &lines, top, best.filter(|_| title != RATE), note)?);
        }
    }
    Ok(drawn)
}

fn chart(title: &'static str, lines: &[Line], top: Option<f64>, best: Option<f64>, note: String) -> Result<Chart> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let (first, last) = bounds(points().map(|(x, _)| *x));
    let (low, high) = bounds(points().map(|(_, y)| *y));
    let x = if first < last { first..last } else { first - 1.0..last + 1.0 };
    // From zero where the values are not far from it, so that a small change looks small.
    let low = if low >= 0.0 && low < 0.7 * high { 0.0 } else { low };
    let high = top.unwrap_or(high);
    let room = if high > low { 0.05 * (high - low) } else { (0.1 * high.abs()).max(1e-9) };
    let y = low - if low == 0.0 { 0.0 } else { room }..high + room;
    let largest = high.abs().max(low.abs());
    let plot = Plot {
        title,
        x_label: "epoch",
        x,
        guide: best.map(|best| [(best, y.start), (best, y.end)]),
        y,
        lines,
        x_text: &|x| if x.fract() == 0.0 { format!("{x}") } else { String::new() },
        y_text: &|y| label(y, largest),
        described: described(title, lines),
    };
    plot.chart(note)
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
}

/// A value of an axis whose largest is `largest`.
fn label(y: f64, largest: f64) -> String {
    if y == 0.0 {
        "0".into()
    } else if largest < 0.05 {
        format!("{y:.0e}").replace("e-", "e\u{2212}")
    } else if largest < 3.0 {
        format!("{y:.2}")
    } else {
        format!("{y:.1}")
    }
}

/// For screen readers: each line's first and last value.
fn described(title: &str, lines: &[Line]) -> String {
    let ends = |line: &Line| match (line.points.first(), line.points.last()) {
        (Some((from, a)), Some((to, b))) => {
            format!("{}: {} at epoch {from}, {} at epoch {to}", line.name, label(*a, *a), label(*b, *b))
        }
        _ => line.name.clone(),
    };
    format!("{title}. {}", lines.iter().map(ends).collect::<Vec<_>>().join("; "))
}
