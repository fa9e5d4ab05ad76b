//! The scale of the values that come out: decibels and natural logarithms.

use crate::config::{Output, Quietest, Reference, Spectrum};
use crate::logarithm::Logarithm;

/// Powers below this count as this: -100 dB.
pub const SMALLEST_POWER: f32 = 1e-10;

/// Values a step, so that the compiler keeps several vectors in flight.
const LANES: usize = 16;

/// Turns the magnitudes or powers of one clip into what `output` asks for, in place.
#[inline(always)]
pub(crate) fn scale(values: &mut [f32], spectrum: Spectrum, output: Output) {
    match output {
        Output::Linear => {}
        Output::Db { reference, top_db } => {
            if spectrum == Spectrum::Magnitude {
                values.iter_mut().for_each(|value| *value *= *value);
            }
            power_to_db(values, reference, top_db);
        }
        Output::Ln(Quietest::Offset(offset)) => replace(values, |value| Logarithm::NATURAL.of(value + offset)),
        Output::Ln(Quietest::Floor(floor)) => replace(values, |value| Logarithm::NATURAL.of(value.max(floor))),
    }
}

#[inline(always)]
fn power_to_db(power: &mut [f32], reference: Reference, top_db: Option<f32>) {
    let peak_db = db(largest(power).max(SMALLEST_POWER));
    let zero_db = match reference {
        Reference::One => 0.0,
        Reference::Max => peak_db,
    };
    let floor_db = top_db.map_or(f32::NEG_INFINITY, |top_db| (peak_db - zero_db) - top_db);
    replace(power, |value| (db(value.max(SMALLEST_POWER)) - zero_db).max(floor_db));
}

#[inline(always)]
fn db(power: f32) -> f32 {
    Logarithm::DECIBELS.of(power)
}

#[inline(always)]
fn replace(values: &mut [f32], by: impl Fn(f32) -> f32) {
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for value in chunk {
            *value = by(*value);
        }
    }
    for value in rest {
        *value = by(*value);
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_natural_logarithm_is_of_what_was_summed_and_never_of_zero() {
        for spectrum in [Spectrum::Power, Spectrum::Magnitude] {
            let mut values = vec![0.0, 0.999];
            scale(&mut values, spectrum, Output::Ln(Quietest::Offset(0.001)));
            assert!((values[0] + 6.907_755).abs() < 1e-6 && values[1].abs() < 1e-7, "{values:?}");
            let mut values = vec![0.0, 1e-8, std::f32::consts::E];
            scale(&mut values, spectrum, Output::Ln(Quietest::Floor(f32::EPSILON)));
            assert!(values[..2].iter().all(|v| (v + 15.942_385).abs() < 2e-6), "{values:?}");
            assert!((values[2] - 1.0).abs() < 1e-7, "{values:?}");
        }
    }

    #[test]
    fn linear_values_stay() {
        let mut power = vec![1.0, 2.0];
        scale(&mut power, Spectrum::Power, Output::Linear);
        assert_eq!(power, [1.0, 2.0]);
    }
}
