//! The metadata blocks of FLAC files that hold texts: Vorbis comments, and the RIFF chunks of the WAV file that was
//! compressed (`flac --keep-foreign-metadata`).

use std::io;

use super::riff;
use super::source::{MAX_CHUNKS, Source};
use super::texts::{Field, Texts};
use crate::chunks::Style;
use crate::source::{Memory, View};

const APPLICATION: u8 = 2;
const VORBIS_COMMENT: u8 = 4;

/// Vorbis comments by their names, which are not case-sensitive.
const COMMENTS: [(&[u8], Field); 4] = [
    (b"COMMENT", |texts| &mut texts.comment),
    (b"DESCRIPTION", |texts| &mut texts.comment),
    (b"ARTIST", |texts| &mut texts.artist),
    (b"DATE", |texts| &mut texts.date),
];

/// Reads the texts of a file whose stream begins at `start`.
pub(super) fn read(source: &mut Source, start: u64, texts: &mut Texts) -> io::Result<()> {
    let mut at = start + 4;
    for _ in 0..MAX_CHUNKS {
        let header = source.read(at, 4)?;
        let [kind, s0, s1, s2] = header[..] else { return Ok(()) };
        let size = u32::from_be_bytes([0, s0, s1, s2]).into();
        match kind & 0x7f {
            APPLICATION => application(&source.read(at + 4, size)?, size, texts),
            VORBIS_COMMENT => {
                comments(&source.read(at + 4, size)?, texts);
            }
            _ => {}
        }
        if kind & 0x80 != 0 {
            return Ok(());
        }
        at += 4 + size;
    }
    Ok(())
}

/// A chunk of the WAV file, with its header.
fn application(bytes: &[u8], block_bytes: u64, texts: &mut Texts) {
    let Some(riff) = bytes.strip_prefix(b"riff") else { return };
    let Some(chunk) = Style::Riff.read(View::new(&Memory(riff)), 0) else { return };
    let (end, _) = Style::Riff.end(&chunk);
    let body = &riff[chunk.body as usize..end.min(riff.len() as u64) as usize];
    // The block is cut where the file or the size that is read at most ends.
    let is_cut = (bytes.len() as u64) < block_bytes;
    riff::take(&chunk.name, body, body.len() as u64 + u64::from(is_cut), texts);
}

/// The name of the writer, a number of comments, and the comments `NAME=value`; each with its length before it.
fn comments(bytes: &[u8], texts: &mut Texts) -> Option<()> {
    let (_, rest) = counted(bytes)?;
    let (n_comments, mut rest) = rest.split_first_chunk()?;
    for _ in 0..u32::from_le_bytes(*n_comments) {
        let (comment, behind) = counted(rest)?;
        rest = behind;
        let Some(equals) = comment.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = comment.split_at(equals);
        if let Some((_, field)) = COMMENTS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)) {
            texts.keep(*field, &value[1..]);
        }
    }
    Some(())
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*size).try_into().ok()?)
}
