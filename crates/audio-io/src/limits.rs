//! Limits on what a file may ask for: plausible sample rates and channel counts, and memory.
//!
//! A decoder keeps at most [`MAX_SAMPLES_PER_BYTE`] samples (4 bytes each) for each byte of the file, and
//! [`MAX_FREE_SAMPLES`] on top; while a vector grows, the old one may be there beside the new one. Copies of a file that a
//! container needs (AIFF, CAF, ADPCM in WAV) add its size once.

use std::path::Path;

use crate::error::{Error, Result};

/// The lowest sample rate that is read, in Hz. Below, a header is taken for broken: a few kilobytes at 1 Hz would become
/// hours of sound.
pub const MIN_RATE_HZ: u32 = 1_000;

/// The highest sample rate that is read, in Hz. Recorders for ultrasound reach 500 kHz.
pub const MAX_RATE_HZ: u32 = 1_000_000;

/// The most channels that are read. Microphone arrays reach 128.
pub const MAX_CHANNELS: usize = 256;

/// Samples over all channels that a decoder keeps for each byte of a file, at most. Music in a lossy format has about 30;
/// FLAC of digital silence has 400.
pub const MAX_SAMPLES_PER_BYTE: u64 = 512;

/// Samples over all channels that a decoder keeps whatever the size of the file.
pub const MAX_FREE_SAMPLES: u64 = 1 << 24;

/// Longest silence in place of packets that are lost, in frames.
pub(crate) const MAX_GAP_FRAMES: u64 = 1 << 20;

/// Most frames of one packet of a compressed stream. FLAC has up to 65,535, every other codec fewer; a decoder makes room for as
/// many as a header promises before it looks at the first packet.
pub(crate) const MAX_PACKET_FRAMES: u64 = 1 << 16;

/// Refuses packets that no encoder makes.
pub(crate) fn check_packets(n_frames: u64, path: &Path) -> Result<()> {
    if n_frames <= MAX_PACKET_FRAMES {
        return Ok(());
    }
    let message = format!("expected at most {MAX_PACKET_FRAMES} frames, got {n_frames}");
    Err(Error::Decode { path: path.to_owned(), operation: "packets", message })
}

/// Refuses a rate that no recorder has.
pub(crate) fn check_rate(rate_hz: u32, path: &Path) -> Result<()> {
    if (MIN_RATE_HZ..=MAX_RATE_HZ).contains(&rate_hz) {
        return Ok(());
    }
    let message = format!("expected {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, got {rate_hz} Hz");
    Err(Error::Decode { path: path.to_owned(), operation: "sample rate", message })
}

/// Refuses a number of channels that no recorder has.
pub(crate) fn check_channels(n_channels: usize, path: &Path) -> Result<()> {
    if n_channels <= MAX_CHANNELS {
        return Ok(());
    }
    let message = format!("expected at most {MAX_CHANNELS} channels, got {n_channels}");
    Err(Error::Decode { path: path.to_owned(), operation: "channels", message })
}

/// Frames that are kept of a file of `n_bytes`, at most.
pub(crate) fn max_frames(n_bytes: usize, n_channels: usize) -> u64 {
    let n_samples = (n_bytes as u64).saturating_mul(MAX_SAMPLES_PER_BYTE).saturating_add(MAX_FREE_SAMPLES);
    n_samples / n_channels.max(1) as u64
}

/// The message where a decoder stops at [`max_frames`].
pub(crate) fn too_many_samples() -> String {
    format!("more than {MAX_SAMPLES_PER_BYTE} samples for each byte of the file")
}
