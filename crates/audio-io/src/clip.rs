//! From a decoded file to clips: channels, rate, row, window, level, padding.
//!
//! The clips are those of resampling the whole file and cutting rows and windows from it. Only what the windows can
//! come from is mixed and resampled, with as much to either side as the filter reaches.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::channels::{ChannelPolicy, select};
use crate::damage::Silence;
use crate::decoded::{Decoded, Until};
use crate::equalize::{self, Equalize};
use crate::error::{Error, Result};
use crate::level::{Level, apply_level};
use crate::limits::MAX_RATE_HZ;
use crate::range::frame_range;
use crate::resample::{self, resampled_len};
use crate::silence::silence_in;
use crate::trim;
use crate::window::{Placement, Windowing, pad, starts};

/// Everything that decides what a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipConfig {
    /// The rate that every clip has, in Hz.
    pub sample_rate_hz: u32,
    /// What becomes of several channels.
    pub channels: ChannelPolicy,
    /// How the level is set; for every window by itself, from its sound without padding, so that a window gives the
    /// same clip whatever else the recording holds.
    pub level: Level,
    /// Which windows are taken.
    pub window: Windowing,
    /// Band and noise floor that every clip is brought to; for every window by itself. It came later than the first
    /// shards and models, and is written only where it does something.
    #[serde(skip_serializing_if = "Equalize::is_off")]
    pub equalize: Equalize,
    /// Silent ends are cut off before the window is placed: what is more than this many decibels below the loudest 20 ms.
    /// Only where the whole row is at most one window long: a short clip is then repeated or padded without its silence,
    /// and windows over a long recording stay where they are. `None`, and not written: nothing is cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trim_db: Option<f64>,
}

impl Default for ClipConfig {
    fn default() -> Self {
        ClipConfig {
            sample_rate_hz: 22050,
            channels: ChannelPolicy::Mix,
            level: Level::Peak,
            window: Windowing::default(),
            equalize: Equalize::default(),
            trim_db: None,
        }
    }
}

impl ClipConfig {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// The first setting that does not, by name.
    pub fn validate(&self) -> Result<()> {
        if self.sample_rate_hz == 0 || self.sample_rate_hz > MAX_RATE_HZ {
            return Err(Error::Setting {
                setting: "sample_rate_hz",
                expected: "1 to 1000000",
                got: self.sample_rate_hz.to_string(),
            });
        }
        trim::validate(self.trim_db)?;
        self.equalize.validate(self.sample_rate_hz)?;
        self.window.validate()
    }

    /// How much of a recording [`clips`] needs for a row: up to the end of the first window, or of the row. `None`:
    /// all of it.
    pub fn seconds_needed(&self, row_start_s: Option<f64>, row_end_s: Option<f64>) -> Option<Until> {
        let window_end_s =
            (self.window.placement == Placement::First).then_some(row_start_s.unwrap_or(0.0) + self.window.seconds);
        let seconds = match (window_end_s, row_end_s) {
            (Some(window_end_s), Some(row_end_s)) => window_end_s.min(row_end_s),
            (window_end_s, row_end_s) => window_end_s.or(row_end_s)?,
        };
        (seconds >= 0.0).then_some(Until { seconds, sample_rate_hz: self.sample_rate_hz })
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
    /// Why there is nothing to classify in it, where there is nothing.
    pub silence: Option<Silence>,
}

impl Clip {
    /// Whether it holds no sound at all: digital silence, a constant offset, channels that cancel each other.
    pub fn is_silent(&self) -> bool {
        self.silence.is_some()
    }
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
    let row = frame_range(decoded, row_start_s, row_end_s)?;
    let policy = row_channel.map_or(config.channels, ChannelPolicy::One);
    let mut out = Vec::new();
    for (frames, policy) in trim::rows(decoded, row, policy, config)? {
        out.append(&mut clips_of(decoded, frames, policy, config)?);
    }
    Ok(out)
}

fn clips_of(
    decoded: &Decoded,
    (first, last): (usize, usize),
    policy: ChannelPolicy,
    config: &ClipConfig,
) -> Result<Vec<Clip>> {
    let (from_hz, to_hz, windowing) = (decoded.rate_hz, config.sample_rate_hz, &config.window);
    let row = resampled_range(first, last, decoded.n_frames(), from_hz, to_hz);
    let reach = windowing.reach(row.len(), to_hz);
    let cut = resample::cut(row.start + reach.start..row.start + reach.end, decoded.n_frames(), from_hz, to_hz);
    let source: Vec<&[f32]> = decoded.channels.iter().map(|samples| &samples[cut.source.clone()]).collect(); // [C, n]
    let start_s = first as f64 / f64::from(from_hz);
    let length = windowing.length(reach.len(), to_hz);
    let mut out = Vec::new();
    for (channel, selected) in select(&source, policy)? {
        let resampled = match from_hz == to_hz {
            true => None,
            false => Some(resample::resample_part(&selected, from_hz, to_hz, cut.part.clone(), length)?),
        };
        let samples: &[f32] = resampled.as_deref().unwrap_or(&selected);
        let starts = starts(samples, to_hz, windowing);
        let silence = |start: usize| {
            let end = samples.len().min(start + length);
            // The frames that are completely inside the window.
            let at = |sample: usize| (row.start + reach.start + sample) as u128 * u128::from(from_hz);
            let frame = |frame: u128| (frame as usize).saturating_sub(cut.source.start).min(selected.len());
            let frames = frame(at(start).div_ceil(u128::from(to_hz)))..frame(at(end) / u128::from(to_hz));
            let frames = frames.start..frames.end.max(frames.start);
            let of_one = channel.map_or(0..source.len(), |channel| usize::from(channel)..usize::from(channel) + 1);
            let sources: Vec<&[f32]> = source[of_one].iter().map(|samples| &samples[frames.clone()]).collect();
            silence_in(&selected[frames], &sources)
        };
        let silences: Vec<Option<Silence>> = starts.iter().map(|&start| silence(start)).collect();
        let windows: Vec<Vec<f32>> = if starts == [0] && samples.len() <= length {
            vec![resampled.unwrap_or_else(|| selected.into_owned())]
        } else {
            starts.iter().map(|&start| samples[start..samples.len().min(start + length)].to_vec()).collect()
        };
        for ((start, mut window), silence) in starts.into_iter().zip(windows).zip(silences) {
            let n_real = window.len();
            finish(&mut window, length, config);
            out.push(Clip {
                start_s: start_s + (reach.start + start) as f64 / f64::from(to_hz),
                seconds: n_real as f64 / f64::from(to_hz),
                channel,
                samples: window,
                n_real,
                silence,
            });
        }
    }
    Ok(out)
}

/// The clips that hold sound.
///
/// # Errors
/// [`Error::Silent`] where none does.
pub fn audible(clips: Vec<Clip>) -> Result<Vec<Clip>> {
    let silence = clips.first().and_then(|clip| clip.silence);
    let audible: Vec<Clip> = clips.into_iter().filter(|clip| !clip.is_silent()).collect();
    match silence {
        Some(silence) if audible.is_empty() => Err(Error::Silent(silence)),
        _ => Ok(audible),
    }
}

/// Finishes a window as [`clips`] does: band, level, padding to `length` samples, noise floor.
pub fn finish(samples: &mut Vec<f32>, length: usize, config: &ClipConfig) {
    if let Some(band_hz) = config.equalize.band_hz {
        equalize::limit(samples, config.sample_rate_hz, band_hz);
    }
    apply_level(samples, config.level);
    pad(samples, length, config.window.padding);
    if let Some(floor_db) = config.equalize.floor_db {
        equalize::fill(samples, config.sample_rate_hz, floor_db);
    }
}

/// The place of frames `first..last` of `n_frames` in the resampling of all of them, to the nearest sample.
fn resampled_range(first: usize, last: usize, n_frames: usize, from_hz: u32, to_hz: u32) -> Range<usize> {
    let n = resampled_len(n_frames, from_hz, to_hz);
    let start = (first as u128 * u128::from(to_hz) + u128::from(from_hz / 2)) / u128::from(from_hz);
    let start = (start as usize).min(n - 1);
    start..n.min(start + resampled_len(last - first, from_hz, to_hz))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Padding;

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
            notes: Vec::new(),
            stopped: false,
        }
    }

    fn config(channels: ChannelPolicy) -> ClipConfig {
        let window =
            Windowing { placement: Placement::Sliding { overlap_s: 0.0 }, seconds: 1.0, padding: Padding::Silence };
        ClipConfig { sample_rate_hz: 1000, channels, level: Level::None, window, ..ClipConfig::default() }
    }

    #[test]
    fn rows_are_parts_of_the_file() {
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
    fn a_window_is_the_same_clip_whatever_else_the_file_holds() {
        let mut file = two_channels(400_000);
        file.rate_hz = 44_100;
        let noise = |i: u64| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5;
        file.channels[0] = (0..400_000).map(noise).collect();
        let mut louder = file.clone();
        louder.channels[0][300_000..].iter_mut().for_each(|sample| *sample *= 3.0);
        louder.channels.iter_mut().for_each(|samples| samples.truncate(350_000));
        for (placement, row) in [
            (Placement::First, (None, None)),
            (Placement::First, (Some(1.2345), Some(6.0))),
            (Placement::Loudest, (Some(0.3), Some(4.9))),
            (Placement::Center, (Some(0.5), Some(5.5))),
        ] {
            let window = Windowing { placement, seconds: 2.0, padding: Padding::Silence };
            let config = ClipConfig { window, ..ClipConfig::default() };
            let clip = clips(&file, row.0, row.1, None, &config).unwrap();
            assert_eq!(clips(&louder, row.0, row.1, None, &config).unwrap(), clip);
            assert!((crate::level::peak(&clip[0].samples) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn clips_are_those_of_resampling_everything_and_cutting() {
        let mut file = two_channels(300_000);
        file.channels[0] = (0..300_000u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
        for (rate_hz, row) in [(44_100, (Some(2.0), Some(5.0))), (48_000, (None, None)), (11_025, (Some(7.5), None))] {
            file.rate_hz = rate_hz;
            let whole = crate::resample(&file.channels[0], rate_hz, 22_050).unwrap();
            for placement in [Placement::First, Placement::Center, Placement::Whole] {
                let window = Windowing { placement, seconds: 1.0, padding: Padding::Silence };
                let config = ClipConfig { level: Level::None, window, ..ClipConfig::default() };
                let clip = clips(&file, row.0, row.1, Some(0), &config).unwrap().remove(0);
                let start = (clip.start_s * 22_050.0).round() as usize;
                assert!(clip.samples == whole[start..start + clip.n_real], "{rate_hz} {placement:?}");
            }
        }
    }

    #[test]
    fn equalizing_is_off_by_default_and_one_window_is_one_clip() {
        assert!(!serde_json::to_string(&ClipConfig::default()).unwrap().contains("equalize"));
        let mut file = two_channels(3000);
        file.rate_hz = 16_000;
        let equalize = Equalize { band_hz: Some([100.0, 3000.0]), floor_db: Some([40.0, 40.0]) };
        let window = Windowing { placement: Placement::Loudest, seconds: 1.0, padding: Padding::Silence };
        let config = ClipConfig { window, equalize, ..ClipConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ClipConfig>(&text).unwrap(), config);
        let clip = clips(&file, None, None, None, &config).unwrap().remove(0);
        let floor = crate::level::rms(&clip.samples[clip.n_real..]);
        assert!((floor - 0.01).abs() < 5e-4, "padding holds the floor: {floor}");
        assert_eq!(clips(&file, None, None, None, &config).unwrap()[0], clip);
    }

    #[test]
    fn a_row_says_how_much_of_the_file_it_needs() {
        let first = ClipConfig::default();
        let seconds = |config: &ClipConfig, start, end| config.seconds_needed(start, end).map(|until| until.seconds);
        assert_eq!(seconds(&first, None, None), Some(5.0));
        assert_eq!(seconds(&first, Some(2.0), Some(9.0)), Some(7.0));
        assert_eq!(seconds(&first, Some(2.0), Some(3.0)), Some(3.0));
        assert_eq!(seconds(&first, Some(f64::NAN), None), None);
        let all = config(ChannelPolicy::Mix);
        assert_eq!((seconds(&all, Some(2.0), None), seconds(&all, None, Some(3.0))), (None, Some(3.0)));
    }

    #[test]
    fn a_window_without_sound_is_marked_whatever_rings_into_it() {
        let mut file = two_channels(12_000);
        file.channels[0] = (0..12_000u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
        file.channels[0][4000..8000].fill(0.25);
        file.channels.truncate(1);
        for sample_rate_hz in [1000, 2000, 700] {
            let config = ClipConfig { sample_rate_hz, level: Level::Peak, ..config(ChannelPolicy::Mix) };
            let clips = clips(&file, None, None, None, &config).unwrap();
            let silent: Vec<f64> = clips.iter().filter(|clip| clip.is_silent()).map(|clip| clip.start_s).collect();
            assert_eq!(silent, [4.0, 5.0, 6.0, 7.0], "{sample_rate_hz} Hz");
            assert_eq!(clips[5].silence, Some(Silence::Constant));
            assert_eq!(crate::audible(clips).unwrap().len(), 8);
        }
        file.channels.push(file.channels[0].iter().map(|sample| -sample).collect());
        let mixed = clips(&file, None, None, None, &config(ChannelPolicy::Mix)).unwrap();
        assert!(mixed.iter().enumerate().all(|(i, clip)| {
            let expected = if (4..8).contains(&i) { Silence::Constant } else { Silence::Cancelled };
            clip.silence == Some(expected)
        }));
        assert!(crate::audible(mixed).unwrap_err().to_string().contains("cancel each other"));
        let one = clips(&file, None, None, Some(1), &config(ChannelPolicy::Mix)).unwrap();
        assert_eq!(one.iter().filter(|clip| clip.is_silent()).count(), 4);
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
