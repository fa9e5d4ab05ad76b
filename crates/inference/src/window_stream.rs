//! The windows of one recording while it is decoded, in memory that does not grow with its length.

use crate::chain::{Chain, ClipSpectrogram};
use crate::error::{Context, Error, Result};
use crate::front_end::FrontEnd;
use crate::input::Input;
use crate::recording::{damage_words, for_each};
use crate::windows::{Window, Windows};
use audio_io::{Clip, RowClips, RowReader};
use rayon::prelude::*;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

/// Samples over all channels that are decoded at once, at most.
const BLOCK_SAMPLES: usize = 1 << 22;

/// Seconds that are decoded at once of a recording that comes through a stream.
const LIVE_BLOCK_S: f64 = 0.25;

/// Windows that are decoded at once for each thread, where that many samples may be.
const WINDOWS_PER_THREAD: usize = 8;

/// Decodes a recording once, and makes the windows of its rows for all front ends of a model.
pub(crate) struct WindowStream<'w> {
    windows: &'w Windows,
    path: &'w Path,
    reader: RowReader<'w>,
    failed: Vec<(usize, Error)>,
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
        let n_block = match rows[0].stream.is_some() {
            // What comes slowly is looked at soon.
            true => (LIVE_BLOCK_S * f64::from(recording.rate_hz())) as usize,
            false => self.n_block(recording.rate_hz(), recording.n_channels()),
        };
        let (mut reader, path) = (RowReader::new(recording, n_block), rows[0].path.as_path());
        reader.stop_at(self.decoded_until(rows));
        let mut stream = WindowStream { windows: self, path, reader, failed: Vec::new() };
        for (nth, input) in (first..).zip(rows) {
            let configs = self.chains().map(|chain| &chain.clip);
            if let Err(error) = stream.reader.add(nth, &input.row, configs).with_context(|| path.display().to_string())
            {
                stream.failed.push((nth, error));
            }
        }
        Ok(stream)
    }

    /// The windows of clips, for rows that have not failed before; rows that fail now are added to `failed`.
    fn of_clips(&self, clips: Vec<RowClips>, path: &Path, failed: &mut Vec<(usize, Error)>) -> Vec<Window> {
        let mut windows = Vec::new();
        for (nth, clips) in clips {
            if failed.iter().any(|(other, _)| *other == nth) {
                continue;
            }
            let clips = clips.with_context(|| path.display().to_string());
            match clips.and_then(|clips| joined(&self.front_ends, nth, clips)) {
                Ok(more) => windows.extend(more),
                Err(error) => failed.push((nth, error)),
            }
        }
        windows
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
        loop {
            let clips = match self.reader.next_clips() {
                Ok(clips) => clips?,
                Err(error) => {
                    self.fail_rest(error);
                    return None;
                }
            };
            let before = self.failed.len();
            let windows = self.windows.of_clips(clips, self.path, &mut self.failed);
            self.failed[before..].iter().for_each(|(nth, _)| self.reader.leave_out(*nth));
            if !windows.is_empty() {
                return Some(windows);
            }
        }
    }

    /// No row of the recording that is not done can be used.
    fn fail_rest(&mut self, error: audio_io::Error) {
        let mut left = self.reader.leave_out_all();
        left.retain(|nth| self.failed.iter().all(|(other, _)| other != nth));
        let errors = for_each::<()>(error.into(), left.len()).into_iter().filter_map(Result::err);
        self.failed.extend(left.into_iter().zip(errors));
    }

    /// Seconds that were decoded so far.
    pub(crate) fn seconds(&self) -> f64 {
        let recording = self.reader.recording();
        recording.n_frames() as f64 / f64::from(recording.rate_hz().max(1))
    }

    /// Seconds by the header, where it says so.
    pub(crate) fn declared_s(&self) -> Option<f64> {
        let recording = self.reader.recording();
        recording.declared_frames().map(|n| n as f64 / f64::from(recording.rate_hz().max(1)))
    }

    /// Sends all windows to who classifies them, with the seconds of sound that each batch adds; ends early where it is stopped or
    /// nobody takes them. The next clips are decoded while the front end looks at these.
    pub(crate) fn send_all(mut self, to: &SyncSender<(Vec<Window>, f64)>, stop: &(dyn Fn() -> bool + Sync)) -> Closed {
        let (sender, receiver) = sync_channel::<(Vec<RowClips>, f64)>(0);
        let (windows, path) = (self.windows, self.path);
        let mut failed = std::mem::take(&mut self.failed);
        let stream = &mut self;
        let broken = std::thread::scope(|scope| {
            let decoding = scope.spawn(move || {
                while !stop() {
                    match stream.reader.next_clips() {
                        Ok(None) => break,
                        Err(error) => return Some(error),
                        Ok(Some(clips)) => {
                            if sender.send((clips, stream.seconds())).is_err() {
                                break;
                            }
                        }
                    }
                }
                None
            });
            let mut before = 0.0;
            for (clips, seconds) in receiver {
                let windows = windows.of_clips(clips, path, &mut failed);
                if windows.is_empty() {
                    continue;
                }
                if to.send((windows, seconds - before)).is_err() {
                    break;
                }
                before = seconds;
            }
            decoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        self.failed = failed;
        if let Some(error) = broken {
            self.fail_rest(error);
        }
        self.close()
    }

    /// What is known at the end.
    pub(crate) fn close(self) -> Closed {
        let seconds = self.seconds();
        Closed { damage: damage_words(&self.reader.finish()), seconds, failed: self.failed }
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
