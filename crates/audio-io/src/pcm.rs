//! Raw samples, as a pipe from a sound card has them: no header says what they are.

/// What a sample is written as, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SampleFormat {
    /// 8 bits, unsigned.
    U8,
    /// 16 bits.
    #[default]
    S16,
    /// 24 bits in three bytes.
    S24,
    /// 32 bits.
    S32,
    /// 32-bit floating point, full scale at 1.
    F32,
}

impl SampleFormat {
    /// Bytes of a sample.
    pub fn n_bytes(self) -> u16 {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
        }
    }
}

/// Raw samples, whose channels alternate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcm {
    /// What a sample is written as.
    pub format: SampleFormat,
    /// Frames a second.
    pub rate_hz: u32,
    /// Channels.
    pub n_channels: u16,
}

impl Pcm {
    /// Bytes of a frame: a sample of each channel.
    pub fn frame_bytes(&self) -> u16 {
        self.n_channels * self.format.n_bytes()
    }

    /// The header of a WAV file whose end is not known: with it before them, samples are a recording that
    /// [can be streamed](crate::can_stream).
    pub fn endless_wav_header(&self) -> Vec<u8> {
        let tag: u16 = if self.format == SampleFormat::F32 { 3 } else { 1 };
        let mut header = Vec::with_capacity(44);
        header.extend(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0");
        header.extend(tag.to_le_bytes());
        header.extend(self.n_channels.to_le_bytes());
        header.extend(self.rate_hz.to_le_bytes());
        header.extend(self.rate_hz.wrapping_mul(u32::from(self.frame_bytes())).to_le_bytes());
        header.extend(self.frame_bytes().to_le_bytes());
        header.extend((self.format.n_bytes() * 8).to_le_bytes());
        header.extend(b"data\xff\xff\xff\xff");
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recording;
    use std::io::{Cursor, Read};

    #[test]
    fn samples_of_every_format_are_a_recording() {
        let quarter: [(SampleFormat, &[u8]); 5] = [
            (SampleFormat::U8, &[160]),
            (SampleFormat::S16, &[0, 32]),
            (SampleFormat::S24, &[0, 0, 32]),
            (SampleFormat::S32, &[0, 0, 0, 32]),
            (SampleFormat::F32, &0.25_f32.to_le_bytes()),
        ];
        for (format, sample) in quarter {
            let pcm = Pcm { format, rate_hz: 22_050, n_channels: 2 };
            let sound = sample.repeat(2 * 1000);
            let stream = Cursor::new(pcm.endless_wav_header()).chain(Cursor::new(sound));
            let mut recording = Recording::of_stream(stream, "-".as_ref()).unwrap();
            let mut block = Vec::new();
            while recording.next_block(300, &mut block).unwrap() > 0 {}
            assert_eq!((recording.rate_hz(), block), (22_050, vec![vec![0.25; 1000]; 2]), "{format:?}");
        }
    }

    #[test]
    fn rates_and_channels_that_no_recorder_has_are_refused() {
        let open = |rate_hz, n_channels| {
            let pcm = Pcm { format: SampleFormat::S16, rate_hz, n_channels };
            let stream = Cursor::new(pcm.endless_wav_header()).chain(Cursor::new(vec![0; 4000]));
            Recording::of_stream(stream, "-".as_ref()).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(open(48_000, 1), Ok(()));
        assert!(open(0, 1).is_err() && open(48_000, 0).is_err());
        assert!(open(10, 1).unwrap_err().contains("expected 1000 to 1000000 Hz, got 10"));
    }
}
