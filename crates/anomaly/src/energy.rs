//! Free energy of the logits.

use crate::error::{Result, check};
use crate::logits::{log_sum_exp, tempered};
use crate::rows::Rows;

/// `-T ln Σ exp(z / T)` of each row of logits `[M, C]`: nothing is fitted. T = 1 is what the paper recommends.
///
/// Source: Liu, Wang, Owens and Li (2020), "Energy-based Out-of-distribution Detection".
///
/// # Errors
/// A temperature that is not above 0.
pub fn energy(logits: Rows<'_>, temperature: f64) -> Result<Vec<f64>> {
    check(temperature > 0.0 && temperature.is_finite(), "temperature", "above 0", temperature)?;
    Ok(logits.iter().map(|row| -temperature * log_sum_exp(tempered(row, temperature))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let logits = Rows::new(&[0.0, 0.0, 800.0, 0.0], 2).unwrap();
        assert_eq!(energy(logits, 1.0).unwrap(), [-(2f64.ln()), -800.0]);
        assert!(energy(logits, -1.0).is_err());
    }
}
