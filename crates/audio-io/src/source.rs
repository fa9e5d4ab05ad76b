//! Where the bytes of a recording are: in memory, in a file, or put together from parts of these.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use storage::StoredFile;
use symphonia::core::io::MediaSource;

/// Bytes that are compared at once.
const BLOCK_BYTES: usize = 1 << 16;

/// The bytes of a recording, any of which can be read at any time.
pub(crate) trait Source: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// Reads from a place on; 0 at the end only.
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;

    /// All of them, where they are in memory.
    fn memory(&self) -> Option<&[u8]> {
        None
    }

    /// Whether they come one after the other, and how many is not known before the end.
    fn is_pipe(&self) -> bool {
        false
    }
}

/// A source that several readers have.
pub(crate) type Shared<'a> = Arc<dyn Source + 'a>;

/// Bytes in memory.
pub(crate) struct Memory<'a>(pub(crate) &'a [u8]);

impl Source for Memory<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(at.min(self.len()) as usize..).unwrap_or_default();
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn memory(&self) -> Option<&[u8]> {
        Some(self.0)
    }
}

/// Bytes up to which a file is read at once: one call of the system instead of dozens for its header.
const SMALL_BYTES: u64 = 1 << 20;

/// A file's bytes, which are read at once where they are few.
pub(crate) fn of_file(mut file: StoredFile) -> io::Result<Shared<'static>> {
    let n_bytes = file.n_bytes();
    if n_bytes > SMALL_BYTES {
        return Ok(Arc::new(Disk(file)));
    }
    let mut bytes = Vec::with_capacity(n_bytes as usize + 1);
    file.read_to_end(&mut bytes)?;
    Ok(Arc::new(Owned(bytes)))
}

/// Bytes in memory that belong to nobody else.
struct Owned(Vec<u8>);

impl Source for Owned {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        Memory(&self.0).read_at(at, into)
    }

    fn memory(&self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// A file or an object. What is appended to it later is not read.
struct Disk(StoredFile);

impl Source for Disk {
    fn len(&self) -> u64 {
        self.0.n_bytes()
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let n = self.len().saturating_sub(at).min(into.len() as u64) as usize;
        self.0.read_at(at, &mut into[..n])
    }
}

/// Some bytes, a part of a source, and some bytes more: a container with headers that are true around sound that stays
/// where it is.
pub(crate) struct Spliced<'a> {
    head: Vec<u8>,
    source: Shared<'a>,
    part: Range<u64>,
    tail: Vec<u8>,
}

impl<'a> Spliced<'a> {
    pub(crate) fn new(head: Vec<u8>, source: Shared<'a>, part: Range<u64>, tail: Vec<u8>) -> Self {
        Self { head, source, part, tail }
    }
}

impl Source for Spliced<'_> {
    fn len(&self) -> u64 {
        self.head.len() as u64 + (self.part.end - self.part.start) + self.tail.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let n_head = self.head.len() as u64;
        let n_part = self.part.end - self.part.start;
        if at < n_head {
            return Memory(&self.head).read_at(at, into);
        }
        if at < n_head + n_part {
            let from = at - n_head;
            let n = (n_part - from).min(into.len() as u64) as usize;
            return self.source.read_at(self.part.start + from, &mut into[..n]);
        }
        Memory(&self.tail).read_at(at - n_head - n_part, into)
    }

    fn is_pipe(&self) -> bool {
        self.source.is_pipe()
    }

    fn memory(&self) -> Option<&[u8]> {
        let is_part = self.head.is_empty() && self.tail.is_empty();
        let memory = self.source.memory().filter(|_| is_part)?;
        memory.get(self.part.start as usize..self.part.end as usize)
    }
}

/// Fills `into` as far as the source goes and gives how many bytes that are.
pub(crate) fn read_full(source: &dyn Source, mut at: u64, mut into: &mut [u8]) -> io::Result<usize> {
    let mut n_read = 0;
    while !into.is_empty() {
        match source.read_at(at, into) {
            Ok(0) => break,
            Ok(n) => {
                n_read += n;
                at += n as u64;
                into = &mut into[n..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n_read)
}

/// A stretch of a source, for the readers of headers. A byte that cannot be read is not there.
#[derive(Clone, Copy)]
pub(crate) struct View<'s> {
    source: &'s dyn Source,
    from: u64,
    to: u64,
}

impl<'s> View<'s> {
    pub(crate) fn new(source: &'s dyn Source) -> Self {
        Self { source, from: 0, to: source.len() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.to - self.from
    }

    /// Where it begins in the source.
    pub(crate) fn start(&self) -> u64 {
        self.from
    }

    /// The rest from a place on, which is empty behind the end.
    pub(crate) fn from(&self, at: u64) -> Self {
        Self { from: self.from.saturating_add(at).min(self.to), ..*self }
    }

    /// Up to so many bytes.
    pub(crate) fn first(&self, n: u64) -> Self {
        Self { to: self.from.saturating_add(n).min(self.to), ..*self }
    }

    /// `N` bytes, where so many are there.
    pub(crate) fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let mut array = [0; N];
        let place = self.from.checked_add(at).filter(|place| place.saturating_add(N as u64) <= self.to)?;
        (read_full(self.source, place, &mut array).ok()? == N).then_some(array)
    }

    /// Whether nothing can be known of its end.
    pub(crate) fn is_pipe(&self) -> bool {
        self.source.is_pipe()
    }

    /// At most `most` bytes from its beginning.
    pub(crate) fn bytes(&self, most: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.len().min(most as u64) as usize];
        let n = read_full(self.source, self.from, &mut bytes).unwrap_or(0);
        bytes.truncate(n);
        bytes
    }

    /// How many bytes at its beginning have a value.
    pub(crate) fn n_leading(&self, value: u8) -> u64 {
        let mut n = 0;
        while n < self.len() {
            let block = self.from(n).bytes(BLOCK_BYTES);
            let same = block.iter().take_while(|byte| **byte == value).count();
            n += same as u64;
            if same < block.len() || block.is_empty() {
                break;
            }
        }
        n
    }
}

/// The bytes from a moving place on, read ahead where they are not in memory.
pub(crate) struct Ahead<'a> {
    source: Shared<'a>,
    /// The bytes from `base` on.
    room: Vec<u8>,
    base: u64,
}

impl<'a> Ahead<'a> {
    pub(crate) fn new(source: Shared<'a>) -> Self {
        Self { source, room: Vec::new(), base: 0 }
    }

    /// Bytes in all.
    pub(crate) fn len(&self) -> u64 {
        self.source.len()
    }

    /// The bytes from a place on: `least` of them or more, or all that are left. Places do not go back.
    pub(crate) fn from(&mut self, at: u64, least: usize) -> io::Result<&[u8]> {
        let left = self.source.len().saturating_sub(at);
        if self.source.memory().is_some() {
            let bytes = self.source.memory().unwrap_or_default();
            return Ok(&bytes[at.min(bytes.len() as u64) as usize..]);
        }
        let known = self.base..self.base + self.room.len() as u64;
        let n_known = if (known.start..=known.end).contains(&at) { known.end - at } else { 0 };
        if n_known < left.min(least as u64) {
            let keep = self.room.len() - n_known as usize;
            self.room.drain(..keep);
            self.base = at;
            let wanted = left.min(2 * least as u64) as usize;
            self.room.resize(wanted, 0);
            let n_more = read_full(&*self.source, at + n_known, &mut self.room[n_known as usize..])?;
            self.room.truncate(n_known as usize + n_more);
        }
        // Behind the end there is nothing: what is in the room may be from a place before it.
        let from = at.checked_sub(self.base).and_then(|n| usize::try_from(n).ok());
        Ok(from.and_then(|from| self.room.get(from..)).unwrap_or_default())
    }
}

/// A source as symphonia reads one.
pub(crate) struct Reading<'a> {
    source: Shared<'a>,
    at: u64,
    /// Whether it has a length and a way back.
    is_seekable: bool,
}

impl<'a> Reading<'a> {
    pub(crate) fn seekable(source: Shared<'a>) -> Self {
        Self { source, at: 0, is_seekable: true }
    }

    /// A source without a length. An MPEG stream must not guess its number of frames from its bit rate: the guess would
    /// cut off real sound.
    pub(crate) fn streamed(source: Shared<'a>) -> Self {
        Self { source, at: 0, is_seekable: false }
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read_at(self.at, into)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Reading<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning"))?;
        Ok(self.at)
    }
}

impl MediaSource for Reading<'_> {
    fn is_seekable(&self) -> bool {
        self.is_seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.is_seekable.then(|| self.source.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(bytes: &[u8]) -> Disk {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        Disk(StoredFile::of(file, std::path::Path::new("temporary")).unwrap())
    }

    #[test]
    fn a_file_and_memory_read_the_same() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i * i % 251) as u8).collect();
        let file: Shared<'_> = Arc::new(disk(&bytes));
        let mut ahead = Ahead::new(Arc::clone(&file));
        for (at, least) in [(0, 10), (5, 1000), (5000, 10), (90_000, 5000), (99_999, 50), (100_000, 3)] {
            let got = ahead.from(at, least).unwrap();
            assert!(got.len() >= least.min(bytes.len() - at as usize), "{at}");
            assert_eq!(got, &bytes[at as usize..at as usize + got.len()]);
        }
        // What a header says may lead behind the end, where a pipe did not say before that it ends.
        assert!(ahead.from(200_000, 1).unwrap().is_empty());
        let mut read = Vec::new();
        Reading::streamed(file).read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn parts_follow_each_other() {
        let source: Shared<'_> = Arc::new(Memory(b"0123456789"));
        let spliced = Spliced::new(b"ab".to_vec(), source, 3..6, b"z".to_vec());
        let mut all = [0; 9];
        assert_eq!(read_full(&spliced, 0, &mut all).unwrap(), 6);
        assert_eq!(&all[..6], b"ab345z");
        assert_eq!((spliced.len(), spliced.read_at(6, &mut all).unwrap()), (6, 0));
    }

    #[test]
    fn a_view_ends_where_it_says() {
        let source = Memory(b"\0\0\0abcdef");
        let view = View::new(&source);
        assert_eq!((view.n_leading(0), view.from(3).bytes(3)), (3, b"abc".to_vec()));
        assert_eq!(view.from(3).first(4).array::<4>(0), Some(*b"abcd"));
        assert_eq!(view.from(3).first(4).array::<4>(1), None);
        assert_eq!((view.from(99).len(), view.array::<1>(u64::MAX)), (0, None));
    }
}
