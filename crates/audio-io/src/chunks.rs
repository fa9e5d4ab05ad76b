//! The chunks of RIFF, AIFF, CAF and Wave64 files: a name and a size, then the contents.

use crate::source::View;

/// How a container writes its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Names of 4 bytes, sizes of 32 bits, little-endian; contents of even length.
    Riff,
    /// The same, big-endian.
    Aiff,
    /// Names of 4 bytes, sizes of 64 bits, big-endian.
    Caf,
    /// Names of 16 bytes, sizes of 64 bits that count the header, little-endian; contents of a multiple of 8 bytes.
    W64,
}

/// A chunk's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The name, of which Wave64 has more.
    pub(crate) name: [u8; 4],
    /// Bytes of the contents by the header.
    pub(crate) size: u64,
    /// Where the contents begin.
    pub(crate) body: u64,
}

/// Chunks that often follow the sound. The last of them may be cut.
const KNOWN: [&[u8; 4]; 22] = [
    b"LIST", b"list", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue ", b"fact", b"smpl", b"JUNK", b"junk", b"PAD ",
    b"FLLR", b"minf", b"wamd", b"guan", b"afsp", b"DISP", b"PEAK", b"cart", b"axml", b"inst",
];

/// Tags of other formats that are appended to files.
const TAGS: [&[u8]; 4] = [b"TAG", b"ID3", b"APETAGEX", b"LYRICSBEGIN"];

/// Bytes of the longest of them.
const LONGEST_TAG: usize = 11;

impl Style {
    fn header_bytes(self) -> u64 {
        match self {
            Style::Riff | Style::Aiff => 8,
            Style::Caf => 12,
            Style::W64 => 24,
        }
    }

    fn alignment(self) -> u64 {
        match self {
            Style::Riff | Style::Aiff => 2,
            Style::Caf => 1,
            Style::W64 => 8,
        }
    }

    /// The chunk that begins at a place, where a whole header is there.
    pub(crate) fn read(self, bytes: View<'_>, at: u64) -> Option<Chunk> {
        let body = at.checked_add(self.header_bytes())?;
        if body > bytes.len() {
            return None;
        }
        let size = match self {
            Style::Riff => u64::from(u32::from_le_bytes(bytes.array(at + 4)?)),
            Style::Aiff => u64::from(u32::from_be_bytes(bytes.array(at + 4)?)),
            Style::Caf => u64::from_be_bytes(bytes.array(at + 4)?),
            Style::W64 => u64::from_le_bytes(bytes.array(at + 16)?).saturating_sub(24),
        };
        Some(Chunk { name: bytes.array(at)?, size, body })
    }

    /// Where a chunk's contents end by its header, and where the next chunk begins.
    pub(crate) fn end(self, chunk: &Chunk) -> (u64, Option<u64>) {
        let end = chunk.body.saturating_add(chunk.size);
        (end, end.checked_next_multiple_of(self.alignment()))
    }

    /// Whether nothing but whole chunks is there. A chunk that often follows the sound may be cut.
    pub(crate) fn only_chunks(self, bytes: View<'_>) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            let Some(chunk) = self.read(bytes, at) else { return false };
            let has_name = chunk.name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
            let (end, next) = self.end(&chunk);
            // The last byte, which makes the length even, is often left out.
            let is_whole = end <= bytes.len();
            if !has_name || !(is_whole || KNOWN.contains(&&chunk.name)) {
                return false;
            }
            let Some(next) = next else { return true };
            at = next;
        }
        true
    }

    /// Whether the bytes behind a data chunk are no sound: other chunks, a tag, one value over and over, or next to
    /// nothing.
    pub(crate) fn is_trailer(self, behind: View<'_>, data_size: u64) -> bool {
        let padded = behind.from(data_size.wrapping_neg() % self.alignment());
        let head = |of: View<'_>| of.bytes(LONGEST_TAG);
        behind.len() < 16
            || head(behind).first().is_some_and(|&value| behind.n_leading(value) == behind.len())
            || TAGS.iter().any(|tag| head(behind).starts_with(tag) || head(padded).starts_with(tag))
            || self.only_chunks(behind)
            || (self.alignment() > 1 && self.only_chunks(padded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    fn chunk(style: Style, bytes: &[u8], at: u64) -> Option<Chunk> {
        style.read(View::new(&Memory(bytes)), at)
    }

    fn only_chunks(bytes: &[u8]) -> bool {
        Style::Riff.only_chunks(View::new(&Memory(bytes)))
    }

    fn is_trailer(style: Style, bytes: &[u8], data_size: u64) -> bool {
        style.is_trailer(View::new(&Memory(bytes)), data_size)
    }

    #[test]
    fn each_style_reads_its_own_headers() {
        let riff = chunk(Style::Riff, b"xxdata\x05\0\0\0abcde", 2).unwrap();
        assert_eq!(riff, Chunk { name: *b"data", size: 5, body: 10 });
        assert_eq!(Style::Riff.end(&riff), (15, Some(16)));
        assert_eq!(chunk(Style::Aiff, b"SSND\0\0\0\x05", 0).unwrap().size, 5);
        assert_eq!(chunk(Style::Caf, b"data\xff\xff\xff\xff\xff\xff\xff\xff", 0).unwrap().size, u64::MAX);
        let mut wide = b"data0123456789ab".to_vec();
        wide.extend_from_slice(&30u64.to_le_bytes());
        let wide = chunk(Style::W64, &wide, 0).unwrap();
        assert_eq!((wide.size, Style::W64.end(&wide)), (6, (30, Some(32))));
        assert_eq!(chunk(Style::Riff, b"data\x05", 0), None);
    }

    #[test]
    fn whole_chunks_are_told_from_sound() {
        assert!(only_chunks(b""));
        assert!(only_chunks(b"LIST\x02\0\0\0ab"));
        assert!(!only_chunks(b"\x01\x02\x03\x04\x05\x06\x07\x08"));
        assert!(!only_chunks(b"what\xff\0\0\0ab"));
        assert!(only_chunks(b"LIST\xff\0\0\0ab"), "cut, and known");
    }

    #[test]
    fn trailers_are_no_sound() {
        let sound: Vec<u8> = (0..64u8).map(|i| i.wrapping_mul(37) | 0x80).collect();
        assert!(!is_trailer(Style::Riff, &sound, 10));
        assert!(is_trailer(Style::Riff, &[0; 4096], 10));
        assert!(is_trailer(Style::Riff, b"TAGtitle of a song and more of it", 10));
        assert!(is_trailer(Style::Riff, b"\0LIST\x08\0\0\0abcdefgh", 11), "behind a byte that makes it even");
        assert!(is_trailer(Style::Riff, b"LIST\x08\0\0\0abcdefgh", 11), "without that byte");
        let wide = [&b"\0\0\0\0\0levl0123456789ab"[..], &32u64.to_le_bytes(), b"abcdefgh"].concat();
        assert!(is_trailer(Style::W64, &wide, 11), "behind bytes that make it a multiple of 8");
        assert!(!is_trailer(Style::W64, &wide, 9));
    }
}
