//! Silent ends of a sound.

use std::borrow::Cow;
use std::ops::Range;

use crate::channels::{ChannelPolicy, select};
use crate::clip::{ClipConfig, Part};
use crate::error::{Error, Result};
use crate::window::Placement;

/// Seconds whose level is compared.
const FRAME_S: f64 = 0.02;

/// Seconds that are always left.
const LEAST_S: f64 = 0.1;

/// Checks the setting.
pub(crate) fn validate(trim_db: Option<f64>) -> Result<()> {
    match trim_db {
        Some(got) if !(got > 0.0 && got.is_finite()) => {
            Err(Error::Setting { setting: "trim_db", expected: "a number of decibels above 0", got: got.to_string() })
        }
        _ => Ok(()),
    }
}

/// The frames of a row without its silent ends, and the channels that they are of: every channel that is a clip of its own
/// has its own ends. A row that is longer than a window stays as it is: windows slide over it or are placed in it, and must
/// not depend on how quiet its ends are.
///
/// # Errors
/// A channel that the file lacks, or too little memory.
pub(crate) fn rows(
    part: &Part<'_>,
    (first, last): (usize, usize),
    policy: ChannelPolicy,
    config: &ClipConfig,
) -> Result<Vec<((usize, usize), ChannelPolicy)>> {
    let rate_hz = part.rate_hz;
    let fits = config.window.placement != Placement::Whole
        && (last - first) as f64 <= config.window.seconds * f64::from(rate_hz);
    let Some(trim_db) = config.trim_db.filter(|_| fits) else {
        return Ok(vec![((first, last), policy)]);
    };
    let source = part.frames(first..last); // [C, n]
    let of_channel = |(channel, samples): (Option<u16>, Cow<'_, [f32]>)| {
        let kept = without_silent_ends(&samples, rate_hz, trim_db);
        ((first + kept.start, first + kept.end), channel.map_or(policy, ChannelPolicy::One))
    };
    Ok(select(&source, policy)?.into_iter().map(of_channel).collect())
}

/// The part of a sound without the ends that are more than `trim_db` decibels below the loudest 20 ms; at least 0.1 s, or all of
/// a sound that is shorter. A constant offset does not count as sound.
///
/// # Shapes
/// `[n]`, any length.
fn without_silent_ends(samples: &[f32], rate_hz: u32, trim_db: f64) -> Range<usize> {
    let frames_in = |seconds: f64| ((seconds * f64::from(rate_hz)).round() as usize).max(1);
    let (frame, least) = (frames_in(FRAME_S), frames_in(LEAST_S));
    let powers: Vec<f64> = samples.chunks(frame).map(power).collect();
    let audible = powers.iter().copied().fold(0.0, f64::max) * 10f64.powf(-trim_db / 10.0);
    let is_sound = |power: &f64| *power > 0.0 && *power >= audible;
    let (Some(first), Some(last)) = (powers.iter().position(is_sound), powers.iter().rposition(is_sound)) else {
        return 0..samples.len();
    };
    let (start, end) = (first * frame, ((last + 1) * frame).min(samples.len()));
    let end = end.max(start + least).min(samples.len());
    start.min(end.saturating_sub(least))..end
}

/// The mean square about the mean.
fn power(samples: &[f32]) -> f64 {
    let n = samples.len() as f64;
    let mean = samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / n;
    samples.iter().map(|&sample| (f64::from(sample) - mean).powi(2)).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoded;
    use crate::clip::clips;
    use crate::window::{Padding, Windowing};

    /// Quiet, loud and quiet again, at 1000 Hz.
    fn sound(before: usize, loud: usize, after: usize, quiet: f32) -> Vec<f32> {
        let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        (0..before + loud + after)
            .map(|i| 0.25 + sign(i) * if (before..before + loud).contains(&i) { 0.5 } else { quiet })
            .collect()
    }

    #[test]
    fn quiet_ends_are_cut_and_quiet_middles_are_not() {
        assert_eq!(without_silent_ends(&sound(400, 300, 200, 0.0005), 1000, 50.0), 400..700);
        assert_eq!(without_silent_ends(&sound(400, 300, 200, 0.0), 1000, 50.0), 400..700);
        assert_eq!(without_silent_ends(&sound(400, 300, 200, 0.005), 1000, 50.0), 0..900, "40 dB below");
        let two = [sound(100, 200, 300, 0.0), sound(0, 100, 100, 0.0)].concat();
        assert_eq!(without_silent_ends(&two, 1000, 50.0), 100..700);
    }

    #[test]
    fn a_tenth_of_a_second_is_left() {
        assert_eq!(without_silent_ends(&sound(400, 20, 200, 0.0), 1000, 50.0), 400..500);
        assert_eq!(without_silent_ends(&sound(400, 20, 0, 0.0), 1000, 50.0), 320..420);
        assert_eq!(without_silent_ends(&sound(20, 20, 20, 0.0), 1000, 50.0), 0..60);
    }

    fn file(channels: Vec<Vec<f32>>, rate_hz: u32) -> Decoded {
        Decoded { rate_hz, channels, ..Decoded::default() }
    }

    fn config(placement: Placement, channels: ChannelPolicy) -> ClipConfig {
        let window = Windowing { placement, seconds: 1.0, padding: Padding::Repeat };
        ClipConfig { sample_rate_hz: 700, channels, window, trim_db: Some(50.0), ..ClipConfig::default() }
    }

    #[test]
    fn a_trimmed_clip_is_that_of_a_row_without_the_ends() {
        let file = file(vec![sound(400, 300, 200, 0.0), sound(100, 200, 600, 0.0)], 1000);
        for placement in [Placement::First, Placement::Loudest, Placement::Sliding { overlap_s: 0.5 }] {
            let config = config(placement, ChannelPolicy::All);
            let plain = ClipConfig { trim_db: None, ..config };
            let trimmed = clips(&file, None, None, None, &config).unwrap();
            let rows = [(0, 0.4, 0.7), (1, 0.1, 0.3)];
            for (clip, (channel, start_s, end_s)) in trimmed.iter().zip(rows) {
                let of_row = clips(&file, Some(start_s), Some(end_s), Some(channel), &plain).unwrap();
                assert_eq!(std::slice::from_ref(clip), of_row, "{placement:?}");
                assert!((clip.start_s - start_s).abs() < 1e-9 && (clip.seconds - (end_s - start_s)).abs() < 2e-3);
            }
            assert_eq!(trimmed.len(), 2);
            let row = clips(&file, Some(0.2), Some(0.65), Some(0), &config).unwrap();
            assert_eq!((row[0].start_s, row[0].channel), (0.4, Some(0)), "{placement:?}");
        }
    }

    #[test]
    fn what_is_longer_than_a_window_stays_as_it_is() {
        let file = file(vec![sound(900, 300, 900, 0.0)], 1000);
        for placement in [Placement::First, Placement::Whole, Placement::Sliding { overlap_s: 0.0 }] {
            let config = config(placement, ChannelPolicy::Mix);
            let plain = clips(&file, None, None, None, &ClipConfig { trim_db: None, ..config }).unwrap();
            assert_eq!(clips(&file, None, None, None, &config).unwrap(), plain);
        }
    }

    #[test]
    fn it_is_off_unless_asked_for_and_checked() {
        assert!(!serde_json::to_string(&ClipConfig::default()).unwrap().contains("trim_db"));
        let config = ClipConfig { trim_db: Some(50.0), ..ClipConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ClipConfig>(&text).unwrap(), config);
        for wrong in [0.0, -3.0, f64::NAN, f64::INFINITY] {
            let config = ClipConfig { trim_db: Some(wrong), ..config };
            assert!(config.validate().unwrap_err().to_string().starts_with("trim_db"));
        }
    }

    #[test]
    fn silence_and_no_sound_stay_as_they_are() {
        assert_eq!(without_silent_ends(&[0.25; 500], 1000, 50.0), 0..500);
        assert_eq!(without_silent_ends(&[], 1000, 50.0), 0..0);
    }
}
