//! AIFF and AIFC: the chunks with the sound, with sizes that are true, go on to symphonia.
//!
//! A recorder that was switched off leaves sizes of 0 or of a file that would have been longer. What is in the file is
//! decoded, and the difference is reported.

use std::path::Path;

use crate::chunks::Style;
use crate::damage::Damage;
use crate::decoded::{Decoded, Until};
use crate::error::{Error, Result};
use crate::extent::{Claim, is_streamed};
use crate::limits::check_channels;
use crate::sniff::Format;
use crate::stream;

/// Decodes a file that begins with `FORM`.
pub(crate) fn decode(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let fail = |message: &str| Error::Decode { path: path.to_owned(), operation: "open", message: message.to_owned() };
    let (mut common, mut sound) = (None, None);
    let mut at = 12;
    while let Some(chunk) = Style::Aiff.read(bytes, at) {
        let (end, next) = Style::Aiff.end(&chunk);
        match &chunk.name {
            b"COMM" if common.is_none() => common = Some(&bytes[chunk.body..end.min(bytes.len())]),
            b"SSND" if sound.is_none() => sound = Some(chunk),
            _ => {}
        }
        at = match next {
            Some(next) => next,
            None => break,
        };
    }
    let common = common.filter(|common| common.len() >= 18).ok_or_else(|| fail("expected a COMM chunk, found none"))?;
    check_channels(usize::from(u16_at(common, 0)), path)?;
    let mut damage = Vec::new();
    let mut notes = Vec::new();
    let mut payload: &[u8] = &[];
    let mut declared_bytes = None;
    if let Some(chunk) = sound {
        // Two numbers come first: where the sound begins behind them, and a block size that is not used.
        let offset = bytes.get(chunk.body..).and_then(|body| body.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b));
        let begin = chunk.body.saturating_add(8).saturating_add(offset as usize).min(bytes.len());
        let outer = Some(u64::from(u32_at(bytes, 4))).filter(|size| *size > 0 && !is_streamed(*size));
        let claim = Claim {
            rest: &bytes[begin..],
            declared: Some(chunk.size.saturating_sub(8 + u64::from(offset))),
            outer: outer.and_then(|size| (size + 8).checked_sub(begin as u64)),
            style: Style::Aiff,
        };
        let extent = claim.settle();
        payload = &claim.rest[..extent.n_bytes];
        declared_bytes = extent.declared;
        damage.extend(extent.damage);
        notes.extend(extent.note);
    }
    let form_bytes = u64::from(u32_at(bytes, 4)) + 8;
    let is_short = declared_bytes.is_some_and(|declared| declared > payload.len() as u64);
    if form_bytes > bytes.len() as u64 + 1 && !is_short && notes.is_empty() {
        let message = format!("cut short behind its sound: {} bytes of the {form_bytes} in its size", bytes.len());
        damage.push(Damage::Header(message));
    }

    let inner = stream::decode(&rebuilt(bytes, common, payload), Format::Aiff, path, until)?;
    let declared = u64::from(u32_at(common, 2));
    let decoded = inner.n_frames() as u64;
    let believed = declared > 0 && !is_streamed(declared);
    if believed && !inner.stopped && declared < decoded {
        notes.push(format!("the header counts {declared} frames, the sound has {decoded}: all of them are read"));
    }
    damage.extend(inner.damage);
    notes.extend(inner.notes);
    // Where decoding stopped early, a count that is too small is no length.
    let is_length = believed && (!inner.stopped || declared > decoded);
    let declared_frames = if is_length { Some(declared) } else { inner.declared_frames };
    Ok(Decoded { declared_frames, damage, notes, ..inner })
}

/// A file of just these two chunks.
fn rebuilt(bytes: &[u8], common: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(common.len() + payload.len() + 64);
    out.extend_from_slice(b"FORM\0\0\0\0");
    out.extend_from_slice(&bytes[8..12]);
    out.extend_from_slice(b"COMM");
    out.extend_from_slice(&(common.len() as u32).to_be_bytes());
    out.extend_from_slice(common);
    out.resize(out.len().next_multiple_of(2), 0);
    out.extend_from_slice(b"SSND");
    out.extend_from_slice(&(payload.len() as u32 + 8).to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(2), 0);
    let size = out.len() as u32 - 8;
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
        decode(bytes, Path::new("a.aiff"), None).unwrap()
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
