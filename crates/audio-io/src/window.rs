//! Which stretch of a sound a clip is, and what fills a clip that is too short.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::level::energy;
use crate::room::with_room;

/// Where windows are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Placement {
    /// The whole sound, as long as it is; the window's length and padding do not count.
    Whole,
    /// The first window.
    #[default]
    First,
    /// The window with the greatest energy, the earliest of equals.
    Loudest,
    /// The window in the middle.
    #[serde(rename = "centre", alias = "center")]
    Center,
    /// Windows one after the other. A window at the end that is only partly filled is kept when at least half a
    /// window of sound in it is in no window before it, or when it is the only one.
    Sliding {
        /// Seconds that neighbors share, at least 0 and less than a window.
        overlap_s: f64,
    },
}

/// What comes after a sound that is shorter than its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Zeros.
    Silence,
    /// The sound over and over.
    #[default]
    Repeat,
}

/// Placement, length and padding of windows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windowing {
    /// Where windows are taken from.
    pub placement: Placement,
    /// Length of a window in seconds.
    pub seconds: f64,
    /// What fills a window that the sound does not.
    pub padding: Padding,
}

impl Default for Windowing {
    fn default() -> Self {
        Windowing { placement: Placement::First, seconds: 5.0, padding: Padding::Repeat }
    }
}

impl Windowing {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// A length that is not above 0 and finite, or an overlap that is not at least 0 and below the length.
    pub fn validate(&self) -> Result<()> {
        if !(self.seconds > 0.0 && self.seconds <= 86_400.0) {
            return Err(Error::Setting {
                setting: "window.seconds",
                expected: "more than 0 and at most 86400",
                got: self.seconds.to_string(),
            });
        }
        if let Placement::Sliding { overlap_s } = self.placement
            && !(overlap_s >= 0.0 && overlap_s < self.seconds)
        {
            return Err(Error::Setting {
                setting: "window.placement.sliding.overlap_s",
                expected: "at least 0 and less than window.seconds",
                got: overlap_s.to_string(),
            });
        }
        Ok(())
    }

    /// Samples of a window of a sound of `n` samples.
    pub(crate) fn length(&self, n: usize, rate_hz: u32) -> usize {
        match self.placement {
            Placement::Whole => n,
            _ => ((self.seconds * f64::from(rate_hz)).round() as usize).max(1),
        }
    }

    /// Samples from one sliding window to the next.
    pub(crate) fn hop(&self, overlap_s: f64, rate_hz: u32) -> usize {
        let hop = ((self.seconds - overlap_s) * f64::from(rate_hz)).round() as usize;
        hop.clamp(1, self.length(0, rate_hz))
    }

    /// The part of a sound of `n` samples that windows can come from, known from its length alone.
    pub(crate) fn reach(&self, n: usize, rate_hz: u32) -> Range<usize> {
        let length = self.length(n, rate_hz).min(n);
        match self.placement {
            Placement::First => 0..length,
            Placement::Center => (n - length) / 2..(n - length) / 2 + length,
            Placement::Whole | Placement::Loudest | Placement::Sliding { .. } => 0..n,
        }
    }
}

/// One window of a sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Seconds from the start of the sound.
    pub start_s: f64,
    /// The samples, padding included.
    pub samples: Vec<f32>,
    /// How many of them are the sound; the rest is padding.
    pub n_real: usize,
}

/// Takes the windows of a sound. No sound, no windows.
///
/// # Shapes
/// `[n]` to windows of `[round(seconds * rate_hz)]` (at least 1), or one of `[n]` for [`Placement::Whole`].
pub fn windows(samples: &[f32], rate_hz: u32, windowing: &Windowing) -> Vec<Window> {
    let length = windowing.length(samples.len(), rate_hz);
    starts(samples, rate_hz, windowing)
        .into_iter()
        .map(|start| {
            let mut window = with_room(length);
            window.extend_from_slice(&samples[start..samples.len().min(start + length)]);
            let n_real = window.len();
            pad(&mut window, length, windowing.padding);
            Window { start_s: start as f64 / f64::from(rate_hz), samples: window, n_real }
        })
        .collect()
}

/// Where the windows of a sound start. No sound, no windows.
pub(crate) fn starts(samples: &[f32], rate_hz: u32, windowing: &Windowing) -> Vec<usize> {
    let n = samples.len();
    if n == 0 {
        return Vec::new();
    }
    let length = windowing.length(n, rate_hz);
    match windowing.placement {
        Placement::Whole | Placement::First => vec![0],
        Placement::Center => vec![n.saturating_sub(length) / 2],
        Placement::Loudest => vec![loudest(samples, length)],
        Placement::Sliding { overlap_s } => sliding(n, length, windowing.hop(overlap_s, rate_hz)),
    }
}

/// Fills a window up to `length` samples. Without sound there is nothing to repeat.
pub fn pad(window: &mut Vec<f32>, length: usize, padding: Padding) {
    let n_real = window.len();
    window.reserve_exact(length.saturating_sub(n_real));
    if padding == Padding::Silence || n_real == 0 {
        window.resize(length.max(n_real), 0.0);
    }
    while window.len() < length {
        window.extend_from_within(..n_real.min(length - window.len()));
    }
}

/// Where sliding windows of a sound of `n` samples start.
pub(crate) fn sliding(n: usize, length: usize, hop: usize) -> Vec<usize> {
    if n <= length {
        return vec![0];
    }
    let n_full = (n - length) / hop + 1;
    let covered = (n_full - 1) * hop + length;
    let keep_last = 2 * (n - covered) >= length;
    (0..n_full + usize::from(keep_last)).map(|i| i * hop).collect()
}

fn loudest(samples: &[f32], length: usize) -> usize {
    if samples.len() <= length {
        return 0;
    }
    let square = |i: usize| f64::from(samples[i]) * f64::from(samples[i]);
    let mut current = energy(&samples[..length]);
    let (mut best, mut best_start) = (current, 0);
    for start in 1..=samples.len() - length {
        current += square(start + length - 1) - square(start - 1);
        // Rounding of the running sum must not decide between equals.
        if current > best * (1.0 + 1e-9) + 1e-12 {
            (best, best_start) = (current, start);
        }
    }
    best_start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(n: usize, placement: Placement) -> Vec<(usize, usize)> {
        let samples: Vec<f32> = (0..n).map(|i| i as f32).collect();
        let windowing = Windowing { placement, seconds: 1.0, padding: Padding::Silence };
        windows(&samples, 10, &windowing)
            .iter()
            .map(|window| {
                assert!(placement == Placement::Whole || window.samples.len() == 10);
                ((window.start_s * 10.0).round() as usize, window.n_real)
            })
            .collect()
    }

    #[test]
    fn placements_start_where_they_say() {
        assert_eq!(starts(25, Placement::Whole), [(0, 25)]);
        assert_eq!(starts(25, Placement::First), [(0, 10)]);
        assert_eq!(starts(25, Placement::Center), [(7, 10)]);
        assert_eq!(starts(25, Placement::Loudest), [(15, 10)]);
        assert_eq!(starts(4, Placement::Loudest), [(0, 4)]);
        assert_eq!(starts(0, Placement::First), []);
    }

    #[test]
    fn sliding_keeps_a_last_window_from_half_a_window_of_new_sound() {
        let by_half = Placement::Sliding { overlap_s: 0.0 };
        assert_eq!(starts(24, by_half), [(0, 10), (10, 10)]);
        assert_eq!(starts(25, by_half), [(0, 10), (10, 10), (20, 5)]);
        assert_eq!(starts(3, by_half), [(0, 3)]);
        let overlapping = Placement::Sliding { overlap_s: 0.3 };
        assert_eq!(starts(24, overlapping), [(0, 10), (7, 10), (14, 10)]);
        assert_eq!(starts(29, overlapping), [(0, 10), (7, 10), (14, 10), (21, 8)]);
    }

    #[test]
    fn the_loudest_of_equals_is_the_earliest() {
        let samples: Vec<f32> = (0..1000).map(|i| if i % 100 < 10 { 0.1 } else { 0.0 }).collect();
        assert_eq!(loudest(&samples, 10), 0);
        assert_eq!(loudest(&[0.0; 50], 10), 0);
    }

    #[test]
    fn short_sounds_are_filled_as_asked() {
        let fill = |padding| {
            let windowing = Windowing { placement: Placement::First, seconds: 0.7, padding };
            windows(&[1.0, 2.0, 3.0], 10, &windowing).remove(0)
        };
        assert_eq!(fill(Padding::Silence).samples, [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(fill(Padding::Repeat).samples, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
        assert_eq!(fill(Padding::Repeat).n_real, 3);
    }

    #[test]
    fn senseless_numbers_are_refused_by_name() {
        let bad = Windowing { seconds: 0.0, ..Windowing::default() };
        assert!(bad.validate().unwrap_err().to_string().starts_with("window.seconds"));
        let bad = Windowing { placement: Placement::Sliding { overlap_s: 5.0 }, ..Windowing::default() };
        assert!(bad.validate().is_err());
        assert!(Windowing::default().validate().is_ok());
    }
}
