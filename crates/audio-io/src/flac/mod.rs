//! Native FLAC streams, by RFC 9639: the format that field recordings are kept in, so it has a decoder of its own that
//! is twice as fast as the general one. FLAC in other containers and with more than 24 bits goes through symphonia.

mod bits;
mod crc;
mod frame;
mod subframe;

use std::path::Path;

use crate::damage::Damage;
use crate::decoded::{Decoded, Until};
use crate::error::{Error, Result};
use crate::limits::{MAX_GAP_FRAMES, MAX_RATE_HZ, MIN_RATE_HZ, check_rate, max_frames, too_many_samples};
use crate::room::{try_reserve, try_with_room};
use crate::sniff::Format;
use crate::stream::{self, room};
use frame::{FrameHeader, STREAM_INFO_BYTES, StreamInfo};

/// Most bits a sample that are decoded here: a difference of two channels has one more, and sums must not overflow.
const MAX_BITS: u32 = 24;

/// Places that look like a frame and are none, after which a file is given up.
const MAX_FALSE_FRAMES: usize = 4096;

/// Decodes a stream that begins with `fLaC`.
pub(crate) fn decode(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let fail = |operation, message: String| Error::Decode { path: path.to_owned(), operation, message };
    let info = bytes.get(8..).and_then(|block| block.first_chunk::<STREAM_INFO_BYTES>());
    let Some(info) = info.filter(|_| bytes[4] & 0x7f == 0).map(StreamInfo::read) else {
        return Err(fail("open", "expected a STREAMINFO block of 34 bytes, found none".into()));
    };
    check_rate(info.rate_hz, path)?;
    if info.bits > MAX_BITS {
        return stream::decode(bytes, Format::Flac, path, until);
    }
    let mut stream = Stream::new(bytes, info, until)?;
    let stopped = stream.run()?;
    if stream.n_bad > 0 {
        if stream.n_frames() == 0 {
            return Err(fail("decode", format!("none of {} packets decodes: wrong checksums", stream.n_bad)));
        }
        stream.damage.push(Damage::BadPackets(stream.n_bad));
    }
    Ok(Decoded {
        rate_hz: stream.info.rate_hz,
        channels: stream.channels,
        format: "flac".to_owned(),
        codec: "flac".to_owned(),
        bits: Some(info.bits),
        declared_frames: stream.declared,
        damage: stream.damage,
        notes: stream.notes,
        stopped,
    })
}

/// A stream while it is decoded.
struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
    info: StreamInfo,
    /// Samples of a block, where frames and not samples are numbered.
    block_size: Option<u32>,
    declared: Option<u64>,
    until: Option<Until>,
    /// Frames that are enough.
    enough: u64,
    channels: Vec<Vec<f32>>,
    block: Vec<Vec<i32>>,
    n_bad: u64,
    damage: Vec<Damage>,
    notes: Vec<String>,
}

impl<'a> Stream<'a> {
    fn new(bytes: &'a [u8], info: StreamInfo, until: Option<Until>) -> Result<Self> {
        let declared = (info.n_frames > 0).then_some(info.n_frames);
        let enough = until.map_or(u64::MAX, |until| until.n_frames(info.rate_hz) as u64);
        let n_channels = info.n_channels as usize;
        let n_reserved = room(declared, enough).min(max_frames(bytes.len(), n_channels) as usize);
        Ok(Self {
            bytes,
            at: behind_metadata(bytes),
            info,
            block_size: info.block_size,
            declared,
            until,
            enough,
            channels: (0..n_channels).map(|_| try_with_room(n_reserved)).collect::<Result<_>>()?,
            block: vec![Vec::new(); n_channels],
            n_bad: 0,
            damage: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn n_frames(&self) -> u64 {
        self.channels[0].len() as u64
    }

    /// Decodes frame after frame; true where it stopped because enough is there.
    fn run(&mut self) -> Result<bool> {
        while self.at < self.bytes.len() {
            let n_frames = self.n_frames();
            if n_frames >= self.enough && self.declared.is_none_or(|declared| n_frames < declared) {
                return Ok(true);
            }
            let Some((start, header, n_bytes)) = self.next_frame() else {
                // What is missing of a declared length is reported as such; a tag at the end is nothing to report.
                if self.declared.is_none() {
                    let n_left = self.bytes.len() - self.at;
                    self.damage.push(Damage::Tail(format!("the last {n_left} bytes are no whole frame")));
                }
                break;
            };
            if n_frames == 0 && start == self.at && self.adopt(&header)? {
                self.notes
                    .push("the first block and the frames differ in rate or channels: the frames' are taken".into());
            }
            if (header.rate_hz, header.n_channels) != (self.info.rate_hz, self.channels.len()) {
                self.damage.push(Damage::Tail("the rate or the number of channels changes".into()));
                break;
            }
            let block_size = *self.block_size.get_or_insert(header.block_size as u32);
            let missing = header.first_sample(block_size).saturating_sub(n_frames).min(MAX_GAP_FRAMES);
            let n_more = missing as usize + header.block_size;
            if n_frames + n_more as u64 > max_frames(self.bytes.len(), self.channels.len()) {
                self.damage.push(Damage::Tail(too_many_samples()));
                break;
            }
            for samples in &mut self.channels {
                try_reserve(samples, n_more)?;
            }
            if missing > 0 || start > self.at {
                // Frames carry their place: one that failed its checksum is missing here.
                self.n_bad += 1;
                self.channels.iter_mut().for_each(|samples| samples.resize(samples.len() + missing as usize, 0.0));
            }
            let scale = 1.0 / (1_i64 << (header.bits - 1)) as f32;
            for (samples, block) in self.channels.iter_mut().zip(&self.block) {
                samples.extend(block.iter().map(|&sample| sample as f32 * scale));
            }
            self.at = start + n_bytes;
        }
        Ok(false)
    }

    /// Takes rate and channels from the first frame, whose header has a checksum, where the stream's first block has
    /// others; true where it did.
    fn adopt(&mut self, header: &FrameHeader) -> Result<bool> {
        if (header.rate_hz, header.n_channels) == (self.info.rate_hz, self.channels.len())
            || !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&header.rate_hz)
        {
            return Ok(false);
        }
        self.info.rate_hz = header.rate_hz;
        self.enough = self.until.map_or(u64::MAX, |until| until.n_frames(header.rate_hz) as u64);
        self.channels = (0..header.n_channels).map(|_| try_with_room(0)).collect::<Result<_>>()?;
        Ok(true)
    }

    /// The next whole frame from here on, decoded into `block`: where it begins, its header and its length.
    fn next_frame(&mut self) -> Option<(usize, FrameHeader, usize)> {
        let mut n_false = 0;
        let mut start = self.at;
        loop {
            let bytes = &self.bytes[start..];
            if let Some(header) = FrameHeader::read(bytes, &self.info)
                && header.bits <= MAX_BITS
            {
                if header.n_channels > self.block.len() {
                    self.block.resize(header.n_channels, Vec::new());
                }
                if let Some(n_bytes) = frame::decode(bytes, &header, &mut self.block) {
                    return Some((start, header, n_bytes));
                }
                n_false += 1;
                if n_false == MAX_FALSE_FRAMES {
                    return None;
                }
            }
            start += 1 + self.bytes.get(start + 1..)?.iter().position(|&byte| byte == 0xff)?;
        }
    }
}

/// Where the first frame is to be expected.
fn behind_metadata(bytes: &[u8]) -> usize {
    let mut at = 4;
    while let Some(&[kind, high, middle, low]) = bytes.get(at..at + 4) {
        at += 4 + u32::from_be_bytes([0, high, middle, low]) as usize;
        if kind & 0x80 != 0 {
            return at.min(bytes.len());
        }
    }
    bytes.len()
}
