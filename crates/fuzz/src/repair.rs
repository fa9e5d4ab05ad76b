//! Puts checksums and lengths right after a change: else every changed input is refused for its checksum, and what is
//! behind it is never reached.

#![allow(clippy::ptr_arg, reason = "every repair has the type that a target wants")]

use serde_json::Value;

/// Largest file that lengths are put right for.
const MOST_BYTES: usize = 1 << 20;

/// Changes nothing.
pub(crate) fn nothing(_: &mut Vec<u8>) {}

/// The checksum of each page of an OGG stream.
pub(crate) fn ogg(input: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(found) = find(&input[at..], b"OggS") {
        let start = at + found;
        let Some(&n_segments) = input.get(start + 26) else { return };
        let Some(table) = input.get(start + 27..start + 27 + usize::from(n_segments)) else { return };
        let n_body: usize = table.iter().map(|&n| usize::from(n)).sum();
        let end = (start + 27 + usize::from(n_segments) + n_body).min(input.len());
        input[start + 22..start + 26].fill(0);
        let crc = input[start..end].iter().fold(0u32, |crc, &byte| {
            (0..8)
                .fold(crc ^ (u32::from(byte) << 24), |crc, _| (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 })
        });
        input[start + 22..start + 26].copy_from_slice(&crc.to_le_bytes());
        at = start + 4;
    }
}

/// The checksums of each frame's header and of each frame of a FLAC stream. A frame ends where the next one seems to begin.
pub(crate) fn flac(input: &mut Vec<u8>) {
    let is_sync = |pair: &[u8]| pair[0] == 0xff && pair[1] & 0xfe == 0xf8;
    let starts: Vec<usize> = input.windows(2).enumerate().filter(|(_, pair)| is_sync(pair)).map(|(at, _)| at).collect();
    for (nth, &start) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).copied().unwrap_or(input.len());
        let Some(n_header) = flac_header_bytes(&input[start..end]) else { continue };
        if start + n_header + 3 > end {
            continue;
        }
        let crc8 = input[start..start + n_header].iter().fold(0u8, |crc, &byte| {
            (0..8).fold(crc ^ byte, |crc, _| (crc << 1) ^ if crc >> 7 == 1 { 0x07 } else { 0 })
        });
        input[start + n_header] = crc8;
        let crc16 = input[start..end - 2].iter().fold(0u16, |crc, &byte| {
            (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| (crc << 1) ^ if crc >> 15 == 1 { 0x8005 } else { 0 })
        });
        input[end - 2..end].copy_from_slice(&crc16.to_be_bytes());
    }
}

/// Bytes of a frame's header before its checksum.
fn flac_header_bytes(frame: &[u8]) -> Option<usize> {
    let (sizes, number) = (*frame.get(2)?, *frame.get(4)?);
    // The number of the frame, as UTF-8 writes one.
    let n_number = (number.leading_ones() as usize).clamp(1, 7);
    let of_block = match sizes >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let of_rate = match sizes & 15 {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    Some(4 + n_number + of_block + of_rate).filter(|&n| n < frame.len())
}

/// The length of the header of a safetensors file, and that of the file.
pub(crate) fn safetensors(input: &mut Vec<u8>) {
    let Some(json) = input.get(8..) else { return };
    let mut values = serde_json::Deserializer::from_slice(json).into_iter::<Value>();
    let Some(Ok(Value::Object(header))) = values.next() else { return };
    let mut n = values.byte_offset();
    n += json[n..].iter().take_while(|&&byte| byte == b' ').count();
    let ends = header.values().filter_map(|of| of.get("data_offsets")?.get(1)?.as_u64());
    let n_body = ends.max().unwrap_or(0);
    input[..8].copy_from_slice(&(n as u64).to_le_bytes());
    if n_body < MOST_BYTES as u64 {
        input.resize(8 + n + n_body as usize, 0);
    }
}

/// The heads and checksums of a pack of the cache.
pub(crate) fn pack(input: &mut Vec<u8>) {
    const HEAD: usize = 56;
    let mut at = 0;
    while let Some(head) = input.get(at..at + HEAD) {
        let Some(length) = head[40..].first_chunk::<8>().map(|length| u64::from_le_bytes(*length)) else { return };
        let end = (at as u64).saturating_add(HEAD as u64).saturating_add(length);
        if let Some(payload) = usize::try_from(end).ok().and_then(|end| input.get(at + HEAD..end)) {
            let crc = crc32fast::hash(payload);
            input[at + 48..at + 52].copy_from_slice(&crc.to_le_bytes());
        }
        let crc = crc32fast::hash(&input[at..at + 52]);
        input[at + 52..at + HEAD].copy_from_slice(&crc.to_le_bytes());
        match usize::try_from(end) {
            Ok(end) if end < input.len() => at = end,
            _ => return,
        }
    }
}

/// Lets the end of an archive say where the directory is and how many entries it has; takes what is behind the end as its comment.
pub(crate) fn zip(input: &mut Vec<u8>) {
    const END: usize = 22;
    let Some(end) = input.windows(4).rposition(|bytes| bytes == b"PK\x05\x06") else { return };
    let Some(at) = find(&input[..end], b"PK\x01\x02") else { return };
    if input.len() < end + END {
        return;
    }
    let n = input[at..end].windows(4).filter(|bytes| *bytes == b"PK\x01\x02").count() as u16;
    let n_comment = (input.len() - end - END) as u16;
    let [size, at] = [end - at, at].map(|n| (n as u32).to_le_bytes());
    let record = [&n.to_le_bytes()[..], &n.to_le_bytes(), &size, &at, &n_comment.to_le_bytes()].concat();
    input[end + 8..end + END].copy_from_slice(&record);
}

/// Writes `to` behind each `key` of a JSON text, over the value that is there.
pub(crate) fn json_value(text: &mut Vec<u8>, key: &str, to: &str) {
    let Some(found) = find(text, format!("\"{key}\":").as_bytes()) else { return };
    let start = found + key.len() + 3;
    let end = text[start..].iter().position(|byte| b",}\n".contains(byte)).map_or(text.len(), |n| start + n);
    text.splice(start..end, to.bytes());
}

/// The first place of some bytes in others.
#[must_use]
pub(crate) fn find(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::fixture;

    #[test]
    fn whole_files_stay_as_they_are_and_broken_checksums_are_put_right() {
        type Case = (&'static str, fn(&mut Vec<u8>), usize);
        let cases: [Case; 4] = [
            ("audio/tone-opus.ogg", ogg, 22),
            ("audio/tone-vorbis.ogg", ogg, 24),
            ("audio/tone-s16.flac", flac, 2642),
            ("checkpoints/vit/model.safetensors", safetensors, 1),
        ];
        for (name, repair, at) in cases {
            let whole = fixture(name);
            let mut same = whole.clone();
            repair(&mut same);
            assert!(same == whole, "{name}");
            let mut broken = whole.clone();
            broken[at] ^= 1;
            repair(&mut broken);
            assert!(broken == whole, "{name}");
        }
        let mut json = b"{\"n_clips\": 3, \"sha256\": \"ab\"}".to_vec();
        json_value(&mut json, "sha256", "\"cd\"");
        assert_eq!(json, b"{\"n_clips\": 3, \"sha256\":\"cd\"}");
    }
}
