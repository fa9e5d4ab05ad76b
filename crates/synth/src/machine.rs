//! Things people make: engines, beepers, sirens, music, clocks and knocks.

use crate::draw::{Draws, around, between, chance, log_between, white};
use crate::filter::{OnePole, TwoPole};
use crate::syllable::Syllable;
use crate::track::Track;
use crate::voiced::{Formant, Voiced};
use rand::Rng;

/// Something that people made.
#[derive(Clone, Debug)]
pub(crate) enum Machine {
    /// Firing strokes of a motor under load, and its rumble.
    Engine { pitch_hz: f32, body_hz: f32, rough: f32, rumble: f32 },
    /// Tones of one pitch or two, on and off.
    Beeper { tones_hz: [f32; 2], on_s: f32, off_s: f32, harmonics: [f32; 4] },
    /// A tone that sweeps up and down without end.
    Siren { low_hz: f32, high_hz: f32, period_s: f32, harmonics: [f32; 4] },
    /// Notes of a scale, one or three at a time.
    Music { root_hz: f32, note_s: f32, decay: f32, chords: bool, harmonics: [f32; 4] },
    /// Short strokes on something that rings.
    Knocker { ring_hz: f32, sharpness: f32, period_s: f32, uneven: f32 },
}

/// Semitones above the root of the scale that all music here keeps to.
const SCALE: [f32; 8] = [0.0, 2.0, 4.0, 7.0, 9.0, 12.0, 14.0, 16.0];

impl Machine {
    pub(crate) fn draw(band_hz: f32, rng: &mut Draws) -> Self {
        match rng.random_range(0..6) {
            0 | 1 => Self::Engine {
                pitch_hz: log_between(20.0, 140.0, rng),
                body_hz: log_between(150.0, 1200.0, rng),
                rough: between(0.1, 0.9, rng),
                rumble: between(0.1, 1.5, rng),
            },
            2 => {
                let first = log_between(500.0, (0.7 * band_hz).min(4500.0), rng);
                let second = if chance(0.5, rng) { first } else { first * between(0.6, 0.95, rng) };
                let harmonics = harmonics(rng);
                Self::Beeper {
                    tones_hz: [first, second],
                    on_s: between(0.05, 0.6, rng),
                    off_s: between(0.05, 0.8, rng),
                    harmonics,
                }
            }
            3 => {
                let low_hz = log_between(350.0, 900.0, rng);
                let high_hz = low_hz * between(1.4, 2.6, rng);
                Self::Siren { low_hz, high_hz, period_s: between(0.3, 4.0, rng), harmonics: harmonics(rng) }
            }
            4 => Self::Music {
                root_hz: log_between(130.0, 700.0, rng),
                note_s: between(0.12, 0.6, rng),
                decay: between(0.5, 0.95, rng),
                chords: chance(0.5, rng),
                harmonics: harmonics(rng),
            },
            _ => Self::Knocker {
                ring_hz: log_between(150.0, (0.8 * band_hz).min(5000.0), rng),
                sharpness: log_between(1.0, 30.0, rng),
                period_s: between(0.15, 1.0, rng),
                uneven: if chance(0.5, rng) { 0.0 } else { between(0.05, 0.5, rng) },
            },
        }
    }

    /// Fills the track.
    pub(crate) fn add_to(&self, track: &mut Track, rng: &mut Draws) {
        let end_s = track.seconds();
        let rate_hz = track.rate_hz;
        match *self {
            Self::Engine { pitch_hz, body_hz, rough, rumble } => {
                engine(pitch_hz, body_hz, rough, rng).add_to(&mut track.samples, rate_hz, rng);
                let mut low = OnePole::new(2.0 * pitch_hz, rate_hz);
                let mut body = TwoPole::new(body_hz, 0.7, rate_hz);
                for sample in &mut track.samples {
                    let noise = white(rng);
                    *sample += rumble * (low.low(noise) + 0.15 * body.run(noise).1);
                }
            }
            Self::Beeper { tones_hz, on_s, off_s, harmonics } => {
                let mut t_s = between(0.0, 0.5, rng);
                for i in 0.. {
                    if t_s >= end_s {
                        break;
                    }
                    tone(track, t_s, on_s, vec![tones_hz[i % 2]; 2], harmonics, [0.05, 0.05], 1.0);
                    t_s += on_s + off_s;
                }
            }
            Self::Siren { low_hz, high_hz, period_s, harmonics } => {
                let n_turns = (2.0 * end_s / period_s) as usize + 1;
                let pitch_hz = (0..=n_turns).map(|i| if i % 2 == 0 { low_hz } else { high_hz }).collect();
                tone(track, 0.0, end_s, pitch_hz, harmonics, [0.02, 0.02], 1.0);
            }
            Self::Music { root_hz, note_s, decay, chords, harmonics } => {
                let mut t_s = between(0.0, 0.3, rng);
                while t_s < end_s {
                    let seconds = note_s * [0.5, 1.0, 1.0, 2.0][rng.random_range(0..4)];
                    let lowest = rng.random_range(0..4);
                    for step in 0..if chords { 3 } else { 1 } {
                        let hz = root_hz * (SCALE[lowest + 2 * step.min(2)] / 12.0).exp2();
                        tone(track, t_s, seconds, vec![hz; 2], harmonics, [0.03, decay], between(0.4, 0.8, rng));
                    }
                    t_s += seconds;
                }
            }
            Self::Knocker { ring_hz, sharpness, period_s, uneven } => {
                let mut t_s = between(0.0, 0.5, rng);
                while t_s < end_s {
                    let mut ring = TwoPole::new(around(ring_hz, 0.03, rng), sharpness, rate_hz);
                    let gain = between(0.5, 1.0, rng) * (0.1 * rate_hz).sqrt();
                    let strike = (0.002 * rate_hz) as usize;
                    for (i, sample) in track.place(t_s, 0.4).iter_mut().enumerate() {
                        let noise = if i < strike { gain * white(rng) } else { 0.0 };
                        *sample += ring.run(noise).1;
                    }
                    t_s += (around(period_s, uneven, rng)).max(0.05);
                }
            }
        }
    }
}

fn engine(pitch_hz: f32, body_hz: f32, rough: f32, rng: &mut Draws) -> Voiced {
    Voiced {
        seconds: 1e3,
        pitch_hz: vec![pitch_hz, pitch_hz],
        loudness: vec![1.0],
        attack_s: 0.0,
        release_s: 0.0,
        formants: vec![
            Formant { hz: body_hz, width_hz: body_hz, gain: 1.0 },
            Formant { hz: 3.0 * body_hz, width_hz: 2.0 * body_hz, gain: 0.3 },
        ],
        mouth: vec![1.0],
        tilt_db: between(1.0, 5.0, rng),
        jitter: between(0.005, 0.05, rng),
        vibrato_hz: between(0.2, 3.0, rng),
        vibrato_depth: between(0.0, 0.15, rng),
        rough,
        breath: 0.2,
        gain: 1.0,
    }
}

fn tone(
    track: &mut Track,
    t_s: f32,
    seconds: f32,
    pitch_hz: Vec<f32>,
    harmonics: [f32; 4],
    [attack, release]: [f32; 2],
    gain: f32,
) {
    let rate_hz = track.rate_hz;
    let syllable = Syllable { harmonics, attack, release, ..Syllable::plain(seconds, pitch_hz) };
    syllable.add_to(track.place(t_s, seconds), rate_hz, 1.0, gain);
}

fn harmonics(rng: &mut Draws) -> [f32; 4] {
    let fall = between(0.0, 0.8, rng);
    [1.0, fall, fall * fall, fall * fall * fall]
}
