//! AIFF and AIFC: the chunks with the sound, with sizes that are true, go on to symphonia.
//!
//! A recorder that was switched off leaves sizes of 0 or of a file that would have been longer. What is in the file is
//! decoded, and the difference is reported.

use std::path::Path;
use std::sync::Arc;

use crate::blocks::{Contained, Ending, Opened};
use crate::chunks::Style;
use crate::damage::Damage;
use crate::error::{Error, Result};
use crate::extent::{Claim, is_streamed};
use crate::limits::check_channels;
use crate::sniff::Format;
use crate::source::{Shared, Spliced, View};
use crate::stream;

/// Bytes of the COMM chunk that are looked at; a compressor's name is at its end.
const MAX_COMMON_BYTES: usize = 1 << 10;

/// Opens a file that begins with `FORM`.
pub(crate) fn open<'a>(source: Shared<'a>, path: &Path) -> Result<Opened<'a>> {
    let fail = |message: &str| Error::Decode { path: path.to_owned(), operation: "open", message: message.to_owned() };
    let bytes = View::new(&*source);
    let form_size = u64::from(bytes.array(4).map_or(0, u32::from_be_bytes));
    let (mut common, mut sound) = (None, None);
    let mut at = 12;
    while let Some(chunk) = Style::Aiff.read(bytes, at) {
        let (end, next) = Style::Aiff.end(&chunk);
        match &chunk.name {
            b"COMM" if common.is_none() => {
                common = Some(bytes.from(chunk.body).first(end - chunk.body).bytes(MAX_COMMON_BYTES));
            }
            b"SSND" if sound.is_none() => sound = Some(chunk),
            _ => {}
        }
        at = match next {
            Some(next) => next,
            None => break,
        };
    }
    let common = common.filter(|common| common.len() >= 18).ok_or_else(|| fail("expected a COMM chunk, found none"))?;
    check_channels(usize::from(u16_at(&common, 0)), path)?;
    let mut ending = Ending::default();
    let mut payload = 0..0;
    let mut declared_bytes = None;
    if let Some(chunk) = sound {
        // Two numbers come first: where the sound begins behind them, and a block size that is not used.
        let offset = u64::from(bytes.array(chunk.body).map_or(0, u32::from_be_bytes));
        let begin = chunk.body.saturating_add(8 + offset).min(bytes.len());
        let outer = Some(form_size).filter(|size| *size > 0 && !is_streamed(*size));
        let claim = Claim {
            rest: bytes.from(begin),
            declared: Some(chunk.size.saturating_sub(8 + offset)),
            outer: outer.and_then(|size| (size + 8).checked_sub(begin)),
            style: Style::Aiff,
        };
        let extent = claim.settle();
        payload = begin..begin + extent.n_bytes;
        declared_bytes = extent.declared;
        ending.damage.extend(extent.damage);
        ending.notes.extend(extent.note);
    }
    let form_bytes = form_size + 8;
    let n_payload = payload.end - payload.start;
    let is_short = declared_bytes.is_some_and(|declared| declared > n_payload);
    if form_bytes > bytes.len() + 1 && !is_short && ending.notes.is_empty() {
        let message = format!("cut short behind its sound: {} bytes of the {form_bytes} in its size", bytes.len());
        ending.damage.push(Damage::Header(message));
    }
    let kind = bytes.array(8).unwrap_or(*b"AIFF");
    let tail = vec![0; (n_payload % 2) as usize];
    let rebuilt = Spliced::new(head(kind, &common, n_payload), source, payload, tail);
    let inner = stream::open(Arc::new(rebuilt), Format::Aiff, path)?;
    let declared = u64::from(u32_at(&common, 2));
    let believed = declared > 0 && !is_streamed(declared);
    let declared_frames = if believed { Some(declared) } else { inner.declared_frames };
    let join = move |inner: Ending, n_frames: u64, stopped: bool| {
        let mut ending = ending.clone();
        if believed && !stopped && declared < n_frames {
            let note = format!("the header counts {declared} frames, the sound has {n_frames}: all of them are read");
            ending.notes.push(note);
        }
        ending.damage.extend(inner.damage);
        ending.notes.extend(inner.notes);
        // Where decoding stopped early, a count that is too small is no length.
        let is_length = believed && (!stopped || declared > n_frames);
        ending.declared_frames = if is_length { Some(declared) } else { inner.declared_frames };
        ending
    };
    let blocks = Box::new(Contained { inner: inner.blocks, join });
    Ok(Opened { declared_frames, blocks, ..inner })
}

/// A file of just these two chunks, up to the sound.
fn head(kind: [u8; 4], common: &[u8], n_payload: u64) -> Vec<u8> {
    let mut out = b"FORM\0\0\0\0".to_vec();
    out.extend_from_slice(&kind);
    out.extend_from_slice(b"COMM");
    out.extend_from_slice(&(common.len() as u32).to_be_bytes());
    out.extend_from_slice(common);
    out.resize(out.len().next_multiple_of(2), 0);
    out.extend_from_slice(b"SSND");
    out.extend_from_slice(&(n_payload as u32 + 8).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    let size = (out.len() as u64 - 8 + n_payload.next_multiple_of(2)) as u32;
    out[4..8].copy_from_slice(&size.to_be_bytes());
    out
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |b| u16::from_be_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decoded;

    const RATE_8000: [u8; 10] = [0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0];

    fn aiff(form_size: u32, n_frames: u32, sound_size: u32, samples: &[i16]) -> Vec<u8> {
        let mut out = b"FORM".to_vec();
        out.extend_from_slice(&form_size.to_be_bytes());
        out.extend_from_slice(b"AIFFCOMM\0\0\0\x12\0\x01");
        out.extend_from_slice(&n_frames.to_be_bytes());
        out.extend_from_slice(&[0, 16]);
        out.extend_from_slice(&RATE_8000);
        out.extend_from_slice(b"SSND");
        out.extend_from_slice(&sound_size.to_be_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
        out
    }

    fn read(bytes: &[u8]) -> Decoded {
        crate::decode_bytes(bytes, Path::new("a.aiff")).unwrap()
    }

    #[test]
    fn a_whole_file_is_whole() {
        let samples: Vec<i16> = (0..500).map(|i| i * 60).collect();
        let decoded = read(&aiff(1046, 500, 1008, &samples));
        assert_eq!((decoded.rate_hz, decoded.n_frames(), decoded.declared_frames), (8000, 500, Some(500)));
        assert_eq!(decoded.channels[0][300], 18_000.0 / 32_768.0);
        assert!(decoded.damage.is_empty() && decoded.notes.is_empty(), "{decoded:?}");
    }

    #[test]
    fn sizes_that_are_wrong_cost_nothing_of_the_sound() {
        let samples: Vec<i16> = (0..500).map(|i| i * 60).collect();
        let long = read(&aiff(0x7fff_ffff, 500, 1008, &samples));
        assert_eq!(long.n_frames(), 500);
        assert!(long.damage[0].to_string().contains("cut short behind its sound"), "{:?}", long.damage);
        let open = read(&aiff(0, 0, 0, &samples));
        assert_eq!((open.n_frames(), open.damage.len(), open.notes.len()), (500, 0, 1));
        let small = read(&aiff(1046, 500, 8 + 44, &samples));
        assert_eq!(small.n_frames(), 500);
        assert!(matches!(small.damage[..], [Damage::Header(_)]));
    }
}
