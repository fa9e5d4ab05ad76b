//! Where and with what a group was recorded. Nothing here knows the label: that is what keeps rate, band limit, noise
//! floor and room from giving it away.

use crate::draw::{Draws, amplitude, between, chance, log_between, one_of};
use crate::filter::{OnePole, TwoPole};
use crate::weather::Weather;
use rand::Rng;

const RATES_HZ: [u32; 6] = [8000, 11025, 16000, 22050, 44100, 48000];

/// The place of a group's clips.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) microphone: Microphone,
    pub(crate) room: Room,
    pub(crate) background: Weather,
    /// How far the background's root mean square is below the sound's peak. A voice is 3 to 12 dB below its own
    /// peak, so the ratio of sound to noise is about 8 dB less. The peak it is because what a clip is scaled by is its
    /// peak: the level of the floor then has the same distribution for every label.
    pub(crate) background_below_db: f32,
    /// The same for the microphone's own hiss.
    pub(crate) hiss_below_db: f32,
}

/// What the sound goes through.
#[derive(Clone, Debug)]
pub(crate) struct Microphone {
    pub(crate) rate_hz: u32,
    high_pass_hz: f32,
    low_pass_hz: Option<f32>,
    /// The gain of everything above 1.5 kHz.
    treble_db: f32,
    /// How far the loudest samples are bent, 0 for not at all.
    drive: f32,
}

/// Echoes: how much of them there is against the direct sound, and how they die away.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    wet: f32,
    decay_s: f32,
    damping_hz: f32,
    first_s: f32,
}

impl Place {
    pub(crate) fn draw(rng: &mut Draws) -> Self {
        Self {
            microphone: Microphone::draw(rng),
            room: Room::draw(rng),
            background: Weather::background(rng),
            // The larger of two draws: recordings are made where the animal is loud enough.
            background_below_db: between(14.0, 40.0, rng).max(between(14.0, 40.0, rng)),
            hiss_below_db: between(40.0, 80.0, rng),
        }
    }
}

impl Microphone {
    fn draw(rng: &mut Draws) -> Self {
        let rate_hz = one_of(&RATES_HZ, rng);
        let highest_hz = 0.45 * rate_hz as f32;
        let limit_hz = log_between(3400.0, 12000.0, rng);
        let limited = chance(0.5, rng);
        Self {
            rate_hz,
            high_pass_hz: log_between(20.0, 250.0, rng),
            low_pass_hz: (limited && limit_hz < highest_hz).then_some(limit_hz),
            treble_db: between(-8.0, 8.0, rng),
            drive: if chance(0.25, rng) { between(0.5, 3.0, rng) } else { 0.0 },
        }
    }

    /// The highest frequency that gets through.
    pub(crate) fn band_hz(&self) -> f32 {
        self.low_pass_hz.unwrap_or(0.45 * self.rate_hz as f32)
    }

    /// Everything but the bending, in place.
    pub(crate) fn hear(&self, samples: &mut [f32]) {
        let rate_hz = self.rate_hz as f32;
        let mut rumble = OnePole::new(self.high_pass_hz, rate_hz);
        let mut shelf = OnePole::new(1500.0, rate_hz);
        let treble = amplitude(self.treble_db);
        for sample in samples.iter_mut() {
            let x = rumble.high(*sample);
            let low = shelf.low(x);
            *sample = low + treble * (x - low);
        }
        if let Some(cutoff_hz) = self.low_pass_hz {
            let mut first = TwoPole::new(cutoff_hz, 0.54, rate_hz);
            let mut second = TwoPole::new(cutoff_hz, 1.31, rate_hz);
            samples.iter_mut().for_each(|sample| *sample = second.run(first.run(*sample).0).0);
        }
    }

    /// Bends samples of up to one towards a ceiling, as an overdriven input does.
    pub(crate) fn bend(&self, samples: &mut [f32]) {
        if self.drive > 0.0 {
            for sample in samples {
                let x = self.drive * *sample;
                *sample = x / (1.0 + x.abs());
            }
        }
    }
}

impl Room {
    fn draw(rng: &mut Draws) -> Self {
        let outside = chance(0.4, rng);
        Self {
            wet: if outside { between(0.0, 0.15, rng) } else { between(0.1, 0.8, rng) },
            decay_s: if outside { between(0.2, 1.2, rng) } else { log_between(0.08, 0.9, rng) },
            damping_hz: log_between(1200.0, 8000.0, rng),
            first_s: between(0.002, 0.03, rng),
        }
    }

    /// Adds the echoes: sparse taps of either sign, ever denser and weaker, through one damping filter.
    pub(crate) fn echo(&self, samples: &mut [f32], rate_hz: u32, rng: &mut Draws) {
        const N_TAPS: usize = 72;
        if self.wet < 0.01 {
            return;
        }
        let rate = rate_hz as f32;
        let mut damping = OnePole::new(self.damping_hz, rate);
        let dry: Vec<f32> = samples.iter().map(|&x| damping.low(x)).collect();
        for tap in 0..N_TAPS {
            let share = (tap as f32 + rng.random::<f32>()) / N_TAPS as f32;
            let delay_s = self.first_s + self.decay_s * share;
            let strength = self.wet * amplitude(-50.0 * share) * if chance(0.5, rng) { 0.5 } else { -0.5 };
            let delay = (delay_s * rate) as usize;
            if delay < samples.len() {
                samples[delay..].iter_mut().zip(&dry).for_each(|(wet, dry)| *wet += strength * dry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Purpose, draws};
    use crate::track::rms;

    #[test]
    fn echoes_follow_the_sound_and_die_away() {
        let mut samples = vec![0.0; 16000];
        samples[0] = 1.0;
        let room = Room { wet: 0.5, decay_s: 0.5, damping_hz: 4000.0, first_s: 0.01 };
        room.echo(&mut samples, 16000, &mut draws(0, Purpose::Room, 0));
        assert_eq!(samples[0], 1.0);
        assert!(samples[1..160].iter().all(|&x| x == 0.0), "nothing before the first echo");
        assert!(rms(&samples[160..4000]) > 10.0 * rms(&samples[4000..8000]));
        assert!(rms(&samples[9000..]) < 1e-6);
    }

    #[test]
    fn the_microphone_takes_away_what_lies_above_its_band() {
        let microphone =
            Microphone { rate_hz: 44100, high_pass_hz: 20.0, low_pass_hz: Some(4000.0), treble_db: 0.0, drive: 0.0 };
        let heard = |hz: f32| {
            let mut tone: Vec<f32> =
                (0..44100).map(|i| (std::f32::consts::TAU * hz * i as f32 / 44100.0).sin()).collect();
            microphone.hear(&mut tone);
            rms(&tone[4410..]) * 2f32.sqrt()
        };
        assert!(heard(1000.0) > 0.95, "{}", heard(1000.0));
        assert!(heard(16000.0) < 0.005, "{}", heard(16000.0));
    }

    #[test]
    fn bending_keeps_the_order_and_the_sign() {
        let microphone =
            Microphone { rate_hz: 8000, high_pass_hz: 20.0, low_pass_hz: None, treble_db: 0.0, drive: 2.0 };
        let mut samples = [-1.0, -0.5, 0.0, 0.25, 1.0];
        microphone.bend(&mut samples);
        assert!(samples.windows(2).all(|pair| pair[0] < pair[1]) && samples[2] == 0.0);
    }
}
