//! Points on a plane as an SVG picture that stands by itself.

use std::fmt::Write;

/// Pixels of the picture.
const SIZE: [f64; 2] = [900.0, 560.0];
/// Pixels on the right for the names.
const NAMES: f64 = 230.0;
const MARGIN: f64 = 24.0;
/// Colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008).
const COLOURS: [&str; 8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000"];

/// Points of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Cloud {
    /// What they are.
    pub name: String,
    /// Where they are; what is not finite is left out.
    pub points: Vec<[f32; 2]>,
    /// Known sounds are discs, unknown sounds crosses.
    pub is_known: bool,
}

/// The picture: every cloud in a colour of its own, and its name and number of points beside it.
pub fn scatter_svg(title: &str, clouds: &[Cloud]) -> String {
    let finite = |point: &&[f32; 2]| point.iter().all(|value| value.is_finite());
    let all = || clouds.iter().flat_map(|cloud| cloud.points.iter().filter(finite));
    let bounds = |axis: usize| {
        let (low, high) =
            all().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), p| (low.min(p[axis]), high.max(p[axis])));
        if low < high { (f64::from(low), f64::from(high)) } else { (-1.0, 1.0) }
    };
    let (x, y) = (bounds(0), bounds(1));
    let [width, height] = SIZE;
    let place =
        |value: f32, (low, high): (f64, f64), pixels: f64| MARGIN + (f64::from(value) - low) / (high - low) * pixels;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"14\">\n<title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n",
        escaped(title)
    );
    // Unknown sounds first, so that what is known lies on top.
    let mut order: Vec<usize> = (0..clouds.len()).collect();
    order.sort_by_key(|&nth| clouds[nth].is_known);
    for nth in order {
        let (cloud, colour) = (&clouds[nth], COLOURS[nth % COLOURS.len()]);
        let _ = writeln!(svg, "<g fill=\"{colour}\" stroke=\"{colour}\" fill-opacity=\"0.55\" stroke-opacity=\"0.8\">");
        for point in cloud.points.iter().filter(finite) {
            let at =
                [place(point[0], x, width - NAMES - 2.0 * MARGIN), height - place(point[1], y, height - 3.0 * MARGIN)];
            svg.push_str(&mark(at, cloud.is_known));
        }
        svg.push_str("</g>\n");
    }
    let _ = writeln!(svg, "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"600\">{}</text>", MARGIN, escaped(title));
    for (nth, cloud) in clouds.iter().enumerate() {
        let (left, top) = (width - NAMES, 2.5 * MARGIN + 22.0 * nth as f64);
        let colour = COLOURS[nth % COLOURS.len()];
        let _ = write!(svg, "<g fill=\"{colour}\" stroke=\"{colour}\">{}</g>", mark([left, top - 5.0], cloud.is_known));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{top}\">{} ({})</text>",
            left + 14.0,
            escaped(&cloud.name),
            cloud.points.len()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn mark([x, y]: [f64; 2], is_known: bool) -> String {
    if is_known {
        return format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" stroke=\"none\"/>\n");
    }
    format!("<path d=\"M{:.1} {:.1}l6 6m0 -6l-6 6\" fill=\"none\" stroke-width=\"1.4\"/>\n", x - 3.0, y - 3.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_point_is_drawn_and_names_are_safe() {
        let known = Cloud { name: "a<b".into(), points: vec![[0.0, 0.0], [1.0, 2.0], [f32::NAN, 0.0]], is_known: true };
        let unknown = Cloud { name: "rain".into(), points: vec![[0.5, 0.5]], is_known: false };
        let svg = scatter_svg("t", &[known, unknown]);
        assert_eq!((svg.matches("<circle").count(), svg.matches("<path").count()), (3, 2));
        assert!(svg.contains("a&lt;b (3)") && !svg.contains("NaN"));
        assert!(scatter_svg("empty", &[]).ends_with("</svg>\n"));
    }
}
