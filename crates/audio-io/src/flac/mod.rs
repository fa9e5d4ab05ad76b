//! Native FLAC streams, by RFC 9639: the format that field recordings are kept in, so it has a decoder of its own that
//! is twice as fast as the general one. FLAC in other containers and with more than 24 bits goes through symphonia.

mod bits;
mod crc;
mod frame;
mod subframe;

use std::path::{Path, PathBuf};

use crate::blocks::{Blocks, Ending, Opened};
use crate::damage::Damage;
use crate::error::{Error, Result};
use crate::limits::{MAX_GAP_FRAMES, MAX_RATE_HZ, MIN_RATE_HZ, check_rate, max_frames, too_many_samples};
use crate::room::try_reserve;
use crate::sniff::Format;
use crate::source::{Ahead, Shared, View};
use crate::stream;
use frame::{FrameHeader, STREAM_INFO_BYTES, StreamInfo};

/// Most bits a sample that are decoded here: a difference of two channels has one more, and sums must not overflow.
const MAX_BITS: u32 = 24;

/// Places that look like a frame and are none, after which a file is given up.
const MAX_FALSE_FRAMES: usize = 4096;

/// Bytes that nearly all frames fit into.
const LIKELY_FRAME_BYTES: usize = 1 << 17;

/// Bytes that every frame fits into: 65,536 samples of 8 channels and 25 bits, stored as they are.
const MAX_FRAME_BYTES: usize = 1 << 21;

/// Opens a stream that begins with `fLaC`, and decodes its first frame.
pub(crate) fn open<'a>(source: Shared<'a>, path: &Path) -> Result<Opened<'a>> {
    let fail = |operation, message: String| Error::Decode { path: path.to_owned(), operation, message };
    let bytes = View::new(&*source);
    let is_first = bytes.array::<1>(4).is_some_and(|[kind]| kind & 0x7f == 0);
    let info = bytes.array::<STREAM_INFO_BYTES>(8).filter(|_| is_first);
    let Some(info) = info.map(|info| StreamInfo::read(&info)) else {
        return Err(fail("open", "expected a STREAMINFO block of 34 bytes, found none".into()));
    };
    check_rate(info.rate_hz, path)?;
    if info.bits > MAX_BITS {
        return stream::open(source, Format::Flac, path);
    }
    let mut stream = Stream {
        at: behind_metadata(bytes),
        ahead: Ahead::new(source),
        info,
        block_size: info.block_size,
        n_channels: info.n_channels as usize,
        n_frames: 0,
        pending: None,
        block: vec![Vec::new(); info.n_channels as usize],
        ended: false,
        n_bad: 0,
        damage: Vec::new(),
        notes: Vec::new(),
        path: path.to_owned(),
    };
    // The first frame may have another rate or other channels.
    stream.frame()?;
    Ok(Opened {
        rate_hz: stream.info.rate_hz,
        n_channels: stream.n_channels,
        format: "flac",
        codec: "flac".to_owned(),
        bits: Some(info.bits),
        declared_frames: stream.declared(),
        blocks: Box::new(stream),
    })
}

/// A frame that is decoded.
#[derive(Debug, Clone, Copy)]
struct Pending {
    /// Samples that are missing before it.
    missing: usize,
    bits: u32,
    block_size: usize,
}

/// A stream while it is decoded.
struct Stream<'a> {
    ahead: Ahead<'a>,
    at: u64,
    info: StreamInfo,
    /// Samples of a block, where frames and not samples are numbered.
    block_size: Option<u32>,
    n_channels: usize,
    /// Frames of sound that were taken so far.
    n_frames: u64,
    /// What is in `block` and was not taken yet.
    pending: Option<Pending>,
    block: Vec<Vec<i32>>,
    ended: bool,
    n_bad: u64,
    damage: Vec<Damage>,
    notes: Vec<String>,
    path: PathBuf,
}

impl Stream<'_> {
    fn declared(&self) -> Option<u64> {
        (self.info.n_frames > 0).then_some(self.info.n_frames)
    }

    /// Decodes one frame, or finds the end.
    fn frame(&mut self) -> Result<()> {
        if self.at >= self.ahead.len() {
            self.ended = true;
            return Ok(());
        }
        let Some((start, header, n_bytes)) = self.next_frame()? else {
            // What is missing of a declared length is reported as such; a tag at the end is nothing to report.
            let n_left = self.ahead.len().saturating_sub(self.at);
            if n_left == 0 {
                return self.end(None);
            }
            let message = format!("the last {n_left} bytes are no whole frame");
            return self.end(self.declared().is_none().then_some(message));
        };
        if self.n_frames == 0 && start == self.at && self.adopt(&header) {
            self.notes.push("the first block and the frames differ in rate or channels: the frames' are taken".into());
        }
        if (header.rate_hz, header.n_channels) != (self.info.rate_hz, self.n_channels) {
            return self.end(Some("the rate or the number of channels changes".into()));
        }
        let block_size = *self.block_size.get_or_insert(header.block_size as u32);
        let missing = header.first_sample(block_size).saturating_sub(self.n_frames).min(MAX_GAP_FRAMES) as usize;
        let n_more = (missing + header.block_size) as u64;
        if self.n_frames + n_more > max_frames(self.ahead.len() as usize, self.n_channels) {
            return self.end(Some(too_many_samples()));
        }
        // Frames carry their place: one that failed its checksum is missing here.
        self.n_bad += u64::from(missing > 0 || start > self.at);
        self.pending = Some(Pending { missing, bits: header.bits, block_size: header.block_size });
        self.at = start + n_bytes as u64;
        Ok(())
    }

    /// Appends the frame that is decoded.
    fn take(&mut self, channels: &mut [Vec<f32>]) -> Result<()> {
        let Some(Pending { missing, bits, block_size }) = self.pending.take() else { return Ok(()) };
        let scale = 1.0 / (1_i64 << (bits - 1)) as f32;
        for (samples, block) in channels.iter_mut().zip(&self.block) {
            try_reserve(samples, missing + block_size)?;
            samples.resize(samples.len() + missing, 0.0);
            samples.extend(block.iter().map(|&sample| sample as f32 * scale));
        }
        self.n_frames += (missing + block_size) as u64;
        Ok(())
    }

    fn end(&mut self, early: Option<String>) -> Result<()> {
        self.damage.extend(early.map(Damage::Tail));
        self.ended = true;
        Ok(())
    }

    /// Takes rate and channels from the first frame, whose header has a checksum, where the stream's first block has
    /// others; true where it did.
    fn adopt(&mut self, header: &FrameHeader) -> bool {
        if (header.rate_hz, header.n_channels) == (self.info.rate_hz, self.n_channels)
            || !(MIN_RATE_HZ..=MAX_RATE_HZ).contains(&header.rate_hz)
        {
            return false;
        }
        self.info.rate_hz = header.rate_hz;
        self.n_channels = header.n_channels;
        true
    }

    /// The next whole frame from here on, decoded into `block`: where it begins, its header and its length.
    fn next_frame(&mut self) -> Result<Option<(u64, FrameHeader, usize)>> {
        let read = |source| Error::Read { path: self.path.clone(), source };
        let mut n_false = 0;
        let mut start = self.at;
        loop {
            let bytes = self.ahead.from(start, LIKELY_FRAME_BYTES).map_err(read)?;
            if let Some(header) = FrameHeader::read(bytes, &self.info)
                && header.bits <= MAX_BITS
            {
                if header.n_channels > self.block.len() {
                    self.block.resize(header.n_channels, Vec::new());
                }
                let n_known = bytes.len();
                let mut n_bytes = frame::decode(bytes, &header, &mut self.block);
                if n_bytes.is_none() && n_known < MAX_FRAME_BYTES && start + (n_known as u64) < self.ahead.len() {
                    let bytes = self.ahead.from(start, MAX_FRAME_BYTES).map_err(read)?;
                    n_bytes = frame::decode(bytes, &header, &mut self.block);
                }
                if let Some(n_bytes) = n_bytes {
                    return Ok(Some((start, header, n_bytes)));
                }
                n_false += 1;
                if n_false == MAX_FALSE_FRAMES {
                    return Ok(None);
                }
            }
            start += 1;
            loop {
                let bytes = self.ahead.from(start, LIKELY_FRAME_BYTES).map_err(read)?;
                match bytes.iter().position(|&byte| byte == 0xff) {
                    Some(n_bytes) => {
                        start += n_bytes as u64;
                        break;
                    }
                    None if bytes.is_empty() => return Ok(None),
                    None => start += bytes.len() as u64,
                }
            }
        }
    }
}

impl Blocks for Stream<'_> {
    fn more(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<()> {
        let wanted = self.n_frames + n as u64;
        while self.n_frames < wanted {
            if self.pending.is_none() && !self.ended {
                self.frame()?;
            }
            if self.pending.is_none() {
                break;
            }
            self.take(channels)?;
        }
        Ok(())
    }

    fn is_at_end(&self) -> bool {
        self.pending.is_none() && (self.ended || self.at >= self.ahead.len())
    }

    fn ending(&mut self, _: u64, _: bool) -> Ending {
        let mut damage = self.damage.clone();
        if self.n_bad > 0 {
            damage.push(Damage::BadPackets(self.n_bad));
        }
        Ending { declared_frames: self.declared(), damage, notes: self.notes.clone() }
    }
}

/// Where the first frame is to be expected.
fn behind_metadata(bytes: View<'_>) -> u64 {
    let mut at = 4;
    while let Some([kind, high, middle, low]) = bytes.array(at) {
        at += 4 + u64::from(u32::from_be_bytes([0, high, middle, low]));
        if kind & 0x80 != 0 {
            return at.min(bytes.len());
        }
    }
    bytes.len()
}
