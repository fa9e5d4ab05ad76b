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
    /// Frames of silence before the first packet that decodes, as far as they were not taken. There may be many: they are made
    /// as they are taken.
    n_lead: usize,
    scratch: Vec<Vec<f32>>,
}

impl Sink {
    pub(crate) fn new(n_bytes: usize) -> Self {
        Sink { rate_hz: 0, channels: Vec::new(), n_taken: 0, n_bytes, n_lead: 0, scratch: Vec::new() }
    }

    /// Frames so far.
    pub(crate) fn n_frames(&self) -> u64 {
        self.n_taken + (self.n_lead + self.channels.first().map_or(0, Vec::len)) as u64
    }

    /// Frames that can be taken.
    pub(crate) fn n_ready(&self) -> usize {
        self.channels.first().map_or(0, |channel| self.n_lead + channel.len())
    }

    /// Moves what is ready to the end of other channels: of the silence at the beginning `n` frames at most, then all else.
    pub(crate) fn give(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<()> {
        let n_silent = self.n_lead.min(n);
        for to in channels.iter_mut() {
            try_reserve(to, n_silent)?;
            to.resize(to.len() + n_silent, 0.0);
        }
        self.n_taken += n_silent as u64;
        self.n_lead -= n_silent;
        if self.n_lead > 0 {
            return Ok(());
        }
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
            self.n_lead = self.n_lead.min(most);
            self.channels = vec![Vec::new(); n_channels];
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

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::{AsGenericAudioBufferRef, AudioBuffer, AudioSpec, Channels};

    #[test]
    fn a_long_silence_before_the_first_packet_is_made_as_it_is_taken() {
        let mut sink = Sink::new(1000);
        (0..10).for_each(|_| sink.push_silence(50_000).unwrap());
        assert_eq!((sink.n_frames(), sink.n_ready()), (500_000, 0));
        let mut buffer = AudioBuffer::<f32>::new(AudioSpec::new(8000, Channels::Discrete(1)), 8);
        buffer.render_silence(Some(8));
        assert!(sink.push(&buffer.as_generic_audio_buffer_ref()).unwrap());
        assert_eq!((sink.n_frames(), sink.n_ready()), (500_008, 500_008));
        let mut channels = vec![Vec::new()];
        sink.give(4096, &mut channels).unwrap();
        assert_eq!((channels[0].len(), sink.n_ready(), sink.n_frames()), (4096, 495_912, 500_008));
        sink.give(495_904, &mut channels).unwrap();
        assert_eq!((channels[0].len(), sink.n_ready()), (500_008, 0));
    }
}
