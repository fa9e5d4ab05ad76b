//! The samples of a stream while they come in.

use symphonia::core::audio::{Audio, GenericAudioBufferRef};

use crate::error::Result;
use crate::limits::{MAX_GAP_FRAMES, max_frames};
use crate::room::try_reserve;

/// The samples of a stream so far.
pub(crate) struct Sink {
    pub(crate) rate_hz: u32,
    pub(crate) channels: Vec<Vec<f32>>,
    /// Bytes of the file.
    n_bytes: usize,
    /// Frames that room is made for with the first packet.
    n_reserved: usize,
    /// Frames of silence before the first packet that decodes; until then the number of channels is not known.
    n_lead: usize,
    scratch: Vec<Vec<f32>>,
}

impl Sink {
    pub(crate) fn new(n_bytes: usize, n_reserved: usize) -> Self {
        Sink { rate_hz: 0, channels: Vec::new(), n_bytes, n_reserved, n_lead: 0, scratch: Vec::new() }
    }

    pub(crate) fn n_frames(&self) -> u64 {
        self.channels.first().map_or(self.n_lead, Vec::len) as u64
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
                try_reserve(channel, self.n_reserved.max(self.n_lead).min(most))?;
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
