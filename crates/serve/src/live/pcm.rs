//! Raw samples that come in pieces, as one endless WAV file.

use crate::problem::{Answer, Problem};
use audio_io::{Pcm, SampleFormat};
use axum::body::Bytes;
use serde::Deserialize;
use std::io::{self, Cursor, Read};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Seconds of sound in one request, at most.
const MOST_S: u64 = 2;

/// Bytes of a sample.
const SAMPLE_BYTES: usize = 2;

/// Channels, at most.
const MOST_CHANNELS: u16 = 8;

/// The body of `POST /api/live`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Name of the model; the first where there is none.
    pub model: Option<String>,
    /// Samples a second.
    pub sample_rate_hz: u32,
    /// Channels, whose samples alternate.
    #[serde(default = "one")]
    pub channels: u16,
}

fn one() -> u16 {
    1
}

impl Listen {
    /// Of a body.
    ///
    /// # Errors
    /// What is no such JSON, and sound that is not decoded.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let listen: Self = crate::upload::parse(body)?;
        if !(audio_io::MIN_RATE_HZ..=audio_io::MAX_RATE_HZ).contains(&listen.sample_rate_hz) {
            let (low, high) = (audio_io::MIN_RATE_HZ, audio_io::MAX_RATE_HZ);
            return Err(Problem::bad_request(format!(
                "sample_rate_hz: expected {low} to {high}, got {}",
                listen.sample_rate_hz
            )));
        }
        if !(1..=MOST_CHANNELS).contains(&listen.channels) {
            return Err(Problem::bad_request(format!(
                "channels: expected 1 to {MOST_CHANNELS}, got {}",
                listen.channels
            )));
        }
        Ok(listen)
    }

    fn frame_bytes(&self) -> usize {
        usize::from(self.channels) * SAMPLE_BYTES
    }

    /// Bytes of one request, at most.
    pub(crate) fn most_bytes(&self) -> u64 {
        MOST_S * u64::from(self.sample_rate_hz) * self.frame_bytes() as u64
    }

    /// Whether bytes are whole frames, not more than fit into one request.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self, sound: &[u8]) -> Result<(), Problem> {
        if sound.len() as u64 > self.most_bytes() {
            return Err(Problem::too_large(format!(
                "expected at most {MOST_S} s of sound in a request, {} bytes",
                self.most_bytes()
            )));
        }
        match !sound.is_empty() && sound.len().is_multiple_of(self.frame_bytes()) {
            true => Ok(()),
            false => Err(Problem::bad_request(format!(
                "expected samples of 16 bits, little-endian, {} bytes a frame; got {} bytes",
                self.frame_bytes(),
                sound.len()
            ))),
        }
    }

    fn wav_header(&self) -> Vec<u8> {
        let (rate_hz, n_channels) = (self.sample_rate_hz, self.channels);
        Pcm { format: SampleFormat::S16, rate_hz, n_channels }.endless_wav_header()
    }
}

/// Gives the bytes of a WAV file as they come. It ends where nobody sends any more, or nothing has come for a while.
pub(super) struct Sound {
    now: Cursor<Bytes>,
    from: Receiver<Bytes>,
    idle: Duration,
}

impl Sound {
    pub(super) fn new(listen: &Listen, from: Receiver<Bytes>, idle: Duration) -> Self {
        Self { now: Cursor::new(listen.wav_header().into()), from, idle }
    }
}

impl Read for Sound {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.now.read(into)?;
            if n > 0 || into.is_empty() {
                return Ok(n);
            }
            match self.from.recv_timeout(self.idle) {
                Ok(next) => self.now = Cursor::new(next),
                Err(_) => return Ok(0),
            }
        }
    }
}

/// A problem where a body is not what is expected; for the handler.
pub(crate) fn checked(listen: &Listen, sound: Vec<u8>) -> Answer<Bytes> {
    listen.check(&sound)?;
    Ok(sound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn listen(text: &str) -> Result<Listen, Problem> {
        Listen::parse(text.as_bytes())
    }

    #[test]
    fn bodies() {
        let mono = listen(r#"{"model":"garden","sample_rate_hz":16000}"#).unwrap();
        assert_eq!((mono.channels, mono.most_bytes()), (1, 64_000));
        assert!(mono.check(&[0; 64_000]).is_ok());
        for n in [0, 1, 3, 64_002] {
            assert!(mono.check(&vec![0; n]).is_err(), "{n}");
        }
        for wrong in [
            "{}",
            "",
            r#"{"sample_rate_hz":0}"#,
            r#"{"sample_rate_hz":48000,"channels":0}"#,
            r#"{"sample_rate_hz":4e9}"#,
        ] {
            assert!(listen(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_comes_in_pieces_is_a_recording() {
        let listen = listen(r#"{"sample_rate_hz":8000,"channels":2}"#).unwrap();
        let (sender, receiver) = sync_channel(4);
        for part in [&[0, 64, 0, 0][..], &[0, 64, 0, 0, 0, 64, 0, 0]] {
            sender.send(Bytes::copy_from_slice(part)).unwrap();
        }
        drop(sender);
        let sound = Sound::new(&listen, receiver, Duration::from_secs(1));
        let mut recording = audio_io::Recording::of_stream(Box::new(sound), "-".as_ref()).unwrap();
        let mut block = Vec::new();
        while recording.next_block(100, &mut block).unwrap() > 0 {}
        assert_eq!((recording.rate_hz(), block), (8000, vec![vec![0.5; 3], vec![0.0; 3]]));
    }
}
