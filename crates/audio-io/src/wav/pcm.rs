//! Interleaved samples of one width each.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::fmt::{Fmt, tag};
use crate::blocks::{Blocks, Ending};
use crate::companding;
use crate::error::{Error, Result};
use crate::room::try_reserve;
use crate::source::{Shared, read_full};

/// Bytes that are read at once, where they are not in memory: a header may promise frames of 64 KiB.
const MAX_ROOM_BYTES: usize = 1 << 22;

/// Converts frames, and appends the samples of each channel to its vector.
type Convert = fn(&[u8], usize, &mut [Vec<f32>]);

/// The sound of a WAV file.
pub(super) struct Pcm<'a> {
    source: Shared<'a>,
    /// Bytes that are still to be read.
    left: Range<u64>,
    /// Bytes from frame to frame.
    stride: usize,
    convert: Convert,
    /// Bytes of a block, where they are not in memory.
    room: Vec<u8>,
    ending: Ending,
    path: PathBuf,
}

impl<'a> Pcm<'a> {
    /// `None` for a width that samples do not have.
    pub(super) fn new(source: Shared<'a>, payload: Range<u64>, fmt: &Fmt, ending: Ending, path: &Path) -> Option<Self> {
        let convert: Convert = match (fmt.tag, fmt.sample_bytes()) {
            (tag::PCM, 1) => |data, stride, to| planes(data, stride, to, |[b]: [u8; 1]| (f32::from(b) - 128.0) / 128.0),
            (tag::PCM, 2) => {
                |data, stride, to| planes(data, stride, to, |b| f32::from(i16::from_le_bytes(b)) / 32768.0)
            }
            (tag::PCM, 3) => |data, stride, to| {
                planes(data, stride, to, |[a, b, c]: [u8; 3]| {
                    i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0
                });
            },
            (tag::PCM, 4) => |data, stride, to| {
                planes(data, stride, to, |b| i32::from_le_bytes(b) as f32 / 2_147_483_648.0);
            },
            (tag::FLOAT, 4) => |data, stride, to| planes(data, stride, to, f32::from_le_bytes),
            (tag::FLOAT, 8) => |data, stride, to| planes(data, stride, to, |b| f64::from_le_bytes(b) as f32),
            (tag::A_LAW, 1) => |data, stride, to| planes(data, stride, to, |[b]: [u8; 1]| companding::a_law(b)),
            (tag::MU_LAW, 1) => |data, stride, to| planes(data, stride, to, |[b]: [u8; 1]| companding::mu_law(b)),
            _ => return None,
        };
        let stride = usize::from(fmt.block_bytes).max(fmt.sample_bytes() * usize::from(fmt.n_channels));
        // A last partial frame is left out.
        let n_bytes = (payload.end - payload.start) / stride as u64 * stride as u64;
        let left = payload.start..payload.start + n_bytes;
        Some(Self { source, left, stride, convert, room: Vec::new(), ending, path: path.to_owned() })
    }

    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn declaring(mut self, frames: Option<u64>) -> Self {
        self.ending.declared_frames = frames;
        self
    }
}

impl Pcm<'_> {
    /// Appends frames and gives how many; fewer than `n` where the sound ends.
    fn part(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<usize> {
        let n_left = (self.left.end - self.left.start) / self.stride as u64;
        let n_bytes = n_left.min(n as u64) as usize * self.stride;
        let at = self.left.start;
        let data = match self.source.memory() {
            Some(memory) => memory.get(at as usize..at as usize + n_bytes).unwrap_or_default(),
            None => {
                self.room.resize(n_bytes, 0);
                let read = |source| Error::Read { path: self.path.clone(), source };
                let n_read = read_full(&*self.source, at, &mut self.room).map_err(read)?;
                // A file that has become shorter ends here.
                &self.room[..n_read / self.stride * self.stride]
            }
        };
        let n_frames = data.len() / self.stride;
        for channel in channels.iter_mut() {
            try_reserve(channel, n_frames)?;
        }
        (self.convert)(data, self.stride, channels);
        self.left.start = if data.len() < n_bytes { self.left.end } else { at + n_bytes as u64 };
        Ok(n_frames)
    }
}

impl Blocks for Pcm<'_> {
    fn more(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<()> {
        // In memory, all of it is there already.
        let most = if self.source.memory().is_some() { n } else { (MAX_ROOM_BYTES / self.stride).max(1) };
        let mut n_left = n;
        while n_left > 0 {
            let n_part = n_left.min(most);
            if self.part(n_part, channels)? < n_part {
                break;
            }
            n_left -= n_part;
        }
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        self.left.is_empty()
    }

    fn skip(&mut self, n: u64) -> Result<u64> {
        let n = n.min((self.left.end - self.left.start) / self.stride as u64);
        self.left.start += n * self.stride as u64;
        Ok(n)
    }

    fn ending(&mut self, _: u64, _: bool) -> Ending {
        self.ending.clone()
    }
}

/// Takes interleaved samples of `B` bytes apart.
fn planes<const B: usize>(data: &[u8], stride: usize, channels: &mut [Vec<f32>], to_f32: impl Fn([u8; B]) -> f32) {
    if let [channel] = channels
        && stride == B
    {
        let (samples, _) = data.as_chunks::<B>();
        channel.extend(samples.iter().map(|&sample| to_f32(sample)));
        return;
    }
    // One pass per channel: a known length each, which is much faster than pushing to all of them by turns.
    for (nth, channel) in channels.iter_mut().enumerate() {
        let sample = |frame: &[u8]| frame[nth * B..].first_chunk().map_or(0.0, |sample| to_f32(*sample));
        channel.extend(data.chunks_exact(stride).map(sample));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_taken_apart() {
        let mut channels = vec![Vec::new(); 2];
        planes(&[1, 2, 3, 4], 2, &mut channels, |[b]: [u8; 1]| f32::from(b));
        assert_eq!(channels, [vec![1.0, 3.0], vec![2.0, 4.0]]);
    }
}
