//! A number with its interval: as text, and as a bar on a line from 0 to 1.

use crate::number::fixed;

/// Positions on a line from 0 to 1, as the style sheet reads them; the template `bar.html` draws it.
pub(crate) struct Bar {
    pub(crate) low: String,
    pub(crate) high: String,
    pub(crate) at: String,
}

impl Bar {
    pub(crate) fn new(value: f64, [low, high]: [f64; 2]) -> Self {
        Self { low: position(low), high: position(high), at: position(value) }
    }
}

/// A position on the line; the nearer end for a value outside of it, the start for one that is not finite.
pub(crate) fn position(value: f64) -> String {
    fixed(if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }, 4)
}

/// A metric with its interval.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) note: &'static str,
    pub(crate) value: String,
    /// Empty for none.
    pub(crate) interval: String,
    pub(crate) bar: Option<Bar>,
}

impl Figure {
    pub(crate) fn new(name: &'static str, note: &'static str, value: f64, interval: Option<[f64; 2]>) -> Self {
        Self {
            name,
            note,
            value: fixed(value, 3),
            interval: interval.map_or(String::new(), range),
            bar: interval.filter(|_| value.is_finite()).map(|interval| Bar::new(value, interval)),
        }
    }
}

/// `0.750 to 0.940`.
pub(crate) fn range([low, high]: [f64; 2]) -> String {
    format!("{} to {}", fixed(low, 3), fixed(high, 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_stay_on_the_line() {
        assert_eq!([-0.1, 0.25, 1.2, f64::NAN].map(position), ["0.0000", "0.2500", "1.0000", "0.0000"]);
    }

    #[test]
    fn a_metric_that_is_not_finite_has_no_bar() {
        assert!(Figure::new("", "", f64::NAN, Some([0.1, 0.2])).bar.is_none());
        let figure = Figure::new("", "", 0.15, Some([0.1, 0.2]));
        assert_eq!((figure.value.as_str(), figure.interval.as_str()), ("0.150", "0.100 to 0.200"));
    }
}
