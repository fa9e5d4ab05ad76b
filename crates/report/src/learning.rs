//! Learning curves over the number of clips, as an SVG file of its own.

use crate::svg::escaped;

/// Pixels.
const LEFT: f64 = 64.0;
const PLOT: f64 = 420.0;
const BETWEEN: f64 = 64.0;
const TOP: f64 = 118.0;
const HEIGHT: f64 = 320.0;
const BOTTOM: f64 = 58.0;
const APART: f64 = 6.0;
/// Colors on light ground and on dark ground, for readers with any color vision (Okabe and Ito 2008).
const COLORS: [[&str; 2]; 6] = [
    ["#0072b2", "#56b4e9"],
    ["#d55e00", "#ff8c42"],
    ["#009e73", "#2ed3a2"],
    ["#aa4499", "#e08fd0"],
    ["#666666", "#aaaaaa"],
    ["#b8860b", "#f0e442"],
];
/// Ground, text and grid, likewise.
const GROUND: [&str; 2] = ["#fff", "#181818"];
const INK: [&str; 2] = ["#333", "#ddd"];
const GRID: [&str; 2] = ["#ddd", "#444"];

/// A panel of [`learning_svg`]: a set of recordings.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningPanel {
    /// Above it.
    pub title: String,
    /// The models.
    pub lines: Vec<LearningLine>,
}

/// A model in a [`LearningPanel`].
#[derive(Debug, Clone, PartialEq)]
pub struct LearningLine {
    /// Its name.
    pub name: String,
    /// Clips, mean, lowest and highest value of the seeds.
    pub points: Vec<[f64; 4]>,
    /// Clips and value of a fitted curve, dashed; empty where there is none.
    pub fit: Vec<[f64; 2]>,
}

/// Draws values up to 1 over a logarithmic axis of clips, panels side by side with the same axes.
pub fn learning_svg(title: &str, panels: &[LearningPanel]) -> String {
    let lines = || panels.iter().flat_map(|panel| &panel.lines);
    let clips = || {
        let points = lines().flat_map(|line| line.points.iter().map(|point| point[0]));
        points.chain(lines().flat_map(|line| line.fit.iter().map(|point| point[0]))).filter(|n| *n > 0.0)
    };
    let fewest = clips().fold(f64::INFINITY, f64::min).min(1e9) / 1.1;
    let most = clips().fold(fewest * 2.0, f64::max) * 1.1;
    let lowest = lines().flat_map(|line| line.points.iter().map(|point| point[2])).fold(1.0, f64::min);
    let lowest = ((lowest - 0.02) * 10.0).floor().clamp(0.0, 9.0) / 10.0;
    let x = |n: f64| PLOT * (n / fewest).ln() / (most / fewest).ln();
    let y = |value: f64| TOP + HEIGHT * (1.0 - (value.clamp(lowest, 1.0) - lowest) / (1.0 - lowest));
    let width = LEFT + (PLOT + BETWEEN) * panels.len().max(1) as f64;
    let height = TOP + HEIGHT + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"14\">\n<title>{0}</title>\n{1}\n\
         <rect width=\"{width}\" height=\"{height}\" class=\"ground\"/>\n\
         <text x=\"16\" y=\"30\" font-size=\"18\">{0}</text>\n",
        escaped(title),
        style()
    );
    let mut push = |line: String| {
        svg.push_str(&line);
        svg.push('\n');
    };
    let mut at = 16.0;
    for (nth, name) in names(panels).iter().enumerate() {
        push(format!("<circle class=\"c{}\" cx=\"{}\" cy=\"56\" r=\"5\"/>", nth % COLORS.len(), at + 5.0));
        push(format!("<text x=\"{}\" y=\"61\">{}</text>", at + 16.0, escaped(name)));
        at += 42.0 + 7.5 * name.chars().count() as f64;
    }
    push(
        "<text x=\"16\" y=\"82\" font-size=\"12\">line: mean of the seeds; bar: lowest to highest seed; dashed: fitted power law</text>"
            .to_owned(),
    );
    for (nth, panel) in panels.iter().enumerate() {
        let left = LEFT + (PLOT + BETWEEN) * nth as f64;
        let bottom = TOP + HEIGHT;
        push(format!("<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{}</text>", TOP - 12.0, escaped(&panel.title)));
        let step = if lowest < 0.7 { 0.1 } else { 0.05 };
        for tick in 0..=((1.0 - lowest) / step + 1e-9) as usize {
            let value = lowest + step * tick as f64;
            let y = y(value);
            push(format!("<path class=\"grid\" d=\"M{left} {y:.1}H{:.1}\"/>", left + PLOT));
            push(format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.2}</text>", left - 8.0, y + 5.0));
        }
        for n in ticks(fewest, most) {
            let x = left + x(n);
            push(format!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>"));
            push(format!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{n:.0}</text>", bottom + 20.0));
        }
        let middle = left + PLOT / 2.0;
        push(format!("<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">training clips</text>", bottom + 42.0));
        for line in &panel.lines {
            let color = names(panels).iter().position(|name| *name == line.name).unwrap_or(0) % COLORS.len();
            // Beside each other, since models are trained on the same sizes.
            let left = left + APART * (color as f64 - 0.5 * (names(panels).len() - 1).min(COLORS.len() - 1) as f64);
            push(format!("<g class=\"c{color}\"><title>{}</title>", escaped(&line.name)));
            let fit: Vec<[f64; 2]> = line.fit.iter().copied().filter(|point| point[1] >= lowest).collect();
            push(format!("<path class=\"fit\" d=\"{}\"/>", way(&fit, |n| left + x(n), y)));
            let means: Vec<[f64; 2]> = line.points.iter().map(|point| [point[0], point[1]]).collect();
            push(format!("<path class=\"mean\" d=\"{}\"/>", way(&means, |n| left + x(n), y)));
            for [n, mean, low, high] in &line.points {
                let (x, from, to) = (left + x(*n), y(*low), y(*high));
                push(format!("<path class=\"range\" d=\"M{x:.1} {from:.1}V{to:.1}\"/>"));
                push(format!(
                    "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}, {n:.0} clips: {mean:.3} ({low:.3} to {high:.3})\
                     </title></circle>",
                    y(*mean),
                    escaped(&line.name)
                ));
            }
            push("</g>".to_owned());
        }
    }
    svg + "</svg>\n"
}

/// Rules for light ground, and over them those for dark. Without variables, which some viewers do not know.
fn style() -> String {
    let of = |dark: usize| {
        let color = |(nth, of): (usize, &[&str; 2])| {
            format!("circle.c{nth},.c{nth} circle{{fill:{0}}}.c{nth} path{{stroke:{0}}}", of[dark])
        };
        let colors: String = COLORS.iter().enumerate().map(color).collect();
        let (ground, ink, grid) = (GROUND[dark], INK[dark], GRID[dark]);
        format!(".ground{{fill:{ground}}}text{{fill:{ink}}}.grid{{stroke:{grid}}}{colors}")
    };
    format!(
        "<style>path{{fill:none}}.range{{stroke-width:5;opacity:.35}}.mean{{stroke-width:2.5}}\
         .fit{{stroke-width:1.5;stroke-dasharray:5 4}}{}@media(prefers-color-scheme:dark){{{}}}</style>",
        of(0),
        of(1)
    )
}

/// Names of all lines, each once.
fn names(panels: &[LearningPanel]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    names
}

/// 1, 2 and 5 of each power of ten, between two ends.
fn ticks(from: f64, to: f64) -> Vec<f64> {
    let all = (0..9).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(power)));
    all.filter(|n| (from..=to).contains(n)).collect()
}

fn way(points: &[[f64; 2]], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let step = |(nth, [n, value]): (usize, &[f64; 2])| {
        format!("{}{:.1} {:.1}", if nth == 0 { 'M' } else { 'L' }, x(*n), y(*value))
    };
    points.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_and_names_are_escaped_once_each() {
        let line = |name: &str, fit: &[[f64; 2]]| LearningLine {
            name: name.into(),
            points: vec![[25.0, 0.7, 0.65, 0.8], [250.0, 0.9, 0.9, 0.9]],
            fit: fit.to_vec(),
        };
        let panel = |title: &str| LearningPanel {
            title: title.into(),
            lines: vec![line("a<b", &[[25.0, 0.7], [500.0, 0.95]]), line("c", &[])],
        };
        let svg = learning_svg("Balanced accuracy", &[panel("test"), panel("field")]);
        assert_eq!(svg.matches("<circle").count(), 2 + 2 * 4, "{svg}");
        assert_eq!(svg.matches(">a&lt;b</text>").count(), 1);
        assert!(
            svg.contains(">500</text>") && svg.contains(">0.60</text>") && svg.contains("prefers-color-scheme:dark")
        );
        assert_eq!(ticks(23.0, 550.0), [50.0, 100.0, 200.0, 500.0]);
        assert!(!learning_svg("none", &[]).contains("NaN"));
    }
}
