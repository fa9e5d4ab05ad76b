//! The clips of a recording while its blocks come in.

use crate::channels::ChannelPolicy;
use crate::clip::{Clip, ClipConfig, Part, clips_of, resampled_range, windows_of};
use crate::error::{Error, Result};
use crate::range::known_range;
use crate::resample;
use crate::window::{Placement, sliding};

/// Samples over all channels that are kept for a row at most: 2 GiB. Rows of sliding or first windows need a few blocks,
/// other placements all of the row.
pub const MAX_ROW_SAMPLES: usize = 1 << 29;

/// The part of a recording that clips can still come from.
#[derive(Debug, Default)]
pub struct Frames {
    /// Samples by channel from frame `base` on: `[C, n]`.
    pub channels: Vec<Vec<f32>>,
    /// Frames before them that are no longer needed.
    pub base: usize,
}

impl Frames {
    /// The frame behind the last.
    pub fn end(&self) -> usize {
        self.base + self.channels.first().map_or(0, Vec::len)
    }

    /// Forgets what is before a frame.
    pub fn forget(&mut self, before: usize) {
        let n = before.min(self.end()).saturating_sub(self.base);
        self.channels.iter_mut().for_each(|samples| drop(samples.drain(..n)));
        self.base += n;
    }

    fn part(&self, n_frames: usize, rate_hz: u32) -> Part<'_> {
        let channels = self.channels.iter().map(Vec::as_slice).collect();
        Part { channels, base: self.base, n_frames, rate_hz }
    }
}

/// Makes the clips of a row while frames come in: to the last bit those that [`clips`](crate::clips) makes of the whole
/// recording. Memory does not grow with the recording where windows slide or the first one is taken; for other placements
/// the whole row is needed at once.
#[derive(Debug, Clone)]
pub struct ClipStream {
    config: ClipConfig,
    rate_hz: u32,
    start_s: Option<f64>,
    end_s: Option<f64>,
    channel: Option<u16>,
    /// First frame of the row and, where the row has an end, the frame behind its last.
    first: usize,
    last: Option<usize>,
    /// Number of the next window.
    next: usize,
}

/// A number of frames that no recording has; resampled, it is still a number.
const ENDLESS: usize = usize::MAX / 1024;

impl ClipStream {
    /// For a row of a recording of that rate; the row's channel, where given, goes before the policy.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(
        rate_hz: u32,
        row_start_s: Option<f64>,
        row_end_s: Option<f64>,
        row_channel: Option<u16>,
        config: &ClipConfig,
    ) -> Result<Self> {
        config.validate()?;
        let frame = |seconds: f64| (seconds * f64::from(rate_hz)).round() as usize;
        Ok(Self {
            config: *config,
            rate_hz,
            start_s: row_start_s,
            end_s: row_end_s,
            channel: row_channel,
            first: row_start_s.map_or(0, frame).min(ENDLESS),
            last: row_end_s.map(frame).filter(|&last| last < ENDLESS),
            next: 0,
        })
    }

    /// Samples from window to window, where windows do not depend on what comes later.
    fn hop(&self) -> Option<usize> {
        match self.config.window.placement {
            Placement::Sliding { overlap_s } => Some(self.config.window.hop(overlap_s, self.config.sample_rate_hz)),
            // One window alone.
            Placement::First => Some(ENDLESS),
            Placement::Whole | Placement::Loudest | Placement::Center => None,
        }
    }

    /// The row as far as it is known.
    fn row(&self) -> (usize, usize) {
        (self.first, self.last.unwrap_or(ENDLESS).max(self.first + 1))
    }

    /// A recording without an end.
    fn endless(&self) -> Part<'static> {
        Part { channels: Vec::new(), base: 0, n_frames: ENDLESS, rate_hz: self.rate_hz }
    }

    /// Whether no further clip comes, whatever follows.
    pub fn is_done(&self, n_frames: usize) -> bool {
        let is_first = self.config.window.placement == Placement::First;
        (is_first && self.next > 0) || self.last.is_some_and(|last| n_frames >= last + self.margin())
    }

    /// Frames behind the row that the filter of the resampler reaches to, with rounding.
    fn margin(&self) -> usize {
        let (from_hz, to_hz) = (self.rate_hz, self.config.sample_rate_hz);
        match from_hz == to_hz {
            true => 0,
            false => resample::frames_needed(1, from_hz, to_hz) + 2 * from_hz.div_ceil(to_hz) as usize,
        }
    }

    /// The first frame that is still needed.
    pub fn needs_from(&self) -> usize {
        let row = resampled_range(self.row(), &self.endless(), self.config.sample_rate_hz);
        let start = row.start + self.hop().filter(|_| self.next > 0).map_or(0, |hop| self.next.saturating_mul(hop));
        let cut = resample::cut(start..start + 1, ENDLESS, self.rate_hz, self.config.sample_rate_hz);
        cut.source.start.min(if self.next == 0 { self.first } else { usize::MAX })
    }

    /// Refuses a row whose windows depend on all of it once it has become too long for that, of a recording of which
    /// `n_frames` are known.
    ///
    /// # Errors
    /// A row of more than [`MAX_ROW_SAMPLES`] over all channels.
    pub fn check_room(&self, n_frames: usize, n_channels: usize) -> Result<()> {
        let most = MAX_ROW_SAMPLES / n_channels.max(1);
        if self.hop().is_some() || n_frames.min(self.row().1).saturating_sub(self.first) <= most {
            return Ok(());
        }
        Err(Error::TooLong { seconds: most as f64 / f64::from(self.rate_hz) })
    }

    /// How many windows can be made once `n_frames` of the recording are known, its end not among them.
    pub fn n_ready(&self, n_frames: usize) -> usize {
        let Some(hop) = self.hop() else { return 0 };
        let (to_hz, window) = (self.config.sample_rate_hz, &self.config.window);
        // A row of a single window may have its silent ends trimmed, which is known once there is more.
        let longer_than = self.first + (window.seconds * f64::from(self.rate_hz)).ceil() as usize;
        if n_frames <= longer_than || self.last.is_some_and(|last| last <= longer_than) {
            return 0;
        }
        let row = resampled_range(self.row(), &self.endless(), to_hz);
        let length = window.length(0, to_hz);
        let mut n = 0;
        loop {
            let end = (self.next + n).saturating_mul(hop).saturating_add(length);
            let is_whole = end <= row.len() && end < ENDLESS;
            let needed = || match self.rate_hz == to_hz {
                true => row.start + end,
                false => resample::frames_needed(row.start + end, self.rate_hz, to_hz),
            };
            if !is_whole || needed() > n_frames {
                return n;
            }
            n += 1;
        }
    }

    /// Makes the next `n` windows, which must be [ready](Self::n_ready).
    ///
    /// # Errors
    /// A channel that the recording lacks, or too little memory.
    pub fn take(&mut self, frames: &Frames, n: usize) -> Result<Vec<Clip>> {
        let part = frames.part(ENDLESS, self.rate_hz);
        self.windows(&part, self.row(), self.next + n)
    }

    /// First frame and the one after the last of the row, once `n_frames` of the `whole` recording are known, as for
    /// [`rest`](Self::rest).
    ///
    /// # Errors
    /// No sound, or a row outside the recording.
    pub fn range(&self, n_frames: usize, whole: usize) -> Result<(usize, usize)> {
        known_range(n_frames, whole, self.rate_hz, self.start_s, self.end_s)
    }

    /// Makes what is left once `n_frames` are known: all frames of the `whole` recording or, where the stream
    /// [is done](Self::is_done), as many as were needed. `whole` is what the header declares then, or more than any
    /// recording has.
    ///
    /// # Errors
    /// No sound, a row outside the recording, a channel that it lacks, or too little memory.
    pub fn rest(&mut self, frames: &Frames, n_frames: usize, whole: usize) -> Result<Vec<Clip>> {
        let row = self.range(n_frames, whole)?;
        let part = frames.part(n_frames, self.rate_hz);
        if self.next == 0 {
            return clips_of(&part, row, self.channel, &self.config);
        }
        let n_row = resampled_range(row, &part, self.config.sample_rate_hz).len();
        match (self.config.window.placement, self.hop()) {
            (Placement::Sliding { .. }, Some(hop)) => {
                let length = self.config.window.length(n_row, self.config.sample_rate_hz);
                self.windows(&part, row, sliding(n_row, length, hop).len())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The windows from the next one up to number `end`.
    fn windows(&mut self, part: &Part<'_>, row: (usize, usize), end: usize) -> Result<Vec<Clip>> {
        let Some(hop) = self.hop().filter(|_| end > self.next) else { return Ok(Vec::new()) };
        let (to_hz, policy) = (self.config.sample_rate_hz, self.channel.map(ChannelPolicy::One));
        let length = self.config.window.length(0, to_hz);
        let n_row = resampled_range(row, part, to_hz).len();
        let reach = self.next * hop..n_row.min((end - 1) * hop + length);
        let n = end - self.next;
        let starts = |_: &[f32]| (0..n).map(|nth| nth * hop).collect();
        let policy = policy.unwrap_or(self.config.channels);
        self.next = end;
        windows_of(part, row, reach, policy, &self.config, starts)
    }
}
