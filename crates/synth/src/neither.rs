//! What is neither dog nor bird.

use crate::draw::{Draws, around, between, log_between};
use crate::machine::Machine;
use crate::speech::Speaker;
use crate::syllable::Syllable;
use crate::track::Track;
use crate::weather::Weather;
use rand::Rng;

/// A source that is neither dog nor bird.
#[derive(Clone, Debug)]
pub(crate) enum Neither {
    Machine(Machine),
    Speech(Speaker),
    Weather(Weather),
    /// Insects: fast pulses of one high tone, in the band of birds.
    Insect {
        pulse: Syllable,
        pulse_gap_s: f32,
        n_pulses: usize,
        pause_s: f32,
    },
}

impl Neither {
    pub(crate) fn draw(band_hz: f32, rng: &mut Draws) -> Self {
        match rng.random_range(0..20) {
            0..8 => Self::Machine(Machine::draw(band_hz, rng)),
            8..12 => Self::Speech(Speaker::draw(rng)),
            12..14 => Self::Weather(Weather::rain(rng)),
            14 => Self::Weather(Weather::wind(rng)),
            15 => Self::Weather(Weather::hiss(rng)),
            16 => Self::Weather(Weather::brook(rng)),
            17 => Self::Weather(Weather::hum(rng)),
            _ => {
                let hz = log_between(2200.0, (0.8 * band_hz).clamp(2400.0, 7000.0), rng);
                let pulse = Syllable::plain(between(0.008, 0.03, rng), vec![hz; 2]);
                Self::Insect {
                    pulse_gap_s: pulse.seconds * between(0.3, 1.2, rng),
                    pulse,
                    n_pulses: rng.random_range(3..60),
                    pause_s: between(0.0, 0.6, rng),
                }
            }
        }
    }

    /// Fills the track.
    pub(crate) fn add_to(&self, track: &mut Track, rng: &mut Draws) {
        match self {
            Self::Machine(machine) => machine.add_to(track, rng),
            Self::Speech(speaker) => speaker.add_to(track, rng),
            Self::Weather(weather) => weather.add_to(track, rng),
            Self::Insect { pulse, pulse_gap_s, n_pulses, pause_s } => {
                let (end_s, rate_hz) = (track.seconds(), track.rate_hz);
                let mut t_s = between(0.0, 0.3, rng);
                while t_s < end_s {
                    for _ in 0..*n_pulses {
                        pulse.add_to(track.place(t_s, pulse.seconds), rate_hz, 1.0, between(0.8, 1.0, rng));
                        t_s += pulse.seconds + pulse_gap_s;
                    }
                    t_s += around(*pause_s, 0.2, rng);
                }
            }
        }
    }
}
