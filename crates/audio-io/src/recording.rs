//! A recording as a stream of blocks, in memory that does not grow with its length.

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use storage::StoredFile;

use crate::blocks::{Ending, Opened};
use crate::decoded::{Decoded, Until};
use crate::error::{Error, Result};
use crate::inspection::Inspection;
use crate::limits::{check_channels, check_rate, max_frames};
use crate::pipe::Pipe;
use crate::read::open_file;
use crate::room::try_with_room;
use crate::sniff::{Format, sniff};
use crate::source::{self, Memory, Shared, Spliced, View};
use crate::stream::room;
use crate::{aiff, caf, flac, stream, wav};

/// Frames that are best decoded at once where all of them are wanted: they fit into the cache of a processor.
pub const BLOCK_FRAMES: usize = 1 << 16;

/// A recording that is decoded block by block. Its samples are those of [`decode_file`](crate::decode_file).
///
/// ```no_run
/// let mut recording = audio_io::Recording::open("night.flac".as_ref())?;
/// let mut block = Vec::new();
/// while recording.next_block(1 << 16, &mut block)? > 0 {
///     println!("{} channels of {} frames", block.len(), block[0].len());
///     block.iter_mut().for_each(Vec::clear);
/// }
/// println!("{:?}", recording.finish().damage);
/// # Ok::<(), audio_io::Error>(())
/// ```
pub struct Recording<'a> {
    path: PathBuf,
    opened: Opened<'a>,
    n_bytes: u64,
    n_frames: u64,
    inspection: Inspection,
    /// Frames that were decoded with others that were left out: the last packet reached further.
    surplus: Vec<Vec<f32>>,
}

impl Recording<'static> {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// As for [`decode_bytes`](crate::decode_bytes), and a file that cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of_stored(open_file(path)?, path)
    }

    /// The recording in an open file; `path` is for messages and its extension.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn of_file(file: File, path: &Path) -> Result<Self> {
        let file = StoredFile::of(file, path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::of_stored(file, path)
    }

    fn of_stored(file: StoredFile, path: &Path) -> Result<Self> {
        let source = source::of_file(file).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::of_source(source, path)
    }
}

impl Recording<'static> {
    /// The recording that comes through a stream whose beginning [can be streamed](crate::can_stream): it is decoded while it
    /// comes. Memory does not grow with it. `path` is for messages.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn of_stream(stream: impl std::io::Read + Send + 'static, path: &Path) -> Result<Self> {
        Self::of_source(Arc::new(Pipe::new(stream)), path)
    }
}

impl<'a> Recording<'a> {
    /// The recording in the bytes of a file; `path` is for messages and its extension.
    ///
    /// # Errors
    /// As for [`open`](Recording::open).
    pub fn of_bytes(bytes: &'a [u8], path: &Path) -> Result<Self> {
        Self::of_source(Arc::new(Memory(bytes)), path)
    }

    fn of_source(source: Shared<'a>, path: &Path) -> Result<Self> {
        let n_bytes = source.len();
        let opened = guarded(path, || {
            let opened = open(source, path)?;
            check_rate(opened.rate_hz, path)?;
            check_channels(opened.n_channels, path)?;
            Ok(opened)
        })?;
        Ok(Self {
            path: path.to_owned(),
            opened,
            n_bytes,
            n_frames: 0,
            inspection: Inspection::default(),
            surplus: Vec::new(),
        })
    }

    /// Frames per second.
    pub fn rate_hz(&self) -> u32 {
        self.opened.rate_hz
    }

    /// Channels.
    pub fn n_channels(&self) -> usize {
        self.opened.n_channels
    }

    /// The codec, as [`Decoded::codec`].
    pub fn codec(&self) -> &str {
        &self.opened.codec
    }

    /// Frames that were decoded or left out so far.
    pub fn n_frames(&self) -> u64 {
        self.n_frames
    }

    /// Frames that the header declares, where it does. The sound may have fewer or more.
    pub fn declared_frames(&self) -> Option<u64> {
        self.opened.declared_frames
    }

    /// Bits per sample where the codec has such a number.
    pub fn bits(&self) -> Option<u32> {
        self.opened.bits
    }

    /// Bytes of the file.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Appends frames to the channels, which it makes where there are none: `n` of them, or up to one packet more, and
    /// fewer only where the sound ends. Gives how many; 0 at the end.
    ///
    /// # Errors
    /// A file that can no longer be read, a decoder that panics, too little memory.
    pub fn next_block(&mut self, n: usize, channels: &mut Vec<Vec<f32>>) -> Result<usize> {
        channels.resize(self.opened.n_channels, Vec::new());
        let at_first = channels.first().map_or(0, Vec::len);
        let surplus = std::mem::take(&mut self.surplus);
        channels.iter_mut().zip(surplus).for_each(|(samples, surplus)| samples.extend(surplus));
        let before = channels.first().map_or(0, Vec::len);
        if before - at_first < n.max(1) {
            let blocks = &mut self.opened.blocks;
            guarded(&self.path, || blocks.more(n.max(1) - (before - at_first), channels))?;
        }
        let n_more = channels.first().map_or(0, Vec::len) - at_first;
        self.inspection.take(channels, before);
        self.n_frames += n_more as u64;
        Ok(n_more)
    }

    /// Leaves out frames, decoding them where there is no other way. Gives how many; fewer where the sound ends.
    ///
    /// # Errors
    /// As for [`next_block`](Self::next_block).
    pub fn skip(&mut self, n: u64) -> Result<u64> {
        let blocks = &mut self.opened.blocks;
        // What was decoded already comes first.
        let mut skipped = if self.surplus.is_empty() { guarded(&self.path, || blocks.skip(n))? } else { 0 };
        self.n_frames += skipped;
        self.inspection.skip(skipped);
        let mut block: Vec<Vec<f32>> = Vec::new();
        while skipped < n {
            block.iter_mut().for_each(Vec::clear);
            match self.next_block((n - skipped).min(BLOCK_FRAMES as u64) as usize, &mut block)? {
                0 => break,
                n_more => skipped += n_more as u64,
            }
        }
        let n_surplus = skipped.saturating_sub(n);
        if n_surplus > 0 {
            self.surplus = block.iter().map(|samples| samples[samples.len() - n_surplus as usize..].to_vec()).collect();
            self.n_frames -= n_surplus;
        }
        Ok(skipped - n_surplus)
    }

    /// Whether it is known that nothing more comes.
    fn is_at_end(&self) -> bool {
        self.surplus.is_empty() && self.opened.blocks.is_at_end()
    }

    /// What is known of the recording after its end, or of the part that was decoded; without samples.
    pub fn finish(mut self) -> Decoded {
        let stopped = !self.is_at_end();
        self.known(Vec::new(), stopped)
    }

    /// What is known of the part that was decoded so far, without samples; `stopped` where the recording goes on, or may.
    pub(crate) fn so_far(&mut self, stopped: bool) -> Decoded {
        self.known(Vec::new(), stopped)
    }

    fn known(&mut self, channels: Vec<Vec<f32>>, stopped: bool) -> Decoded {
        let Ending { declared_frames, mut damage, notes } = self.opened.blocks.ending(self.n_frames, stopped);
        self.inspection.report(self.n_frames, declared_frames, stopped, &mut damage);
        for damage in &damage {
            tracing::debug!(path = %self.path.display(), %damage, "damaged");
        }
        for note in &notes {
            tracing::debug!(path = %self.path.display(), note, "unusual header");
        }
        Decoded {
            rate_hz: self.opened.rate_hz,
            channels,
            format: self.opened.format.to_owned(),
            codec: self.opened.codec.clone(),
            bits: self.opened.bits,
            declared_frames,
            damage,
            notes,
            stopped,
        }
    }

    /// Decodes all that is left, or what is enough, and keeps it in memory.
    ///
    /// # Errors
    /// As for [`next_block`](Self::next_block).
    pub fn decode(mut self, until: Option<Until>) -> Result<Decoded> {
        let declared = self.opened.declared_frames;
        let enough = until.map_or(u64::MAX, |until| until.n_frames(self.opened.rate_hz) as u64);
        let most = max_frames(self.n_bytes as usize, self.opened.n_channels);
        let n_reserved = room(declared, enough).min(most as usize);
        let mut channels: Vec<Vec<f32>> =
            (0..self.opened.n_channels).map(|_| try_with_room(n_reserved)).collect::<Result<_>>()?;
        let stopped = loop {
            let n_left = enough.saturating_sub(self.n_frames);
            if self.is_enough(enough) {
                break true;
            }
            let n = n_left.clamp(1, BLOCK_FRAMES as u64) as usize;
            if self.next_block(n, &mut channels)? == 0 {
                break false;
            }
        };
        Ok(self.known(channels, stopped))
    }

    /// Whether so many frames were decoded, and the recording goes on or may. One that may have ended is read to its end.
    pub(crate) fn is_enough(&self, n_frames: u64) -> bool {
        self.n_frames >= n_frames
            && self.opened.declared_frames.is_none_or(|declared| self.n_frames < declared)
            && !self.is_at_end()
    }
}

fn open<'a>(source: Shared<'a>, path: &Path) -> Result<Opened<'a>> {
    let (format, start) = sniff(View::new(&*source), path)?;
    let source = match start {
        0 => source,
        start => {
            let end = source.len();
            Arc::new(Spliced::new(Vec::new(), source, start..end, Vec::new()))
        }
    };
    match format {
        Format::Wav(container) => wav::open(source, container, path),
        Format::Flac => flac::open(source, path),
        Format::Aiff => aiff::open(source, path),
        Format::Caf => caf::open(source, path),
        other => stream::open(source, other, path),
    }
}

/// Makes a panic an error of this file alone.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::Panicked { path: path.to_owned(), message: panic_text(&*panic) }))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
