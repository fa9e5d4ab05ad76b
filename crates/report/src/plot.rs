//! Lines in a plane as SVG that goes into the page, which colors it for light and dark.

use plotters::prelude::*;
use std::ops::Range;

use crate::error::Result;
use crate::svg::{Area, Drawn, elements, escaped};

/// Pixels of a chart before the page scales it.
const SIZE: (u32, u32) = (560, 320);
/// The page's style sheet gives these colors their values for light and dark.
const COLORS: [RGBColor; N_COLORS] =
    [RGBColor(1, 1, 1), RGBColor(2, 2, 2), RGBColor(3, 3, 3), RGBColor(4, 4, 4), RGBColor(5, 5, 5), RGBColor(6, 6, 6)];
/// Lines of a chart at most.
pub(crate) const N_COLORS: usize = 6;
const AXIS: RGBColor = RGBColor(9, 9, 9);
const GRID: RGBColor = RGBColor(8, 8, 8);
/// Up to this many points each has a dot.
const MAX_DOTS: usize = 30;

/// A chart and the text around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    /// An `svg` element.
    pub(crate) svg: String,
    /// Names of the lines; the first has the first color.
    pub(crate) lines: Vec<String>,
    /// How to read it.
    pub(crate) note: String,
}

/// A line; its points are finite.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    /// Drawn thin.
    pub(crate) is_minor: bool,
}

/// What is drawn.
pub(crate) struct Plot<'a> {
    pub(crate) title: &'static str,
    pub(crate) x_label: &'static str,
    pub(crate) x: Range<f64>,
    pub(crate) y: Range<f64>,
    /// At most [`N_COLORS`].
    pub(crate) lines: &'a [Line],
    /// A dashed line between two points.
    pub(crate) guide: Option<[(f64, f64); 2]>,
    /// The text of a value on an axis.
    pub(crate) x_text: &'a dyn Fn(f64) -> String,
    pub(crate) y_text: &'a dyn Fn(f64) -> String,
    /// What a screen reader says of it.
    pub(crate) described: String,
}

impl Plot<'_> {
    /// An `svg` element of the page.
    pub(crate) fn svg(&self) -> Result<String> {
        let elements = elements(&self.title.to_lowercase(), SIZE, |root| self.draw(root))?;
        let ((width, height), described) = (SIZE, escaped(&self.described));
        // The page sets the size, and a screen reader needs a description.
        Ok(format!(
            "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{described}\">{elements}"
        ))
    }

    fn draw<'a>(&self, root: &Area<'a>) -> Drawn<'a> {
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(18)
            .x_label_area_size(54)
            .y_label_area_size(74)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .x_desc(self.x_label)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|x| (self.x_text)(*x))
            .y_label_formatter(&|y| (self.y_text)(*y))
            .label_style(("sans-serif", 23).into_font().color(&AXIS))
            .axis_style(AXIS)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        if let Some(ends) = self.guide {
            chart.draw_series(DashedLineSeries::new(ends, 3, 4, AXIS.stroke_width(1)))?;
        }
        // The last line first, so that the most important one is on top.
        for (line, color) in self.lines.iter().zip(COLORS).rev() {
            let width = if line.is_minor { 1 } else { 2 };
            chart.draw_series(LineSeries::new(line.points.iter().copied(), color.stroke_width(width)))?;
            if line.points.len() <= MAX_DOTS {
                let dots = line.points.iter().map(|point| Circle::new(*point, width + 1, color.filled()));
                chart.draw_series(dots)?;
            }
        }
        Ok(())
    }

    /// With its lines' names and how to read it.
    pub(crate) fn chart(&self, note: String) -> Result<Chart> {
        let lines = self.lines.iter().map(|line| line.name.clone()).collect();
        Ok(Chart { title: self.title, svg: self.svg()?, lines, note })
    }
}

/// A share on an axis: `0`, `0.25`, `1`.
pub(crate) fn share_text(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-0" { "0".into() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_colors_in_order_and_names_are_escaped() {
        let line = |name: &str, y: f64| Line { name: name.into(), points: vec![(0.0, y), (1.0, y)], is_minor: false };
        let plot = Plot {
            title: "ROC",
            x_label: "false positive rate",
            x: 0.0..1.0,
            y: 0.0..1.0,
            lines: &[line("a", 0.2), line("b", 0.8)],
            guide: Some([(0.0, 0.0), (1.0, 1.0)]),
            x_text: &share_text,
            y_text: &share_text,
            described: "a \"<b>\"".into(),
        };
        let svg = plot.svg().unwrap();
        assert!(svg.contains("stroke=\"#010101\"") && svg.contains("stroke=\"#020202\""), "{svg}");
        assert!(svg.contains("a &quot;&lt;b&gt;&quot;") && svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn shares_are_short() {
        assert_eq!([0.0, 0.2, 0.25, 1.0].map(share_text), ["0", "0.2", "0.25", "1"]);
    }
}
