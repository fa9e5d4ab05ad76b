//! Detects a file's format from its first bytes. The extension is used only where the bytes do not decide.

use std::path::Path;

use crate::error::{Error, Result};
use crate::source::View;

/// What to do about a format that is recognized and not decoded.
pub(crate) const CONVERT: &str = "convert it to FLAC or WAV first";

/// A format that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Wav(WavContainer),
    Flac,
    Ogg,
    Mp3,
    Adts,
    Mp4,
    Aiff,
    Caf,
    Matroska,
}

/// The three containers of the same chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WavContainer {
    /// RIFF, sizes of 32 bits.
    Riff,
    /// RF64 or BW64: RIFF whose sizes are in a `ds64` chunk.
    Rf64,
    /// Sony Wave64: chunk names of 16 bytes, sizes of 64 bits.
    W64,
}

/// The first 16 bytes of a W64 file.
const W64_RIFF: [u8; 16] =
    [0x72, 0x69, 0x66, 0x66, 0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00];

/// Beginnings of formats that are recognized and refused by name.
const REFUSED: [(&[u8], &str); 6] = [
    (b"RIFX", "big-endian WAV (RIFX)"),
    (b"wvpk", "WavPack"),
    (b"MAC ", "Monkey's Audio"),
    (b"#!AMR", "AMR"),
    (b".snd", "Sun AU"),
    (&[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11], "Windows Media (ASF)"),
];

/// Beginnings of files that are often found where a recording should be.
const LOOKS_LIKE: [(&[u8], &str); 8] = [
    (b"version https://git-lfs", "a Git LFS pointer: fetch the real file with `git lfs pull`"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
];

/// Bytes that a format is known by.
const HEAD_BYTES: usize = 512;

/// The format of the file, and where its stream begins (after ID3v2 tags).
pub(crate) fn sniff(file: View<'_>, path: &Path) -> Result<(Format, u64)> {
    if file.len() == 0 {
        return Err(Error::Empty { path: path.to_owned() });
    }
    let start = after_id3(file);
    let head = &file.from(start).bytes(HEAD_BYTES)[..];
    let refuse =
        |format: &str| Err(Error::Unsupported { path: path.to_owned(), format: format.to_owned(), advice: CONVERT });
    if let Some((_, name)) = REFUSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return refuse(name);
    }
    let form = head.get(8..12).unwrap_or_default();
    let format = match head {
        [b'R', b'I', b'F', b'F', ..] if form == b"WAVE" => Format::Wav(WavContainer::Riff),
        [b'R', b'F', b'6', b'4', ..] | [b'B', b'W', b'6', b'4', ..] if form == b"WAVE" => {
            Format::Wav(WavContainer::Rf64)
        }
        _ if head.starts_with(&W64_RIFF) => Format::Wav(WavContainer::W64),
        [b'f', b'L', b'a', b'C', ..] => Format::Flac,
        [b'O', b'g', b'g', b'S', ..] => match ogg_codec(head) {
            Some(name) => return refuse(name),
            None => Format::Ogg,
        },
        [b'F', b'O', b'R', b'M', ..] if form == b"AIFF" || form == b"AIFC" => Format::Aiff,
        [b'c', b'a', b'f', b'f', ..] => Format::Caf,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Format::Matroska,
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Format::Mp4,
        // MPEG audio: 11 bits of sync, then the version; the layer names the codec.
        [0xff, second, ..] if second & 0xe0 == 0xe0 && !head.starts_with(b"\xff\xd8") => match second & 0x06 {
            0x00 if second & 0xf0 == 0xf0 => Format::Adts,
            0x02 => Format::Mp3,
            0x04 => return refuse("MPEG audio layer II"),
            0x06 => return refuse("MPEG audio layer I"),
            _ => return unknown(file, path),
        },
        // An MP3 may have anything before its first frame.
        _ if has_extension(path, "mp3") || start > 0 => Format::Mp3,
        _ => return unknown(file, path),
    };
    Ok((format, start))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Where the first byte after any ID3v2 tags is; 0 when nothing would be left.
fn after_id3(file: View<'_>) -> u64 {
    let mut start = 0;
    while let Some([b'I', b'D', b'3', _, _, flags, s0, s1, s2, s3]) = file.array::<10>(start) {
        let body = [s0, s1, s2, s3].iter().fold(0, |size, &byte| (size << 7) | u64::from(byte & 0x7f));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        start += 10 + body + footer;
    }
    // Some writers pad a tag further than its size says.
    if start > 0 {
        start += file.from(start).n_leading(0);
    }
    if start < file.len() { start } else { 0 }
}

/// A codec in OGG that is not decoded, from the first packet of the first page.
fn ogg_codec(head: &[u8]) -> Option<&'static str> {
    let packet = head.get(27 + usize::from(*head.get(26)?)..)?;
    [(b"Speex   ".as_slice(), "Speex (in OGG)"), (b"\x80theora", "Theora video")]
        .iter()
        .find(|(magic, _)| packet.starts_with(magic))
        .map(|(_, name)| *name)
}

/// The error for bytes that are no sound: the first bytes, readable, and what they look like.
pub(crate) fn unknown<T>(file: View<'_>, path: &Path) -> Result<T> {
    let bytes = file.bytes(HEAD_BYTES);
    let head = &bytes[..bytes.len().min(8)];
    let hex: Vec<String> = head.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut found = format!("{} (\"{}\")", hex.join(" "), head.escape_ascii());
    if let Some((_, guess)) = LOOKS_LIKE.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        found.push_str(&format!(", which looks like {guess}"));
    } else if head.iter().all(|&byte| byte == 0) {
        found.push_str(", which looks like a copy that was never finished");
    }
    Err(Error::Unknown { path: path.to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    fn name(bytes: &[u8], path: &str) -> String {
        match sniff(View::new(&Memory(bytes)), Path::new(path)) {
            Ok((format, start)) => format!("{format:?}@{start}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_bytes_decide_not_the_extension() {
        assert_eq!(name(b"fLaC....", "x.wav"), "Flac@0");
        assert_eq!(name(b"RIFF....WAVEfmt ", "x.mp3"), "Wav(Riff)@0");
        assert_eq!(name(b"BW64....WAVE", "x"), "Wav(Rf64)@0");
        assert_eq!(name(&[0xff, 0xfb, 0x90, 0], "x"), "Mp3@0");
        assert_eq!(name(&[0xff, 0xf1, 0x50, 0], "x"), "Adts@0");
        assert_eq!(name(b"\0\0\0\x20ftypM4A ", "x"), "Mp4@0");
        assert_eq!(name(b"junk before the first frame", "x.MP3"), "Mp3@0");
    }

    #[test]
    fn id3_tags_are_stepped_over() {
        let mut bytes = b"ID3\x04\0\0\0\0\0\x03abc".to_vec();
        bytes.extend_from_slice(b"fLaC");
        assert_eq!(name(&bytes, "x.mp3"), "Flac@13");
        bytes.splice(13..13, [0; 5]);
        assert_eq!(name(&bytes, "x.mp3"), "Flac@18", "padding behind the tag");
        assert_eq!(name(b"ID3\x04\0\0\0\0\0\0RIFF....WAVEfmt ", "x.wav"), "Wav(Riff)@10");
    }

    #[test]
    fn refusals_name_the_format_and_what_to_do() {
        let mut speex = b"OggS".to_vec();
        speex.resize(26, 0);
        speex.extend_from_slice(&[1, 80]);
        speex.extend_from_slice(b"Speex   ");
        assert_eq!(name(&speex, "a.ogg"), "a.ogg: Speex (in OGG) is not decoded: convert it to FLAC or WAV first");
        assert!(name(&[0xff, 0xfd, 0, 0], "a.mp2").contains("layer II"));
    }

    #[test]
    fn unknowns_are_shown_by_their_first_bytes() {
        assert_eq!(name(b"hello", "a.wav"), "a.wav: not a sound file: it begins with 68 65 6c 6c 6f (\"hello\")");
        assert!(name(b"PK\x03\x04....", "a.wav").contains("a ZIP archive"));
        assert!(name(b"version https://git-lfs.github.com/spec/v1", "a.wav").contains("git lfs pull"));
    }
}
