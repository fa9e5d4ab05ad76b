//! Logarithms by arithmetic on the bits of an f32.

/// A logarithm to some base, times some unit.
pub(crate) struct Logarithm {
    /// That of two, in two parts: the first has few bits, so that its product with an exponent is exact.
    two_high: f32,
    two_low: f32,
    /// Twice that of e.
    twice_e: f32,
}

impl Logarithm {
    /// `10 log10(x)`.
    pub(crate) const DECIBELS: Self = Self { two_high: 6165.0 / 2048.0, two_low: 4.605_039e-5, twice_e: 8.685_89 };
    /// `ln(x)`.
    pub(crate) const NATURAL: Self = Self { two_high: 45_426.0 / 65_536.0, two_low: 1.428_606_8e-6, twice_e: 2.0 };

    /// The logarithm of a normal positive number, within 1 unit in the last place of the result or, near one, 1.2e-7 of
    /// the logarithm of e.
    ///
    /// Branchless arithmetic on the bits, so that a loop over it becomes vector code. With `x = m 2^e`, `m` within a
    /// square root of two of one, `ln m = 2 artanh((m - 1) / (m + 1))`, whose series is cut where the next term is
    /// below 1e-9.
    #[inline(always)]
    pub(crate) fn of(&self, x: f32) -> f32 {
        /// The bits of sqrt(1/2), where the range of `m` begins.
        const HALF_ROOT: i32 = 0x3f35_04f3;

        let bits = x.to_bits() as i32 - HALF_ROOT;
        let exponent = (bits >> 23) as f32;
        let mantissa = f32::from_bits(((bits & 0x007f_ffff) + HALF_ROOT) as u32);
        let s = (mantissa - 1.0) / (mantissa + 1.0);
        let s2 = s * s;
        let series = s + s * s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0))));
        exponent * self.two_high + (exponent * self.two_low + self.twice_e * series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_exact_to_rounding() {
        for (logarithm, of_e) in [(Logarithm::DECIBELS, 10.0 / 10.0_f64.ln()), (Logarithm::NATURAL, 1.0)] {
            let mut worst = 0.0_f64;
            for bits in (0x0080_0000_u32..0x7f80_0000).step_by(9973) {
                let x = f32::from_bits(bits);
                let exact = of_e * f64::from(x).ln();
                worst = worst.max((f64::from(logarithm.of(x)) - exact).abs() / exact.abs().max(0.92 * of_e));
            }
            assert!(worst < 1.5e-7, "relative error {worst:e}");
            assert_eq!(logarithm.of(1.0), 0.0);
        }
    }
}
