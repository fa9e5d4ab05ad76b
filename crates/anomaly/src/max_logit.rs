//! The largest logit.

use crate::logits::max;
use crate::rows::Rows;

/// Minus the largest logit of each row of `[M, C]`: nothing is fitted.
///
/// Source: Hendrycks, Basart, Mazeika and others (2022), "Scaling Out-of-Distribution Detection for Real-World
/// Settings".
pub fn max_logit(logits: Rows<'_>) -> Vec<f64> {
    logits.iter().map(|row| -max(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest() {
        assert_eq!(max_logit(Rows::new(&[1.0, 3.0, -2.0, -4.0], 2).unwrap()), [-3.0, 2.0]);
    }
}
