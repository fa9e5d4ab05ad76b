//! Birds: songs of whistled syllables, low coos, and calls with a harsh voice.

use crate::draw::{Draws, around, between, log_between};
use crate::song::{Phrase, coo};
use crate::syllable::Syllable;
use crate::track::Track;
use crate::voiced::{Formant, Voiced};
use rand::Rng;

/// One bird.
#[derive(Clone, Debug)]
pub(crate) enum Bird {
    /// A repertoire of phrases.
    Song { phrases: Vec<Phrase>, gap_s: f32 },
    /// Low and soft, in the pitch of dogs.
    Coo { syllables: Vec<Syllable>, gap_s: f32 },
    /// Crows, ducks, parrots.
    Call { caller: Caller, gap_s: f32, most_in_a_row: usize },
}

/// A bird with a harsh voice.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pitch_hz: f32,
    /// The factor on its resonances.
    mouth: f32,
    rough: f32,
    breath: f32,
    seconds: f32,
}

impl Bird {
    /// `band_hz` is the highest frequency that the microphone lets through: a song that nobody can hear would be a
    /// wrong label.
    pub(crate) fn draw(band_hz: f32, rng: &mut Draws) -> Self {
        match rng.random_range(0..100) {
            0..90 => {
                let center_hz = log_between(1500.0, (0.62 * band_hz).min(5500.0), rng);
                let highest_hz = (0.9 * band_hz).min(9000.0);
                let n_phrases = rng.random_range(1..=4);
                let phrases = (0..n_phrases).map(|_| Phrase::draw(center_hz, highest_hz, rng)).collect();
                Self::Song { phrases, gap_s: between(0.1, 1.2, rng) }
            }
            90..95 => {
                let hz = log_between(300.0, 750.0, rng);
                let syllables = (0..rng.random_range(1..=3)).map(|_| coo(hz, rng)).collect();
                Self::Coo { syllables, gap_s: between(0.1, 0.6, rng) }
            }
            _ => {
                let caller = Caller {
                    pitch_hz: log_between(600.0, 2000.0, rng),
                    mouth: between(1.3, 1.9, rng),
                    rough: between(0.1, 0.7, rng),
                    breath: between(0.1, 0.8, rng),
                    seconds: between(0.12, 0.5, rng),
                };
                Self::Call { caller, gap_s: between(0.08, 0.6, rng), most_in_a_row: rng.random_range(1..=5) }
            }
        }
    }

    /// Fills the track with what the bird does.
    pub(crate) fn add_to(&self, track: &mut Track, rng: &mut Draws) {
        let end_s = track.seconds();
        let rate_hz = track.rate_hz;
        let mut t_s = between(0.0, (0.3 * end_s).min(0.8), rng);
        while t_s < end_s - 0.06 {
            match self {
                Self::Song { phrases, gap_s } => {
                    let phrase = &phrases[rng.random_range(0..phrases.len())];
                    t_s = phrase.sing(t_s, track, rng) + around(*gap_s, 0.5, rng);
                }
                Self::Coo { syllables, gap_s } => {
                    let (transpose, gain) = (around(1.0, 0.02, rng), between(0.5, 1.0, rng));
                    for syllable in syllables {
                        syllable.add_to(track.place(t_s, syllable.seconds), rate_hz, transpose, gain);
                        t_s += syllable.seconds + 0.3 * around(*gap_s, 0.2, rng);
                    }
                    t_s += around(*gap_s, 0.4, rng);
                }
                Self::Call { caller, gap_s, most_in_a_row } => {
                    for _ in 0..rng.random_range(1..=*most_in_a_row) {
                        let voiced = caller.call(rng);
                        voiced.add_to(track.place(t_s, voiced.seconds), rate_hz, rng);
                        t_s += voiced.seconds + around(*gap_s, 0.3, rng);
                    }
                    t_s += between(0.2, 1.4, rng);
                }
            }
        }
    }
}

impl Caller {
    fn call(&self, rng: &mut Draws) -> Voiced {
        let hz = around(self.pitch_hz, 0.08, rng);
        let formant =
            |hz: f32, width_hz: f32, gain: f32| Formant { hz: hz * self.mouth, width_hz: width_hz * self.mouth, gain };
        Voiced {
            seconds: around(self.seconds, 0.2, rng),
            pitch_hz: vec![hz * 0.9, hz, hz * 0.98, hz * between(0.75, 0.95, rng)],
            loudness: vec![0.7, 1.0, 0.9, 0.7],
            attack_s: 0.02,
            release_s: 0.05,
            formants: vec![formant(1700.0, 400.0, 1.0), formant(2700.0, 700.0, 0.8), formant(4300.0, 1200.0, 0.5)],
            mouth: vec![0.9, 1.0, 1.0, 0.9],
            tilt_db: 1.0,
            jitter: between(0.005, 0.03, rng),
            vibrato_hz: between(20.0, 60.0, rng),
            vibrato_depth: between(0.0, 0.06, rng),
            rough: self.rough,
            breath: self.breath,
            gain: between(0.5, 1.0, rng),
        }
    }
}
