//! A file's bytes to samples: the format is told from the bytes, then WAV and FLAC go their direct ways and the rest
//! through symphonia.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::damage::Damage;
use crate::error::{Error, Result};
use crate::resample::{frames_needed, resampled_len};
use crate::sniff::{Format, sniff};
use crate::{flac, stream, wav};

/// The highest rate that a header is believed: no recorder goes further.
pub const MAX_RATE_HZ: u32 = 2_000_000;

/// A decoded file.
///
/// # Shapes
/// `channels` is `[C, n_frames]`; every channel has the same length.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Frames a second.
    pub rate_hz: u32,
    /// One vector of samples a channel, full scale at 1.0. No sample is NaN or infinite.
    pub channels: Vec<Vec<f32>>,
    /// The container: `wav`, `rf64`, `w64`, `flac`, `ogg`, `mp3`, `adts`, `mp4`, `aiff`, `caf`, `matroska`.
    pub format: String,
    /// The codec: `pcm_s16`, `alaw`, `flac`, `vorbis`, `mp3`, ...
    pub codec: String,
    /// Bits a sample where the codec has such a number.
    pub bits: Option<u32>,
    /// Frames that the header declares, where it does.
    pub declared_frames: Option<u64>,
    /// What is wrong with the file, in the order found.
    pub damage: Vec<Damage>,
    /// Whether decoding stopped because enough was there; the file goes on, or may.
    pub stopped: bool,
}

/// How much of a recording is enough; see [`decode_bytes_until`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Until {
    /// Seconds from the start.
    pub seconds: f64,
    /// The rate that they will be resampled to, in Hz: the filter reaches past their end.
    pub sample_rate_hz: u32,
}

impl Until {
    /// The seconds and the filter's reach in frames at a rate.
    pub(crate) fn n_frames(&self, rate_hz: u32) -> usize {
        let (from_hz, to_hz) = (rate_hz, self.sample_rate_hz);
        let n_frames = ((self.seconds * f64::from(from_hz)).ceil() as usize).saturating_add(1);
        if from_hz == to_hz || [from_hz, to_hz].iter().any(|rate| !(1..=MAX_RATE_HZ).contains(rate)) {
            return n_frames;
        }
        // Rows and windows begin and end at whole samples, which rounding may put past the end.
        let n_resampled = resampled_len(n_frames, from_hz, to_hz).saturating_add(2).min(usize::MAX / 4);
        frames_needed(n_resampled, from_hz, to_hz).max(n_frames)
    }
}

impl Decoded {
    /// Frames in each channel.
    pub fn n_frames(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        if self.rate_hz == 0 { 0.0 } else { self.n_frames() as f64 / f64::from(self.rate_hz) }
    }
}

/// Reads and decodes a file.
///
/// # Errors
/// As [`decode_bytes`], and when the file cannot be read.
pub fn decode_file(path: &Path) -> Result<Decoded> {
    decode_bytes(&read_file(path)?, path)
}

/// Reads a whole file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Decodes the bytes of a file; `path` is for messages and, where the bytes alone do not tell, for its extension.
///
/// A file that holds less than it promises decodes to what is there, with [`Damage`] saying what is missing.
///
/// # Errors
/// An empty file, a format that is not decoded (named), bytes that are no sound, or a decoder that fails before the
/// first sample. A panic inside a decoder is an error too.
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
pub fn decode_bytes_until(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let mut decoded = catch_unwind(AssertUnwindSafe(|| decode_any(bytes, path, until)))
        .unwrap_or_else(|panic| Err(Error::Panicked { path: path.to_owned(), message: panic_text(&*panic) }))?;
    inspect(&mut decoded);
    Ok(decoded)
}

fn decode_any(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let (format, start) = sniff(bytes, path)?;
    let decoded = match format {
        Format::Wav(container) => wav::decode(bytes, container, path, until),
        Format::Flac => flac::decode(&bytes[start..], path, until),
        other => stream::decode(&bytes[start..], other, path, until),
    }?;
    if decoded.rate_hz == 0 || decoded.rate_hz > MAX_RATE_HZ {
        return Err(Error::Decode {
            path: path.to_owned(),
            operation: "sample rate",
            message: format!("expected 1 to {MAX_RATE_HZ} Hz, got {} Hz", decoded.rate_hz),
        });
    }
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
    if !decoded.stopped && decoded.channels.iter().flatten().all(|&sample| sample == 0.0) {
        decoded.damage.push(Damage::Silent);
    }
}

fn clear_not_finite(samples: &mut [f32]) -> u64 {
    // Any NaN or infinity makes its product with 0 NaN; the sum is one pass that vectorises, the repair is rare.
    let mut lanes = [0.0f32; 16];
    let chunks = samples.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|sample| sample * 0.0).sum();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += sample * 0.0;
        }
    }
    if !(rest + lanes.iter().sum::<f32>()).is_nan() {
        return 0;
    }
    let mut n_cleared = 0;
    for sample in samples.iter_mut().filter(|sample| !sample.is_finite()) {
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
            stopped: false,
        }
    }

    #[test]
    fn not_finite_samples_become_zero_and_are_counted() {
        for length in [3, 16, 40] {
            let mut samples = vec![0.5; length];
            samples[1] = f32::NAN;
            samples[length - 1] = f32::NEG_INFINITY;
            let mut file = decoded(samples);
            inspect(&mut file);
            assert_eq!(file.damage, [Damage::NotFinite(2)]);
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
