//! Decodes a file's bytes to samples. The format is detected from the bytes; WAV and FLAC have decoders here, the others
//! use symphonia.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::damage::Damage;
use crate::decoded::{Decoded, Until};
use crate::error::{Error, Result};
use crate::limits::{check_channels, check_rate};
use crate::read::read_file;
use crate::silence::is_constant;
use crate::sniff::{Format, sniff};
use crate::{aiff, caf, flac, stream, wav};

/// Samples further from 0 than this are no sound: full scale is 1.
const MAX_SAMPLE: f32 = 1e18;

/// Reads and decodes a file.
///
/// # Errors
/// As [`decode_bytes`], and when the file cannot be read.
pub fn decode_file(path: &Path) -> Result<Decoded> {
    decode_bytes(&read_file(path)?, path)
}

/// Decodes the bytes of a file; `path` is for messages and, where the bytes alone do not decide, for its extension.
///
/// A file that holds less than it promises decodes to what is there, with [`Damage`] saying what is missing.
///
/// # Errors
/// An empty file, a format that is not decoded (named), bytes that are no sound, a rate or a number of channels that no
/// recorder has, too little memory, or a decoder that fails before the first sample. A panic inside a decoder is an error
/// too.
pub fn decode_bytes(bytes: &[u8], path: &Path) -> Result<Decoded> {
    decode_bytes_until(bytes, path, None)
}

/// As [`decode_bytes`], but stops where enough is decoded: [`clips`](crate::clips) then gives what it gives for the
/// whole file. With `None` everything is decoded.
///
/// What would only show later is not reported: damage past the stop, missing frames, and silence, which may end.
///
/// # Errors
/// As [`decode_bytes`].
#[tracing::instrument(level = "debug", skip_all, fields(path = %path.display(), n_bytes = bytes.len()))]
pub fn decode_bytes_until(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let mut decoded = catch_unwind(AssertUnwindSafe(|| decode_any(bytes, path, until)))
        .unwrap_or_else(|panic| Err(Error::Panicked { path: path.to_owned(), message: panic_text(&*panic) }))?;
    inspect(&mut decoded);
    for damage in &decoded.damage {
        tracing::debug!(%damage, "damaged");
    }
    for note in &decoded.notes {
        tracing::debug!(note, "unusual header");
    }
    Ok(decoded)
}

fn decode_any(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let (format, start) = sniff(bytes, path)?;
    let bytes = &bytes[start..];
    let decoded = match format {
        Format::Wav(container) => wav::decode(bytes, container, path, until),
        Format::Flac => flac::decode(bytes, path, until),
        Format::Aiff => aiff::decode(bytes, path, until),
        Format::Caf => caf::decode(bytes, path, until),
        other => stream::decode(bytes, other, path, until),
    }?;
    check_rate(decoded.rate_hz, path)?;
    check_channels(decoded.channels.len(), path)?;
    Ok(decoded)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Looks at the samples themselves: replaces what is not finite, and notes emptiness, missing frames and silence.
fn inspect(decoded: &mut Decoded) {
    let n_frames = decoded.n_frames() as u64;
    if n_frames == 0 {
        let empty = [Damage::HeaderOnly, Damage::ZeroLength];
        if !decoded.damage.iter().any(|d| empty.contains(d)) {
            let says_so = decoded.declared_frames == Some(0);
            decoded.damage.push(if says_so { Damage::ZeroLength } else { Damage::HeaderOnly });
        }
        return;
    }
    if let Some(declared) = decoded.declared_frames
        && n_frames < declared
        && !decoded.stopped
    {
        decoded.damage.push(Damage::Short { decoded: n_frames, declared });
    }
    let not_finite: u64 = decoded.channels.iter_mut().map(|samples| clear_not_finite(samples)).sum();
    if not_finite > 0 {
        decoded.damage.push(Damage::NotFinite(not_finite));
    }
    if !decoded.stopped && decoded.channels.iter().all(|samples| is_constant(samples, 0.0)) {
        let is_zero = decoded.channels.iter().all(|samples| samples.first() == Some(&0.0));
        if is_zero {
            decoded.damage.push(Damage::Silent);
        } else if n_frames > 1 {
            decoded.damage.push(Damage::Constant);
        }
    }
}

/// Sets samples that are NaN, infinite or beyond [`MAX_SAMPLE`] to 0 and counts them.
fn clear_not_finite(samples: &mut [f32]) -> u64 {
    // A sample that is no number, or too large to be multiplied once more, makes its product with 0 NaN; the sum is one
    // pass that vectorizes, the repair is rare.
    const HUGE: f32 = f32::MAX / MAX_SAMPLE;
    let zero = |sample: &f32| sample * HUGE * 0.0;
    let mut lanes = [0.0f32; 16];
    let chunks = samples.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(zero).sum();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += zero(sample);
        }
    }
    if !(rest + lanes.iter().sum::<f32>()).is_nan() {
        return 0;
    }
    let mut n_cleared = 0;
    for sample in samples.iter_mut().filter(|sample| sample.is_nan() || sample.abs() > MAX_SAMPLE) {
        *sample = 0.0;
        n_cleared += 1;
    }
    n_cleared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(samples: Vec<f32>) -> Decoded {
        Decoded {
            rate_hz: 8000,
            channels: vec![samples],
            format: "wav".into(),
            codec: "pcm_f32".into(),
            bits: Some(32),
            declared_frames: None,
            damage: Vec::new(),
            notes: Vec::new(),
            stopped: false,
        }
    }

    #[test]
    fn not_finite_samples_become_zero_and_are_counted() {
        for length in [4, 16, 40] {
            let mut samples = vec![0.5; length];
            samples[1] = f32::NAN;
            samples[2] = 1e30;
            samples[length - 1] = f32::NEG_INFINITY;
            let mut file = decoded(samples);
            inspect(&mut file);
            assert_eq!(file.damage, [Damage::NotFinite(3)]);
            assert_eq!(file.channels[0][1], 0.0);
            assert_eq!(file.channels[0][length - 1], 0.0);
            assert_eq!(file.channels[0][0], 0.5);
        }
    }

    #[test]
    fn silence_is_noted_and_sound_is_not() {
        let mut silent = decoded(vec![0.0; 100]);
        inspect(&mut silent);
        assert_eq!(silent.damage, [Damage::Silent]);
        let mut offset = decoded(vec![0.25; 100]);
        inspect(&mut offset);
        assert_eq!(offset.damage, [Damage::Constant]);
        let mut nothing = decoded(vec![f32::NAN; 100]);
        inspect(&mut nothing);
        assert_eq!(nothing.damage, [Damage::NotFinite(100), Damage::Silent]);
        let mut sound = decoded(vec![0.0, 1e-9]);
        inspect(&mut sound);
        assert_eq!(sound.damage, []);
    }

    #[test]
    fn an_empty_folder_entry_is_an_error_with_its_name() {
        let error = decode_bytes(b"", Path::new("a/b.wav")).unwrap_err().to_string();
        assert_eq!(error, "a/b.wav: the file is empty (0 bytes)");
    }
}
