//! One band and one noise floor for every clip, so that neither identifies the recorder.
//!
//! Collections often give a class away without any animal in them: one class was recorded at 8 kHz, the other at
//! 48 kHz; one in a quiet room, the other outdoors. What is done here is measured on each clip alone, never on a class,
//! and a clip of the same samples comes out the same, wherever it is met.
//!
//! A floor of one level and shape would have to be loud to hide the others: with a common floor, a model can measure what a
//! quiet recording adds to it to a fraction of a decibel. A floor whose level and shape are drawn for each clip hides the
//! same differences 15 dB further down.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::level::{peak, rms};

/// Width of the filter's edges, as a share of the edge's frequency.
const EDGE: f64 = 0.1;

/// The band that `--equalize band` brings clips to, in Hz: below is wind and handling, above is what recordings at
/// 16 kHz lack.
pub const COMMON_BAND_HZ: [f64; 2] = [150.0, 8000.0];

/// The noise floor that `--equalize band` gives clips, in dB under their peak.
pub const COMMON_FLOOR_DB: [f64; 2] = [45.0, 25.0];

/// How the floor falls with frequency, drawn between white noise and pink, in dB an octave.
const FALL_DB: [f64; 2] = [0.0, 3.0];

/// How far the floor's spectrum goes up or down at each octave from there, at most, in dB.
const RIPPLE_DB: f64 = 6.0;

/// The lowest frequency of the floor; below, it does not rise any more.
const LOWEST_HZ: f64 = 60.0;

/// Octaves that the ripple is drawn at, from [`LOWEST_HZ`] on: up to 1 MHz.
const N_OCTAVES: usize = 15;

/// What is made the same in all clips; nothing by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Equalize {
    /// Frequencies outside this band, `[low, high]` in Hz, are taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band_hz: Option<[f64; 2]>,
    /// Noise whose RMS is this many decibels below the clip's greatest sample is added to all of the clip, padding
    /// included: it hides weaker noise, and that a band is empty. How many is drawn between the two, and the spectrum
    /// from white to pink with an uneven course; all of it from the clip's samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_db: Option<[f64; 2]>,
}

impl Equalize {
    /// Whether clips stay as they are.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// Checks that the numbers make sense at a sample rate.
    ///
    /// # Errors
    /// A band that is empty, below 0 or above half the sample rate; a floor that is not from 120 to 0 dB, the
    /// weaker first.
    pub fn validate(&self, sample_rate_hz: u32) -> Result<()> {
        let nyquist_hz = f64::from(sample_rate_hz) / 2.0;
        if let Some([low, high]) = self.band_hz
            && !(low >= 0.0 && low < high && high <= nyquist_hz)
        {
            return Err(Error::Setting {
                setting: "equalize.band_hz",
                expected: "[low, high] with 0 <= low < high <= half of sample_rate_hz",
                got: format!("[{low}, {high}] at {sample_rate_hz} Hz"),
            });
        }
        match self.floor_db {
            Some([weak, loud]) if !(120.0 >= weak && weak >= loud && loud >= 0.0) => Err(Error::Setting {
                setting: "equalize.floor_db",
                expected: "[weakest, loudest] with 120 >= weakest >= loudest >= 0 dB under the peak",
                got: format!("[{weak}, {loud}]"),
            }),
            _ => Ok(()),
        }
    }
}

/// Removes frequencies outside the band, without delay. The edges are half cosines inside the band.
///
/// # Shapes
/// `[n]`, any length.
pub(crate) fn limit(samples: &mut [f32], rate_hz: u32, [low_hz, high_hz]: [f64; 2]) {
    if samples.is_empty() {
        return;
    }
    // Silence behind the sound, so that its end does not ring into its beginning.
    let n = (samples.len() + samples.len().min(rate_hz as usize / 8)).next_power_of_two();
    let mut spectrum: Vec<Complex<f32>> = samples.iter().map(|&sample| Complex::new(sample, 0.0)).collect();
    spectrum.resize(n, Complex::default());
    let mut planner = FftPlanner::new();
    planner.plan_fft_forward(n).process(&mut spectrum);
    // 0 outside, 1 inside, and how far a frequency has come over an edge between.
    let rise = |from: f64, to: f64, hz: f64| match to > from {
        true => 0.5 - 0.5 * (std::f64::consts::PI * ((hz - from) / (to - from)).clamp(0.0, 1.0)).cos(),
        false => 1.0,
    };
    for (bin, value) in spectrum.iter_mut().enumerate() {
        let hz = bin.min(n - bin) as f64 * f64::from(rate_hz) / n as f64;
        let gain = rise(low_hz, low_hz * (1.0 + EDGE), hz) * (1.0 - rise(high_hz * (1.0 - EDGE), high_hz, hz));
        *value *= (gain / n as f64) as f32;
    }
    planner.plan_fft_inverse(n).process(&mut spectrum);
    samples.iter_mut().zip(&spectrum).for_each(|(sample, value)| *sample = value.re);
}

/// Adds the noise floor. Silence stays silence: it has no peak to refer to.
///
/// # Shapes
/// `[n]`, any length.
pub(crate) fn fill(samples: &mut [f32], rate_hz: u32, [weak_db, loud_db]: [f64; 2]) {
    let peak = f64::from(peak(samples));
    if peak == 0.0 {
        return;
    }
    let mut hasher = Sha256::new();
    samples.iter().for_each(|sample| hasher.update(sample.to_le_bytes()));
    let mut random = ChaCha8Rng::from_seed(hasher.finalize().into());
    let floor_db = loud_db + (weak_db - loud_db) * random.random::<f64>();
    let noise = floor(samples.len(), rate_hz, &mut random);
    let gain = (peak * 10f64.powf(-floor_db / 20.0) / rms(&noise).max(1e-30)) as f32;
    samples.iter_mut().zip(&noise).for_each(|(sample, noise)| *sample += gain * noise);
}

/// Noise of a drawn spectrum, at any level.
///
/// # Shapes
/// `[n]`.
fn floor(n: usize, rate_hz: u32, random: &mut ChaCha8Rng) -> Vec<f32> {
    let fall_db = FALL_DB[0] + (FALL_DB[1] - FALL_DB[0]) * random.random::<f64>();
    let levels_db: [f64; N_OCTAVES] =
        std::array::from_fn(|octave| RIPPLE_DB * (2.0 * random.random::<f64>() - 1.0) - fall_db * octave as f64);
    let n_bins = n.next_power_of_two();
    let mut spectrum = vec![Complex::default(); n_bins];
    // One half of a spectrum is enough where the real part is all that is taken.
    for (bin, value) in spectrum.iter_mut().enumerate().take(n_bins / 2).skip(1) {
        let octave = (bin as f64 * f64::from(rate_hz) / n_bins as f64 / LOWEST_HZ).max(1.0).log2();
        let at = (octave as usize).min(N_OCTAVES - 2);
        let level_db = levels_db[at] + (octave - at as f64).min(1.0) * (levels_db[at + 1] - levels_db[at]);
        let gain = 10f64.powf(level_db / 20.0) as f32;
        // Even between two limits: a sample is a sum of many, and as good as normal.
        let mut part = || gain * (2.0 * random.random::<f32>() - 1.0);
        *value = Complex::new(part(), part());
    }
    FftPlanner::new().plan_fft_inverse(n_bins).process(&mut spectrum);
    spectrum[..n].iter().map(|value| value.re).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64) -> Vec<f32> {
        (0..22_050).map(|i| (std::f64::consts::TAU * hz * f64::from(i) / 22_050.0).sin() as f32).collect()
    }

    #[test]
    fn the_band_stays_and_the_rest_goes() {
        for (hz, kept) in [(60.0, false), (200.0, true), (1000.0, true), (3000.0, true), (4500.0, false)] {
            let mut sound = tone(hz);
            let before = sound.clone();
            limit(&mut sound, 22_050, [150.0, 4000.0]);
            let middle = 4000..18_000;
            if kept {
                let worst = middle.map(|i| (sound[i] - before[i]).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-3, "{hz} Hz: {worst}");
            } else {
                let left = rms(&sound[middle]);
                assert!(left < 1e-3, "{hz} Hz: {left}");
            }
        }
        limit(&mut [], 22_050, [150.0, 4000.0]);
    }

    #[test]
    fn the_floor_has_its_level_and_depends_on_the_clip_alone() {
        let mut sound = vec![0.0; 40_000];
        sound[..2000].copy_from_slice(&tone(500.0)[..2000]);
        let mut again = sound.clone();
        let mut louder: Vec<f32> = sound.iter().map(|sample| 0.5 * sample).collect();
        for sound in [&mut sound, &mut again, &mut louder] {
            fill(sound, 22_050, [40.0, 40.0]);
        }
        assert_eq!(sound, again);
        assert!((rms(&sound[2000..]) - 0.01).abs() < 5e-4, "{}", rms(&sound[2000..]));
        assert!((rms(&louder[2000..]) - 0.005).abs() < 3e-4);
        assert_ne!(sound[30_000], 2.0 * louder[30_000]);
        let mut silence = [0.0; 10];
        fill(&mut silence, 22_050, [40.0, 40.0]);
        assert_eq!(silence, [0.0; 10]);
        fill(&mut [1.0], 22_050, [40.0, 40.0]);
    }

    #[test]
    fn level_and_shape_are_drawn_for_each_clip() {
        let drawn: Vec<(f64, f64)> = (1..=20)
            .map(|i| {
                let mut sound = vec![0.0; 16_384];
                sound[0] = i as f32;
                fill(&mut sound, 22_050, [50.0, 30.0]);
                // The first sample's own spectrum is flat and far below in the rest.
                let noise: Vec<f32> = sound[1..].iter().map(|sample| sample / i as f32).collect();
                let steps: Vec<f32> = noise.windows(2).map(|pair| pair[1] - pair[0]).collect();
                (-20.0 * rms(&noise).log10(), rms(&steps) / rms(&noise))
            })
            .collect();
        let spread = |of: &dyn Fn(&(f64, f64)) -> f64| {
            let values: Vec<f64> = drawn.iter().map(of).collect();
            (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max))
        };
        let (loudest_db, weakest_db) = spread(&|drawn| drawn.0);
        assert!(loudest_db > 29.8 && weakest_db < 50.2 && weakest_db - loudest_db > 12.0, "{drawn:?}");
        // Neighboring samples of white noise differ by the root of two.
        let (least, greatest) = spread(&|drawn| drawn.1);
        assert!(greatest > 1.15 && least < 0.8, "{drawn:?}");
    }

    #[test]
    fn senseless_numbers_are_refused_by_name() {
        let band = |low, high| Equalize { band_hz: Some([low, high]), floor_db: None }.validate(22_050);
        assert!(band(150.0, 8000.0).is_ok() && band(0.0, 11_025.0).is_ok());
        for (low, high) in [(-1.0, 8000.0), (8000.0, 150.0), (150.0, 12_000.0), (f64::NAN, 8000.0)] {
            assert!(band(low, high).unwrap_err().to_string().starts_with("equalize.band_hz"));
        }
        for floor_db in [[20.0, -1.0], [121.0, 30.0], [f64::NAN, 30.0], [30.0, f64::NAN], [20.0, 30.0]] {
            let floor = Equalize { band_hz: None, floor_db: Some(floor_db) };
            assert!(floor.validate(22_050).unwrap_err().to_string().starts_with("equalize.floor_db"));
        }
        assert!(Equalize::default().is_off());
    }
}
