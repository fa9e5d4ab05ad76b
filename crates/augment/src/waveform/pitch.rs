//! Pitch shift: higher or lower at the same length.

use super::draw::{between, is_drawn};
use super::interpolate::interpolate;
use super::stretch::stretch_to;
use crate::seed::Step;
use serde::{Deserialize, Serialize};

/// Semitones that a pitch is shifted by at most, up or down.
pub const MOST_SEMITONES: f64 = 24.0;

/// Share of the frequencies up to half the rate that a sound which is made higher keeps.
const KEPT: f64 = 0.98;

/// The step: a clip becomes higher or lower, its length stays.
///
/// J. Salamon and J. P. Bello ("Deep convolutional neural networks and data augmentation for environmental sound
/// classification", 2017) shift by 1, 2, 2.5 and 3.5 semitones up and down, and find it the step that helps all their
/// classes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Pitch {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// Semitones, drawn between the two; -24 to 24.
    pub semitones: [f32; 2],
}

impl Pitch {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut Vec<f32>, rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Pitch)?;
        let semitones = between(self.semitones, &mut rng);
        *samples = pitch_shift(samples, rate_hz, f64::from(semitones));
        Some(format!("pitch: {semitones:+.2} semitones"))
    }
}

/// `samples` with every frequency times `2^(semitones / 12)`, at the same length: stretched, then resampled.
///
/// # Shapes
/// `[n]` to `[n]`.
///
/// # Panics
/// When there are more than [`MOST_SEMITONES`], or the rate is 0.
pub fn pitch_shift(samples: &[f32], rate_hz: u32, semitones: f64) -> Vec<f32> {
    assert!(semitones.abs() <= MOST_SEMITONES, "pitch_shift: semitones must be -24 to 24, not {semitones}");
    if samples.is_empty() {
        return Vec::new();
    }
    let ratio = (semitones / 12.0).exp2();
    let n_long = ((samples.len() as f64 * ratio).round() as usize).max(1);
    // What the shift would put above half the rate is left out where it costs nothing.
    let share = if ratio > 1.0 { KEPT / ratio } else { 1.0 };
    interpolate(&stretch_to(samples, rate_hz, n_long, share), ratio, samples.len(), share)
}
