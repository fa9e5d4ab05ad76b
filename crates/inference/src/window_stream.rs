//! The windows of one recording while it is decoded, in memory that does not grow with its length.

use crate::chain::{Chain, ClipSpectrogram};
use crate::error::{Context, Error, Result};
use crate::front_end::FrontEnd;
use crate::input::Input;
use crate::recording::{damage_words, for_each};
use crate::windows::{Window, Windows};
use audio_io::{Clip, ClipStream, Frames, Recording};
use rayon::prelude::*;

/// Samples over all channels that are decoded at once, at most.
const BLOCK_SAMPLES: usize = 1 << 22;

/// Windows that are decoded at once for each thread, where that many samples may be.
const WINDOWS_PER_THREAD: usize = 8;

/// Decodes a recording once, and makes the windows of its rows for all front ends of a model.
pub(crate) struct WindowStream<'w> {
    windows: &'w Windows,
    recording: Recording<'w>,
    rows: Vec<RowStream<'w>>,
    frames: Frames,
    /// Frames that are decoded at once.
    n_block: usize,
    failed: Vec<(usize, Error)>,
    ended: bool,
}

/// A row of the recording.
struct RowStream<'w> {
    nth: usize,
    input: &'w Input,
    /// One for each front end.
    clips: Vec<ClipStream>,
    is_done: bool,
}

/// What is known of a recording after its windows.
pub(crate) struct Closed {
    /// What is wrong with it, in words; empty where nothing is.
    pub(crate) damage: String,
    /// Seconds that were decoded.
    pub(crate) seconds: f64,
    /// Rows that could not be used after all, by their numbers, and why. Windows of theirs do not count.
    pub(crate) failed: Vec<(usize, Error)>,
}

impl Windows {
    /// Opens the recording that all the rows are of; `first` is the number of the first row.
    pub(crate) fn stream<'w>(&'w self, first: usize, rows: &'w [Input]) -> Result<WindowStream<'w>> {
        let recording = rows[0].open()?;
        let rate_hz = recording.rate_hz();
        let mut stream = WindowStream {
            windows: self,
            n_block: self.n_block(rate_hz, recording.n_channels()),
            recording,
            rows: Vec::new(),
            frames: Frames::default(),
            failed: Vec::new(),
            ended: false,
        };
        for (nth, input) in (first..).zip(rows) {
            let row = &input.row;
            let of_chain = |chain: &Chain| ClipStream::new(rate_hz, row.start_s, row.end_s, row.channel, &chain.clip);
            let clips: audio_io::Result<Vec<ClipStream>> = self.chains().map(of_chain).collect();
            match clips.with_context(|| input.path.display().to_string()) {
                Ok(clips) => stream.rows.push(RowStream { nth, input, clips, is_done: false }),
                Err(error) => stream.failed.push((nth, error)),
            }
        }
        Ok(stream)
    }

    fn n_block(&self, rate_hz: u32, n_channels: usize) -> usize {
        let window_s = self.chains().map(|chain| chain.clip.window.seconds).fold(0.0, f64::max);
        let n_windows = (WINDOWS_PER_THREAD * rayon::current_num_threads()) as f64;
        let wanted = (n_windows * window_s * f64::from(rate_hz)) as usize;
        wanted.clamp(1, (BLOCK_SAMPLES / n_channels.max(1)).max(1))
    }
}

impl WindowStream<'_> {
    /// The next windows, those of a row in the order of time; none at the end.
    pub(crate) fn next(&mut self) -> Option<Vec<Window>> {
        while !self.ended {
            match self.step() {
                Ok(windows) if windows.is_empty() => {}
                Ok(windows) => return Some(windows),
                Err(error) => {
                    let left: Vec<usize> = self.rows.iter().filter(|row| !row.is_done).map(|row| row.nth).collect();
                    let errors = for_each::<()>(error, left.len()).into_iter().filter_map(Result::err);
                    self.failed.extend(left.into_iter().zip(errors));
                    self.ended = true;
                }
            }
        }
        None
    }

    /// Seconds that were decoded so far.
    pub(crate) fn seconds(&self) -> f64 {
        self.recording.n_frames() as f64 / f64::from(self.recording.rate_hz().max(1))
    }

    /// Seconds by the header, where it says so.
    pub(crate) fn declared_s(&self) -> Option<f64> {
        self.recording.declared_frames().map(|n| n as f64 / f64::from(self.recording.rate_hz().max(1)))
    }

    /// What is known at the end.
    pub(crate) fn close(self) -> Closed {
        let seconds = self.seconds();
        Closed { damage: damage_words(&self.recording.finish()), seconds, failed: self.failed }
    }

    /// Decodes one block and makes the windows that it completes.
    fn step(&mut self) -> Result<Vec<Window>> {
        let needed = self.rows.iter().filter(|row| !row.is_done).flat_map(|row| &row.clips);
        let Some(needed) = needed.map(ClipStream::needs_from).min() else {
            self.ended = true;
            return Ok(Vec::new());
        };
        self.frames.forget(needed);
        if needed > self.frames.end() {
            self.frames.base += self.recording.skip((needed - self.frames.end()) as u64)? as usize;
        }
        self.ended = self.recording.next_block(self.n_block, &mut self.frames.channels)? == 0;
        let mut windows = Vec::new();
        for row in self.rows.iter_mut().filter(|row| !row.is_done) {
            match row.windows(self.windows, &self.frames, self.ended, self.recording.declared_frames()) {
                Ok(more) => windows.extend(more),
                Err(error) => {
                    row.is_done = true;
                    self.failed.push((row.nth, error));
                }
            }
        }
        Ok(windows)
    }
}

impl RowStream<'_> {
    fn windows(
        &mut self,
        windows: &Windows,
        frames: &Frames,
        at_end: bool,
        declared: Option<u64>,
    ) -> Result<Vec<Window>> {
        let name = || self.input.path.display().to_string();
        let n_frames = frames.end();
        self.is_done = at_end || self.clips.iter().all(|clips| clips.is_done(n_frames));
        let n_ready = self.clips.iter().map(|clips| clips.n_ready(n_frames)).min().unwrap_or(0);
        let whole = match at_end {
            true => n_frames,
            false => declared.map_or(usize::MAX / 1024, |declared| n_frames.max(declared as usize)),
        };
        let mut by_front_end = Vec::new();
        for clips in &mut self.clips {
            by_front_end.push(match self.is_done {
                true => clips.rest(frames, n_frames, whole).with_context(name)?,
                false => clips.take(frames, n_ready).with_context(name)?,
            });
        }
        joined(&windows.front_ends, self.nth, by_front_end)
    }
}

/// Computes the spectrograms of clips, which all front ends have at the same places, and joins them to windows. Where rates
/// differ, one front end may have another window at the end, of which too little is sound for the others: it is left out.
fn joined(front_ends: &[(Chain, FrontEnd)], nth: usize, by_front_end: Vec<Vec<Clip>>) -> Result<Vec<Window>> {
    let n = by_front_end.iter().map(Vec::len).min().unwrap_or(0);
    let jobs: Vec<(usize, &Clip)> = (0..n)
        .flat_map(|window| by_front_end.iter().enumerate().map(move |(front_end, clips)| (front_end, &clips[window])))
        .collect();
    let scratch = || front_ends.iter().map(|(_, front_end)| front_end.scratch()).collect::<Vec<_>>();
    let spectrograms: Vec<ClipSpectrogram> = jobs
        .into_par_iter()
        .map_init(scratch, |scratch, (nth, clip)| Chain::spectrogram(&front_ends[nth].1, &mut scratch[nth], clip))
        .collect::<Result<_>>()?;
    let mut spectrograms = spectrograms.into_iter();
    let mut windows = Vec::with_capacity(n);
    while let Some(clip) = spectrograms.next() {
        let others = spectrograms.by_ref().take(front_ends.len() - 1).map(|of| (of.mel, of.n_frames)).collect();
        windows.push(Window { input: nth, clip, others });
    }
    Ok(windows)
}
