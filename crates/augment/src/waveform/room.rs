//! Reverberation of a drawn room.
//!
//! The first reflections are those of a box, by mirror images of the source (J. B. Allen and D. A. Berkley, "Image method
//! for efficiently simulating small-room acoustics", 1979); what comes after them is noise that decays by 60 dB in the
//! reverberation time and goes on at the level at which the reflections end. The direct sound comes first and without
//! delay, so that a clip's events stay where they are.

use super::draw::{Draw, between, between_log, is_drawn, normal};
use super::noise::power;
use super::planner::convolve;
use crate::seed::Step;
use serde::{Deserialize, Serialize};

/// Meters a second.
const SOUND_M_S: f64 = 343.0;
/// Reflections are computed one by one for so many seconds after the direct sound.
const EARLY_S: f64 = 0.05;
/// The level of the tail is taken from the last part of the reflections, in seconds.
const JOINT_S: f64 = 0.02;
/// A response ends where it has fallen by 60 dB, and never later than this, in seconds.
const LONGEST_S: f64 = 3.0;

/// The step: a room between the animal and the microphone.
///
/// T. Ko and others ("A study on data augmentation of reverberant speech for robust speech recognition", 2017) draw
/// rooms of 1 to 50 m; reverberation times of living rooms are about 0.3 to 0.6 s, of halls above 1 s (ISO 3382-2
/// measures both).
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// Seconds in which the reverberation falls by 60 dB, drawn between the two, evenly in the logarithm.
    pub reverberation_s: [f32; 2],
    /// Length of the box's sides in meters, each drawn between the two, evenly in the logarithm.
    pub side_m: [f32; 2],
}

impl Room {
    /// Applies the step in place and returns a description of it. The clip keeps its length and its power.
    pub(crate) fn apply(&self, samples: &mut Vec<f32>, rate_hz: u32, seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Room)?;
        let reverberation_s = between_log(self.reverberation_s, &mut rng);
        let sides = [(); 3].map(|()| between_log(self.side_m, &mut rng));
        let response = response(sides, f64::from(reverberation_s), rate_hz, &mut rng);
        let before = power(samples);
        *samples = convolve(samples, &response);
        let factor = (before / power(samples)).sqrt() as f32;
        if factor.is_finite() {
            samples.iter_mut().for_each(|sample| *sample *= factor);
        }
        let [a, b, c] = sides;
        Some(format!("room: {a:.1} x {b:.1} x {c:.1} m, {reverberation_s:.2} s"))
    }
}

/// What a click in the room sounds like; the direct sound is 1 and comes first.
fn response(sides_m: [f32; 3], reverberation_s: f64, rate_hz: u32, rng: &mut Draw) -> Vec<f32> {
    let rate = f64::from(rate_hz);
    let sides = sides_m.map(f64::from);
    let place = |rng: &mut Draw| sides.map(|side| side * f64::from(between([0.1, 0.9], rng)));
    let (source, microphone) = (place(rng), place(rng));
    let n = ((reverberation_s.min(LONGEST_S) * rate) as usize).max(1);
    let mut out = vec![0.0f32; n];

    // Sabine: the reverberation time gives how much a wall absorbs of each reflection.
    let volume: f64 = sides.iter().product();
    let surface = 2.0 * (sides[0] * sides[1] + sides[1] * sides[2] + sides[0] * sides[2]);
    let absorbed = (0.161 * volume / (surface * reverberation_s)).min(0.99);
    let reflected = (1.0 - absorbed).sqrt();
    let distance =
        |image: [f64; 3]| image.iter().zip(&microphone).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt().max(0.1);
    let direct = distance(source);
    let farthest = direct + EARLY_S * SOUND_M_S;
    let most = sides.map(|side| (farthest / side).ceil() as i32);
    for x in -most[0]..=most[0] {
        for y in -most[1]..=most[1] {
            for z in -most[2]..=most[2] {
                let order = x.unsigned_abs() + y.unsigned_abs() + z.unsigned_abs();
                // The n-th box along an axis is mirrored where n is odd.
                let along = |i: usize, n: i32| {
                    let offset = if n % 2 == 0 { source[i] } else { sides[i] - source[i] };
                    f64::from(n) * sides[i] + offset
                };
                let to = distance([along(0, x), along(1, y), along(2, z)]);
                let delay = (to - direct) / SOUND_M_S * rate;
                if to > farthest || delay < 0.0 && order > 0 {
                    continue;
                }
                let strength = reflected.powi(order as i32) * direct / to;
                let (at, part) = (delay.max(0.0) as usize, delay.max(0.0).fract());
                for (at, share) in [(at, 1.0 - part), (at + 1, part)] {
                    if let Some(sample) = out.get_mut(at) {
                        *sample += (strength * share) as f32;
                    }
                }
            }
        }
    }

    let joint = ((EARLY_S * rate) as usize).min(n);
    let tail_power = power(&out[joint.saturating_sub((JOINT_S * rate) as usize)..joint]);
    let decay = |i: usize| (-6.91 * (i as f64 / rate + 0.5 * JOINT_S) / reverberation_s).exp();
    for (i, sample) in out[joint..].iter_mut().enumerate() {
        *sample = (tail_power.sqrt() * decay(i)) as f32 * normal(rng);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::generator;

    #[test]
    fn a_response_begins_with_the_direct_sound_and_decays_in_its_time() {
        let rate_hz = 22_050;
        for (reverberation_s, sides) in [(0.3, [4.0, 5.0, 2.5]), (0.8, [12.0, 8.0, 4.0])] {
            let response = response(sides, reverberation_s, rate_hz, &mut generator(3, Step::Room));
            assert!(response.iter().all(|x| x.is_finite()));
            assert!(response[0] >= 1.0 - 1e-6, "{}", response[0]);
            let level = |from_s: f64| {
                let at = (from_s * f64::from(rate_hz)) as usize;
                10.0 * power(&response[at..at + 1000]).log10()
            };
            let (from, to) = (0.06, 0.7 * reverberation_s);
            let slope = (level(from) - level(to)) / (to - from);
            assert!((slope * reverberation_s - 60.0).abs() < 8.0, "{reverberation_s}: {slope} dB a second");
        }
    }

    #[test]
    fn length_power_and_begin_are_kept() {
        let step = Room { share: 1.0, reverberation_s: [0.4, 0.4], side_m: [3.0, 6.0] };
        let mut samples = vec![0.0; 10_000];
        samples[4000] = 1.0;
        let before = power(&samples);
        assert!(step.apply(&mut samples, 22_050, 5).unwrap().ends_with("m, 0.40 s"));
        assert_eq!(samples.len(), 10_000);
        assert!((power(&samples) / before - 1.0).abs() < 1e-3);
        assert!(samples[..4000].iter().all(|x| x.abs() < 1e-5) && samples[4000] > 0.1);
    }
}
