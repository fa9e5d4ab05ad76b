//! Models side by side: values with their intervals, as an SVG file of its own.

use crate::svg::escaped;

/// Pixels.
const LEFT: f64 = 310.0;
const PLOT: f64 = 560.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 92.0;
const LINE: f64 = 20.0;
const BETWEEN: f64 = 22.0;
const COLORS: [&str; 4] = ["#0072b2", "#d55e00", "#666666", "#009e73"];

/// A model in [`comparison_svg`].
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// A line below the name.
    pub note: String,
    /// For each kind of value: value, low and high end of its interval; none where it was not measured.
    pub values: Vec<Option<[f64; 3]>>,
}

/// Draws shares from 0 to 1, one line a model and kind of value. The axis begins below the lowest end.
pub fn comparison_svg(title: &str, kinds: &[&str], models: &[Compared]) -> String {
    let shown: Vec<usize> = (0..kinds.len())
        .filter(|&kind| models.iter().any(|model| model.values.get(kind).is_some_and(Option::is_some)))
        .collect();
    let ends = models.iter().flat_map(|model| model.values.iter().flatten().map(|[_, low, _]| *low));
    let lowest = (ends.fold(1.0, f64::min) * 10.0 - 0.2).floor().clamp(0.0, 9.0) / 10.0;
    let x = |value: f64| LEFT + PLOT * ((value - lowest) / (1.0 - lowest)).clamp(0.0, 1.0);
    let of_model = LINE * (shown.len().max(2)) as f64 + BETWEEN;
    let (width, bottom) = (LEFT + PLOT + RIGHT, TOP + of_model * models.len() as f64);
    let height = bottom + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"14\" fill=\"#333\">\n<title>{0}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"30\" font-size=\"18\">{0}</text>\n",
        escaped(title)
    );
    let mut at = 16.0;
    for &kind in &shown {
        let color = COLORS[kind % COLORS.len()];
        push(&mut svg, format_args!("<circle cx=\"{}\" cy=\"55\" r=\"5\" fill=\"{color}\"/>", at + 5.0));
        push(&mut svg, format_args!("<text x=\"{}\" y=\"60\">{}</text>", at + 16.0, escaped(kinds[kind])));
        at += 40.0 + 7.5 * kinds[kind].chars().count() as f64;
    }
    let step = if lowest < 0.5 { 0.1 } else { 0.05 };
    for tick in 0..=((1.0 - lowest) / step + 1e-9) as usize {
        let value = lowest + step * tick as f64;
        let x = x(value);
        push(&mut svg, format_args!("<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>"));
        push(
            &mut svg,
            format_args!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{value:.2}</text>", bottom + 22.0),
        );
    }
    for (nth, model) in models.iter().enumerate() {
        let top = TOP + of_model * nth as f64 + LINE;
        push(&mut svg, format_args!("<text x=\"16\" y=\"{top}\" font-weight=\"bold\">{}</text>", escaped(&model.name)));
        push(
            &mut svg,
            format_args!("<text x=\"16\" y=\"{}\" font-size=\"11\">{}</text>", top + 17.0, escaped(&model.note)),
        );
        for (line, &kind) in shown.iter().enumerate() {
            let Some([value, low, high]) = model.values.get(kind).copied().flatten() else { continue };
            let (y, color) = (top - 5.0 + LINE * line as f64, COLORS[kind % COLORS.len()]);
            let (from, to, middle) = (x(low), x(high), x(value));
            push(&mut svg, format_args!("<path d=\"M{from:.1} {y}H{to:.1}\" stroke=\"{color}\" stroke-width=\"3\"/>"));
            push(
                &mut svg,
                format_args!(
                    "<circle cx=\"{middle:.1}\" cy=\"{y}\" r=\"5\" fill=\"{color}\"><title>{}: {value:.3} ({low:.3} to \
                     {high:.3})</title></circle>",
                    escaped(kinds[kind])
                ),
            );
            push(
                &mut svg,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{}\" font-size=\"12\">{value:.3}</text>",
                    LEFT + PLOT + 10.0,
                    y + 4.0
                ),
            );
        }
    }
    svg + "</svg>\n"
}

/// A line of the file.
fn push(svg: &mut String, line: std::fmt::Arguments<'_>) {
    svg.push_str(&line.to_string());
    svg.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_drawn_and_what_was_not_measured_is_absent() {
        let model =
            |name: &str, values: Vec<Option<[f64; 3]>>| Compared { name: name.into(), note: "1 MB".into(), values };
        let models = [model("a<b", vec![Some([0.9, 0.8, 1.0]), None]), model("c", vec![Some([0.75, 0.62, 0.9]), None])];
        let svg = comparison_svg("Balanced accuracy", &["as recorded", "equalized"], &models);
        assert_eq!(svg.matches("<circle").count(), 1 + 2, "{svg}");
        assert!(svg.contains("a&lt;b") && !svg.contains("equalized") && svg.contains(">0.60<"), "{svg}");
    }
}
