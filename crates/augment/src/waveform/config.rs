//! What is done to a waveform, how often, and in which range.

use super::codec::{Code, Codec};
use super::filter::{BandLimit, HighPass, LowPass};
use super::level::{Clipping, Gain, Polarity, Shift};
use super::lossy::Lossy;
use super::noise::{Background, Color, Noise};
use super::pitch::Pitch;
use super::rate::{LowRate, Speed};
use super::room::Room;
use super::stretch::Stretch;
use crate::config::{ConfigError, is_amount, is_share};
use serde::{Deserialize, Serialize};

/// How each step of [`augment_waveform`](super::augment_waveform) acts, in the order in which they do: the animal, the
/// place, the microphone, the recorder, the file. A step left out of a file takes its values from
/// [`WaveformAugment::light`]; a share of zero switches it off.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct WaveformAugment {
    /// Faster and higher, or slower and lower.
    pub speed: Speed,
    /// Faster or slower at the same pitch.
    pub stretch: Stretch,
    /// Higher or lower at the same pace.
    pub pitch: Pitch,
    /// Moved in time.
    pub shift: Shift,
    /// In a room.
    pub room: Room,
    /// With a recorded background.
    pub background: Background,
    /// With made noise.
    pub noise: Noise,
    /// Without lows.
    pub high_pass: HighPass,
    /// Without highs.
    pub low_pass: LowPass,
    /// Without what a telephone does not pass.
    pub band_limit: BandLimit,
    /// Upside down.
    pub polarity: Polarity,
    /// Louder or quieter.
    pub gain: Gain,
    /// Without peaks.
    pub clipping: Clipping,
    /// Through a low rate.
    pub low_rate: LowRate,
    /// Through eight bits.
    pub codec: Codec,
    /// Through a lossy codec.
    pub lossy: Lossy,
}

/// A step of [`WaveformAugment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the field of the same name")]
pub enum WaveformStep {
    Speed,
    Stretch,
    Pitch,
    Shift,
    Room,
    Background,
    Noise,
    HighPass,
    LowPass,
    BandLimit,
    Polarity,
    Gain,
    Clipping,
    LowRate,
    Codec,
    Lossy,
}

impl WaveformStep {
    /// All, in the order in which they act.
    pub const ALL: [Self; 16] = [
        Self::Speed,
        Self::Stretch,
        Self::Pitch,
        Self::Shift,
        Self::Room,
        Self::Background,
        Self::Noise,
        Self::HighPass,
        Self::LowPass,
        Self::BandLimit,
        Self::Polarity,
        Self::Gain,
        Self::Clipping,
        Self::LowRate,
        Self::Codec,
        Self::Lossy,
    ];

    /// The field's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Stretch => "stretch",
            Self::Pitch => "pitch",
            Self::Shift => "shift",
            Self::Room => "room",
            Self::Background => "background",
            Self::Noise => "noise",
            Self::HighPass => "high_pass",
            Self::LowPass => "low_pass",
            Self::BandLimit => "band_limit",
            Self::Polarity => "polarity",
            Self::Gain => "gain",
            Self::Clipping => "clipping",
            Self::LowRate => "low_rate",
            Self::Codec => "codec",
            Self::Lossy => "lossy",
        }
    }
}

impl WaveformAugment {
    /// Nothing, with the ranges of [`light`](Self::light): a share above 0 switches a step on.
    pub fn off() -> Self {
        let mut config = Self::light();
        WaveformStep::ALL.into_iter().for_each(|step| *config.share_mut(step) = 0.0);
        config
    }

    /// What another animal of the kind, another day and another hand at the recorder would change.
    pub fn light() -> Self {
        Self {
            speed: Speed { share: 0.25, factor: [0.9, 1.1], keep_length: true },
            stretch: Stretch { share: 0.25, factor: [0.81, 1.23], keep_length: true },
            pitch: Pitch { share: 0.25, semitones: [-2.0, 2.0] },
            shift: Shift { share: 0.5, most_s: 1.0 },
            room: Room { share: 0.0, reverberation_s: [0.2, 0.6], side_m: [3.0, 10.0] },
            background: Background { share: 0.5, snr_db: [10.0, 20.0] },
            noise: Noise { share: 0.25, snr_db: [20.0, 40.0], colors: vec![Color::White, Color::Pink, Color::Brown] },
            high_pass: HighPass { share: 0.2, cutoff_hz: [50.0, 200.0] },
            low_pass: LowPass { share: 0.2, cutoff_hz: [5_000.0, 10_000.0] },
            band_limit: BandLimit { share: 0.0, low_hz: [100.0, 300.0], high_hz: [3_400.0, 7_000.0] },
            polarity: Polarity { share: 0.5 },
            gain: Gain { share: 0.5, db: [-6.0, 6.0] },
            clipping: Clipping { share: 0.0, below_peak_db: [1.0, 6.0] },
            low_rate: LowRate { share: 0.0, rate_hz: [8_000.0, 16_000.0] },
            codec: Codec { share: 0.0, codes: vec![Code::Linear8, Code::ALaw] },
            lossy: Lossy { share: 0.0, kbit_s: [32.0, 128.0] },
        }
    }

    /// For sets whose recordings differ by more than what was recorded: wide ranges, rooms, telephones, old files.
    pub fn strong() -> Self {
        let light = Self::light();
        Self {
            speed: Speed { share: 0.3, factor: [0.8, 1.25], ..light.speed },
            stretch: Stretch { share: 0.4, factor: [0.7, 1.4], ..light.stretch },
            pitch: Pitch { share: 0.4, semitones: [-4.0, 4.0] },
            shift: Shift { share: 0.8, most_s: 2.5 },
            room: Room { share: 0.4, reverberation_s: [0.2, 1.2], side_m: [2.0, 20.0] },
            background: Background { share: 0.7, snr_db: [0.0, 20.0] },
            noise: Noise { share: 0.5, snr_db: [5.0, 35.0], ..light.noise },
            high_pass: HighPass { share: 0.3, cutoff_hz: [50.0, 500.0] },
            low_pass: LowPass { share: 0.3, cutoff_hz: [2_500.0, 10_000.0] },
            band_limit: BandLimit { share: 0.1, ..light.band_limit },
            polarity: light.polarity,
            gain: Gain { share: 0.5, db: [-12.0, 12.0] },
            clipping: Clipping { share: 0.15, below_peak_db: [1.0, 10.0] },
            low_rate: LowRate { share: 0.2, ..light.low_rate },
            codec: Codec { share: 0.15, ..light.codec },
            lossy: light.lossy,
        }
    }

    /// The same with one step alone, which always happens.
    pub fn only(&self, step: WaveformStep) -> Self {
        let mut config = self.clone();
        WaveformStep::ALL.into_iter().for_each(|other| *config.share_mut(other) = f32::from(u8::from(other == step)));
        config
    }

    fn share_mut(&mut self, step: WaveformStep) -> &mut f32 {
        match step {
            WaveformStep::Speed => &mut self.speed.share,
            WaveformStep::Stretch => &mut self.stretch.share,
            WaveformStep::Pitch => &mut self.pitch.share,
            WaveformStep::Shift => &mut self.shift.share,
            WaveformStep::Room => &mut self.room.share,
            WaveformStep::Background => &mut self.background.share,
            WaveformStep::Noise => &mut self.noise.share,
            WaveformStep::HighPass => &mut self.high_pass.share,
            WaveformStep::LowPass => &mut self.low_pass.share,
            WaveformStep::BandLimit => &mut self.band_limit.share,
            WaveformStep::Polarity => &mut self.polarity.share,
            WaveformStep::Gain => &mut self.gain.share,
            WaveformStep::Clipping => &mut self.clipping.share,
            WaveformStep::LowRate => &mut self.low_rate.share,
            WaveformStep::Codec => &mut self.codec.share,
            WaveformStep::Lossy => &mut self.lossy.share,
        }
    }

    /// Checks every range, once, where a configuration is read.
    ///
    /// # Errors
    /// The first field whose value makes no sense, with what was expected.
    pub fn validate(&self) -> Result<(), ConfigError> {
        share("speed.share", self.speed.share)?;
        range(["speed.factor[0]", "speed.factor[1]"], self.speed.factor, [0.25, 4.0], "a factor from 0.25 to 4")?;
        share("stretch.share", self.stretch.share)?;
        range(["stretch.factor[0]", "stretch.factor[1]"], self.stretch.factor, [0.25, 4.0], "a factor from 0.25 to 4")?;
        share("pitch.share", self.pitch.share)?;
        let semitones = ["pitch.semitones[0]", "pitch.semitones[1]"];
        range(semitones, self.pitch.semitones, [-24.0, 24.0], "semitones from -24 to 24")?;
        share("shift.share", self.shift.share)?;
        check("shift.most_s", self.shift.most_s, is_amount(self.shift.most_s), "0 or more seconds")?;
        share("room.share", self.room.share)?;
        let seconds = ["room.reverberation_s[0]", "room.reverberation_s[1]"];
        range(seconds, self.room.reverberation_s, [0.05, 10.0], "seconds from 0.05 to 10")?;
        range(["room.side_m[0]", "room.side_m[1]"], self.room.side_m, [1.0, 100.0], "meters from 1 to 100")?;
        share("background.share", self.background.share)?;
        range(["background.snr_db[0]", "background.snr_db[1]"], self.background.snr_db, DECIBELS, A_RATIO)?;
        share("noise.share", self.noise.share)?;
        range(["noise.snr_db[0]", "noise.snr_db[1]"], self.noise.snr_db, DECIBELS, A_RATIO)?;
        check("noise.colors", 0.0, self.noise.share == 0.0 || !self.noise.colors.is_empty(), "at least one color")?;
        share("high_pass.share", self.high_pass.share)?;
        range(["high_pass.cutoff_hz[0]", "high_pass.cutoff_hz[1]"], self.high_pass.cutoff_hz, HERTZ, A_FREQUENCY)?;
        share("low_pass.share", self.low_pass.share)?;
        range(["low_pass.cutoff_hz[0]", "low_pass.cutoff_hz[1]"], self.low_pass.cutoff_hz, HERTZ, A_FREQUENCY)?;
        share("band_limit.share", self.band_limit.share)?;
        range(["band_limit.low_hz[0]", "band_limit.low_hz[1]"], self.band_limit.low_hz, HERTZ, A_FREQUENCY)?;
        range(["band_limit.high_hz[0]", "band_limit.high_hz[1]"], self.band_limit.high_hz, HERTZ, A_FREQUENCY)?;
        let (low, high) = (self.band_limit.low_hz[1], self.band_limit.high_hz[0]);
        check("band_limit.high_hz[0]", high, high > low, "more than band_limit.low_hz[1]")?;
        share("polarity.share", self.polarity.share)?;
        share("gain.share", self.gain.share)?;
        range(["gain.db[0]", "gain.db[1]"], self.gain.db, DECIBELS, A_RATIO)?;
        share("clipping.share", self.clipping.share)?;
        let below = ["clipping.below_peak_db[0]", "clipping.below_peak_db[1]"];
        range(below, self.clipping.below_peak_db, [0.0, 60.0], "decibels from 0 to 60")?;
        share("low_rate.share", self.low_rate.share)?;
        let rate = ["low_rate.rate_hz[0]", "low_rate.rate_hz[1]"];
        range(rate, self.low_rate.rate_hz, [1_000.0, 1e6], "hertz from 1000 to 1000000")?;
        share("codec.share", self.codec.share)?;
        check("codec.codes", 0.0, self.codec.share == 0.0 || !self.codec.codes.is_empty(), "at least one code")?;
        share("lossy.share", self.lossy.share)?;
        let kbit_s = ["lossy.kbit_s[0]", "lossy.kbit_s[1]"];
        range(kbit_s, self.lossy.kbit_s, [8.0, 320.0], "kilobits a second from 8 to 320")
    }
}

const DECIBELS: [f32; 2] = [-60.0, 120.0];
const A_RATIO: &str = "decibels from -60 to 120";
const HERTZ: [f32; 2] = [1.0, 1e6];
const A_FREQUENCY: &str = "hertz from 1 to 1000000";

fn check(field: &'static str, got: f32, ok: bool, expected: &'static str) -> Result<(), ConfigError> {
    if ok { Ok(()) } else { Err(ConfigError { field, expected, got }) }
}

fn share(field: &'static str, got: f32) -> Result<(), ConfigError> {
    check(field, got, is_share(got), "a share from 0 to 1")
}

fn range(
    fields: [&'static str; 2],
    [low, high]: [f32; 2],
    [least, most]: [f32; 2],
    expected: &'static str,
) -> Result<(), ConfigError> {
    check(fields[0], low, (least..=most).contains(&low), expected)?;
    check(fields[1], high, (least..=most).contains(&high), expected)?;
    check(fields[1], high, high >= low, "no less than the first of the two")
}

impl Default for WaveformAugment {
    /// [`WaveformAugment::light`].
    fn default() -> Self {
        Self::light()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_survive_json() {
        for config in [WaveformAugment::off(), WaveformAugment::light(), WaveformAugment::strong()] {
            config.validate().unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<WaveformAugment>(&text).unwrap(), config);
            for step in WaveformStep::ALL {
                let mut only = config.only(step);
                only.validate().unwrap();
                assert!(serde_json::to_value(&only).unwrap()[step.name()]["share"] == 1.0);
                *only.share_mut(step) = 0.0;
                assert!(WaveformStep::ALL.into_iter().all(|other| *only.share_mut(other) == 0.0));
            }
        }
    }

    #[test]
    fn values_out_of_range_are_named() {
        let mut wrong = WaveformAugment::light();
        wrong.stretch.factor = [1.2, 0.8];
        let message = wrong.validate().unwrap_err().to_string();
        assert_eq!(message, "augmentation: stretch.factor[1]: expected no less than the first of the two, got 0.8");
        let mut wrong = WaveformAugment::light();
        wrong.pitch.semitones = [-30.0, 0.0];
        assert_eq!(wrong.validate().unwrap_err().field, "pitch.semitones[0]");
        let mut wrong = WaveformAugment::light();
        wrong.noise.colors.clear();
        assert_eq!(wrong.validate().unwrap_err().field, "noise.colors");
        let mut wrong = WaveformAugment::light();
        wrong.gain.share = f32::NAN;
        assert_eq!(wrong.validate().unwrap_err().field, "gain.share");
        let mut wrong = WaveformAugment::light();
        wrong.band_limit.low_hz = [100.0, 4_000.0];
        assert_eq!(wrong.validate().unwrap_err().field, "band_limit.high_hz[0]");
    }

    #[test]
    fn a_missing_step_is_light_and_an_unknown_one_is_an_error() {
        let config: WaveformAugment = serde_json::from_str(r#"{"polarity": {"share": 0.1}}"#).unwrap();
        assert_eq!(config, WaveformAugment { polarity: Polarity { share: 0.1 }, ..WaveformAugment::light() });
        assert!(serde_json::from_str::<WaveformAugment>(r#"{"polaritee": {"share": 0.1}}"#).is_err());
    }
}
