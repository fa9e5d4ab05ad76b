//! WAV and its two 64-bit relatives: chunks, format, and PCM straight to samples. Other payloads go on to symphonia.

mod fmt;

use std::path::Path;

use crate::chunks::Style;
use crate::damage::Damage;
use crate::decoded::{Decoded, Until};
use crate::error::{Error, Result};
use crate::extent::{Claim, Extent, is_streamed};
use crate::limits::{check_channels, check_rate};
use crate::room::try_with_room;
use crate::sniff::{CONVERT, Format, WavContainer};
use crate::{companding, stream};
use fmt::{Finding, Fmt, tag, u16_at, u32_at, u64_at};

/// The chunks that decoding needs.
struct Layout<'a> {
    fmt: Option<(Fmt, &'a [u8])>,
    data: Option<(&'a [u8], Extent)>,
    /// Frames of a compressed payload, from the `fact` chunk.
    fact_frames: Option<u32>,
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
    if fmt.tag == tag::EXTENSIBLE {
        // The tag moves into the first two bytes of the sub-format.
        fmt.tag = u16_at(fmt_bytes, 24).ok_or_else(|| fail("the extensible fmt chunk has no sub-format".into()))?;
    }
    let finding = fmt.settle();
    if fmt.n_channels == 0 {
        return Err(fail("expected at least 1 channel, got 0".into()));
    }
    let n_channels = usize::from(fmt.n_channels);
    if fmt.tag != tag::MP3 {
        // MPEG frames carry a rate of their own.
        check_rate(fmt.rate_hz, path)?;
    }
    check_channels(n_channels, path)?;
    let mut decoded = Decoded {
        rate_hz: fmt.rate_hz,
        channels: vec![Vec::new(); n_channels],
        format: format.to_owned(),
        codec: fmt.codec(),
        bits: None,
        declared_frames: None,
        damage: Vec::new(),
        notes: Vec::new(),
        stopped: false,
    };
    match finding {
        Some(Finding::Contradiction(text)) => decoded.damage.push(Damage::Header(text)),
        Some(Finding::Note(text)) => decoded.notes.push(text),
        None => {}
    }
    let Some((mut payload, extent)) = layout.data else {
        decoded.damage.push(Damage::HeaderOnly);
        return Ok(decoded);
    };
    decoded.damage.extend(extent.damage);
    decoded.notes.extend(extent.note);
    match fmt.tag {
        tag::PCM | tag::FLOAT | tag::A_LAW | tag::MU_LAW => {}
        tag::MP3 | tag::MS_ADPCM | tag::IMA_ADPCM => {
            let inner = if fmt.tag == tag::MP3 {
                stream::decode(payload, Format::Mp3, path, until)?
            } else {
                stream::decode_wav(&riff(fmt_bytes, payload), path, until)?
            };
            let n_decoded = inner.n_frames() as u64;
            decoded.damage.extend(inner.damage);
            decoded.notes.extend(inner.notes);
            if extent.declared.is_some_and(|declared| declared > payload.len() as u64) {
                decoded.damage.push(Damage::Tail("the header's data chunk is longer than the file".into()));
            }
            let fact = layout.fact_frames.map(u64::from).filter(|&frames| frames > 0 && !is_streamed(frames));
            // Where decoding stopped early, a count that is too small is no length.
            let is_length = |&frames: &u64| !inner.stopped || frames > n_decoded;
            return Ok(Decoded {
                format: decoded.format,
                declared_frames: fact.filter(is_length).or(if inner.stopped { inner.declared_frames } else { None }),
                damage: decoded.damage,
                notes: decoded.notes,
                ..inner
            });
        }
        other => {
            let name = tag::NAMED.iter().find(|(tag, _)| *tag == other).map_or("unknown codec", |(_, name)| *name);
            let format = format!("{name} in WAV (format tag 0x{other:04x})");
            return Err(Error::Unsupported { path: path.to_owned(), format, advice: CONVERT });
        }
    }
    let sample_bytes = fmt.sample_bytes();
    let stride = usize::from(fmt.block_bytes).max(sample_bytes * n_channels);
    let enough = until.map_or(usize::MAX, |until| until.n_frames(fmt.rate_hz).saturating_mul(stride));
    decoded.stopped = payload.len() > enough;
    if decoded.stopped {
        payload = &payload[..enough];
    }
    decoded.channels = match (fmt.tag, sample_bytes) {
        (tag::PCM, 1) => planes(payload, n_channels, stride, |[b]: [u8; 1]| (f32::from(b) - 128.0) / 128.0),
        (tag::PCM, 2) => planes(payload, n_channels, stride, |b| f32::from(i16::from_le_bytes(b)) / 32768.0),
        (tag::PCM, 3) => planes(payload, n_channels, stride, |[a, b, c]: [u8; 3]| {
            i32::from_le_bytes([0, a, b, c]) as f32 / 2_147_483_648.0
        }),
        (tag::PCM, 4) => planes(payload, n_channels, stride, |b| i32::from_le_bytes(b) as f32 / 2_147_483_648.0),
        (tag::FLOAT, 4) => planes(payload, n_channels, stride, f32::from_le_bytes),
        (tag::FLOAT, 8) => planes(payload, n_channels, stride, |b| f64::from_le_bytes(b) as f32),
        (tag::A_LAW, 1) => planes(payload, n_channels, stride, |[b]: [u8; 1]| companding::a_law(b)),
        (tag::MU_LAW, 1) => planes(payload, n_channels, stride, |[b]: [u8; 1]| companding::mu_law(b)),
        _ => return Err(fail(format!("expected 8, 16, 24 or 32 bits (64 for float), got {} bits", fmt.bits))),
    }?;
    decoded.bits = Some(u32::from(fmt.bits));
    decoded.declared_frames = extent.declared.map(|bytes| bytes / stride as u64);
    Ok(decoded)
}

/// Splits interleaved samples of `B` bytes into one vector per channel; a last partial frame is left out.
fn planes<const B: usize>(
    data: &[u8],
    n_channels: usize,
    stride: usize,
    to_f32: impl Fn([u8; B]) -> f32,
) -> Result<Vec<Vec<f32>>> {
    if n_channels == 1 && stride == B {
        let (samples, _) = data.as_chunks::<B>();
        let mut plane = try_with_room(samples.len())?;
        plane.extend(samples.iter().map(|&sample| to_f32(sample)));
        return Ok(vec![plane]);
    }
    // One pass per channel: a known length each, which is much faster than pushing to all of them by turns.
    (0..n_channels)
        .map(|channel| {
            let sample = |frame: &[u8]| frame[channel * B..].first_chunk().map_or(0.0, |sample| to_f32(*sample));
            let mut plane = try_with_room(data.len() / stride)?;
            plane.extend(data.chunks_exact(stride).map(sample));
            Ok(plane)
        })
        .collect()
}

/// Walks the chunks as far as they go.
fn chunks(bytes: &[u8], container: WavContainer) -> Layout<'_> {
    let style = if container == WavContainer::W64 { Style::W64 } else { Style::Riff };
    let mut at = if style == Style::W64 { 40 } else { 12 };
    let mut layout = Layout { fmt: None, data: None, fact_frames: None };
    let mut data_size_64 = None;
    while let Some(chunk) = style.read(bytes, at) {
        let (end, next) = style.end(&chunk);
        let contents = &bytes[chunk.body..end.min(bytes.len())];
        match &chunk.name {
            b"ds64" => data_size_64 = u64_at(contents, 8),
            b"fmt " => layout.fmt = Fmt::read(contents).map(|fmt| (fmt, contents)),
            b"fact" => layout.fact_frames = u32_at(contents, 0),
            b"data" => {
                let rest = &bytes[chunk.body..];
                let declared = match chunk.size {
                    // RF64 keeps the real size in ds64.
                    0xffff_ffff if style == Style::Riff => data_size_64.filter(|&size| size != 0 && size != u64::MAX),
                    size => Some(size),
                };
                let outer = outer_size(bytes, style).and_then(|size| size.checked_sub(chunk.body as u64));
                let extent = Claim { rest, declared, outer, style }.settle();
                layout.data = Some((&rest[..extent.n_bytes], extent));
                // The format may come after the data, but only where the data has an end.
                if layout.fmt.is_some() {
                    break;
                }
            }
            _ => {}
        }
        at = match next {
            Some(next) => next,
            None => break,
        };
    }
    layout
}

/// Where the outer chunk of a RIFF file ends by its own size, where it is one.
fn outer_size(bytes: &[u8], style: Style) -> Option<u64> {
    let size = u32_at(bytes, 4).filter(|_| style == Style::Riff).map(u64::from)?;
    (size > 0 && !is_streamed(size)).then_some(size + 8)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_taken_apart_and_a_partial_frame_is_left_out() {
        let channels = planes(&[1, 2, 3, 4, 5], 2, 2, |[b]: [u8; 1]| f32::from(b)).unwrap();
        assert_eq!(channels, [vec![1.0, 3.0], vec![2.0, 4.0]]);
    }
}
