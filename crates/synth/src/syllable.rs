//! A whistled syllable: one tone that moves, with few harmonics.

use crate::track::{along, swell};
use crate::voiced::{HIGHEST_PARTIAL, sum_of_sines};
use std::f32::consts::TAU;

const BLOCK: usize = 16;

/// One syllable of a song, or any other moving tone.
#[derive(Clone, Debug)]
pub(crate) struct Syllable {
    pub(crate) seconds: f32,
    /// Pitch over the syllable: evenly spaced points.
    pub(crate) pitch_hz: Vec<f32>,
    /// Quick swinging of the pitch: how often a second, and how far as a share of it.
    pub(crate) swing_hz: f32,
    pub(crate) swing_depth: f32,
    /// Quick beating of the loudness: how often a second, and how deep, 0 to 1.
    pub(crate) beat_hz: f32,
    pub(crate) beat_depth: f32,
    /// Strengths of the first, second, third and fourth harmonic.
    pub(crate) harmonics: [f32; 4],
    /// The shares of the syllable in which it rises and falls.
    pub(crate) attack: f32,
    pub(crate) release: f32,
}

impl Syllable {
    /// A plain tone through `pitch_hz`.
    pub(crate) fn plain(seconds: f32, pitch_hz: Vec<f32>) -> Self {
        Self {
            seconds,
            pitch_hz,
            swing_hz: 0.0,
            swing_depth: 0.0,
            beat_hz: 0.0,
            beat_depth: 0.0,
            harmonics: [1.0, 0.0, 0.0, 0.0],
            attack: 0.2,
            release: 0.3,
        }
    }

    /// Adds the syllable to `out` with its pitch times `transpose`; what does not fit is cut off.
    pub(crate) fn add_to(&self, out: &mut [f32], rate_hz: f32, transpose: f32, gain: f32) {
        let (mut cycle, mut loudness) = (0f32, 0f32);
        for (block, chunk) in out.chunks_mut(BLOCK).enumerate() {
            let t_s = (block * BLOCK) as f32 / rate_hz;
            let swing = 1.0 + self.swing_depth * (TAU * self.swing_hz * t_s).sin();
            let pitch_hz = transpose * swing * along(&self.pitch_hz, t_s / self.seconds);
            let n_below_limit = ((HIGHEST_PARTIAL * rate_hz / pitch_hz.max(1.0)) as usize).min(self.harmonics.len());
            let beat = 1.0 - self.beat_depth * (0.5 - 0.5 * (TAU * self.beat_hz * t_s).cos());
            let rise = swell(t_s, self.seconds, self.attack * self.seconds, self.release * self.seconds);
            let step = (gain * beat * rise - loudness) / chunk.len() as f32;
            for sample in chunk {
                cycle += pitch_hz / rate_hz;
                cycle -= cycle.floor();
                loudness += step;
                *sample += loudness * sum_of_sines(&self.harmonics[..n_below_limit], TAU * cycle);
            }
        }
    }
}
