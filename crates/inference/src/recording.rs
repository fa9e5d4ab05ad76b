//! Recordings, decoded once for all front ends and all rows of a file.

use crate::error::{Error, Result, one_line};
use audio_io::{Decoded, Until};
use std::path::Path;

/// Seconds that are decoded beyond the last row where front ends have different rates: more than a filter reaches.
const MARGIN_S: f64 = 1.0;

/// How much of a recording is enough for all; none for all of it.
pub fn enough(wanted: impl IntoIterator<Item = Option<Until>>) -> Option<Until> {
    let all: Option<Vec<Until>> = wanted.into_iter().collect();
    let all = all?;
    let rates_hz = || all.iter().map(|until| until.sample_rate_hz);
    let (lowest_hz, highest_hz) = (rates_hz().min()?, rates_hz().max()?);
    let margin_s = if lowest_hz == highest_hz { 0.0 } else { MARGIN_S };
    let seconds = all.iter().map(|until| until.seconds).fold(0.0, f64::max);
    Some(Until { seconds: seconds + margin_s, sample_rate_hz: lowest_hz })
}

/// Decodes a recording as far as `until`.
///
/// # Errors
/// Bytes that are no sound.
pub fn decode(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    Ok(audio_io::decode_bytes_until(bytes, path, until)?)
}

/// What is wrong with a recording, in words; empty where nothing is. Silence is not damage.
pub fn damage_words(decoded: &Decoded) -> String {
    let damage = decoded.damage.iter().filter(|damage| **damage != audio_io::Damage::Silent);
    damage.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(audio_io::read_file(path)?)
}

/// One error for each of several rows of a file.
pub(crate) fn for_each<T>(error: Error, n: usize) -> Vec<Result<T>> {
    let text = one_line(&error);
    let copies = std::iter::repeat_with(|| Err(Error::Invalid(text.clone())));
    std::iter::once(Err(error)).chain(copies).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(seconds: f64, sample_rate_hz: u32) -> Option<Until> {
        Some(Until { seconds, sample_rate_hz })
    }

    #[test]
    fn enough_for_all_is_the_furthest_or_everything() {
        assert_eq!(enough([until(1.0, 8000), until(3.0, 8000), until(2.0, 8000)]), until(3.0, 8000));
        assert_eq!(enough([until(1.0, 8000), None]), None);
        assert_eq!(enough([until(1.0, 16_000), until(3.0, 8000)]), until(4.0, 8000));
    }
}
