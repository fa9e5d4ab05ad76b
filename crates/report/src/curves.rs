//! Learning curves as SVG that goes into the page.

use plotters::prelude::*;

use crate::data::Epoch;
use crate::error::Result;
use crate::svg::{Area, Drawn, elements};
use crate::words::Reading;

/// Pixels of a chart before the page scales it.
const SIZE: (u32, u32) = (560, 320);
/// The page's style sheet gives these colors their values for light and dark.
const COLORS: [RGBColor; 3] = [RGBColor(1, 1, 1), RGBColor(2, 2, 2), RGBColor(3, 3, 3)];
const AXIS: RGBColor = RGBColor(9, 9, 9);
const GRID: RGBColor = RGBColor(8, 8, 8);
/// The chart that does not show the best epoch.
const RATE: &str = "Learning rate";
/// Up to this many epochs each has a dot.
const MAX_DOTS: usize = 30;

/// A chart and the text around it.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// An `svg` element.
    pub(crate) svg: String,
    /// Names of the lines; the first has the first color.
    pub(crate) lines: Vec<&'static str>,
    /// How to read it.
    pub(crate) note: String,
}

struct Line {
    name: &'static str,
    /// Epoch and value, finite.
    points: Vec<(f64, f64)>,
}

impl Line {
    fn new(name: &'static str, epochs: &[Epoch], value: impl Fn(&Epoch) -> Option<f64>) -> Self {
        let point = |epoch: &Epoch| value(epoch).filter(|y| y.is_finite()).map(|y| (epoch.epoch as f64, y));
        Self { name, points: epochs.iter().filter_map(point).collect() }
    }
}

/// The charts that there are values for.
pub(crate) fn charts(epochs: &[Epoch], reading: &Reading) -> Result<Vec<Chart>> {
    let best = reading.best_epoch.map(|epoch| epoch as f64);
    let note = |text: &str| match reading.best_epoch {
        Some(epoch) => format!("{text} The dotted line marks epoch {epoch}, with the lowest validation loss."),
        None => text.to_owned(),
    };
    let losses = vec![
        Line::new("validation", epochs, |e| e.val_loss),
        Line::new("training, evaluation mode", epochs, |e| e.train_loss_eval),
        Line::new("training, as optimized", epochs, |e| Some(e.train_loss)),
    ];
    let accuracies = vec![
        Line::new("balanced accuracy", epochs, |e| e.val_balanced_accuracy),
        Line::new("accuracy", epochs, |e| e.val_accuracy),
    ];
    let rates = vec![Line::new("learning rate", epochs, |e| Some(e.lr))];
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
            let svg = draw(title, &lines, top, best.filter(|_| title != RATE))?;
            drawn.push(Chart { title, svg, lines: lines.iter().map(|line| line.name).collect(), note });
        }
    }
    Ok(drawn)
}

fn draw(title: &str, lines: &[Line], top: Option<f64>, best: Option<f64>) -> Result<String> {
    let elements = elements(&title.to_lowercase(), SIZE, |root| chart(root, lines, top, best))?;
    let (width, height) = SIZE;
    // The page sets the size, and a screen reader needs a description. The title and names are ours: nothing to escape.
    Ok(format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">{elements}",
        described(title, lines)
    ))
}

fn chart<'a>(root: &Area<'a>, lines: &[Line], top: Option<f64>, best: Option<f64>) -> Drawn<'a> {
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
    let mut chart = ChartBuilder::on(root)
        .margin(6)
        .margin_right(18)
        .x_label_area_size(54)
        .y_label_area_size(74)
        .build_cartesian_2d(x, y.clone())?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|x| if x.fract() == 0.0 { format!("{x}") } else { String::new() })
        .y_label_formatter(&|y| label(*y, largest))
        .label_style(("sans-serif", 23).into_font().color(&AXIS))
        .axis_style(AXIS)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .draw()?;
    if let Some(best) = best {
        let (low, high) = (y.start, y.end);
        chart.draw_series(DashedLineSeries::new([(best, low), (best, high)], 3, 4, AXIS.stroke_width(1)))?;
    }
    // The last line first, so that the most important one is on top.
    for (line, color) in lines.iter().zip(COLORS).rev() {
        let width = if color == COLORS[2] { 1 } else { 2 };
        chart.draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(width)))?;
        if line.points.len() <= MAX_DOTS {
            let dots = line.points.iter().map(|point| Circle::new(*point, width + 1, color.filled()));
            chart.draw_series(dots)?;
        }
    }
    Ok(())
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
        _ => line.name.to_owned(),
    };
    format!("{title}. {}", lines.iter().map(ends).collect::<Vec<_>>().join("; "))
}
