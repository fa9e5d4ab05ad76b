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
    clips_of(&Part::of(decoded), row, row_channel, config)
}

/// Frames of a recording that are in memory, from frame `base` on.
pub(crate) struct Part<'a> {
    /// `[C, n]`
    pub(crate) channels: Vec<&'a [f32]>,
    pub(crate) base: usize,
    /// Frames of the whole recording; more than there are where that is not known yet.
    pub(crate) n_frames: usize,
    pub(crate) rate_hz: u32,
}

impl<'a> Part<'a> {
    fn of(decoded: &'a Decoded) -> Self {
        let channels = decoded.channels.iter().map(Vec::as_slice).collect();
        Self { channels, base: 0, n_frames: decoded.n_frames(), rate_hz: decoded.rate_hz }
    }

    /// Some frames of every channel, by their place in the recording.
    pub(crate) fn frames(&self, frames: Range<usize>) -> Vec<&'a [f32]> {
        let range = frames.start - self.base..frames.end - self.base;
        self.channels.iter().map(|samples| &samples[range.clone()]).collect()
    }
}

/// The clips of frames `first..last`.
pub(crate) fn clips_of(
    part: &Part<'_>,
    row: (usize, usize),
    row_channel: Option<u16>,
    config: &ClipConfig,
) -> Result<Vec<Clip>> {
    let policy = row_channel.map_or(config.channels, ChannelPolicy::One);
    let mut out = Vec::new();
    for (frames, policy) in trim::rows(part, row, policy, config)? {
        let (to_hz, windowing) = (config.sample_rate_hz, &config.window);
        let n_row = resampled_range(frames, part, to_hz).len();
        let reach = windowing.reach(n_row, to_hz);
        out.append(&mut windows_of(part, frames, reach, policy, config, |samples| starts(samples, to_hz, windowing))?);
    }
    Ok(out)
}

/// The windows that `choose` finds in the part `reach` of the row, both in samples of the configured rate.
pub(crate) fn windows_of(
    part: &Part<'_>,
    (first, last): (usize, usize),
    reach: Range<usize>,
    policy: ChannelPolicy,
    config: &ClipConfig,
    choose: impl Fn(&[f32]) -> Vec<usize>,
) -> Result<Vec<Clip>> {
    let (from_hz, to_hz) = (part.rate_hz, config.sample_rate_hz);
    let row = resampled_range((first, last), part, to_hz);
    let cut = resample::cut(row.start + reach.start..row.start + reach.end, part.n_frames, from_hz, to_hz);
    let source = part.frames(cut.source.clone()); // [C, n]
    let start_s = first as f64 / f64::from(from_hz);
    let length = config.window.length(reach.len(), to_hz);
    let mut out = Vec::new();
    for (channel, selected) in select(&source, policy)? {
        let resampled = match from_hz == to_hz {
            true => None,
            false => Some(resample::resample_part(&selected, from_hz, to_hz, cut.part.clone(), length)?),
        };
        let samples: &[f32] = resampled.as_deref().unwrap_or(&selected);
        let starts = choose(samples);
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
    // In the order of time, those of all channels together.
    out.sort_by(|a, b| a.start_s.total_cmp(&b.start_s).then(a.channel.cmp(&b.channel)));
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

/// The place of frames `first..last` in the resampling of the whole recording, to the nearest sample.
pub(crate) fn resampled_range((first, last): (usize, usize), part: &Part<'_>, to_hz: u32) -> Range<usize> {
    let (n_frames, from_hz) = (part.n_frames, part.rate_hz);
    let n = resampled_len(n_frames, from_hz, to_hz);
    let start = (first as u128 * u128::from(to_hz) + u128::from(from_hz / 2)) / u128::from(from_hz);
    let start = (start as usize).min(n - 1);
    start..n.min(start + resampled_len(last - first, from_hz, to_hz))
}

#[cfg(test)]
#[path = "clip_tests.rs"]
mod tests;
