//! Opus (RFC 6716, RFC 8251) in OGG and Matroska, by the crate `ropus`, as a decoder of symphonia's.
//!
//! The stream's header (RFC 7845) says how channels are mapped to streams, what gain is applied and how many frames come before
//! the sound. Mapping families 0 and 1 (mono, stereo, surround) are decoded, always at 48 kHz.

use ropus::OpusMSDecoder;
use symphonia::core::audio::{
    AsGenericAudioBufferRef, Audio, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, FinalizeResult};
use symphonia::core::errors::{Error, Result};
use symphonia::core::packet::PacketRef;

/// The rate that Opus is decoded at.
const RATE_HZ: u32 = 48_000;

/// Frames of the longest packet: 120 ms.
const MOST_FRAMES: usize = 5760;

/// Bytes of a header without a channel mapping.
const HEAD_BYTES: usize = 19;

static INFO: CodecInfo = CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] };

/// The header of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    n_channels: usize,
    pre_skip: usize,
    /// In 1/256 dB.
    gain: i16,
    n_streams: u8,
    n_coupled: u8,
    /// The stream's channel of each channel.
    mapping: Vec<u8>,
}

impl Head {
    /// Reads a header.
    fn read(bytes: &[u8]) -> std::result::Result<Self, &'static str> {
        let head = bytes.get(..HEAD_BYTES).filter(|head| head.starts_with(b"OpusHead")).ok_or("no header")?;
        let (n_channels, family) = (usize::from(head[9]), head[18]);
        let (n_streams, n_coupled, mapping) = match family {
            0 if (1..=2).contains(&n_channels) => (1, n_channels as u8 - 1, (0..n_channels as u8).collect()),
            1 if (1..=8).contains(&n_channels) => {
                let map = bytes.get(HEAD_BYTES..HEAD_BYTES + 2 + n_channels).ok_or("its channel mapping is cut")?;
                (map[0], map[1], map[2..].to_vec())
            }
            0 | 1 => return Err("a number of channels that its mapping family lacks"),
            _ => return Err("a channel mapping family other than 0 and 1"),
        };
        Ok(Self {
            n_channels,
            pre_skip: usize::from(u16::from_le_bytes([head[10], head[11]])),
            gain: i16::from_le_bytes([head[16], head[17]]),
            n_streams,
            n_coupled,
            mapping,
        })
    }
}

/// A stream while it is decoded.
pub(crate) struct Opus {
    params: AudioCodecParameters,
    decoder: OpusMSDecoder,
    /// Frames that are still to be left out.
    skip: usize,
    /// Interleaved samples of a packet.
    samples: Vec<i16>,
    buffer: AudioBuffer<f32>,
}

impl Opus {
    /// For a stream with a header.
    ///
    /// # Errors
    /// Why it cannot be decoded.
    pub(crate) fn new(params: &AudioCodecParameters) -> std::result::Result<Self, &'static str> {
        let head = Head::read(params.extra_data.as_deref().unwrap_or_default())?;
        let n = |of: usize| of as i32;
        let (n_streams, n_coupled) = (i32::from(head.n_streams), i32::from(head.n_coupled));
        let mut decoder = OpusMSDecoder::new(RATE_HZ as i32, n(head.n_channels), n_streams, n_coupled, &head.mapping)
            .map_err(|_| "a channel mapping that makes no sense")?;
        decoder.set_gain(i32::from(head.gain));
        let channels = params.channels.clone().filter(|channels| channels.count() == head.n_channels);
        let channels = channels.unwrap_or(Channels::Discrete(head.n_channels as u16));
        Ok(Self {
            params: params.clone(),
            decoder,
            skip: head.pre_skip,
            samples: vec![0; MOST_FRAMES * head.n_channels],
            buffer: AudioBuffer::new(AudioSpec::new(RATE_HZ, channels), MOST_FRAMES),
        })
    }
}

impl AudioDecoder for Opus {
    fn reset(&mut self) {
        self.decoder.reset();
    }

    fn codec_info(&self) -> &CodecInfo {
        &INFO
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.buffer.clear();
        // An empty packet is a lost one.
        let data = Some(packet.data).filter(|data| !data.is_empty());
        let frames = self
            .decoder
            .decode(data, packet.data.len() as i32, &mut self.samples, MOST_FRAMES as i32, false)
            .map_err(|_| Error::DecodeError("opus: invalid packet"))?;
        let n_frames = (frames.max(0) as usize).min(MOST_FRAMES);
        self.buffer.render_uninit(Some(n_frames));
        let n_channels = self.buffer.spec().channels().count();
        for channel in 0..n_channels {
            let samples = self.samples.iter().skip(channel).step_by(n_channels);
            let plane = self.buffer.plane_mut(channel).into_iter().flatten();
            plane.zip(samples).for_each(|(to, sample)| *to = f32::from(*sample) / 32768.0);
        }
        let skipped = self.skip.min(n_frames);
        self.skip -= skipped;
        self.buffer.trim(skipped, (packet.trim_end.get() as usize).min(n_frames - skipped));
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(n_channels: u8, family: u8, more: &[u8]) -> Vec<u8> {
        [&b"OpusHead\x01"[..], &[n_channels, 56, 1], &48_000u32.to_le_bytes(), &[0, 255, family], more].concat()
    }

    #[test]
    fn headers_say_how_channels_are_mapped() {
        let stereo = Head::read(&head(2, 0, &[])).unwrap();
        assert_eq!((stereo.n_streams, stereo.n_coupled, stereo.mapping), (1, 1, vec![0, 1]));
        assert_eq!((stereo.pre_skip, stereo.gain), (312, -256));
        let surround = Head::read(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).unwrap();
        assert_eq!((surround.n_streams, surround.n_coupled, surround.mapping[1]), (4, 2, 4));
        for (bytes, why) in [
            (head(3, 0, &[]), "number of channels"),
            (head(0, 0, &[]), "number of channels"),
            (head(6, 1, &[4, 2]), "cut"),
            (head(2, 255, &[2, 0, 0, 1]), "family"),
            (b"OpusHead".to_vec(), "no header"),
        ] {
            assert!(Head::read(&bytes).unwrap_err().contains(why), "{why}");
        }
    }
}
