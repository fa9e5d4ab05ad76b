//! The samples of a stream while they come in, until they are taken.

use symphonia::core::audio::{Audio, GenericAudioBufferRef};

use crate::error::Result;
use crate::limits::{MAX_GAP_FRAMES, max_frames};
use crate::room::try_reserve;

/// The samples of a stream that were not taken yet.
pub(crate) struct Sink {
    pub(crate) rate_hz: u32,
    pub(crate) channels: Vec<Vec<f32>>,
    /// Frames that were taken.
    n_taken: u64,
    /// Bytes of the file.
    n_bytes: usize,
    /// Frames of silence before the first packet that decodes; until then the number of channels is not known.
    n_lead: usize,
    scratch: Vec<Vec<f32>>,
}

impl Sink {
    pub(crate) fn new(n_bytes: usize) -> Self {
        Sink { rate_hz: 0, channels: Vec::new(), n_taken: 0, n_bytes, n_lead: 0, scratch: Vec::new() }
    }

    /// Frames so far.
    pub(crate) fn n_frames(&self) -> u64 {
        self.n_taken + self.channels.first().map_or(self.n_lead, Vec::len) as u64
    }

    /// Frames that can be taken.
    pub(crate) fn n_ready(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Moves what is ready to the end of other channels.
    pub(crate) fn give(&mut self, channels: &mut [Vec<f32>]) -> Result<()> {
        self.n_taken += self.n_ready() as u64;
        for (to, from) in channels.iter_mut().zip(&mut self.channels) {
            try_reserve(to, from.len())?;
            to.append(from);
        }
        Ok(())
    }

    pub(crate) fn push_silence(&mut self, n_frames: u64) -> Result<()> {
        let n_frames = n_frames.min(MAX_GAP_FRAMES).min(max_frames(self.n_bytes, self.channels.len())) as usize;
        if self.channels.is_empty() {
            self.n_lead = self.n_lead.saturating_add(n_frames).min(max_frames(self.n_bytes, 1) as usize);
        }
        for channel in &mut self.channels {
            try_reserve(channel, n_frames)?;
            channel.resize(channel.len() + n_frames, 0.0);
        }
        Ok(())
    }

    /// Appends a buffer; false when its rate or channels are not those of the stream so far.
    pub(crate) fn push(&mut self, buffer: &GenericAudioBufferRef<'_>) -> Result<bool> {
        let (rate_hz, n_channels) = (buffer.spec().rate(), buffer.num_planes());
        if self.channels.is_empty() {
            self.rate_hz = rate_hz;
            let most = max_frames(self.n_bytes, n_channels) as usize;
            self.channels = vec![Vec::new(); n_channels];
            for channel in &mut self.channels {
                try_reserve(channel, self.n_lead.min(most))?;
                channel.resize(self.n_lead.min(most), 0.0);
            }
        }
        if self.rate_hz != rate_hz || self.channels.len() != n_channels {
            return Ok(false);
        }
        for channel in &mut self.channels {
            try_reserve(channel, buffer.frames())?;
        }
        match buffer {
            GenericAudioBufferRef::S32(planes) => {
                for (channel, plane) in self.channels.iter_mut().zip(planes.iter_planes()) {
                    channel.extend(plane.iter().map(|&sample| sample as f32 / 2_147_483_648.0));
                }
            }
            GenericAudioBufferRef::F32(planes) => {
                for (channel, plane) in self.channels.iter_mut().zip(planes.iter_planes()) {
                    channel.extend_from_slice(plane);
                }
            }
            other => {
                other.copy_to_vecs_planar(&mut self.scratch);
                for (channel, plane) in self.channels.iter_mut().zip(&self.scratch) {
                    channel.extend_from_slice(plane);
                }
            }
        }
        Ok(true)
    }
}
