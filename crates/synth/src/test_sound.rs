//! Sounds without any animal: noises, silence, tones, music. A detector of unknown sounds must reject them.

use crate::draw::{Draws, Purpose, amplitude, between, chance, draws, log_between, one_of};
use rand::Rng;
use std::f32::consts::TAU;

/// A kind of sound without an animal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestSound {
    /// Random signs of equal size: white, and as loud as its peak.
    WhiteNoise,
    /// Independent samples of a normal distribution.
    GaussianNoise,
    /// Independent samples, all sizes alike.
    UniformNoise,
    /// Noise whose power falls by 3 dB an octave.
    PinkNoise,
    /// Nothing but the last bit of 16, as a recorder without a microphone has it.
    Silence,
    /// One steady sine, 100 Hz to 6 kHz.
    Tone,
    /// Chords of tones with overtones, one after the other.
    Music,
}

impl TestSound {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::WhiteNoise,
        Self::GaussianNoise,
        Self::UniformNoise,
        Self::PinkNoise,
        Self::Silence,
        Self::Tone,
        Self::Music,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::WhiteNoise => "white_noise",
            Self::GaussianNoise => "gaussian_noise",
            Self::UniformNoise => "uniform_noise",
            Self::PinkNoise => "pink_noise",
            Self::Silence => "silence",
            Self::Tone => "tone",
            Self::Music => "music",
        }
    }

    /// Mono samples, none beyond plus or minus one; the same for the same seed and index, and others for each index.
    /// Peaks are between -20 dB and -1 dB of full scale, except for silence.
    pub fn render(self, n_samples: usize, rate_hz: u32, seed: u64, index: u64) -> Vec<f32> {
        let rng = &mut draws(seed, Purpose::TestSound, index * Self::ALL.len() as u64 + self as u64);
        if self == Self::Silence {
            return (0..n_samples).map(|_| f32::from(rng.random_range(-1i8..=1)) / 32767.0).collect();
        }
        let mut samples = match self {
            Self::WhiteNoise => (0..n_samples).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect(),
            Self::GaussianNoise => (0..n_samples).map(|_| normal(rng)).collect(),
            Self::UniformNoise => (0..n_samples).map(|_| between(-1.0, 1.0, rng)).collect(),
            Self::PinkNoise => pink(n_samples, rng),
            Self::Tone => tone(n_samples, rate_hz, rng),
            Self::Music | Self::Silence => music(n_samples, rate_hz, rng),
        };
        let peak_to_be = amplitude(between(-20.0, -1.0, rng));
        let scale = peak_to_be / crate::track::peak(&samples).max(1e-9);
        samples.iter_mut().for_each(|sample| *sample *= scale);
        samples
    }
}

/// A standard normal number, by the method of Box and Muller (1958).
fn normal(rng: &mut Draws) -> f32 {
    let (radius, angle) = (1.0 - rng.random::<f32>(), rng.random::<f32>());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

/// The sum of sixteen noises, each renewed half as often as the one before (Voss; Gardner, "White and Brown Music",
/// Scientific American, 1978).
fn pink(n_samples: usize, rng: &mut Draws) -> Vec<f32> {
    let mut sources: [f32; 16] = std::array::from_fn(|_| normal(rng));
    let sample = |nth: usize| {
        let renewed = (nth.trailing_zeros() as usize).min(sources.len() - 1);
        sources[renewed] = normal(rng);
        sources.iter().sum::<f32>()
    };
    (1..=n_samples).map(sample).collect()
}

fn tone(n_samples: usize, rate_hz: u32, rng: &mut Draws) -> Vec<f32> {
    let frequency = log_between(100.0, 6000.0f32.min(0.45 * rate_hz as f32), rng);
    let phase = between(0.0, TAU, rng);
    (0..n_samples).map(|nth| wave(frequency, phase, nth, rate_hz)).collect()
}

/// A sine at sample `nth`, in double precision up to the sine itself, so that late samples are no rougher.
fn wave(frequency_hz: f32, phase: f32, nth: usize, rate_hz: u32) -> f32 {
    let turns = f64::from(frequency_hz) * nth as f64 / f64::from(rate_hz);
    (TAU * turns.fract() as f32 + phase).sin()
}

/// Chords of three or four notes of one key, struck or blown, with a bass, a second or less each.
fn music(n_samples: usize, rate_hz: u32, rng: &mut Draws) -> Vec<f32> {
    const CHORDS: [[f32; 3]; 4] = [[0.0, 4.0, 7.0], [0.0, 3.0, 7.0], [5.0, 9.0, 12.0], [7.0, 11.0, 14.0]];
    let mut samples = vec![0.0; n_samples];
    let rate = rate_hz as f32;
    let beat = (between(0.25, 0.8, rng) * rate) as usize + 1;
    let root_hz = log_between(130.0, 330.0, rng);
    let fall = between(1.0, 5.0, rng); // a second
    let n_overtones = rng.random_range(3..=8);
    let struck = chance(0.6, rng);
    for place in samples.chunks_mut(beat) {
        let chord = one_of(&CHORDS, rng);
        let melody = one_of(&[0.0, 2.0, 4.0, 7.0, 9.0, 12.0], rng) + 12.0;
        for semitones in chord.into_iter().chain([melody, -12.0]) {
            let note_hz = root_hz * 2f32.powf(semitones / 12.0);
            for overtone in 1..=n_overtones {
                let frequency = note_hz * overtone as f32;
                if frequency > 0.45 * rate {
                    break;
                }
                let phase = between(0.0, TAU, rng);
                for (nth, sample) in place.iter_mut().enumerate() {
                    let t_s = nth as f32 / rate;
                    let envelope = if struck { (-fall * t_s).exp() } else { crate::track::smooth(t_s / 0.08) };
                    *sample += envelope / overtone as f32 * wave(frequency, phase, nth, rate_hz);
                }
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_what_it_says_and_the_same_again() {
        for kind in TestSound::ALL {
            let samples = kind.render(22050, 22050, 3, 1);
            assert_eq!(samples, kind.render(22050, 22050, 3, 1), "{kind:?}");
            assert_ne!(samples, kind.render(22050, 22050, 3, 2), "{kind:?}");
            assert!(samples.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0), "{kind:?}");
            let crest = crate::track::peak(&samples) / crate::track::rms(&samples);
            let expected = match kind {
                TestSound::WhiteNoise => 0.999..1.001,
                TestSound::Silence => 1.2..1.25,
                TestSound::Tone => 1.41..1.42,
                TestSound::UniformNoise => 1.7..1.8,
                TestSound::GaussianNoise => 3.0..5.5,
                TestSound::PinkNoise => 2.5..5.5,
                TestSound::Music => 2.0..12.0,
            };
            assert!(expected.contains(&crest), "{kind:?}: {crest}");
        }
    }

    #[test]
    fn pink_noise_loses_three_decibels_an_octave() {
        let samples = TestSound::PinkNoise.render(1 << 17, 48000, 0, 0);
        // Power of differences over a lag is twice the power well above 1 / lag.
        let power =
            |lag: usize| -> f32 { samples.windows(lag + 1).step_by(7).map(|s| (s[lag] - s[0]).powi(2)).sum::<f32>() };
        let (short, long) = (power(4), power(64));
        // White noise: 1; brown noise: 16. Four octaves of pink noise are each as strong as the others.
        assert!((1.5..3.5).contains(&(long / short)), "{}", long / short);
    }
}
