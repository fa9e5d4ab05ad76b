//! Points on a plane as an SVG file of its own.

use plotters::prelude::*;

use crate::error::Result;
use crate::svg::{Area, Drawn, elements, escaped};

/// Pixels of the picture; it is higher where there are many names.
const WIDTH: u32 = 900;
const MIN_HEIGHT: u32 = 560;
/// Pixels on the right for the names.
const NAMES: u32 = 230;
const MARGIN: u32 = 24;
/// Pixels from one name to the next.
const ROW: u32 = 22;
const FONT: (&str, u32) = ("system-ui, sans-serif", 15);
/// Colors that can be told apart with any kind of color vision (Okabe and Ito, 2008).
const COLORS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x7F, 0x7F, 0x7F),
    BLACK,
];

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Cloud {
    /// Name in the legend.
    pub name: String,
    /// x and y of each point; points that are not finite are left out.
    pub points: Vec<[f32; 2]>,
    /// Known sounds are drawn as discs, unknown sounds as crosses.
    pub is_known: bool,
}

impl Cloud {
    fn finite(&self) -> impl Iterator<Item = (f64, f64)> {
        let finite = self.points.iter().filter(|point| point.iter().all(|value| value.is_finite()));
        finite.map(|point| (f64::from(point[0]), f64::from(point[1])))
    }
}

/// Draws every cloud in a color of its own, with a legend of names and numbers of points.
///
/// # Errors
/// [`Error::Chart`](crate::Error::Chart) when the plotter fails.
pub fn scatter_svg(title: &str, clouds: &[Cloud]) -> Result<String> {
    let size = (WIDTH, MIN_HEIGHT.max(3 * MARGIN + ROW * clouds.len() as u32));
    let elements = elements(title, size, |root| draw(root, title, clouds))?;
    let ((width, height), title) = (size, escaped(title));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\
         {elements}\n"
    ))
}

fn draw<'a>(root: &Area<'a>, title: &str, clouds: &[Cloud]) -> Drawn<'a> {
    root.fill(&WHITE)?;
    let margin = MARGIN as i32;
    root.draw(&Text::new(title.to_owned(), (margin, margin / 2), FONT.into_font().style(FontStyle::Bold)))?;
    let (plot, legend) = root.margin(MARGIN + ROW, MARGIN, 0, 0).split_horizontally(WIDTH - NAMES);
    let all = || clouds.iter().flat_map(Cloud::finite);
    let (x, y) = (range(all().map(|(x, _)| x)), range(all().map(|(_, y)| y)));
    let mut chart = ChartBuilder::on(&plot).margin_left(margin).margin_right(margin).build_cartesian_2d(x, y)?;
    // Unknown sounds first, so that known sounds are on top.
    let mut order: Vec<usize> = (0..clouds.len()).collect();
    order.sort_by_key(|&nth| clouds[nth].is_known);
    for nth in order {
        let (cloud, color) = (&clouds[nth], COLORS[nth % COLORS.len()]);
        if cloud.is_known {
            chart.draw_series(cloud.finite().map(|point| Circle::new(point, 4, color.mix(0.55).filled())))?;
        } else {
            chart.draw_series(cloud.finite().map(|point| Cross::new(point, 3, color.mix(0.8).stroke_width(1))))?;
        }
    }
    for (nth, cloud) in clouds.iter().enumerate() {
        let (color, top) = (COLORS[nth % COLORS.len()], (ROW as usize * nth) as i32);
        let mark = (6, top + 6);
        if cloud.is_known {
            legend.draw(&Circle::new(mark, 4, color.filled()))?;
        } else {
            legend.draw(&Cross::new(mark, 3, color.stroke_width(2)))?;
        }
        let name = format!("{} ({})", cloud.name, cloud.points.len());
        legend.draw(&Text::new(name, (18, top), FONT))?;
    }
    Ok(())
}

/// From the smallest to the largest value, with a little room; -1 to 1 where there are none that differ.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let bounds = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), bounds);
    let room = 0.02 * (high - low);
    if low < high { low - room..high + room } else { -1.0..1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_point_is_drawn_and_names_are_escaped() {
        let known = Cloud { name: "a<b".into(), points: vec![[0.0, 0.0], [1.0, 2.0], [f32::NAN, 0.0]], is_known: true };
        let unknown = Cloud { name: "rain".into(), points: vec![[0.5, 0.5]], is_known: false };
        let svg = scatter_svg("t<", &[known, unknown]).unwrap();
        // Two points and the mark in the legend; a cross is two lines.
        assert_eq!((svg.matches("<circle").count(), svg.matches("<line").count()), (3, 4), "{svg}");
        assert!(svg.contains("a&lt;b (3)") && svg.contains("<title>t&lt;</title>") && !svg.contains("NaN"));
    }

    #[test]
    fn no_points_and_many_names_are_drawn() {
        let empty = scatter_svg("empty", &[]).unwrap();
        assert!(empty.starts_with("<svg") && empty.trim_end().ends_with("</svg>"));
        let cloud = |nth: usize| Cloud { name: format!("class {nth}"), points: vec![[1.0, 1.0]], is_known: true };
        let svg = scatter_svg("many", &(0..40).map(cloud).collect::<Vec<_>>()).unwrap();
        assert!(svg.contains("viewBox=\"0 0 900 952\"") && svg.contains("class 39 (1)"));
    }
}
