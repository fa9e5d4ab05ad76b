//! A voice: harmonics of a moving pitch, shaped by a mouth, with breath and roughness.

use crate::draw::{Draws, white};
use crate::filter::{OnePole, TwoPole};
use crate::track::{along, smooth, swell};
use std::f32::consts::{PI, TAU};

/// Samples between two looks at the slow curves.
const BLOCK: usize = 32;
const MOST_HARMONICS: usize = 40;
/// Above this share of the sample rate no partial is written.
pub(crate) const HIGHEST_PARTIAL: f32 = 0.47;

/// One resonance of a mouth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Formant {
    pub(crate) hz: f32,
    pub(crate) width_hz: f32,
    pub(crate) gain: f32,
}

/// One sound of a voice.
pub(crate) struct Voiced {
    pub(crate) seconds: f32,
    /// Pitch over the sound: evenly spaced points.
    pub(crate) pitch_hz: Vec<f32>,
    /// Loudness over the sound, beside attack and release.
    pub(crate) loudness: Vec<f32>,
    pub(crate) attack_s: f32,
    pub(crate) release_s: f32,
    pub(crate) formants: Vec<Formant>,
    /// The factor on the formants over the sound: below one is a closing mouth.
    pub(crate) mouth: Vec<f32>,
    /// How fast harmonics weaken before the mouth shapes them, decibels an octave.
    pub(crate) tilt_db: f32,
    /// Random wavering of the pitch, as a share of it.
    pub(crate) jitter: f32,
    pub(crate) vibrato_hz: f32,
    /// As a share of the pitch.
    pub(crate) vibrato_depth: f32,
    /// How much every other pulse and the loudness differ, 0 to 1.
    pub(crate) rough: f32,
    /// Noise through the same mouth, relative to the harmonics.
    pub(crate) breath: f32,
    pub(crate) gain: f32,
}

impl Voiced {
    /// Adds the sound to `out`; what does not fit is cut off.
    pub(crate) fn add_to(&self, out: &mut [f32], rate_hz: f32, rng: &mut Draws) {
        let tilt: Vec<f32> = (1..=MOST_HARMONICS).map(|k| self.weight(k)).collect();
        let mut noise_mouth: Vec<(TwoPole, f32)> =
            self.formants.iter().map(|f| (TwoPole::new(f.hz, f.hz / f.width_hz, rate_hz), f.gain)).collect();
        let update_hz = rate_hz / BLOCK as f32;
        let (mut waver, mut tremble) = (OnePole::new(60.0, update_hz), OnePole::new(90.0, update_hz));
        let mut harmonics = [0f32; MOST_HARMONICS];
        let mut cycle = 0f32; // in periods, over two of them
        let mut loudness = 0.0;
        for (block, chunk) in out.chunks_mut(BLOCK).enumerate() {
            let t_s = (block * BLOCK) as f32 / rate_hz;
            let position = t_s / self.seconds;
            let vibrato = self.vibrato_depth * (TAU * self.vibrato_hz * t_s).sin();
            let wavering = 1.0 + self.jitter * 2.5 * waver.low(white(rng)) + vibrato;
            let pitch_hz = (along(&self.pitch_hz, position) * wavering).max(10.0);
            let n = self.shape(&mut harmonics, &tilt, pitch_hz, along(&self.mouth, position), rate_hz);
            let trembling = 1.0 + self.rough * 1.5 * tremble.low(white(rng));
            let next = self.gain
                * along(&self.loudness, position)
                * swell(t_s, self.seconds, self.attack_s, self.release_s)
                * trembling.max(0.0);
            let step = (next - loudness) / chunk.len() as f32;
            for sample in chunk {
                cycle += pitch_hz / rate_hz;
                if cycle >= 2.0 {
                    cycle -= 2.0;
                }
                loudness += step;
                let voice = sum_of_sines(&harmonics[..n], TAU * cycle) * (1.0 + self.rough * (PI * cycle).sin());
                let mut breath = 0.0;
                if self.breath > 0.0 {
                    let noise = white(rng);
                    noise_mouth.iter_mut().for_each(|(filter, gain)| breath += *gain * filter.run(noise).1);
                }
                *sample += loudness * (voice + self.breath * breath);
            }
        }
    }

    /// What harmonic `k` has before the mouth shapes it. The last ones fade, so that a low voice has no edge where the
    /// harmonics run out.
    fn weight(&self, k: usize) -> f32 {
        let left = (MOST_HARMONICS + 1 - k) as f32;
        (k as f32).powf(-self.tilt_db / 6.02) * smooth(left / (0.6 * MOST_HARMONICS as f32))
    }

    /// The strength of each harmonic that fits below the highest partial; returns how many do.
    fn shape(&self, harmonics: &mut [f32], tilt: &[f32], pitch_hz: f32, mouth: f32, rate_hz: f32) -> usize {
        let n = ((HIGHEST_PARTIAL * rate_hz / pitch_hz) as usize).min(MOST_HARMONICS);
        for (k, (harmonic, tilt)) in harmonics[..n].iter_mut().zip(tilt).enumerate() {
            let hz = (k + 1) as f32 * pitch_hz;
            let resonance: f32 = self.formants.iter().map(|f| f.gain * f.at(hz, mouth)).sum();
            *harmonic = tilt * (resonance + 0.02);
        }
        n
    }
}

impl Formant {
    fn at(&self, hz: f32, mouth: f32) -> f32 {
        let away = (hz - self.hz * mouth) * 2.0 / self.width_hz;
        1.0 / (1.0 + away * away)
    }
}

/// `sum of strength[k] * sin((k + 1) * angle)`: each sine from the two before it, so that one pair of functions serves
/// for all harmonics.
pub(crate) fn sum_of_sines(strength: &[f32], angle: f32) -> f32 {
    let (sine, cosine) = angle.sin_cos();
    let (mut before, mut now, mut sum) = (0.0, sine, 0.0);
    for weight in strength {
        sum += weight * now;
        (before, now) = (now, 2.0 * cosine * now - before);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_by_recurrence_are_sines() {
        let strength = [0.5, 0.25, 0.0, 1.0];
        for i in 0..100 {
            let angle = i as f32 * 0.0628;
            let expected: f32 = strength.iter().enumerate().map(|(k, w)| w * ((k + 1) as f32 * angle).sin()).sum();
            assert!((sum_of_sines(&strength, angle) - expected).abs() < 1e-4);
        }
    }
}
