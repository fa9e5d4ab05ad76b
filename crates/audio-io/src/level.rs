//! One loudness for every clip, or none.

use serde::{Deserialize, Serialize};

/// The RMS that [`Level::Rms`] brings a clip to: 0.1, which is -20 dBFS.
pub const TARGET_RMS: f32 = 0.1;

/// How the level of a clip is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As recorded.
    None,
    /// The greatest sample becomes 1.0.
    #[default]
    Peak,
    /// The RMS becomes -20 dBFS; peaks may then go past 1.0 and are left so.
    Rms,
}

/// Sets the level in place. Silence stays silence.
///
/// # Shapes
/// `[n]`, any length.
pub fn apply_level(samples: &mut [f32], level: Level) {
    let factor = match level {
        Level::None => return,
        Level::Peak => 1.0 / peak(samples),
        Level::Rms => TARGET_RMS / rms(samples) as f32,
    };
    // Silence gives an infinite factor; so does a sound too small for a float to hold its inverse.
    if factor.is_finite() {
        samples.iter_mut().for_each(|sample| *sample *= factor);
    }
}

/// The greatest absolute sample; 0 for none.
pub(crate) fn peak(samples: &[f32]) -> f32 {
    // By lanes, which vectorizes; the greatest does not depend on the order.
    let greater = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = samples.as_chunks::<16>();
    let mut lanes = [0.0f32; 16];
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane = greater(*lane, sample.abs());
        }
    }
    lanes.into_iter().chain(rest.iter().map(|sample| sample.abs())).fold(0.0, greater)
}

/// Root of the mean square; 0 for none.
pub(crate) fn rms(samples: &[f32]) -> f64 {
    if samples.is_empty() { 0.0 } else { (energy(samples) / samples.len() as f64).sqrt() }
}

/// Sum of squares.
pub(crate) fn energy(samples: &[f32]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_reach_their_targets() {
        let mut samples = [0.1f32, -0.2, 0.05];
        apply_level(&mut samples, Level::Peak);
        assert!((peak(&samples) - 1.0).abs() < 1e-6);
        apply_level(&mut samples, Level::Rms);
        assert!((rms(&samples) - 0.1).abs() < 1e-6);
        let before = samples;
        apply_level(&mut samples, Level::None);
        assert_eq!(samples, before);
    }

    #[test]
    fn silence_and_nothing_stay_as_they_are() {
        for level in [Level::None, Level::Peak, Level::Rms] {
            let mut silence = [0.0f32; 4];
            apply_level(&mut silence, level);
            assert_eq!(silence, [0.0; 4]);
            apply_level(&mut [], level);
            let mut faint = [1e-42f32, 0.0];
            apply_level(&mut faint, level);
            assert!(faint.iter().all(|sample| sample.is_finite()));
        }
    }
}
