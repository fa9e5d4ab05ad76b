//! Dogs: barks in bouts, howls, whines and growls, of animals from small to large.

use crate::draw::{Draws, around, between, chance, log_between};
use crate::track::Track;
use crate::voiced::{Formant, Voiced};
use rand::Rng;

/// One animal.
#[derive(Clone, Debug)]
pub(crate) struct Dog {
    pitch_hz: f32,
    /// The factor on the resonances of a middle-sized dog: above one is a smaller mouth.
    mouth: f32,
    tilt_db: f32,
    rough: f32,
    breath: f32,
    bark_s: f32,
    pause_s: f32,
    most_barks: usize,
    /// How far the pitch rises and falls within a bark.
    arch: f32,
    mood: Mood,
}

/// What the animal mostly does.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Bark,
    Howl,
    Whine,
    Growl,
    Mixed,
}

impl Dog {
    pub(crate) fn draw(rng: &mut Draws) -> Self {
        let size = between(0.0, 1.0, rng); // 0 small, 1 large
        let mood = match rng.random_range(0..100) {
            0..72 => Mood::Bark,
            72..82 => Mood::Howl,
            82..88 => Mood::Whine,
            88..93 => Mood::Growl,
            _ => Mood::Mixed,
        };
        Self {
            pitch_hz: around(900.0 * 0.25f32.powf(size), 0.15, rng),
            mouth: around(1.5 * 0.52f32.powf(size), 0.1, rng),
            tilt_db: between(1.0, 6.0, rng),
            rough: between(0.05, 0.8, rng),
            breath: between(0.1, 1.2, rng),
            bark_s: between(0.09, 0.26, rng),
            pause_s: between(0.1, 0.5, rng),
            most_barks: rng.random_range(1..=6),
            arch: between(0.1, 0.5, rng),
            mood,
        }
    }

    /// Fills the track with bouts of what the animal does.
    pub(crate) fn add_to(&self, track: &mut Track, rng: &mut Draws) {
        let end_s = track.seconds();
        let mut t_s = between(0.0, (0.3 * end_s).min(0.8), rng);
        while t_s < end_s - 0.08 {
            let mood = match self.mood {
                Mood::Mixed => [Mood::Bark, Mood::Growl, Mood::Whine][rng.random_range(0..3)],
                Mood::Howl if chance(0.2, rng) => Mood::Bark,
                Mood::Growl if chance(0.3, rng) => Mood::Bark,
                other => other,
            };
            t_s = match mood {
                Mood::Bark | Mood::Mixed => self.bout(t_s, track, rng),
                Mood::Howl => self.say(self.howl(rng), t_s, track, rng) + between(0.1, 0.8, rng),
                Mood::Whine => self.say(self.whine(rng), t_s, track, rng) + between(0.05, 0.5, rng),
                Mood::Growl => self.say(self.growl(rng), t_s, track, rng) + between(0.1, 0.6, rng),
            };
        }
    }

    fn bout(&self, mut t_s: f32, track: &mut Track, rng: &mut Draws) -> f32 {
        for _ in 0..rng.random_range(1..=self.most_barks) {
            t_s = self.say(self.bark(rng), t_s, track, rng) + around(self.pause_s, 0.3, rng);
        }
        t_s + between(0.2, 1.5, rng)
    }

    fn say(&self, voiced: Voiced, t_s: f32, track: &mut Track, rng: &mut Draws) -> f32 {
        let rate_hz = track.rate_hz;
        voiced.add_to(track.place(t_s, voiced.seconds), rate_hz, rng);
        t_s + voiced.seconds
    }

    fn bark(&self, rng: &mut Draws) -> Voiced {
        let pitch_hz = around(self.pitch_hz, 0.1, rng);
        let seconds = around(self.bark_s, 0.25, rng);
        let rise = 1.0 - self.arch * between(0.5, 1.0, rng);
        let fall = 1.0 - self.arch * between(0.7, 1.3, rng);
        Voiced {
            seconds,
            pitch_hz: vec![pitch_hz * rise, pitch_hz, pitch_hz * 0.97, pitch_hz * (1.0 + fall) / 2.0, pitch_hz * fall],
            loudness: vec![0.8, 1.0, 0.8, 0.45, 0.2],
            attack_s: between(0.008, 0.03, rng),
            release_s: 0.5 * seconds,
            formants: self.formants(1.0, rng),
            mouth: vec![0.75, 1.05, 1.1, 0.95, 0.8],
            tilt_db: self.tilt_db,
            jitter: between(0.01, 0.05, rng),
            vibrato_hz: 0.0,
            vibrato_depth: 0.0,
            rough: self.rough * between(0.5, 1.2, rng),
            breath: self.breath * between(0.6, 1.4, rng),
            gain: between(0.5, 1.0, rng),
        }
    }

    fn howl(&self, rng: &mut Draws) -> Voiced {
        let pitch_hz = around(self.pitch_hz.clamp(250.0, 700.0), 0.2, rng);
        let seconds = between(0.8, 3.5, rng);
        let middle = between(0.85, 1.05, rng);
        Voiced {
            seconds,
            pitch_hz: vec![
                pitch_hz * between(0.55, 0.8, rng),
                pitch_hz,
                pitch_hz * (1.0 + middle) / 2.0,
                pitch_hz * middle,
                pitch_hz * middle * between(0.9, 1.05, rng),
                pitch_hz * between(0.5, 0.8, rng),
            ],
            loudness: vec![0.5, 0.9, 1.0, 1.0, 0.8, 0.4],
            attack_s: 0.15,
            release_s: 0.3,
            formants: self.formants(0.7, rng),
            mouth: vec![0.7, 0.9, between(0.75, 1.0, rng), 0.85, 0.7],
            tilt_db: self.tilt_db + between(3.0, 9.0, rng),
            jitter: between(0.001, 0.006, rng),
            vibrato_hz: between(3.0, 7.0, rng),
            vibrato_depth: between(0.0, 0.02, rng),
            rough: 0.1 * self.rough,
            breath: 0.1 * self.breath,
            gain: between(0.5, 1.0, rng),
        }
    }

    fn whine(&self, rng: &mut Draws) -> Voiced {
        let pitch_hz = log_between(1.0, 2.0, rng) * self.pitch_hz.clamp(350.0, 700.0);
        let points = rng.random_range(3..=6);
        Voiced {
            seconds: between(0.2, 0.9, rng),
            pitch_hz: (0..points).map(|_| pitch_hz * between(0.75, 1.25, rng)).collect(),
            loudness: vec![0.4, 1.0, 0.7, 0.9, 0.3],
            attack_s: 0.05,
            release_s: 0.1,
            formants: self.formants(1.0, rng),
            mouth: vec![0.8, 0.9, 0.8],
            tilt_db: self.tilt_db + between(4.0, 10.0, rng),
            jitter: between(0.002, 0.015, rng),
            vibrato_hz: between(5.0, 9.0, rng),
            vibrato_depth: between(0.0, 0.04, rng),
            rough: 0.2 * self.rough,
            breath: 0.3 * self.breath,
            gain: between(0.4, 1.0, rng),
        }
    }

    fn growl(&self, rng: &mut Draws) -> Voiced {
        let pitch_hz = (0.28 * self.pitch_hz).clamp(60.0, 140.0);
        Voiced {
            seconds: between(0.5, 2.2, rng),
            pitch_hz: (0..4).map(|_| around(pitch_hz, 0.12, rng)).collect(),
            loudness: vec![0.4, 0.9, 0.7, 1.0, 0.5],
            attack_s: 0.15,
            release_s: 0.2,
            formants: self.formants(0.65, rng),
            mouth: vec![0.8, 0.9, 0.8],
            tilt_db: 1.5,
            jitter: between(0.04, 0.1, rng),
            vibrato_hz: between(15.0, 30.0, rng),
            vibrato_depth: between(0.0, 0.05, rng),
            rough: between(0.6, 1.0, rng),
            breath: self.breath.max(0.5),
            gain: between(0.5, 1.0, rng),
        }
    }

    fn formants(&self, open: f32, rng: &mut Draws) -> Vec<Formant> {
        let scale = self.mouth * around(open, 0.05, rng);
        let formant = |hz: f32, width_hz: f32, gain: f32| Formant { hz: hz * scale, width_hz: width_hz * scale, gain };
        vec![
            formant(950.0, 500.0, 1.0),
            formant(1750.0, 600.0, 0.7),
            formant(3000.0, 900.0, 0.3),
            formant(5200.0, 2200.0, 0.14),
        ]
    }
}
