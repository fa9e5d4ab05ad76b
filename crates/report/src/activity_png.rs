//! Detections by hour of day as a PNG file.

use crate::activity::{Activity, Bars, HOURS, number};
use crate::canvas::{Align, Canvas, Ink};
use crate::color::N_COLORS;
use crate::error::Result;
use crate::text::{LINE, width};

/// Pixels of an hour.
const HOUR: usize = 36;
/// Pixels from the left edge to the bars, and from them to the right edge.
const LEFT: usize = 90;
const RIGHT: usize = 40;
const MARGIN: usize = 16;
/// Pixels of a panel's bars.
const HEIGHT: usize = 110;
const PANEL: usize = HEIGHT + 2 * LINE + 18;
/// Pixels on each side of a bar.
const GAP: usize = 3;
/// Pixels from one line of the hatching of hours that were not recorded to the next.
const HATCH: usize = 5;

/// Draws what [`activity_svg`](crate::activity_svg) draws, on a dark background; hours that were not recorded are hatched in
/// gray.
///
/// # Errors
/// [`Error::Png`](crate::Error::Png) when the picture cannot be encoded.
pub fn activity_png(activity: &Activity<'_>) -> Result<Vec<u8>> {
    let panels = activity.panels();
    let legend = activity.legend("Hatched", "Dark");
    let top = 2 * LINE + MARGIN;
    let plot = LEFT + HOURS * HOUR + RIGHT;
    let mut canvas = Canvas::new(plot.max(width(&legend) + 2 * MARGIN), top + PANEL * panels.len() + MARGIN);
    canvas.text(MARGIN, MARGIN / 2, Align::Left, &activity.title(), Ink::Bright);
    canvas.text(MARGIN, MARGIN / 2 + LINE, Align::Left, &legend, Ink::Faint);
    for (nth, bars) in panels.iter().enumerate() {
        panel(&mut canvas, top + nth * PANEL, bars, activity);
    }
    canvas.encode()
}

fn panel(canvas: &mut Canvas, top: usize, bars: &Bars, activity: &Activity<'_>) {
    let (from, to, right) = (top + LINE, top + LINE + HEIGHT, LEFT + HOURS * HOUR);
    canvas.text(LEFT, top, Align::Left, &bars.caption, Ink::Bright);
    let end = bars.top();
    for share in [0.0, 0.5, 1.0] {
        let y = to - (share * HEIGHT as f64 / 1.1) as usize;
        let value = share * end / 1.1;
        canvas.text(LEFT - 8, y.saturating_sub(LINE / 2), Align::Right, &number(value, end), Ink::Faint);
        canvas.horizontal(LEFT - 4, LEFT, y, Ink::Faint);
    }
    for hour in 0..HOURS {
        let x = LEFT + hour * HOUR;
        if activity.recorded_h[hour] <= 0.0 {
            for y in from..to {
                (x..x + HOUR).filter(|x| (x + y) % HATCH == 0).for_each(|x| canvas.horizontal(x, x + 1, y, Ink::Faint));
            }
        }
        let height = (bars.values[hour] / end * HEIGHT as f64).round() as usize;
        let share = match (bars.is_effort, activity.is_little(hour)) {
            (false, false) => 0.8,
            (false, true) => 0.4,
            (true, false) => 0.6,
            (true, true) => 0.3,
        };
        let color = (share * (N_COLORS - 1) as f64) as u8;
        for y in to - height..to {
            (x + GAP..x + HOUR - GAP).for_each(|x| canvas.set(x, y, color));
        }
    }
    canvas.horizontal(LEFT, right, to, Ink::Bright);
    canvas.vertical(LEFT, from, to, Ink::Bright);
    for hour in (0..=HOURS).step_by(3) {
        let x = LEFT + hour * HOUR;
        canvas.vertical(x, to, to + 5, Ink::Bright);
        canvas.text(x, to + 6, Align::Center, &format!("{hour:02}:00"), Ink::Faint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_any_number_of_classes_is_a_png() {
        for n in [0, 1, 30] {
            let classes: Vec<(String, [u64; HOURS])> =
                (0..n).map(|nth| (format!("class {nth}"), [nth; HOURS])).collect();
            let mut recorded_h = [1.0; HOURS];
            recorded_h[7] = 0.0;
            let activity = Activity { what: "events", classes: &classes, recorded_h, note: "n".into() };
            let png = activity_png(&activity).unwrap();
            assert!(png.starts_with(b"\x89PNG"), "{n}");
        }
    }
}
