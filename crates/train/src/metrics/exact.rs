//! What can be said when there was no error at all.

/// The lower end of the exact two-sided interval (Clopper and Pearson, 1934) for a share when all of `n` draws were
/// right: the share at which that would still happen with probability `(1 - level) / 2`. With 80 of 80 right it is
/// 0.955. The upper end is 1; when all were wrong the interval is the mirror image.
pub fn clopper_pearson_all(n: usize, level: f64) -> f64 {
    if n == 0 { 0.0 } else { ((1.0 - level) / 2.0).powf(1.0 / n as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert!((clopper_pearson_all(80, 0.95) - 0.9549).abs() < 5e-5);
        assert!((clopper_pearson_all(400, 0.95) - 0.9908).abs() < 5e-5);
        assert!((clopper_pearson_all(1, 0.95) - 0.025).abs() < 1e-12);
        assert_eq!(clopper_pearson_all(0, 0.95), 0.0);
    }
}
