//! Drawing with plotters into SVG text.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::error::{Error, Result};

/// Where a chart is drawn.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What a drawing function returns.
pub(crate) type Drawn<'a> =
    std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// The elements of a chart of `size` pixels and the closing tag, without the opening `svg` tag: where the chart goes
/// decides what that has to say.
pub(crate) fn elements(
    what: &str,
    size: (u32, u32),
    draw: impl for<'a> FnOnce(&Area<'a>) -> Drawn<'a>,
) -> Result<String> {
    let failed = |reason: String| Error::Chart { what: what.to_owned(), reason };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&root).map_err(|error| failed(error.to_string()))?;
        root.present().map_err(|error| failed(error.to_string()))?;
    }
    let elements = svg.split_once('>').map(|(_, elements)| elements.to_owned());
    elements.ok_or_else(|| failed("the plotter wrote no SVG".into()))
}

/// `text` as it may stand in an element or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_is_escaped() {
        let text = "<script>\"&";
        let draw = |root: &Area<'_>| root.draw(&Text::new(text, (1, 1), ("sans-serif", 12)));
        let svg = elements("t", (10, 10), |root| draw(root).map(|_| ())).unwrap();
        assert!(!svg.contains("<script") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(escaped(text), "&lt;script&gt;&quot;&amp;");
    }
}
