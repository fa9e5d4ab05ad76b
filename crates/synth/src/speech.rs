//! Someone who talks, in no language: vowels that glide into each other, and hissed consonants.

use crate::draw::{Draws, around, between, chance, log_between, one_of, white};
use crate::filter::TwoPole;
use crate::track::{Track, swell};
use crate::voiced::{Formant, Voiced};
use rand::Rng;

/// One speaker.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pitch_hz: f32,
    /// The factor on the resonances of a man's mouth.
    mouth: f32,
    syllable_s: f32,
    breath: f32,
}

/// The first three resonances of some vowels, in hertz.
const VOWELS_HZ: [[f32; 3]; 6] = [
    [700.0, 1150.0, 2550.0],
    [500.0, 1800.0, 2500.0],
    [300.0, 2250.0, 3000.0],
    [480.0, 850.0, 2400.0],
    [330.0, 800.0, 2250.0],
    [520.0, 1450.0, 2400.0],
];

impl Speaker {
    pub(crate) fn draw(rng: &mut Draws) -> Self {
        let pitch_hz = log_between(90.0, 300.0, rng);
        Self {
            pitch_hz,
            mouth: around((pitch_hz / 120.0).powf(0.25), 0.08, rng),
            syllable_s: between(0.12, 0.25, rng),
            breath: between(0.0, 0.15, rng),
        }
    }

    /// Fills the track with phrases and pauses.
    pub(crate) fn add_to(&self, track: &mut Track, rng: &mut Draws) {
        let end_s = track.seconds();
        let rate_hz = track.rate_hz;
        let mut t_s = between(0.0, 0.4, rng);
        while t_s < end_s {
            let n_syllables = rng.random_range(3..12);
            for i in 0..n_syllables {
                if chance(0.35, rng) {
                    let seconds = between(0.05, 0.13, rng);
                    consonant(track.place(t_s, seconds), seconds, rate_hz, rng);
                    t_s += 0.7 * seconds;
                }
                let vowel = self.vowel(1.0 - 0.25 * i as f32 / n_syllables as f32, rng);
                vowel.add_to(track.place(t_s, vowel.seconds), rate_hz, rng);
                t_s += vowel.seconds * between(0.8, 1.1, rng);
            }
            t_s += between(0.2, 0.9, rng);
        }
    }

    fn vowel(&self, sinking: f32, rng: &mut Draws) -> Voiced {
        let hz = around(self.pitch_hz, 0.12, rng) * sinking;
        let place = one_of(&VOWELS_HZ, rng);
        let formant = |hz: f32, gain: f32| Formant { hz: hz * self.mouth, width_hz: 80.0 + 0.06 * hz, gain };
        Voiced {
            seconds: around(self.syllable_s, 0.4, rng),
            pitch_hz: vec![hz, around(hz, 0.08, rng), around(hz, 0.1, rng)],
            loudness: vec![0.8, 1.0, 0.8],
            attack_s: 0.02,
            release_s: 0.05,
            formants: vec![
                formant(place[0], 1.0),
                formant(place[1], 0.6),
                formant(place[2], 0.3),
                formant(3600.0, 0.12),
            ],
            mouth: vec![around(1.0, 0.1, rng), 1.0, around(1.0, 0.1, rng)],
            tilt_db: 6.0,
            jitter: 0.008,
            vibrato_hz: 0.0,
            vibrato_depth: 0.0,
            rough: between(0.0, 0.15, rng),
            breath: self.breath,
            gain: between(0.5, 1.0, rng),
        }
    }
}

fn consonant(out: &mut [f32], seconds: f32, rate_hz: f32, rng: &mut Draws) {
    let mut filter = TwoPole::new(log_between(1800.0, 7000.0, rng).min(0.45 * rate_hz), 1.5, rate_hz);
    let gain = between(0.1, 0.6, rng);
    for (i, sample) in out.iter_mut().enumerate() {
        let loudness = gain * swell(i as f32 / rate_hz, seconds, 0.02, 0.03);
        *sample += loudness * filter.run(white(rng)).1;
    }
}
