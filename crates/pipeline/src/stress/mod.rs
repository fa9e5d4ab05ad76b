//! Stress tests: the conditions that a recording may come in, each as a change of the recording or of the clip settings.
//!
//! A condition knows no model. [`Condition::apply`] changes what was decoded, at its own rate and for the part that a
//! manifest's row names alone; [`Condition::clip_config`] changes how clips are cut from it. `evaluate --stress` measures
//! a model under each; whoever needs spectrograms of the same conditions calls the same two.
//!
//! What is drawn (noise, rooms) depends on the seed, the bytes of the recording and the condition: not on names, threads or
//! other recordings.
//!
//! ```
//! use audio_io::{ClipConfig, Row};
//! use pipeline::Named;
//! use pipeline::stress::Condition;
//! # let samples = (0..44_100).map(|i| (i as f32 * 0.7).sin()).collect();
//! # let decoded = audio_io::Decoded {
//! #     rate_hz: 44_100, channels: vec![samples], format: "wav".into(), codec: "pcm_f32".into(), bits: None,
//! #     declared_frames: None, damage: vec![], notes: vec![], stopped: false,
//! # };
//!
//! let (row, sha256, seed) = (Row::default(), "of the file", 0);
//! for (name, condition, description) in Condition::ALL {
//!     let changed = condition.apply(&decoded, &row, sha256, seed)?;
//!     let config = condition.clip_config(&ClipConfig::default());
//!     let clips = audio_io::clips(&changed.decoded, changed.row.start_s, changed.row.end_s, None, &config)?;
//!     assert_eq!(clips.len(), 1, "{name}: {description}");
//! }
//! # Ok::<(), pipeline::Error>(())
//! ```

mod part;
mod sound;

use crate::config::common_band;
use crate::error::Result;
use crate::extraction::views::number_of;
use crate::named::{Named, named};
use audio_io::equalize::Equalize;
use audio_io::{ClipConfig, Decoded, Padding, Row, Windowing};
use augment::seed_for;
use part::Part;
use std::borrow::Cow;

/// Decibels by which [`Condition::Quieter`] and [`Condition::Louder`] change the level.
const GAIN_DB: f32 = 10.0;
/// The bit rate of [`Condition::Mp3`], one channel.
const MP3_KBIT_S: f32 = 64.0;

named! {
    /// A condition that a recording may come in.
    pub enum Condition {
        Rate16k = "rate_16k", "A sample rate of 16 kHz";
        Rate8k = "rate_8k", "A sample rate of 8 kHz";
        Rate6k = "rate_6k", "A sample rate of 6 kHz";
        Mp3 = "mp3", "MP3 of 64 kbit/s, one channel";
        Telephone = "telephone", "A telephone: 300 to 3400 Hz at 8 kHz, A-law";
        Quieter = "quieter", "10 dB quieter, in 16 bits";
        Louder = "louder", "10 dB louder, clipped at full scale";
        Room = "room", "In a room: 2 to 20 m, reverberation of 0.2 to 1.2 s";
        Noise20dB = "noise_20db", "Pink noise at a signal-to-noise ratio of 20 dB";
        Noise10dB = "noise_10db", "Pink noise at a signal-to-noise ratio of 10 dB";
        Noise0dB = "noise_0db", "Pink noise at a signal-to-noise ratio of 0 dB";
        LoudestSecond = "loudest_second", "The loudest second alone, repeated to the length of the window";
        Equalized = "equalized", "One bandwidth and one noise floor for every clip";
    }
}

/// A recording under a condition.
#[derive(Debug, Clone)]
pub struct Changed<'a> {
    /// The recording, or the part of it that the row named.
    pub decoded: Cow<'a, Decoded>,
    /// The row that names the same sound in `decoded`; where that is the part alone, without start and end.
    pub row: Row,
    /// Where `decoded` starts in the recording, in seconds.
    pub start_s: f64,
}

impl Condition {
    /// What it is, in one line.
    pub fn describe(self) -> &'static str {
        let this = Self::ALL.iter().find(|(_, condition, _)| *condition == self);
        this.map_or("", |(_, _, description)| description)
    }

    /// The part of a recording that a row names, under the condition. `source_sha256` is that of the file's bytes.
    ///
    /// A recording whose sample rate is that of the condition or lower keeps its samples.
    ///
    /// # Errors
    /// A row that is not within the recording.
    pub fn apply<'a>(self, decoded: &'a Decoded, row: &Row, source_sha256: &str, seed: u64) -> Result<Changed<'a>> {
        let lower = |to_hz: u32| to_hz < decoded.rate_hz;
        let is_changed = match self {
            Self::Equalized => false,
            Self::Rate16k => lower(16_000),
            Self::Rate8k => lower(8000),
            Self::Rate6k => lower(6000),
            _ => true,
        };
        if !is_changed {
            return Ok(Changed { decoded: Cow::Borrowed(decoded), row: row.clone(), start_s: 0.0 });
        }
        let seed = seed_for(seed, number_of(&[source_sha256, self.name()]), 0);
        let mut part = Part::of(decoded, row)?;
        match self {
            Self::Rate16k => part.resample(16_000)?,
            Self::Rate8k => part.resample(8000)?,
            Self::Rate6k => part.resample(6000)?,
            Self::Mp3 => part.for_each(|samples, rate_hz| sound::lossy(samples, rate_hz, MP3_KBIT_S)),
            Self::Telephone => {
                part.resample(8000)?;
                part.for_each(sound::telephone);
            }
            Self::Quieter => part.for_each(|samples, _| sound::gain_16_bit(samples, -GAIN_DB)),
            Self::Louder => part.for_each(|samples, _| sound::gain_16_bit(samples, GAIN_DB)),
            Self::Room => part.for_each(|samples, rate_hz| sound::room(samples, rate_hz, seed)),
            Self::Noise20dB => part.add_noise(20.0, seed),
            Self::Noise10dB => part.add_noise(10.0, seed),
            Self::Noise0dB => part.add_noise(0.0, seed),
            Self::LoudestSecond => part.cut_to_loudest(1.0),
            Self::Equalized => {}
        }
        Ok(part.finish())
    }

    /// The clip settings under the condition, for settings without it.
    pub fn clip_config(self, config: &ClipConfig) -> ClipConfig {
        match self {
            Self::LoudestSecond => {
                ClipConfig { window: Windowing { padding: Padding::Repeat, ..config.window }, ..*config }
            }
            Self::Equalized => {
                let nyquist_hz = f64::from(config.sample_rate_hz) / 2.0;
                let band = common_band();
                let band_hz = band.band_hz.map(|[low, high]| [low, high.min(nyquist_hz)]);
                ClipConfig { equalize: Equalize { band_hz, ..band }, ..*config }
            }
            _ => *config,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    const RATE_HZ: u32 = 44_100;

    fn decoded(channels: Vec<Vec<f32>>) -> Decoded {
        Decoded { rate_hz: RATE_HZ, channels, ..Decoded::default() }
    }

    fn tone(hz: f32, seconds: f32) -> Vec<f32> {
        let n = (seconds * RATE_HZ as f32) as usize;
        (0..n).map(|i| 0.5 * (TAU * hz * i as f32 / RATE_HZ as f32).sin()).collect()
    }

    fn power(samples: &[f32]) -> f64 {
        samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len() as f64
    }

    fn of(condition: Condition, decoded: &Decoded) -> Decoded {
        condition.apply(decoded, &Row::default(), "sha", 0).unwrap().decoded.into_owned()
    }

    #[test]
    fn lengths_in_seconds_are_kept_and_seeds_decide() {
        let recording = decoded(vec![tone(700.0, 2.3), tone(900.0, 2.3)]);
        for (name, condition, description) in Condition::ALL {
            let changed = of(*condition, &recording);
            let seconds = if *condition == Condition::LoudestSecond { 1.0 } else { recording.seconds() };
            assert!((changed.seconds() - seconds).abs() < 2e-4, "{name}: {}", changed.seconds());
            assert_eq!(changed.channels.len(), 2, "{name}");
            assert!(changed.channels.iter().flatten().all(|x| x.is_finite()), "{name}");
            assert_eq!(changed, of(*condition, &recording), "{name}");
            assert_eq!(condition.describe(), *description);
            let is_drawn = name.starts_with("noise") || *name == "room";
            let other = condition.apply(&recording, &Row::default(), "another", 0).unwrap();
            assert_eq!(*other.decoded != changed, is_drawn, "{name}");
        }
    }

    #[test]
    fn a_lower_rate_has_no_highs_and_lower_recordings_stay() {
        let mut both = tone(1000.0, 1.0);
        both.iter_mut().zip(tone(5000.0, 1.0)).for_each(|(low, high)| *low += high);
        let recording = decoded(vec![both]);
        let low = of(Condition::Rate8k, &recording);
        let back = audio_io::resample(&low.channels[0], 8000, RATE_HZ).unwrap();
        let error: Vec<f32> = back.iter().zip(tone(1000.0, 1.0)).map(|(a, b)| a - b).collect();
        assert!(low.rate_hz == 8000 && power(&error[4000..40_000]) < 1e-7, "{}", power(&error[4000..40_000]));
        let again = Condition::Rate16k.apply(&low, &Row::default(), "sha", 0).unwrap();
        assert!(matches!(again.decoded, Cow::Borrowed(_)));
        assert_eq!(of(Condition::Rate6k, &low).rate_hz, 6000);
    }

    #[test]
    fn a_telephone_passes_its_band_alone() {
        let level = |hz| {
            let changed = of(Condition::Telephone, &decoded(vec![tone(hz, 1.0)]));
            assert_eq!(changed.rate_hz, 8000);
            10.0 * (power(&changed.channels[0][1000..7000]) / 0.125).log10()
        };
        assert!(level(1000.0).abs() < 0.5, "{}", level(1000.0));
        let mut both = tone(1000.0, 1.0);
        both.iter_mut().zip(tone(100.0, 1.0)).for_each(|(mid, low)| *mid += low);
        let changed = of(Condition::Telephone, &decoded(vec![both]));
        assert!((10.0 * (power(&changed.channels[0][1000..7000]) / 0.125).log10()).abs() < 0.5);
    }

    #[test]
    fn noise_has_the_ratio_that_it_says_in_the_mix_of_the_part() {
        let mut left = tone(700.0, 3.0);
        left[2 * 44_100..].fill(0.0);
        let recording = decoded(vec![left.clone(), tone(300.0, 3.0)]);
        let row = Row { start_s: Some(0.5), end_s: Some(1.5), ..Row::default() };
        let mix = |d: &Decoded, frames: std::ops::Range<usize>| -> Vec<f32> {
            frames.map(|i| d.channels.iter().map(|c| c[i]).sum::<f32>() / d.channels.len() as f32).collect()
        };
        let clean = mix(&recording, 22_050..66_150);
        for (condition, expected) in
            [(Condition::Noise20dB, 20.0), (Condition::Noise10dB, 10.0), (Condition::Noise0dB, 0.0)]
        {
            let changed = condition.apply(&recording, &row, "sha", 7).unwrap();
            assert_eq!((changed.decoded.n_frames(), changed.row.start_s, changed.start_s), (44_100, None, 0.5));
            let noisy = mix(&changed.decoded, 0..44_100);
            let noise: Vec<f32> = noisy.iter().zip(&clean).map(|(a, b)| a - b).collect();
            let snr_db = 10.0 * (power(&clean) / power(&noise)).log10();
            assert!((snr_db - expected).abs() < 0.5, "{snr_db}");
        }
        // A row of one channel has the ratio in that one.
        let row = Row { channel: Some(1), ..row };
        let changed = Condition::Noise10dB.apply(&recording, &row, "sha", 7).unwrap();
        let clean = &recording.channels[1][22_050..66_150];
        let noise: Vec<f32> = changed.decoded.channels[1].iter().zip(clean).map(|(a, b)| a - b).collect();
        assert!((10.0 * (power(clean) / power(&noise)).log10() - 10.0).abs() < 0.5);
    }

    #[test]
    fn levels_are_quantized_and_clipped() {
        let recording = decoded(vec![tone(500.0, 0.5)]);
        let quiet = of(Condition::Quieter, &recording);
        assert!((10.0 * (power(&quiet.channels[0]) / power(&recording.channels[0])).log10() + 10.0).abs() < 0.01);
        assert!(quiet.channels[0].iter().all(|x| (x * 32768.0).fract() == 0.0));
        let loud = of(Condition::Louder, &recording);
        let n_clipped = loud.channels[0].iter().filter(|x| x.abs() > 0.999).count();
        assert!(n_clipped > loud.n_frames() / 3 && loud.channels[0].iter().all(|x| x.abs() <= 1.0));
    }

    #[test]
    fn the_loudest_second_is_found_and_fills_the_window() {
        let mut samples: Vec<f32> = tone(500.0, 4.0).iter().map(|x| 0.01 * x).collect();
        samples[70_000..110_000].iter_mut().for_each(|x| *x *= 50.0);
        let recording = decoded(vec![samples.clone()]);
        let changed = Condition::LoudestSecond.apply(&recording, &Row::default(), "sha", 0).unwrap();
        let start = (changed.start_s * 44_100.0).round() as usize;
        assert!((65_900..=70_000).contains(&start), "{start}");
        assert_eq!(changed.decoded.channels[0], samples[start..start + 44_100]);
        let window = Windowing { seconds: 3.0, padding: Padding::Silence, ..Windowing::default() };
        let config = ClipConfig { window, sample_rate_hz: 44_100, ..ClipConfig::default() };
        let config = Condition::LoudestSecond.clip_config(&config);
        let clip = audio_io::clips(&changed.decoded, None, None, None, &config).unwrap().remove(0);
        assert_eq!((clip.samples.len(), clip.n_real), (132_300, 44_100));
        assert_eq!(clip.samples[..44_100], clip.samples[88_200..]);
    }

    #[test]
    fn an_equalized_clip_has_the_band_of_its_rate() {
        let config = |sample_rate_hz| ClipConfig { sample_rate_hz, ..ClipConfig::default() };
        assert_eq!(Condition::Equalized.clip_config(&config(22_050)).equalize, common_band());
        let low = Condition::Equalized.clip_config(&config(8000));
        assert!(low.validate().is_ok() && low.equalize.band_hz == Some([150.0, 4000.0]));
        assert_eq!(Condition::Room.clip_config(&config(8000)), config(8000));
    }
}
