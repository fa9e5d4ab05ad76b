//! The frames of a file that a manifest's row names.

use crate::decoded::Decoded;
use crate::error::{Error, Result};

/// How far a row may end past the end of the file, in seconds: tables round to hundredths.
pub const END_TOLERANCE_S: f64 = 0.01;

/// First frame and the one after the last of a row, which must be within the file.
///
/// # Errors
/// No sound, or a row that is not within the file.
pub fn frame_range(decoded: &Decoded, start_s: Option<f64>, end_s: Option<f64>) -> Result<(usize, usize)> {
    let n_frames = decoded.n_frames();
    let whole = match decoded.stopped {
        false => n_frames,
        // The file goes on: as far as its header declares, or to an unknown end.
        true => decoded.declared_frames.map_or(usize::MAX, |frames| n_frames.max(frames as usize)),
    };
    known_range(n_frames, whole, decoded.rate_hz, start_s, end_s)
}

/// As [`frame_range`], where `n_frames` of the `whole` recording are known.
pub(crate) fn known_range(
    n_frames: usize,
    whole: usize,
    rate_hz: u32,
    start_s: Option<f64>,
    end_s: Option<f64>,
) -> Result<(usize, usize)> {
    if n_frames == 0 {
        return Err(Error::NoSound);
    }
    let (first, last) = range(whole, rate_hz, start_s, end_s)?;
    if first < n_frames { Ok((first, last.min(n_frames))) } else { range(n_frames, rate_hz, start_s, end_s) }
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
