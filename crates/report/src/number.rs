//! Numbers as the report writes them, and the interval of a share.

/// Stands for a number that could not be computed.
pub(crate) const UNKNOWN: &str = "\u{2013}";

/// A number with `digits` decimals.
pub(crate) fn fixed(x: f64, digits: usize) -> String {
    if x.is_finite() { format!("{x:.digits$}") } else { UNKNOWN.into() }
}

/// `86 %`.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.0}\u{a0}%", 100.0 * share) } else { UNKNOWN.into() }
}

/// `1 clip`, `1,234 clips`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", thousands(n), if n == 1 { one } else { many })
}

/// `1,234,567`.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The 95 % score interval (Wilson, 1927) of a share of `k` among `n`; none for `n` = 0.
///
/// It takes clips to be independent, so it is too narrow where a group has several clips.
pub(crate) fn wilson(k: u64, n: u64) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_963_984_540_054;
    if n == 0 || k > n {
        return None;
    }
    let (k, n) = (k as f64, n as f64);
    let (p, z2) = (k / n, Z * Z);
    let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some([(center - half).max(0.0), (center + half).min(1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(count(1, "clip", "clips"), "1\u{a0}clip");
        assert_eq!(percent(0.857), "86\u{a0}%");
        assert_eq!(fixed(f64::NAN, 3), UNKNOWN);
    }

    #[test]
    fn wilson_intervals_known_by_hand() {
        let [low, high] = wilson(8, 10).unwrap();
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        let [low, high] = wilson(0, 20).unwrap();
        assert!(low == 0.0 && (high - 0.1611).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 0), None);
    }
}
