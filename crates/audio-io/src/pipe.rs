//! A recording that comes through a pipe: it is read once, forwards, and has no length until it ends.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::sniff::{Format, sniff};
use crate::source::{Memory, Source, View};

/// A length that no recording has: that of a pipe until it has ended.
pub(crate) const ENDLESS_BYTES: u64 = u64::MAX / 8;

/// Bytes behind the last that was read which can be read again: decoders look back a little.
const KEPT_BYTES: usize = 8 << 20;

/// Bytes that are read at once, at most.
const BLOCK_BYTES: usize = 1 << 16;

/// Bytes of a beginning by which [`can_stream`] decides.
pub const HEAD_BYTES: usize = 1 << 14;

/// A stream as a source: what was read is kept for a while.
pub(crate) struct Pipe<R>(Mutex<State<R>>);

struct State<R> {
    reader: R,
    /// The bytes from `base` on.
    kept: Vec<u8>,
    base: u64,
    ended: bool,
}

impl<R: Read> Pipe<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self(Mutex::new(State { reader, kept: Vec::new(), base: 0, ended: false }))
    }
}

impl<R: Read> State<R> {
    fn end(&self) -> u64 {
        self.base + self.kept.len() as u64
    }

    /// Waits for more.
    fn more(&mut self) -> io::Result<()> {
        if self.kept.len() >= 2 * KEPT_BYTES {
            let n = self.kept.len() - KEPT_BYTES;
            self.kept.drain(..n);
            self.base += n as u64;
        }
        let before = self.kept.len();
        self.kept.resize(before + BLOCK_BYTES, 0);
        let n = loop {
            match self.reader.read(&mut self.kept[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.kept.truncate(before + *n.as_ref().unwrap_or(&0));
        self.ended = n? == 0;
        Ok(())
    }
}

impl<R: Read + Send> Source for Pipe<R> {
    fn len(&self) -> u64 {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended { state.end() } else { ENDLESS_BYTES }
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if at < state.base {
            return Err(io::Error::other("what has come through a pipe cannot be read again"));
        }
        while !state.ended && state.end() <= at {
            state.more()?;
        }
        let known = state.kept.get((at - state.base) as usize..).unwrap_or_default();
        Memory(known).read_at(0, into)
    }

    fn is_pipe(&self) -> bool {
        true
    }
}

/// Whether a recording that begins so can be decoded from a pipe, by [`Recording::of_stream`](crate::Recording::of_stream): WAV
/// of plain samples, FLAC, MP3, AAC in ADTS, and OGG. Of `head` the first [`HEAD_BYTES`] count, or all bytes where there are
/// fewer.
pub fn can_stream(head: &[u8]) -> bool {
    match sniff(View::new(&Memory(head)), Path::new("-")) {
        Ok((Format::Wav(_), start)) => crate::wav::is_plain(View::new(&Memory(head)).from(start)),
        Ok((Format::Flac | Format::Ogg | Format::Mp3 | Format::Adts, _)) => true,
        // A tag that is longer, before MP3 or FLAC.
        _ => head.starts_with(b"ID3"),
    }
}
