//! The clips of several rows of a recording that is decoded once.

use crate::clip::{Clip, ClipConfig};
use crate::clip_stream::{ClipStream, Frames};
use crate::decoded::{Decoded, Until};
use crate::error::Result;
use crate::manifest::Row;
use crate::recording::Recording;

/// Clips of a row for each of its settings, in the order of time; or why it cannot be used after all, whatever came before.
pub type RowClips = (usize, Result<Vec<Vec<Clip>>>);

/// Decodes a recording once, and makes the clips of rows of it while its blocks come in: those that
/// [`clips`](crate::clips) makes of the whole recording. Memory does not grow with the recording, for the placements of which
/// [`ClipStream`] says so. Further rows can be added once all are done, as long as their sound [is
/// still ahead](Self::is_ahead).
pub struct RowReader<'a> {
    recording: Recording<'a>,
    rows: Vec<OfRow>,
    frames: Frames,
    /// Frames that are decoded at once.
    n_block: usize,
    /// Frames after which nothing more is needed.
    enough: u64,
    at_end: bool,
}

/// A row while it is read.
struct OfRow {
    number: usize,
    /// One for each of the settings.
    clips: Vec<ClipStream>,
    is_done: bool,
}

impl<'a> RowReader<'a> {
    /// Of a recording of which nothing has been decoded yet; `n_block` is how many frames are decoded at once.
    pub fn new(recording: Recording<'a>, n_block: usize) -> Self {
        let (rows, frames) = (Vec::new(), Frames::default());
        Self { recording, rows, frames, n_block: n_block.max(1), enough: u64::MAX, at_end: false }
    }

    /// The recording.
    pub fn recording(&self) -> &Recording<'a> {
        &self.recording
    }

    /// Adds a row under a number of the caller's, with settings that it gets clips by.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn add<'c>(
        &mut self,
        number: usize,
        row: &Row,
        configs: impl IntoIterator<Item = &'c ClipConfig>,
    ) -> Result<()> {
        let clips = self.streams(row, configs)?;
        self.rows.push(OfRow { number, clips, is_done: false });
        Ok(())
    }

    /// Whether the sound of a row has not been left behind.
    pub fn is_ahead<'c>(&self, row: &Row, configs: impl IntoIterator<Item = &'c ClipConfig>) -> bool {
        let streams = self.streams(row, configs).unwrap_or_default();
        streams.iter().all(|stream| stream.needs_from() >= self.frames.base)
    }

    fn streams<'c>(&self, row: &Row, configs: impl IntoIterator<Item = &'c ClipConfig>) -> Result<Vec<ClipStream>> {
        let rate_hz = self.recording.rate_hz();
        let stream = |config| ClipStream::new(rate_hz, row.start_s, row.end_s, row.channel, config);
        configs.into_iter().map(stream).collect()
    }

    /// Decodes no further than this: what [`decode_bytes_until`](crate::decode_bytes_until) decodes.
    pub fn stop_at(&mut self, until: Option<Until>) {
        self.enough = until.map_or(u64::MAX, |until| until.n_frames(self.recording.rate_hz()) as u64);
    }

    /// All clips of a single row by several settings, and what is known of the recording as far as `until`.
    ///
    /// # Errors
    /// Settings that make no sense, a row that cannot be used, or a recording that cannot be decoded.
    pub fn clips_of<'c>(
        mut self,
        row: &Row,
        configs: impl IntoIterator<Item = &'c ClipConfig>,
        until: Option<Until>,
    ) -> Result<(Vec<Vec<Clip>>, Decoded)> {
        self.add(0, row, configs)?;
        self.stop_at(until);
        let mut all: Vec<Vec<Clip>> = Vec::new();
        while let Some(clips) = self.next_clips()? {
            for (_, clips) in clips {
                append(&mut all, clips?);
            }
        }
        Ok((all, self.so_far()))
    }

    /// The next clips; none once all rows are done.
    ///
    /// # Errors
    /// A recording that can no longer be decoded.
    pub fn next_clips(&mut self) -> Result<Option<Vec<RowClips>>> {
        while !self.rows.is_empty() {
            let clips = self.step()?;
            self.rows.retain(|row| !row.is_done);
            if !clips.is_empty() {
                return Ok(Some(clips));
            }
        }
        Ok(None)
    }

    /// Leaves out a row; no further clips of it are made.
    pub fn leave_out(&mut self, number: usize) {
        self.rows.retain(|row| row.number != number);
    }

    /// Leaves out all rows that are not done, and gives their numbers.
    pub fn leave_out_all(&mut self) -> Vec<usize> {
        self.rows.drain(..).map(|row| row.number).collect()
    }

    /// What is known of the part that was decoded; without samples.
    pub fn so_far(&mut self) -> Decoded {
        self.recording.so_far(!self.at_end)
    }

    /// What is known of the recording at the end; without samples.
    pub fn finish(self) -> Decoded {
        self.recording.finish()
    }

    /// Decodes a block and makes the clips that it completes.
    fn step(&mut self) -> Result<Vec<RowClips>> {
        let needed = self.rows.iter().flat_map(|row| &row.clips).map(ClipStream::needs_from).min().unwrap_or(0);
        let mut is_last = self.at_end || self.recording.is_enough(self.enough);
        if !is_last {
            self.frames.forget(needed);
            if needed > self.frames.end() {
                let n = (needed - self.frames.end()) as u64;
                self.frames.base += self.recording.skip(n)? as usize;
            }
            let n = match self.enough.saturating_sub(self.recording.n_frames()) {
                0 => self.n_block,
                n_left => n_left.min(self.n_block as u64) as usize,
            };
            self.at_end = self.recording.next_block(n, &mut self.frames.channels)? == 0;
            is_last = self.at_end || self.recording.is_enough(self.enough);
        }
        let n_frames = self.frames.end();
        let whole = match (self.at_end, self.recording.declared_frames()) {
            (true, _) => n_frames,
            (false, declared) => declared.map_or(usize::MAX / 1024, |declared| n_frames.max(declared as usize)),
        };
        let n_channels = self.recording.n_channels();
        let mut out = Vec::new();
        for row in &mut self.rows {
            let has_room = row.clips.iter().try_for_each(|clips| clips.check_room(n_frames, n_channels));
            let clips = has_room.and_then(|()| row.clips(&self.frames, is_last, whole));
            row.is_done |= clips.is_err();
            if clips.as_ref().map_or(true, |clips| !clips.iter().all(Vec::is_empty)) {
                out.push((row.number, clips));
            }
        }
        Ok(out)
    }
}

/// Adds clips to those by the same settings.
pub fn append(all: &mut Vec<Vec<Clip>>, more: Vec<Vec<Clip>>) {
    all.resize(all.len().max(more.len()), Vec::new());
    all.iter_mut().zip(more).for_each(|(all, more)| all.extend(more));
}

impl OfRow {
    /// The clips that can be made now.
    fn clips(&mut self, frames: &Frames, is_last: bool, whole: usize) -> Result<Vec<Vec<Clip>>> {
        let n_frames = frames.end();
        self.is_done = is_last || self.clips.iter().all(|clips| clips.is_done(n_frames));
        let n_ready = self.clips.iter().map(|clips| clips.n_ready(n_frames)).min().unwrap_or(0);
        let is_done = self.is_done;
        let some = |clips: &mut ClipStream| match is_done {
            true => clips.rest(frames, n_frames, whole),
            false => clips.take(frames, n_ready),
        };
        self.clips.iter_mut().map(some).collect()
    }
}
