//! WAV and its two 64-bit relatives: chunks, format, and PCM straight to samples. Other payloads go on to symphonia.

mod fmt;
mod pcm;

use std::path::Path;
use std::sync::Arc;

use crate::blocks::{Contained, Ending, NoSound, Opened};
use crate::chunks::Style;
use crate::damage::Damage;
use crate::error::{Error, Result};
use crate::extent::{Claim, Extent, is_streamed};
use crate::limits::{check_channels, check_rate};
use crate::sniff::{CONVERT, Format, WavContainer};
use crate::source::{Shared, Spliced, View};
use crate::stream;
use fmt::{Finding, Fmt, tag, u16_at, u32_at, u64_at};
use pcm::Pcm;

/// Bytes of a chunk other than the sound that are looked at.
const MAX_CHUNK_BYTES: usize = 1 << 12;

/// The chunks that decoding needs.
struct Layout {
    fmt: Option<(Fmt, Vec<u8>)>,
    /// Where the sound begins, and how much there is.
    data: Option<(u64, Extent)>,
    /// Frames of a compressed payload, from the `fact` chunk.
    fact_frames: Option<u32>,
}

/// Opens a WAV, RF64 or W64 file.
pub(crate) fn open<'a>(source: Shared<'a>, container: WavContainer, path: &Path) -> Result<Opened<'a>> {
    let format = match container {
        WavContainer::Riff => "wav",
        WavContainer::Rf64 => "rf64",
        WavContainer::W64 => "w64",
    };
    let fail = |message: String| Error::Decode { path: path.to_owned(), operation: "WAV header", message };
    let layout = chunks(View::new(&*source), container);
    let (mut fmt, fmt_bytes) = layout.fmt.ok_or_else(|| fail("expected a fmt chunk of 16 bytes, found none".into()))?;
    if fmt.tag == tag::EXTENSIBLE {
        // The tag moves into the first two bytes of the sub-format.
        fmt.tag = u16_at(&fmt_bytes, 24).ok_or_else(|| fail("the extensible fmt chunk has no sub-format".into()))?;
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
    let mut ending = Ending::default();
    match finding {
        Some(Finding::Contradiction(text)) => ending.damage.push(Damage::Header(text)),
        Some(Finding::Note(text)) => ending.notes.push(text),
        None => {}
    }
    let mut opened = Opened {
        rate_hz: fmt.rate_hz,
        n_channels,
        format,
        codec: fmt.codec(),
        bits: None,
        declared_frames: None,
        blocks: Box::new(NoSound(Ending::default())),
    };
    let Some((start, extent)) = layout.data else {
        ending.damage.push(Damage::HeaderOnly);
        opened.blocks = Box::new(NoSound(ending));
        return Ok(opened);
    };
    ending.damage.extend(extent.damage);
    ending.notes.extend(extent.note);
    let payload = start..start + extent.n_bytes;
    match fmt.tag {
        tag::PCM | tag::FLOAT | tag::A_LAW | tag::MU_LAW => {}
        tag::MP3 | tag::MS_ADPCM | tag::IMA_ADPCM => {
            let inner = if fmt.tag == tag::MP3 {
                let payload = Arc::new(Spliced::new(Vec::new(), source, payload, Vec::new()));
                stream::open(payload, Format::Mp3, path)?
            } else {
                let head = riff_head(&fmt_bytes, extent.n_bytes);
                let file = Arc::new(Spliced::new(head, source, payload, Vec::new()));
                stream::open(file, Format::Wav(WavContainer::Riff), path)?
            };
            let is_short = extent.declared.is_some_and(|declared| declared > extent.n_bytes);
            let fact = layout.fact_frames.map(u64::from).filter(|&frames| frames > 0 && !is_streamed(frames));
            let declared_frames = fact.or(inner.declared_frames);
            let join = move |inner: Ending, n_frames: u64, stopped: bool| {
                let mut ending = ending.clone();
                ending.damage.extend(inner.damage);
                ending.notes.extend(inner.notes);
                if is_short {
                    ending.damage.push(Damage::Tail("the header's data chunk is longer than the file".into()));
                }
                // Where decoding stopped early, a count that is too small is no length.
                let is_length = |&frames: &u64| !stopped || frames > n_frames;
                ending.declared_frames = fact.filter(is_length).or(if stopped { inner.declared_frames } else { None });
                ending
            };
            let blocks = Box::new(Contained { inner: inner.blocks, join });
            return Ok(Opened { format: opened.format, declared_frames, blocks, ..inner });
        }
        other => {
            let name = tag::NAMED.iter().find(|(tag, _)| *tag == other).map_or("unknown codec", |(_, name)| *name);
            let format = format!("{name} in WAV (format tag 0x{other:04x})");
            return Err(Error::Unsupported { path: path.to_owned(), format, advice: CONVERT });
        }
    }
    let blocks = Pcm::new(source, payload, &fmt, ending, path)
        .ok_or_else(|| fail(format!("expected 8, 16, 24 or 32 bits (64 for float), got {} bits", fmt.bits)))?;
    opened.bits = Some(u32::from(fmt.bits));
    opened.declared_frames = extent.declared.map(|bytes| bytes / blocks.stride() as u64);
    opened.blocks = Box::new(blocks.declaring(opened.declared_frames));
    Ok(opened)
}

/// Whether a file is of plain samples, by its beginning.
pub(crate) fn is_plain(head: View<'_>) -> bool {
    let container = if head.array(0) == Some(*b"riff") { WavContainer::W64 } else { WavContainer::Riff };
    let Some((mut fmt, bytes)) = chunks(head, container).fmt else { return false };
    if fmt.tag == tag::EXTENSIBLE {
        fmt.tag = u16_at(&bytes, 24).unwrap_or(fmt.tag);
    }
    matches!(fmt.tag, tag::PCM | tag::FLOAT | tag::A_LAW | tag::MU_LAW)
}

/// Walks the chunks as far as they go.
fn chunks(bytes: View<'_>, container: WavContainer) -> Layout {
    let style = if container == WavContainer::W64 { Style::W64 } else { Style::Riff };
    let mut at = if style == Style::W64 { 40 } else { 12 };
    let mut layout = Layout { fmt: None, data: None, fact_frames: None };
    let mut data_size_64 = None;
    while let Some(chunk) = style.read(bytes, at) {
        let (end, next) = style.end(&chunk);
        let contents = || bytes.from(chunk.body).first(end - chunk.body).bytes(MAX_CHUNK_BYTES);
        match &chunk.name {
            b"ds64" => data_size_64 = u64_at(&contents(), 8),
            b"fmt " => layout.fmt = Fmt::read(&contents()).map(|fmt| (fmt, contents())),
            b"fact" => layout.fact_frames = u32_at(&contents(), 0),
            b"data" => {
                let declared = match chunk.size {
                    // RF64 keeps the real size in ds64.
                    0xffff_ffff if style == Style::Riff => data_size_64.filter(|&size| size != 0 && size != u64::MAX),
                    size => Some(size),
                };
                let outer = outer_size(bytes, style).and_then(|size| size.checked_sub(chunk.body));
                let claim = Claim { rest: bytes.from(chunk.body), declared, outer, style };
                let extent = if bytes.is_pipe() { claim.believe() } else { claim.settle() };
                layout.data = Some((bytes.start() + chunk.body, extent));
                // The format may come after the data, but only where the data has an end.
                if layout.fmt.is_some() || bytes.is_pipe() {
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
fn outer_size(bytes: View<'_>, style: Style) -> Option<u64> {
    let size = bytes.array(4).map(u32::from_le_bytes).filter(|_| style == Style::Riff).map(u64::from)?;
    (size > 0 && !is_streamed(size)).then_some(size + 8)
}

/// A RIFF file of just these two chunks, with sizes that are true, up to the sound.
fn riff_head(fmt: &[u8], n_bytes: u64) -> Vec<u8> {
    let padded = |length: usize| length.next_multiple_of(2);
    let total = (4 + 8 + padded(fmt.len()) + 8) as u64 + n_bytes;
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(total as u32).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&(fmt.len() as u32).to_le_bytes());
    out.extend_from_slice(fmt);
    out.resize(20 + padded(fmt.len()), 0);
    out.extend_from_slice(b"data");
    out.extend_from_slice(&(n_bytes as u32).to_le_bytes());
    out
}
