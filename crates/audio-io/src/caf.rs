//! Core Audio files: the chunks that decoding needs, with sizes that are true, go on to symphonia.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::blocks::{Contained, Ending, Opened};
use crate::chunks::{Chunk, Style};
use crate::damage::Damage;
use crate::error::{Error, Result};
use crate::extent::Claim;
use crate::limits::{check_channels, check_packets, check_rate};
use crate::sniff::Format;
use crate::source::{Shared, Spliced, View};
use crate::stream;

/// Bytes of a chunk other than the sound that are kept: a table of packets has one to three bytes for each.
const MAX_CHUNK_BYTES: usize = 1 << 26;

/// Bytes of the format's description.
const DESCRIPTION_BYTES: usize = 32;

/// Bytes that a description of one channel takes.
const CHANNEL_BYTES: usize = 20;

/// Opens a file that begins with `caff`.
pub(crate) fn open<'a>(source: Shared<'a>, path: &Path) -> Result<Opened<'a>> {
    let fail = |message: &str| Error::Decode { path: path.to_owned(), operation: "open", message: message.to_owned() };
    let bytes = View::new(&*source);
    let mut description = None;
    let mut data = None;
    let mut kept = Vec::new();
    let mut at = 8;
    while let Some(chunk) = Style::Caf.read(bytes, at) {
        let (end, next) = Style::Caf.end(&chunk);
        let body = || {
            let is_whole = end <= bytes.len() && end - chunk.body <= MAX_CHUNK_BYTES as u64;
            is_whole.then(|| bytes.from(chunk.body).first(end - chunk.body).bytes(MAX_CHUNK_BYTES))
        };
        match &chunk.name {
            b"desc" if description.is_none() => {
                description = body().and_then(|body| body.first_chunk::<DESCRIPTION_BYTES>().copied());
            }
            b"data" if data.is_none() => data = Some(chunk),
            b"chan" | b"kuki" | b"pakt" if description.is_some() => {
                let count = |body: &[u8]| u32_at(body, 8) as usize;
                let is_sound = |body: &Vec<u8>| {
                    &chunk.name != b"chan" || (body.len() >= 12 && (body.len() - 12) / CHANNEL_BYTES >= count(body))
                };
                if let Some(body) = body().filter(is_sound) {
                    push(&mut kept, &chunk.name, &body);
                }
            }
            _ => {}
        }
        at = match next {
            Some(next) => next,
            None => break,
        };
    }
    let mut description = description.ok_or_else(|| fail("expected a desc chunk of 32 bytes, found none"))?;
    let rate_hz = f64::from_be_bytes(*description.first_chunk().unwrap_or(&[0; 8]));
    check_rate(rate_hz as u32, path)?;
    check_channels(u32_at(&description, 24) as usize, path)?;
    let Extracted { payload, mut ending, declared_bytes } = extract(bytes, data);
    if let Some(message) = settle_packets(&mut description) {
        ending.damage.push(Damage::Header(message));
    }
    check_packets(u64::from(u32_at(&description, 20)), path)?;
    let mut head = bytes.bytes(8);
    push(&mut head, b"desc", &description);
    head.extend_from_slice(&kept);
    head.extend_from_slice(b"data");
    head.extend_from_slice(&(payload.end - payload.start + 4).to_be_bytes());
    head.extend_from_slice(&[0; 4]);
    let rebuilt = Spliced::new(head, source, payload, Vec::new());
    let inner = stream::open(Arc::new(rebuilt), Format::Caf, path)?;
    let (packet_bytes, packet_frames) = (u64::from(u32_at(&description, 16)), u64::from(u32_at(&description, 20)));
    let declared_frames = declared_bytes
        .filter(|_| packet_bytes > 0 && packet_frames > 0)
        .map(|bytes| (bytes / packet_bytes).saturating_mul(packet_frames))
        .or(inner.declared_frames);
    let join = move |inner: Ending, _: u64, _: bool| {
        let mut ending = ending.clone();
        ending.damage.extend(inner.damage);
        ending.notes.extend(inner.notes);
        Ending { declared_frames, ..ending }
    };
    let blocks = Box::new(Contained { inner: inner.blocks, join });
    Ok(Opened { declared_frames, blocks, ..inner })
}

/// The sound, and what was unusual about its size.
#[derive(Default)]
struct Extracted {
    payload: Range<u64>,
    ending: Ending,
    declared_bytes: Option<u64>,
}

/// Finds the sound behind the header of the data chunk, which begins with an edit count that is not needed.
fn extract(bytes: View<'_>, data: Option<Chunk>) -> Extracted {
    let Some(chunk) = data else { return Extracted::default() };
    let begin = (chunk.body + 4).min(bytes.len());
    let is_open = chunk.size == u64::MAX;
    let declared = (!is_open).then_some(chunk.size.saturating_sub(4));
    let extent = Claim { rest: bytes.from(begin), declared, outer: None, style: Style::Caf }.settle();
    // Allowed for the last chunk: the file was streamed or never finished.
    let damage = extent.damage.into_iter().chain(is_open.then_some(Damage::OpenEnd)).collect();
    let notes = extent.note.into_iter().filter(|_| !is_open).collect();
    let ending = Ending { declared_frames: None, damage, notes };
    Extracted { payload: begin..begin + extent.n_bytes, ending, declared_bytes: extent.declared }
}

/// Brings the packets of uncompressed sound in line with its channels and bits.
fn settle_packets(description: &mut [u8; DESCRIPTION_BYTES]) -> Option<String> {
    let field = |at: usize| u32_at(&*description, at);
    let (bytes, frames, channels, bits) = (field(16), field(20), field(24), field(28));
    let expected = channels.saturating_mul(bits.div_ceil(8));
    if &description[8..12] != b"lpcm" || expected == 0 || (bytes, frames) == (expected, 1) {
        return None;
    }
    description[16..20].copy_from_slice(&expected.to_be_bytes());
    description[20..24].copy_from_slice(&1u32.to_be_bytes());
    Some(format!(
        "{channels} channels of {bits} bits, packets of {bytes} bytes and {frames} frames: read as frames of {expected} bytes"
    ))
}

fn push(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
    out.extend_from_slice(body);
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoded;

    fn caf(rate_hz: f64, packet_bytes: u32, size: i64, samples: &[i16]) -> Vec<u8> {
        let mut description = rate_hz.to_be_bytes().to_vec();
        description.extend_from_slice(b"lpcm\0\0\0\0");
        for number in [packet_bytes, 1, 1, 16] {
            description.extend_from_slice(&number.to_be_bytes());
        }
        let mut out = b"caff\0\x01\0\0".to_vec();
        push(&mut out, b"desc", &description);
        push(&mut out, b"free", &[0; 100]);
        out.extend_from_slice(b"data");
        out.extend_from_slice(&size.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
        out
    }

    fn read(bytes: &[u8]) -> Decoded {
        crate::decode_bytes(bytes, Path::new("a.caf")).unwrap()
    }

    #[test]
    fn the_size_of_the_sound_may_be_right_open_or_wrong() {
        let samples: Vec<i16> = (0..500).map(|i| i * 60).collect();
        let whole = read(&caf(8000.0, 2, 1004, &samples));
        assert_eq!((whole.rate_hz, whole.n_frames(), whole.declared_frames), (8000, 500, Some(500)));
        assert!(whole.damage.is_empty() && whole.notes.is_empty(), "{whole:?}");
        assert_eq!(whole.channels[0][300], 18_000.0 / 32_768.0);
        let open = read(&caf(8000.0, 2, -1, &samples));
        assert_eq!((open.n_frames(), open.damage.as_slice()), (500, &[Damage::OpenEnd][..]));
        let cut = read(&caf(8000.0, 2, 2004, &samples));
        assert_eq!((cut.n_frames(), cut.declared_frames), (500, Some(1000)));
    }

    #[test]
    fn packets_that_contradict_bits_and_channels_are_settled() {
        let samples: Vec<i16> = (0..500).map(|i| i * 60).collect();
        for packet_bytes in [0, 4, u32::MAX] {
            let decoded = read(&caf(8000.0, packet_bytes, 1004, &samples));
            assert_eq!(decoded.n_frames(), 500);
            assert!(matches!(decoded.damage[..], [Damage::Header(_)]), "{:?}", decoded.damage);
        }
        assert!(crate::decode_bytes(&caf(1.0, 2, 1004, &samples), Path::new("a.caf")).is_err());
    }
}
