//! A frame: its header, and the samples of all channels behind it.

use super::bits::Bits;
use super::crc::{crc8, crc16};
use super::subframe;

/// The stream's first block, which describes all frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamInfo {
    /// Samples of a block where every block but the last has the same number.
    pub(super) block_size: Option<u32>,
    pub(super) rate_hz: u32,
    pub(super) n_channels: u32,
    pub(super) bits: u32,
    /// 0 where it is not known.
    pub(super) n_frames: u64,
}

/// Bytes of the first block.
pub(super) const STREAM_INFO_BYTES: usize = 34;

impl StreamInfo {
    pub(super) fn read(bytes: &[u8; STREAM_INFO_BYTES]) -> Self {
        let mut bits = Bits::new(bytes);
        let (smallest, largest) = (bits.take(16), bits.take(16));
        for _bytes_of_shortest_then_longest_frame in 0..2 {
            bits.take(24);
        }
        Self {
            block_size: (smallest == largest && largest > 0).then_some(largest),
            rate_hz: bits.take(20),
            n_channels: bits.take(3) + 1,
            bits: bits.take(5) + 1,
            n_frames: u64::from(bits.take(4)) << 32 | u64::from(bits.take(32)),
        }
    }
}

/// How two channels are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stereo {
    Apart,
    LeftSide,
    SideRight,
    MidSide,
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Samples in each channel.
    pub(super) block_size: usize,
    pub(super) rate_hz: u32,
    pub(super) n_channels: usize,
    pub(super) bits: u32,
    stereo: Stereo,
    /// Number of the frame, or of its first sample.
    number: u64,
    counts_samples: bool,
    /// Bytes of the header.
    n_bytes: usize,
}

impl FrameHeader {
    /// `None` where no header is.
    pub(super) fn read(bytes: &[u8], info: &StreamInfo) -> Option<Self> {
        let &[0xff, second @ (0xf8 | 0xf9), sizes, layout, ..] = bytes else { return None };
        let (number, mut at) = number(bytes, 4)?;
        let mut extra = |n: usize| {
            let value = bytes.get(at..at + n)?.iter().fold(0, |value, &byte| value << 8 | u32::from(byte));
            at += n;
            Some(value)
        };
        let block_size = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => extra(1)? + 1,
            7 => extra(2)? + 1,
            code => 256 << (code - 8),
        };
        const RATES_HZ: [u32; 11] =
            [88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
        let rate_hz = match sizes & 15 {
            0 => info.rate_hz,
            code @ 1..=11 => RATES_HZ[usize::from(code) - 1],
            12 => extra(1)? * 1000,
            13 => extra(2)?,
            14 => extra(2)? * 10,
            _ => return None,
        };
        let (n_channels, stereo) = match layout >> 4 {
            code @ 0..=7 => (usize::from(code) + 1, Stereo::Apart),
            8 => (2, Stereo::LeftSide),
            9 => (2, Stereo::SideRight),
            10 => (2, Stereo::MidSide),
            _ => return None,
        };
        let bits = match (layout >> 1) & 7 {
            0 => info.bits,
            1 => 8,
            2 => 12,
            4 => 16,
            5 => 20,
            6 => 24,
            7 => 32,
            _ => return None,
        };
        let whole = layout & 1 == 0 && *bytes.get(at)? == crc8(&bytes[..at]);
        whole.then_some(Self {
            block_size: block_size as usize,
            rate_hz,
            n_channels,
            bits,
            stereo,
            number,
            counts_samples: second == 0xf9,
            n_bytes: at + 1,
        })
    }

    /// Number of the first sample, where blocks but the last have `block_size` samples each.
    pub(super) fn first_sample(&self, block_size: u32) -> u64 {
        if self.counts_samples { self.number } else { self.number * u64::from(block_size) }
    }
}

/// The number at `at`, of one to seven bytes like a character of UTF-8, and the place behind it.
fn number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let n_more = match first.leading_ones() {
        0 => return Some((u64::from(first), at + 1)),
        n @ 2..=7 => n as usize - 1,
        _ => return None,
    };
    let mut value = u64::from(first & (0x3f >> n_more));
    for &byte in bytes.get(at + 1..at + 1 + n_more)? {
        if byte & 0xc0 != 0x80 {
            return None;
        }
        value = value << 6 | u64::from(byte & 0x3f);
    }
    Some((value, at + 1 + n_more))
}

/// The frame at the beginning of `bytes` into `channels`, of which there are enough. Returns its length in bytes, or
/// `None` where it is not whole or fails its checksum.
pub(super) fn decode(bytes: &[u8], header: &FrameHeader, channels: &mut [Vec<i32>]) -> Option<usize> {
    pulp::Arch::new().dispatch(Decode { bytes, header, channels })
}

/// One call of [`decode`], to be compiled for each set of instructions: counting zeros is slow without one for it.
struct Decode<'a> {
    bytes: &'a [u8],
    header: &'a FrameHeader,
    channels: &'a mut [Vec<i32>],
}

impl pulp::WithSimd for Decode<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Option<usize> {
        decode_with(self.bytes, self.header, self.channels)
    }
}

#[inline(always)]
fn decode_with(bytes: &[u8], header: &FrameHeader, channels: &mut [Vec<i32>]) -> Option<usize> {
    let mut bits = Bits::new(&bytes[header.n_bytes..]);
    for (i, channel) in channels.iter_mut().enumerate().take(header.n_channels) {
        let is_side =
            matches!((header.stereo, i), (Stereo::LeftSide, 1) | (Stereo::SideRight, 0) | (Stereo::MidSide, 1));
        channel.resize(header.block_size, 0);
        subframe::decode(&mut bits, header.bits + u32::from(is_side), channel)?;
    }
    let end = header.n_bytes + bits.align();
    let checksum = bytes.get(end..end + 2)?;
    if crc16(&bytes[..end]).to_be_bytes() != checksum {
        return None;
    }
    if let [first, second, ..] = channels {
        join(header.stereo, first, second);
    }
    Some(end + 2)
}

/// Left and right from what is stored.
fn join(stereo: Stereo, first: &mut [i32], second: &mut [i32]) {
    let pairs = first.iter_mut().zip(second);
    match stereo {
        Stereo::Apart => {}
        Stereo::LeftSide => pairs.for_each(|(left, side)| *side = left.wrapping_sub(*side)),
        Stereo::SideRight => pairs.for_each(|(side, right)| *side = side.wrapping_add(*right)),
        Stereo::MidSide => pairs.for_each(|(mid, side)| {
            // The last bit of the sum is that of the difference.
            let sum = mid.wrapping_shl(1) | (*side & 1);
            (*mid, *side) = (sum.wrapping_add(*side) >> 1, sum.wrapping_sub(*side) >> 1);
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_to_seven_bytes() {
        assert_eq!(number(&[0x7f], 0), Some((0x7f, 1)));
        assert_eq!(number(&[9, 0xc2, 0x80], 1), Some((0x80, 3)));
        assert_eq!(number(&[0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf], 0), Some((0xf_ffff_ffff, 7)));
        assert_eq!(number(&[0xc2, 0x00], 0), None);
        assert_eq!(number(&[0x80], 0), None);
        assert_eq!(number(&[0xff], 0), None);
        assert_eq!(number(&[0xe0, 0x80], 0), None);
    }

    #[test]
    fn left_and_right_come_back() {
        for (left, right) in [(5, 3), (-7, 4), (0, -1), (-32768, 32767)] {
            for stereo in [Stereo::Apart, Stereo::LeftSide, Stereo::SideRight, Stereo::MidSide] {
                let side = left - right;
                let (mut first, mut second) = match stereo {
                    Stereo::Apart => ([left], [right]),
                    Stereo::LeftSide => ([left], [side]),
                    Stereo::SideRight => ([side], [right]),
                    Stereo::MidSide => ([(left + right) >> 1], [side]),
                };
                join(stereo, &mut first, &mut second);
                assert_eq!((first, second), ([left], [right]), "{stereo:?}");
            }
        }
    }
}
