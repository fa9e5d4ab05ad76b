//! Where sound comes from.

use crate::error::{Error, Result};
use audio_io::{HEAD_BYTES, Pcm, Recording, can_stream};
use std::io::{Cursor, Read};

/// Sound that comes in without an end.
pub struct Sound {
    pub(crate) source: Box<dyn Source>,
    /// What people call it.
    pub(crate) name: String,
}

/// Gives sound block by block.
pub(crate) trait Source: Send {
    /// Frames a second.
    fn rate_hz(&self) -> u32;
    /// Channels.
    fn n_channels(&self) -> usize;
    /// Appends about `n` frames to each channel, once there are as many. Gives how many; 0 at the end.
    fn next(&mut self, n: usize, block: &mut Vec<Vec<f32>>) -> Result<usize>;
    /// Frames that were lost since this was last asked; silence stands for them.
    fn n_lost(&mut self) -> u64 {
        0
    }
}

impl Source for Recording<'static> {
    fn rate_hz(&self) -> u32 {
        self.rate_hz()
    }

    fn n_channels(&self) -> usize {
        self.n_channels()
    }

    fn next(&mut self, n: usize, block: &mut Vec<Vec<f32>>) -> Result<usize> {
        Ok(self.next_block(n, block)?)
    }
}

impl Sound {
    /// What comes through a pipe: raw samples, or a recording that [can be streamed](can_stream), which says itself what it is.
    ///
    /// # Errors
    /// A pipe that cannot be read, or ends at once; what is no such recording; a sample rate or number of channels that no recorder
    /// has.
    pub fn pipe(mut pipe: Box<dyn Read + Send>, raw: Option<Pcm>) -> Result<Self> {
        let stream: Box<dyn Read + Send> = match raw {
            Some(raw) => Box::new(Cursor::new(raw.endless_wav_header()).chain(pipe)),
            None => {
                let mut head = Vec::new();
                pipe.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(Error::Pipe)?;
                if head.is_empty() {
                    return Err(Error::Invalid("-: no sound came through the pipe".into()));
                }
                if !can_stream(&head) {
                    return Err(Error::Unknown);
                }
                Box::new(Cursor::new(head).chain(pipe))
            }
        };
        let recording = Recording::of_stream(stream, "-".as_ref())?;
        let name = format!("standard input ({})", raw.map_or_else(|| recording.codec().to_owned(), |_| "raw".into()));
        Ok(Self { source: Box::new(recording), name })
    }

    /// The microphone with this name, or the default one.
    ///
    /// # Errors
    /// No such microphone, or one that cannot be opened. The error names those that there are.
    #[cfg(feature = "microphone")]
    pub fn microphone(name: Option<&str>) -> Result<Self> {
        let microphone = crate::microphone::Microphone::open(name)?;
        Ok(Self { name: format!("the microphone `{}`", microphone.name), source: Box::new(microphone) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_io::SampleFormat;

    fn fails(bytes: &[u8], raw: Option<Pcm>) -> String {
        match Sound::pipe(Box::new(Cursor::new(bytes.to_vec())), raw) {
            Ok(_) => "opened".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_pipe_is_raw_samples_or_says_what_it_is() {
        let raw = Pcm { format: SampleFormat::S16, rate_hz: 8_000, n_channels: 1 };
        assert_eq!(fails(&[0; 4000], Some(raw)), "opened");
        let mut wav = raw.endless_wav_header();
        wav.extend([0; 4000]);
        assert_eq!(fails(&wav, None), "opened");
        assert!(fails(&[1; 4000], None).contains("--rate 48000"));
        assert!(fails(&[], None).contains("no sound came"));
        assert!(fails(&[0; 4000], Some(Pcm { rate_hz: 7, ..raw })).contains("expected 1000 to"));
    }
}
