//! The chunks of WAV, RF64 and W64 files that hold texts: `LIST` with `INFO`, and `guan`.

use std::io;

use super::source::{MAX_BODY_BYTES, MAX_CHUNKS, Source};
use super::texts::{Field, Texts};
use crate::chunks::{Chunk, Style};
use crate::sniff::WavContainer;
use crate::source::{Memory, View};

/// Bytes of the longest header of a chunk.
const HEADER_BYTES: u64 = 24;

/// Fields of `INFO`, by the names of their chunks.
const INFO: [(&[u8; 4], Field); 3] =
    [(b"ICMT", |texts| &mut texts.comment), (b"IART", |texts| &mut texts.artist), (b"ICRD", |texts| &mut texts.date)];

/// Reads the texts of a file whose container begins at `start`, stepping from chunk to chunk. What comes behind a chunk
/// that is longer than the file is not read.
pub(super) fn read(source: &mut Source, container: WavContainer, start: u64, texts: &mut Texts) -> io::Result<()> {
    let (style, first) = match container {
        WavContainer::Riff | WavContainer::Rf64 => (Style::Riff, 12),
        WavContainer::W64 => (Style::W64, 40),
    };
    let mut wide_data = None;
    // Where the next chunk is by the rules, and where it is if a byte that makes the length even is left out.
    let mut places = (start + first, start + first);
    for _ in 0..MAX_CHUNKS {
        let Some((at, chunk)) = chunk_at(source, style, places)? else { return Ok(()) };
        let body = at + chunk.body;
        let size = match &chunk.name {
            b"data" if container == WavContainer::Rf64 && chunk.size == u64::from(u32::MAX) => {
                wide_data.unwrap_or(u64::MAX)
            }
            _ => chunk.size,
        };
        match &chunk.name {
            b"ds64" => {
                wide_data =
                    source.read(body, 16)?.get(8..).and_then(<[u8]>::first_chunk).map(|size| u64::from_le_bytes(*size))
            }
            name if is_text(name) => {
                let bytes = source.read(body, size)?;
                if bytes.len() as u64 != size && has_texts(name, &bytes) {
                    let name = String::from_utf8_lossy(name).into_owned();
                    let left = source.left(body);
                    texts.notes.push(if size > left {
                        format!("the chunk `{name}` should have {size} bytes, and {left} are left of the file")
                    } else {
                        format!("the chunk `{name}` has {size} bytes, of which {MAX_BODY_BYTES} are read")
                    });
                }
                take(name, &bytes, size, texts);
            }
            _ => {}
        }
        let Some(end) = body.checked_add(size) else { return Ok(()) };
        let alignment = if style == Style::W64 { 8 } else { 2 };
        // Counted from the chunk, since a tag before the container may have any length.
        let Some(next) = (end - at).checked_next_multiple_of(alignment).and_then(|n| at.checked_add(n)) else {
            return Ok(());
        };
        places = (next, end);
    }
    texts.notes.push(format!("more than {MAX_CHUNKS} chunks: the rest of the header is not read"));
    Ok(())
}

/// Takes the texts of one chunk that should have `size` bytes; other chunks are left.
pub(super) fn take(name: &[u8; 4], bytes: &[u8], size: u64, texts: &mut Texts) {
    if name == b"guan" && texts.guano.is_none() {
        texts.guano = Some((bytes.to_vec(), (bytes.len() as u64) < size));
    } else if name != b"guan" && has_texts(name, bytes) {
        info(&bytes[4..], texts);
    }
}

/// Whether a chunk of this name may hold texts.
fn is_text(name: &[u8; 4]) -> bool {
    matches!(name, b"guan" | b"LIST" | b"list")
}

/// Whether it does: lists are of many kinds.
fn has_texts(name: &[u8; 4], bytes: &[u8]) -> bool {
    name == b"guan" || (is_text(name) && bytes.starts_with(b"INFO"))
}

fn info(bytes: &[u8], texts: &mut Texts) {
    let mut places = (0, 0);
    while let Some((at, chunk)) = [places.0, places.1].into_iter().find_map(|at| Some((at, named(bytes, at)?))) {
        let (end, next) = Style::Riff.end(&chunk);
        if let Some((_, field)) = INFO.iter().find(|(name, _)| **name == chunk.name) {
            texts.keep(*field, &bytes[chunk.body as usize..end.min(bytes.len() as u64) as usize]);
        }
        debug_assert!(end > at, "a chunk has a header");
        let Some(next) = next else { return };
        places = (next, end);
    }
}

fn named(bytes: &[u8], at: u64) -> Option<Chunk> {
    Style::Riff.read(View::new(&Memory(bytes)), at).filter(|chunk| has_name(*chunk))
}

fn chunk_at(source: &mut Source, style: Style, places: (u64, u64)) -> io::Result<Option<(u64, Chunk)>> {
    for at in [places.0, places.1] {
        let header = source.read(at, HEADER_BYTES)?;
        if let Some(chunk) = style.read(View::new(&Memory(&header)), 0).filter(|chunk| has_name(*chunk)) {
            return Ok(Some((at, chunk)));
        }
    }
    Ok(None)
}

fn has_name(chunk: Chunk) -> bool {
    chunk.name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}
