//! WAV and its two 64-bit relatives: chunks, format, and PCM straight to samples. Other payloads go on to symphonia.

use std::path::Path;

use crate::damage::Damage;
use crate::decode::{Decoded, Until};
use crate::error::{Error, Result};
use crate::room::with_room;
use crate::sniff::{CONVERT, Format, WavContainer};
use crate::{companding, stream};

/// Payload formats by their tag in the `fmt ` chunk.
mod tag {
    pub(super) const PCM: u16 = 0x0001;
    pub(super) const MS_ADPCM: u16 = 0x0002;
    pub(super) const FLOAT: u16 = 0x0003;
    pub(super) const A_LAW: u16 = 0x0006;
    pub(super) const MU_LAW: u16 = 0x0007;
    pub(super) const IMA_ADPCM: u16 = 0x0011;
    pub(super) const MP3: u16 = 0x0055;
    pub(super) const EXTENSIBLE: u16 = 0xfffe;
    /// Tags that are refused by name.
    pub(super) const NAMED: [(u16, &str); 7] = [
        (0x0031, "GSM 6.10"),
        (0x0040, "G.721"),
        (0x0050, "MPEG audio layer I or II"),
        (0x0161, "Windows Media Audio"),
        (0x2000, "AC-3"),
        (0x674f, "Vorbis"),
        (0xf1ac, "FLAC"),
    ];
}

/// The `fmt ` chunk.
#[derive(Debug, Clone, Copy)]
struct Fmt {
    tag: u16,
    n_channels: u16,
    rate_hz: u32,
    block_bytes: u16,
    bits: u16,
}

/// What the chunks say, and where the payload lies.
struct Layout<'a> {
    fmt: Option<(Fmt, &'a [u8])>,
    data: Option<Payload<'a>>,
    /// Frames of a compressed payload, from the `fact` chunk.
    fact_frames: Option<u32>,
}

struct Payload<'a> {
    bytes: &'a [u8],
    /// `None`: the writer did not know (streamed).
    declared_bytes: Option<u64>,
}

/// Decodes a WAV, RF64 or W64 file.
pub(crate) fn decode(bytes: &[u8], container: WavContainer, path: &Path, until: Option<Until>) -> Result<Decoded> {
    let format = match container {
        WavContainer::Riff => "wav",
        WavContainer::Rf64 => "rf64",
        WavContainer::W64 => "w64",
    };
    let fail = |message: String| Error::Decode { path: path.to_owned(), operation: "WAV header", message };
    let layout = chunks(bytes, container);
    let (mut fmt, fmt_bytes) = layout.fmt.ok_or_else(|| fail("expected a fmt chunk of 16 bytes, found none".into()))?;
    if fmt.n_channels == 0 {
        return Err(fail("expected at least 1 channel, got 0".into()));
    }
    if fmt.tag == tag::EXTENSIBLE {
        // The tag moves into the first two bytes of the sub-format.
        fmt.tag = u16_at(fmt_bytes, 24).ok_or_else(|| fail("the extensible fmt chunk has no sub-format".into()))?;
    }
    let n_channels = usize::from(fmt.n_channels);
    let Some(mut payload) = layout.data else {
        return Ok(Decoded {
            rate_hz: fmt.rate_hz,
            channels: vec![Vec::new(); n_channels],
            format: format.to_owned(),
            codec: codec_name(&fmt),
            bits: None,
            declared_frames: None,
            damage: vec![Damage::HeaderOnly],
            stopped: false,
        });
    };
    match fmt.tag {
        tag::PCM | tag::FLOAT | tag::A_LAW | tag::MU_LAW => {}
        tag::MP3 | tag::MS_ADPCM | tag::IMA_ADPCM => {
            let mut decoded = if fmt.tag == tag::MP3 {
                stream::decode(payload.bytes, Format::Mp3, path, until)?
            } else {
                stream::decode_wav(&riff(fmt_bytes, payload.bytes), path, until)?
            };
            decoded.format = format.to_owned();
            decoded.declared_frames = layout.fact_frames.filter(|&frames| frames > 0).map(u64::from);
            if payload.declared_bytes.is_some_and(|declared| declared > payload.bytes.len() as u64) {
                decoded.damage.push(Damage::Tail("the header's data chunk is longer than the file".into()));
            }
            return Ok(decoded);
        }
        other => {
            let name = tag::NAMED.iter().find(|(tag, _)| *tag == other).map_or("unknown codec", |(_, name)| *name);
            let format = format!("{name} in WAV (format tag 0x{other:04x})");
            return Err(Error::Unsupported { path: path.to_owned(), format, advice: CONVERT });
        }
    }
    let sample_bytes = sample_bytes(&fmt);
    let stride = usize::from(fmt.block_bytes).max(sample_bytes * n_channels);
    let enough = until.map_or(usize::MAX, |until| until.n_frames(fmt.rate_hz).saturating_mul(stride));
    let stopped = payload.bytes.len() > enough;
    if stopped {
        payload.bytes = &payload.bytes[..enough];
    }
    let channels = match (fmt.tag, sample_bytes) {
        (tag::PCM, 1) => planes(payload.bytes, n_channels, stride, |[b]: [u8; 1]| (f32::from(b) - 128.0) / 128.0),
        (tag::PCM, 2) => planes(payload.bytes, n_channels, stride, |b| f32::from(i16::from_le_bytes(b)) / 32768.0),
        (tag::PCM, 3) => planes(payload.bytes, n_channels, stride, |[a, b, c]: [u8; 3]| {
            i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0
        }),
        (tag::PCM, 4) => planes(payload.bytes, n_channels, stride, |b| i32::from_le_bytes(b) as f32 / 2_147_483_648.0),
        (tag::FLOAT, 4) => planes(payload.bytes, n_channels, stride, f32::from_le_bytes),
        (tag::FLOAT, 8) => planes(payload.bytes, n_channels, stride, |b| f64::from_le_bytes(b) as f32),
        (tag::A_LAW, 1) => planes(payload.bytes, n_channels, stride, |[b]: [u8; 1]| companding::a_law(b)),
        (tag::MU_LAW, 1) => planes(payload.bytes, n_channels, stride, |[b]: [u8; 1]| companding::mu_law(b)),
        _ => return Err(fail(format!("expected 8, 16, 24 or 32 bits (64 for float), got {} bits", fmt.bits))),
    };
    Ok(Decoded {
        rate_hz: fmt.rate_hz,
        channels,
        format: format.to_owned(),
        codec: codec_name(&fmt),
        bits: Some(u32::from(fmt.bits)),
        declared_frames: payload.declared_bytes.map(|bytes| bytes / stride as u64),
        damage: Vec::new(),
        stopped,
    })
}

fn codec_name(fmt: &Fmt) -> String {
    match fmt.tag {
        tag::PCM if sample_bytes(fmt) == 1 => "pcm_u8".to_owned(),
        tag::PCM => format!("pcm_s{}", 8 * sample_bytes(fmt)),
        tag::FLOAT => format!("pcm_f{}", fmt.bits),
        tag::A_LAW => "alaw".to_owned(),
        tag::MU_LAW => "mulaw".to_owned(),
        other => format!("wav_0x{other:04x}"),
    }
}

/// Bytes that one sample of one channel takes. Odd depths (12, 20 bits) sit in the next whole number of bytes, at
/// the top of it, unless the block says that they take more.
fn sample_bytes(fmt: &Fmt) -> usize {
    let least = usize::from(fmt.bits.div_ceil(8));
    let n_channels = usize::from(fmt.n_channels.max(1));
    let per_channel = usize::from(fmt.block_bytes) / n_channels;
    let fits = usize::from(fmt.block_bytes) == per_channel * n_channels && per_channel >= least && per_channel <= 4;
    if fmt.tag == tag::PCM && fits { per_channel } else { least }
}

/// Splits interleaved samples of `B` bytes into one vector a channel; a last partial frame is left out.
fn planes<const B: usize>(
    data: &[u8],
    n_channels: usize,
    stride: usize,
    to_f32: impl Fn([u8; B]) -> f32,
) -> Vec<Vec<f32>> {
    if n_channels == 1 && stride == B {
        let (samples, _) = data.as_chunks::<B>();
        let mut plane = with_room(samples.len());
        plane.extend(samples.iter().map(|&sample| to_f32(sample)));
        return vec![plane];
    }
    // One pass a channel: a known length each, which is much faster than pushing to all of them by turns.
    (0..n_channels)
        .map(|channel| {
            let sample = |frame: &[u8]| frame[channel * B..].first_chunk().map_or(0.0, |sample| to_f32(*sample));
            let mut plane = with_room(data.len() / stride);
            plane.extend(data.chunks_exact(stride).map(sample));
            plane
        })
        .collect()
}

/// Walks the chunks as far as they go.
fn chunks(bytes: &[u8], container: WavContainer) -> Layout<'_> {
    let wide = container == WavContainer::W64;
    let (name_bytes, header_bytes, align) = if wide { (16, 24, 8) } else { (4, 8, 2) };
    let mut at = if wide { 40 } else { 12 };
    let mut layout = Layout { fmt: None, data: None, fact_frames: None };
    let mut data_size_64 = None;
    while let Some(header) = bytes.get(at..at + header_bytes) {
        let body = at + header_bytes;
        let size = if wide {
            u64_at(header, name_bytes).unwrap_or(0).saturating_sub(header_bytes as u64)
        } else {
            u64::from(u32_at(header, name_bytes).unwrap_or(0))
        };
        let end = usize::try_from(size).ok().and_then(|size| body.checked_add(size)).unwrap_or(usize::MAX);
        let contents = &bytes[body..end.min(bytes.len())];
        match &header[..4] {
            b"ds64" => data_size_64 = u64_at(contents, 8),
            b"fmt " => layout.fmt = parse_fmt(contents).map(|fmt| (fmt, contents)),
            b"fact" => layout.fact_frames = u32_at(contents, 0),
            b"data" => {
                layout.data = Some(payload(bytes, body, size, data_size_64.filter(|_| !wide)));
                // The format may come after the data, but only where the data has an end.
                if layout.fmt.is_some() {
                    break;
                }
            }
            _ => {}
        }
        at = match end.checked_next_multiple_of(align) {
            Some(next) => next,
            None => break,
        };
    }
    layout
}

fn payload(bytes: &[u8], body: usize, size: u64, size_64: Option<u64>) -> Payload<'_> {
    let rest = &bytes[body..];
    let declared = match size {
        // RF64 keeps the real size in ds64.
        0xffff_ffff => size_64.filter(|&size| size != 0 && size != u64::MAX),
        0 if !only_chunks(rest) => None,
        size => Some(size),
    };
    let length = declared.map_or(rest.len(), |size| usize::try_from(size).unwrap_or(usize::MAX).min(rest.len()));
    Payload { bytes: &rest[..length], declared_bytes: declared }
}

/// Whether nothing but whole chunks follows: then a data size of 0 means what it says.
fn only_chunks(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let (Some(name), Some(size)) = (rest.get(..4), u32_at(rest, 4)) else { return false };
        let end = 8 + (size as usize).next_multiple_of(2);
        if !name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') || end > rest.len() + 1 {
            return false;
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    true
}

fn parse_fmt(body: &[u8]) -> Option<Fmt> {
    Some(Fmt {
        tag: u16_at(body, 0)?,
        n_channels: u16_at(body, 2)?,
        rate_hz: u32_at(body, 4)?,
        block_bytes: u16_at(body, 12)?,
        bits: u16_at(body, 14)?,
    })
}

/// A RIFF file of just these two chunks, with sizes that are true.
fn riff(fmt: &[u8], data: &[u8]) -> Vec<u8> {
    let padded = |length: usize| length.next_multiple_of(2);
    let total = 4 + 8 + padded(fmt.len()) + 8 + data.len();
    let mut out = Vec::with_capacity(8 + total);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(total as u32).to_le_bytes());
    out.extend_from_slice(b"WAVE");
    for (name, body) in [(b"fmt ", fmt), (b"data", data)] {
        out.extend_from_slice(name);
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(body);
        if name == b"fmt " {
            out.resize(20 + padded(fmt.len()), 0);
        }
    }
    out
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_depths_take_whole_bytes() {
        let fmt = |bits, block_bytes, n_channels| Fmt { tag: tag::PCM, n_channels, rate_hz: 1, block_bytes, bits };
        assert_eq!(sample_bytes(&fmt(12, 2, 1)), 2);
        assert_eq!(sample_bytes(&fmt(20, 6, 2)), 3);
        assert_eq!(sample_bytes(&fmt(24, 8, 2)), 4);
        assert_eq!(sample_bytes(&fmt(16, 0, 2)), 2);
    }

    #[test]
    fn a_zero_data_size_is_believed_only_before_whole_chunks() {
        assert!(only_chunks(b""));
        assert!(only_chunks(b"LIST\x02\0\0\0ab"));
        assert!(!only_chunks(b"\x01\x02\x03\x04\x05\x06\x07\x08"));
        assert!(!only_chunks(b"LIST\xff\0\0\0ab"));
    }

    #[test]
    fn channels_are_taken_apart_and_a_partial_frame_is_left_out() {
        let channels = planes(&[1, 2, 3, 4, 5], 2, 2, |[b]: [u8; 1]| f32::from(b));
        assert_eq!(channels, [vec![1.0, 3.0], vec![2.0, 4.0]]);
    }
}
