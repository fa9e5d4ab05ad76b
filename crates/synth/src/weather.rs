//! Sounds that last for a whole clip: the background of every recording, and weather as a sound of its own.

use crate::draw::{Draws, between, chance, log_between, one_of, white};
use crate::filter::{OnePole, TwoPole};
use crate::track::{Track, along};
use rand::Rng;
use std::f32::consts::TAU;

/// A continuous sound and its constants, which the clips of a group share.
#[derive(Clone, Debug)]
pub(crate) enum Weather {
    /// Noise whose power falls by `slope` from `corner_hz` on.
    Hiss { corner_hz: f32, slope: Slope },
    /// Low noise that comes in gusts.
    Wind { cutoff_hz: f32, gusts_hz: f32, depth: f32 },
    /// Drops on a ground of fine noise.
    Rain { drops_hz: f32, drop_pitch_hz: f32, patter: f32, color_hz: f32 },
    /// Many little resonances that come and go.
    Brook { low_hz: f32, high_hz: f32 },
    /// The mains and its harmonics.
    Hum { mains_hz: f32, n_harmonics: usize, fall: f32, hiss: f32 },
}

/// How fast the power of a noise falls with frequency.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slope {
    White,
    Pink,
    Brown,
}

impl Weather {
    /// The background of any recording.
    pub(crate) fn background(rng: &mut Draws) -> Self {
        match rng.random_range(0..10) {
            0..4 => Self::hiss(rng),
            4..6 => Self::wind(rng),
            6 => Self::rain(rng),
            7 => Self::brook(rng),
            _ => Self::hum(rng),
        }
    }

    pub(crate) fn hiss(rng: &mut Draws) -> Self {
        let slope = one_of(&[Slope::White, Slope::Pink, Slope::Pink, Slope::Brown], rng);
        Self::Hiss { corner_hz: log_between(60.0, 400.0, rng), slope }
    }

    pub(crate) fn wind(rng: &mut Draws) -> Self {
        Self::Wind {
            cutoff_hz: log_between(150.0, 900.0, rng),
            gusts_hz: between(0.3, 2.0, rng),
            depth: between(0.3, 0.95, rng),
        }
    }

    pub(crate) fn rain(rng: &mut Draws) -> Self {
        Self::Rain {
            drops_hz: log_between(20.0, 400.0, rng),
            drop_pitch_hz: log_between(1200.0, 6000.0, rng),
            patter: between(1.0, 6.0, rng),
            color_hz: log_between(500.0, 4000.0, rng),
        }
    }

    pub(crate) fn brook(rng: &mut Draws) -> Self {
        let low_hz = log_between(300.0, 900.0, rng);
        Self::Brook { low_hz, high_hz: low_hz * between(3.0, 8.0, rng) }
    }

    pub(crate) fn hum(rng: &mut Draws) -> Self {
        Self::Hum {
            mains_hz: one_of(&[50.0, 60.0], rng),
            n_harmonics: rng.random_range(2..24),
            fall: between(0.5, 1.5, rng),
            hiss: if chance(0.7, rng) { log_between(0.02, 0.5, rng) } else { 0.0 },
        }
    }

    /// Adds the sound over the whole track.
    pub(crate) fn add_to(&self, track: &mut Track, rng: &mut Draws) {
        let rate_hz = track.rate_hz;
        match *self {
            Self::Hiss { corner_hz, slope } => hiss(&mut track.samples, slope, corner_hz, rate_hz, rng),
            Self::Wind { cutoff_hz, gusts_hz, depth } => {
                let n_points = (track.seconds() * gusts_hz) as usize + 2;
                let gusts: Vec<f32> = (0..n_points).map(|_| 1.0 - depth * between(0.0, 1.0, rng)).collect();
                let n = track.samples.len() as f32;
                let (mut first, mut second) =
                    (OnePole::new(cutoff_hz, rate_hz), OnePole::new(cutoff_hz * 0.5, rate_hz));
                for (i, sample) in track.samples.iter_mut().enumerate() {
                    *sample += along(&gusts, i as f32 / n) * second.low(first.low(white(rng)));
                }
            }
            Self::Rain { drops_hz, drop_pitch_hz, patter, color_hz } => {
                let mut ground = TwoPole::new(color_hz, 0.4, rate_hz);
                let mut drop = TwoPole::new(drop_pitch_hz, 2.0, rate_hz);
                let share = drops_hz / rate_hz;
                for sample in &mut track.samples {
                    let strike = if chance(share, rng) { patter * between(0.2, 1.0, rng) * 12.0 } else { 0.0 };
                    let noise = white(rng);
                    *sample += ground.run(noise).1 * 0.5 + drop.run(strike * noise.signum()).1;
                }
            }
            Self::Brook { low_hz, high_hz } => brook(track, low_hz, high_hz, rng),
            Self::Hum { mains_hz, n_harmonics, fall, hiss } => {
                let tones: Vec<(f32, f32, f32)> = (1..=n_harmonics)
                    .map(|k| {
                        (k as f32 * mains_hz, (k as f32).powf(-fall) * between(0.1, 1.0, rng), between(0.0, 1.0, rng))
                    })
                    .filter(|(hz, ..)| *hz < 0.45 * rate_hz)
                    .collect();
                // Every tone is a multiple of the mains: a tenth of a second, five or six periods of it, holds them all.
                let n_table = (rate_hz / 10.0) as usize;
                let wave = |i: usize| -> f32 {
                    let t_s = i as f32 / (10.0 * n_table as f32);
                    tones.iter().map(|(hz, gain, phase)| gain * (TAU * (hz * t_s + phase)).sin()).sum()
                };
                let table: Vec<f32> = (0..n_table).map(wave).collect();
                for (sample, tone) in track.samples.iter_mut().zip(table.iter().cycle()) {
                    *sample += hiss * white(rng) + tone;
                }
            }
        }
    }
}

fn hiss(out: &mut [f32], slope: Slope, corner_hz: f32, rate_hz: f32, rng: &mut Draws) {
    match slope {
        Slope::White => out.iter_mut().for_each(|sample| *sample += white(rng)),
        Slope::Brown => {
            let mut filter = OnePole::new(corner_hz, rate_hz);
            out.iter_mut().for_each(|sample| *sample += filter.low(white(rng)));
        }
        Slope::Pink => {
            // Low-passes two octaves apart, each half as strong as the one below: together about 3 dB an octave.
            let mut poles: [OnePole; 5] =
                std::array::from_fn(|k| OnePole::new(corner_hz * 4f32.powi(k as i32), rate_hz));
            for sample in out {
                let noise = white(rng);
                *sample += poles.iter_mut().enumerate().map(|(k, p)| p.low(noise) / (1 << k) as f32).sum::<f32>();
            }
        }
    }
}

/// Resonances that start at random, glide up a little and die away, over soft noise.
fn brook(track: &mut Track, low_hz: f32, high_hz: f32, rng: &mut Draws) {
    let rate_hz = track.rate_hz;
    let seconds = track.seconds();
    let mut ground = TwoPole::new(low_hz * 1.5, 0.5, rate_hz);
    track.samples.iter_mut().for_each(|sample| *sample += 0.3 * ground.run(white(rng)).1);
    let n_bubbles = (seconds * 90.0) as usize;
    for _ in 0..n_bubbles {
        let start_s = between(0.0, seconds, rng);
        let hz = log_between(low_hz, high_hz, rng).min(0.42 * rate_hz);
        let life_s = between(0.005, 0.025, rng);
        let gain = between(0.03, 0.25, rng);
        let turn = TAU * hz / rate_hz;
        let decay = 1.0 - 3.0 / (life_s * rate_hz);
        let mut loudness = gain;
        let mut angle = 0.0f32;
        for sample in track.place(start_s, life_s * 2.0) {
            angle += turn * (1.1 - 0.1 * loudness / gain);
            *sample += loudness * angle.sin();
            loudness *= decay;
        }
    }
}
