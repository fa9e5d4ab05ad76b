//! Power to decibels.

use crate::config::{Output, Reference, Spectrum};

/// Powers below this count as this: -100 dB.
const SMALLEST_POWER: f32 = 1e-10;

/// Values a step, so that the compiler keeps several vectors in flight.
const LANES: usize = 16;

/// Turns the magnitudes or powers of one clip into what `output` asks for, in place.
#[inline(always)]
pub(crate) fn scale(values: &mut [f32], spectrum: Spectrum, output: Output) {
    let Output::Db { reference, top_db } = output else { return };
    if spectrum == Spectrum::Magnitude {
        values.iter_mut().for_each(|value| *value *= *value);
    }
    power_to_db(values, reference, top_db);
}

#[inline(always)]
fn power_to_db(power: &mut [f32], reference: Reference, top_db: Option<f32>) {
    let peak_db = db(largest(power).max(SMALLEST_POWER));
    let zero_db = match reference {
        Reference::One => 0.0,
        Reference::Max => peak_db,
    };
    let floor_db = top_db.map_or(f32::NEG_INFINITY, |top_db| (peak_db - zero_db) - top_db);
    let (chunks, rest) = power.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for value in chunk {
            *value = (db(value.max(SMALLEST_POWER)) - zero_db).max(floor_db);
        }
    }
    for value in rest {
        *value = (db(value.max(SMALLEST_POWER)) - zero_db).max(floor_db);
    }
}

/// The largest of some numbers that are not negative; 0 of none.
#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(0.0, |largest, &value| largest.max(value))
}

/// `10 log10(x)` of a normal positive number, within 1 unit in the last place of the result or 5e-7 dB.
///
/// Branchless arithmetic on the bits, so that a loop over it becomes vector code. With `x = m 2^e`, `m` within a
/// square root of two of one, `ln m = 2 artanh((m - 1) / (m + 1))`, whose series is cut where the next term is below
/// 1e-9.
#[inline(always)]
fn db(x: f32) -> f32 {
    /// The bits of sqrt(1/2), where the range of `m` begins.
    const HALF_ROOT: i32 = 0x3f35_04f3;
    /// Decibels of a factor of two, in two parts: the first has few bits, so that its product with `e` is exact.
    const TWO_HIGH_DB: f32 = 6165.0 / 2048.0;
    const TWO_LOW_DB: f32 = 4.605_039e-5;
    /// Decibels of a factor of e, twice.
    const TWICE_E_DB: f32 = 8.685_89;

    let bits = x.to_bits() as i32 - HALF_ROOT;
    let exponent = (bits >> 23) as f32;
    let mantissa = f32::from_bits(((bits & 0x007f_ffff) + HALF_ROOT) as u32);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let s2 = s * s;
    let series = s + s * s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0 + s2 * (1.0 / 9.0))));
    exponent * TWO_HIGH_DB + (exponent * TWO_LOW_DB + TWICE_E_DB * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_exact_to_rounding() {
        let mut worst = 0.0_f64;
        for bits in (0x0080_0000_u32..0x7f80_0000).step_by(9973) {
            let x = f32::from_bits(bits);
            let exact = 10.0 * f64::from(x).log10();
            worst = worst.max((f64::from(db(x)) - exact).abs() / exact.abs().max(4.0));
        }
        assert!(worst < 1.5e-7, "relative error {worst:e}");
        assert_eq!(db(1.0), 0.0);
    }

    #[test]
    fn silence_is_minus_100_db() {
        let mut power = vec![0.0; 40];
        scale(&mut power, Spectrum::Power, Output::DB_80);
        assert!(power.iter().all(|&v| (v + 100.0).abs() < 1e-5), "{power:?}");
    }

    #[test]
    fn the_floor_is_top_db_under_the_maximum() {
        let mut power = vec![0.0; 37];
        power[36] = 100.0;
        scale(&mut power, Spectrum::Power, Output::DB_80);
        assert_eq!(power[36], 20.0);
        assert!(power[..36].iter().all(|&v| (v + 60.0).abs() < 1e-5));
    }

    #[test]
    fn against_the_maximum_the_loudest_is_zero() {
        let mut power = vec![1e-3, 4.0, 0.5];
        scale(&mut power, Spectrum::Power, Output::Db { reference: Reference::Max, top_db: None });
        assert_eq!(power[1], 0.0);
        assert!((power[0] + 36.0206).abs() < 1e-4);
    }

    #[test]
    fn twice_the_magnitude_is_six_decibels() {
        let mut magnitude = vec![1.0, 2.0];
        scale(&mut magnitude, Spectrum::Magnitude, Output::DB_80);
        assert!((magnitude[1] - magnitude[0] - 6.0206).abs() < 1e-5);
    }

    #[test]
    fn linear_values_stay() {
        let mut power = vec![1.0, 2.0];
        scale(&mut power, Spectrum::Power, Output::Linear);
        assert_eq!(power, [1.0, 2.0]);
    }
}
