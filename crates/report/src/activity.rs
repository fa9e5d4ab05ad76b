//! Detections by hour of day as an SVG file of its own.

use plotters::prelude::*;

use crate::error::Result;
use crate::svg::{Area, Drawn, elements, escaped};

/// Hours of a day.
pub(crate) const HOURS: usize = 24;
/// Pixels of the picture; it is higher where there are many classes.
const WIDTH: u32 = 900;
const TITLE: u32 = 64;
const PANEL: u32 = 150;
/// Classes that are drawn: those with the most detections.
const MOST_CLASSES: usize = 20;
/// Hours of sound below which a rate says little: its bar is pale.
const LITTLE_H: f64 = 1.0 / 6.0;
const FONT: (&str, u32) = ("system-ui, sans-serif", 14);
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const GRID: RGBColor = RGBColor(0xDD, 0xDD, 0xDD);
/// Not recorded.
const GRAY: RGBColor = RGBColor(0xC4, 0xC4, 0xC4);
const BAR: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const EFFORT: RGBColor = RGBColor(0x7F, 0x7F, 0x7F);

/// What [`activity_svg`] draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity<'a> {
    /// What is counted: `events` or `windows`.
    pub what: &'a str,
    /// Each class, and how many of its detections start in each hour of day.
    pub classes: &'a [(String, [u64; HOURS])],
    /// Hours of sound in each hour of day; 0 where nothing was recorded.
    pub recorded_h: [f64; HOURS],
    /// What a reader should know.
    pub note: String,
}

/// Draws for each class its detections for each hour recorded, by hour of day, and below how long each hour was recorded.
/// Hours that were not recorded are gray, so that they differ from hours without detections.
///
/// # Errors
/// [`Error::Chart`](crate::Error::Chart) when the plotter fails.
pub fn activity_svg(activity: &Activity<'_>) -> Result<String> {
    let panels = activity.panels();
    let (width, height) = (WIDTH, TITLE + PANEL * panels.len() as u32);
    let title = activity.title();
    let elements = elements(&title, (width, height), |root| draw(root, &title, &panels, activity))?;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\
         {elements}\n",
        escaped(&title)
    ))
}

/// A value for each hour, and what it is.
pub(crate) struct Bars {
    pub(crate) caption: String,
    pub(crate) values: [f64; HOURS],
    pub(crate) is_effort: bool,
}

impl Bars {
    /// The end of the axis.
    pub(crate) fn top(&self) -> f64 {
        let highest = self.values.iter().copied().fold(0.0, f64::max);
        if highest > 0.0 { 1.1 * highest } else { 1.0 }
    }
}

impl Activity<'_> {
    /// The classes that are drawn.
    fn shown(&self) -> Vec<&(String, [u64; HOURS])> {
        let mut classes: Vec<_> = self.classes.iter().collect();
        if classes.len() > MOST_CLASSES {
            classes.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.iter().sum::<u64>()));
            classes.truncate(MOST_CLASSES);
            classes.sort();
        }
        classes
    }

    /// A panel for each class, and one of the hours recorded.
    pub(crate) fn panels(&self) -> Vec<Bars> {
        let of_class = |(class, counts): &(String, [u64; HOURS])| Bars {
            caption: format!("{class}: {} {}", counts.iter().sum::<u64>(), self.what),
            values: std::array::from_fn(|hour| match self.recorded_h[hour] {
                recorded_h if recorded_h > 0.0 => counts[hour] as f64 / recorded_h,
                _ => 0.0,
            }),
            is_effort: false,
        };
        let total_h: f64 = self.recorded_h.iter().sum();
        let effort = Bars {
            caption: format!("recorded: {total_h:.1} h, hours in each hour of day"),
            values: self.recorded_h,
            is_effort: true,
        };
        self.shown().into_iter().map(of_class).chain([effort]).collect()
    }

    pub(crate) fn title(&self) -> String {
        let mut letters = self.what.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{} per recorded hour, by hour of day", letters.as_str())
    }

    /// How to read it: what hours look like that were not recorded, and bars that say little.
    pub(crate) fn legend(&self, not_recorded: &str, little: &str) -> String {
        let left_out = match self.classes.len().saturating_sub(MOST_CLASSES) {
            0 => String::new(),
            n => format!("; {n} classes with fewer {} are left out", self.what),
        };
        let note = &self.note;
        format!(
            "Recorder's clock. {not_recorded}: not recorded. {little}: less than 10 minutes recorded. {note}{left_out}."
        )
    }

    /// Whether too little was recorded in an hour for its rate to say much.
    pub(crate) fn is_little(&self, hour: usize) -> bool {
        self.recorded_h[hour] < LITTLE_H
    }
}

fn draw<'a>(root: &Area<'a>, title: &str, panels: &[Bars], activity: &Activity<'_>) -> Drawn<'a> {
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (16, 10), ("system-ui, sans-serif", 18).into_font().color(&INK)))?;
    root.draw(&Text::new(activity.legend("Gray", "Pale"), (16, 36), FONT.into_font().color(&INK)))?;
    let (_, below) = root.split_vertically(TITLE);
    panels.iter().zip(below.split_evenly((panels.len(), 1))).try_for_each(|(bars, area)| hours(&area, bars, activity))
}

/// A panel with a bar for each hour.
fn hours<'a>(panel: &Area<'a>, bars: &Bars, activity: &Activity<'_>) -> Drawn<'a> {
    let (top, color) = (bars.top(), if bars.is_effort { EFFORT } else { BAR });
    let mut chart = ChartBuilder::on(panel)
        .caption(&bars.caption, FONT.into_font().color(&INK))
        .margin_left(8)
        .margin_right(24)
        .margin_bottom(4)
        .x_label_area_size(24)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..HOURS as f64, 0.0..top)?;
    let not_recorded = (0..HOURS).filter(|&hour| activity.recorded_h[hour] <= 0.0);
    chart.draw_series(not_recorded.map(|hour| bar(hour, 0.0, top, GRAY.filled())))?;
    chart
        .configure_mesh()
        .x_labels(13)
        .y_labels(4)
        .x_label_formatter(&|hour| format!("{hour:02.0}:00"))
        .y_label_formatter(&|value| number(*value, top))
        .label_style(FONT.into_font().color(&INK))
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .disable_x_mesh()
        .draw()?;
    let with_bar = (0..HOURS).filter(|&hour| bars.values[hour] > 0.0);
    chart.draw_series(with_bar.map(|hour| {
        let share = if activity.is_little(hour) { 0.4 } else { 1.0 };
        bar(hour, 0.1, bars.values[hour], color.mix(share).filled())
    }))?;
    Ok(())
}

fn bar(hour: usize, gap: f64, value: f64, style: ShapeStyle) -> Rectangle<(f64, f64)> {
    let hour = hour as f64;
    Rectangle::new([(hour + gap, 0.0), (hour + 1.0 - gap, value)], style)
}

/// A value of an axis that ends at `top`.
pub(crate) fn number(value: f64, top: f64) -> String {
    let decimals = if top >= 4.0 {
        0
    } else if top >= 0.4 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(svg: &str, color: &str) -> usize {
        svg.lines().filter(|line| line.contains("<rect") && line.contains(color)).count()
    }

    #[test]
    fn hours_that_were_not_recorded_are_gray_and_hours_without_detections_are_not() {
        let mut recorded_h = [0.0; HOURS];
        (recorded_h[4], recorded_h[5], recorded_h[6]) = (2.0, 2.0, 0.1);
        let mut counts = [0; HOURS];
        (counts[5], counts[6]) = (7, 1);
        let classes = [("dog<".to_owned(), counts), ("bird".to_owned(), [0; HOURS])];
        let activity = Activity { what: "events", classes: &classes, recorded_h, note: "3 recordings".into() };
        let svg = activity_svg(&activity).unwrap();
        assert_eq!(count(&svg, "#C4C4C4"), 21 * 3, "{svg}");
        assert_eq!((count(&svg, "#0072B2"), count(&svg, "#7F7F7F")), (2, 3));
        assert!(svg.contains("dog&lt;: 8 events") && svg.contains("bird: 0 events") && svg.contains("3 recordings"));
        assert!(svg.contains("opacity=\"0.4\"") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn of_many_classes_those_with_the_most_are_drawn() {
        let classes: Vec<(String, [u64; HOURS])> =
            (0..50).map(|nth| (format!("class {nth:02}"), [nth; HOURS])).collect();
        let activity = Activity { what: "windows", classes: &classes, recorded_h: [1.0; HOURS], note: "n".into() };
        let svg = activity_svg(&activity).unwrap();
        assert!(svg.contains("class 49: 1176 windows") && !svg.contains("class 29:"));
        assert!(svg.contains("30 classes with fewer windows are left out"));
    }
}
