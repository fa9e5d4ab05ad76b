//! From a decoded file to clips: cut, channels, rate, level, window, in this order.

use serde::{Deserialize, Serialize};

use crate::channels::{ChannelPolicy, select};
use crate::decode::Decoded;
use crate::error::{Error, Result};
use crate::level::{Level, apply_level};
use crate::resample::resample;
use crate::window::{Windowing, windows};

/// How far past the end of the file a row's end may lie, in seconds: tables round to hundredths.
pub const END_TOLERANCE_S: f64 = 0.01;

/// Everything that decides what a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipConfig {
    /// The rate that every clip has, in Hz.
    pub sample_rate_hz: u32,
    /// What becomes of several channels.
    pub channels: ChannelPolicy,
    /// How the level is set; once for all windows of a file, so that loud and quiet windows stay apart.
    pub level: Level,
    /// Which windows are taken.
    pub window: Windowing,
}

impl Default for ClipConfig {
    fn default() -> Self {
        ClipConfig {
            sample_rate_hz: 22050,
            channels: ChannelPolicy::Mix,
            level: Level::Peak,
            window: Windowing::default(),
        }
    }
}

impl ClipConfig {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// The first setting that does not, by name.
    pub fn validate(&self) -> Result<()> {
        if self.sample_rate_hz == 0 || self.sample_rate_hz > crate::MAX_RATE_HZ {
            return Err(Error::Setting {
                setting: "sample_rate_hz",
                expected: "1 to 2000000",
                got: self.sample_rate_hz.to_string(),
            });
        }
        self.window.validate()
    }
}

/// One clip, ready for a front end.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Seconds from the start of the file.
    pub start_s: f64,
    /// Seconds of real sound.
    pub seconds: f64,
    /// The channel it comes from; `None` for a mix.
    pub channel: Option<u16>,
    /// Samples at the configured rate, padding included.
    pub samples: Vec<f32>,
    /// How many of them are sound; the rest is padding.
    pub n_real: usize,
}

/// Makes the clips of a file, or of the part of it that a manifest row names. The row's channel, where given, goes
/// before the policy.
///
/// # Errors
/// No sound, a row outside the file, a channel that the file lacks, or settings that make no sense.
pub fn clips(
    decoded: &Decoded,
    row_start_s: Option<f64>,
    row_end_s: Option<f64>,
    row_channel: Option<u16>,
    config: &ClipConfig,
) -> Result<Vec<Clip>> {
    config.validate()?;
    let (first, last) = frame_range(decoded, row_start_s, row_end_s)?;
    let cut_s = first as f64 / f64::from(decoded.rate_hz);
    let stretch: Vec<&[f32]> = decoded.channels.iter().map(|samples| &samples[first..last]).collect(); // [C, n]
    let policy = row_channel.map_or(config.channels, ChannelPolicy::One);
    let mut out = Vec::new();
    for (channel, samples) in select(&stretch, policy)? {
        let mut samples = if decoded.rate_hz == config.sample_rate_hz {
            samples.into_owned()
        } else {
            resample(&samples, decoded.rate_hz, config.sample_rate_hz)?
        };
        apply_level(&mut samples, config.level);
        out.extend(windows(&samples, config.sample_rate_hz, &config.window).into_iter().map(|window| Clip {
            start_s: cut_s + window.start_s,
            seconds: window.n_real as f64 / f64::from(config.sample_rate_hz),
            channel,
            samples: window.samples,
            n_real: window.n_real,
        }));
    }
    Ok(out)
}

/// First frame and the one after the last of a row, which must lie within the file.
pub(crate) fn frame_range(decoded: &Decoded, start_s: Option<f64>, end_s: Option<f64>) -> Result<(usize, usize)> {
    let n_frames = decoded.n_frames();
    if n_frames == 0 {
        return Err(Error::NoSound);
    }
    range(n_frames, decoded.rate_hz, start_s, end_s)
}

/// As [`frame_range`], from the numbers alone.
pub(crate) fn range(n_frames: usize, rate_hz: u32, start_s: Option<f64>, end_s: Option<f64>) -> Result<(usize, usize)> {
    let rate = f64::from(rate_hz);
    let seconds = n_frames as f64 / rate;
    let outside = || Error::Range { start_s: start_s.unwrap_or(0.0), end_s: end_s.unwrap_or(seconds), seconds };
    let first = start_s.map_or(0, |start_s| (start_s * rate).round() as usize);
    let last = match end_s {
        Some(end_s) if end_s.is_nan() || end_s > seconds + END_TOLERANCE_S => return Err(outside()),
        Some(end_s) => ((end_s * rate).round() as usize).min(n_frames),
        None => n_frames,
    };
    if start_s.is_some_and(|start_s| start_s.is_nan() || start_s < 0.0) || first >= last {
        Err(outside())
    } else {
        Ok((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::{Padding, Placement};

    fn two_channels(n: usize) -> Decoded {
        let ramp: Vec<f32> = (0..n).map(|i| i as f32 / n as f32).collect();
        Decoded {
            rate_hz: 1000,
            channels: vec![ramp, vec![0.5; n]],
            format: "wav".into(),
            codec: "pcm_f32".into(),
            bits: Some(32),
            declared_frames: None,
            damage: Vec::new(),
        }
    }

    fn config(channels: ChannelPolicy) -> ClipConfig {
        let window =
            Windowing { placement: Placement::Sliding { overlap_s: 0.0 }, seconds: 1.0, padding: Padding::Silence };
        ClipConfig { sample_rate_hz: 1000, channels, level: Level::None, window }
    }

    #[test]
    fn rows_are_cut_before_anything_else() {
        let file = two_channels(4000);
        let cut = clips(&file, Some(1.5), Some(3.5), Some(0), &config(ChannelPolicy::Mix)).unwrap();
        assert_eq!(cut.iter().map(|clip| (clip.start_s, clip.seconds)).collect::<Vec<_>>(), [(1.5, 1.0), (2.5, 1.0)]);
        assert_eq!(cut[0].samples[0], 1500.0 / 4000.0);
        assert_eq!(cut[0].channel, Some(0));
    }

    #[test]
    fn all_channels_are_clips_of_their_own_and_a_mix_is_one() {
        let file = two_channels(1000);
        let all = clips(&file, None, None, None, &config(ChannelPolicy::All)).unwrap();
        assert_eq!(all.iter().map(|clip| clip.channel).collect::<Vec<_>>(), [Some(0), Some(1)]);
        let mix = clips(&file, None, None, None, &config(ChannelPolicy::Mix)).unwrap();
        assert_eq!((mix.len(), mix[0].channel, mix[0].samples[0]), (1, None, 0.25));
    }

    #[test]
    fn rows_outside_the_file_are_errors_that_say_so() {
        let file = two_channels(4000);
        let cut = |start, end| clips(&file, start, end, None, &config(ChannelPolicy::Mix));
        let error = cut(Some(1.0), Some(5.0)).unwrap_err().to_string();
        assert_eq!(error, "the row asks for 1 s to 5 s, the file has 4 s");
        assert!(cut(Some(4.0), None).is_err());
        assert!(cut(Some(f64::NAN), None).is_err());
        assert!(cut(Some(2.0), Some(1.0)).is_err());
        assert_eq!(cut(Some(3.0), Some(4.009)).unwrap()[0].n_real, 1000);
        assert!(matches!(clips(&two_channels(0), None, None, None, &ClipConfig::default()), Err(Error::NoSound)));
    }

    #[test]
    fn the_rate_changes_and_the_padding_is_counted() {
        let window = Windowing { placement: Placement::First, seconds: 5.0, padding: Padding::Repeat };
        let config = ClipConfig { sample_rate_hz: 2000, window, ..ClipConfig::default() };
        let clip = clips(&two_channels(1500), None, None, None, &config).unwrap().remove(0);
        assert_eq!((clip.samples.len(), clip.n_real, clip.seconds), (10_000, 3000, 1.5));
    }

    #[test]
    fn the_configuration_reads_like_the_struct() {
        let text = r#"{"sample_rate_hz":16000,"channels":"all","level":"rms",
            "window":{"placement":{"sliding":{"overlap_s":1.0}},"seconds":2.0,"padding":"silence"}}"#;
        let config: ClipConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.window.placement, Placement::Sliding { overlap_s: 1.0 });
        let back = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ClipConfig>(&back).unwrap(), config);
        assert!(serde_json::from_str::<ClipConfig>(r#"{"sample_rate":16000}"#).is_err());
        assert_eq!(serde_json::from_str::<ClipConfig>("{}").unwrap(), ClipConfig::default());
    }
}
