//! A decoded file, and how much of one is wanted.

use crate::damage::Damage;
use crate::limits::MAX_RATE_HZ;
use crate::resample::{frames_needed, resampled_len};

/// A decoded file.
///
/// # Shapes
/// `channels` is `[C, n_frames]`; every channel has the same length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decoded {
    /// Frames per second.
    pub rate_hz: u32,
    /// One vector of samples per channel, full scale at 1.0. No sample is NaN or infinite.
    pub channels: Vec<Vec<f32>>,
    /// The container: `wav`, `rf64`, `w64`, `flac`, `ogg`, `mp3`, `adts`, `mp4`, `aiff`, `caf`, `matroska`.
    pub format: String,
    /// The codec: `pcm_s16`, `alaw`, `flac`, `vorbis`, `mp3`, ...
    pub codec: String,
    /// Bits per sample where the codec has such a number.
    pub bits: Option<u32>,
    /// Frames that the header declares, where it does.
    pub declared_frames: Option<u64>,
    /// What is wrong with the file, in the order found.
    pub damage: Vec<Damage>,
    /// What is unusual about the header and costs no sound: a stream without a length, a byte rate that is wrong.
    pub notes: Vec<String>,
    /// Whether decoding stopped because enough was there; the file goes on, or may.
    pub stopped: bool,
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

/// How much of a recording is enough; see [`decode_bytes_until`](crate::decode_bytes_until).
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
