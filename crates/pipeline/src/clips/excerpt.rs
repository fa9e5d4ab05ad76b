//! The sound of one detection in memory, for who listens to it at once.

use super::sound::Samples;
use crate::error::{Context, Result, bail};
use audio_io::{BLOCK_FRAMES, Recording};
use std::path::Path;

/// A part of a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Start in the recording, in milliseconds.
    pub start_ms: u64,
    /// End in the recording, in milliseconds.
    pub end_ms: u64,
    /// The channel, counted from 0; none for all.
    pub channel: Option<u16>,
    /// Sound before and after it, in seconds.
    pub context_s: f64,
}

/// Sound as a WAV file.
#[derive(Debug, Clone, PartialEq)]
pub struct Excerpt {
    /// The file: PCM of 16 bits, of 24 where the recording has more than 16.
    pub wav: Vec<u8>,
    /// Where it begins in the recording, in seconds.
    pub start_s: f64,
}

/// Cuts a part out of a recording: as much of it as there is.
///
/// # Errors
/// A recording that cannot be read or ends before the part, a channel that it lacks, and more than `most_bytes` of sound.
pub fn excerpt(path: &Path, span: &Span, most_bytes: u64) -> Result<Excerpt> {
    let mut recording = Recording::open(path)?;
    let samples = Samples::of(&recording);
    let name = path.display();
    let picked = span.channel.map(usize::from);
    if let Some(channel) = picked.filter(|channel| *channel >= samples.n_channels) {
        bail!("{name}: channel {channel}: expected one of {}, counted from 0", samples.n_channels);
    }
    let samples = Samples { n_channels: picked.map_or(samples.n_channels, |_| 1), ..samples };
    let frame = |seconds: f64| (seconds.max(0.0) * f64::from(samples.rate_hz)).round() as u64;
    let first = frame(span.start_ms as f64 / 1000.0 - span.context_s);
    let wanted = frame(span.end_ms as f64 / 1000.0 + span.context_s).saturating_sub(first);
    let n_bytes = wanted.saturating_mul(samples.frame_bytes() as u64);
    if n_bytes > most_bytes {
        bail!("{name}: the part has {n_bytes} bytes of sound; expected at most {most_bytes}");
    }
    recording.skip(first)?;
    let (mut pcm, mut n_frames) = (Vec::new(), 0);
    let mut block: Vec<Vec<f32>> = Vec::new();
    while n_frames < wanted {
        block.iter_mut().for_each(Vec::clear);
        let n = recording.next_block(BLOCK_FRAMES, &mut block)? as u64;
        if n == 0 {
            break;
        }
        let n = n.min(wanted - n_frames);
        let channels: Vec<&[f32]> = match picked {
            Some(channel) => vec![&block[channel][..n as usize]],
            None => block.iter().map(|channel| &channel[..n as usize]).collect(),
        };
        pcm.extend(samples.bytes(&channels));
        n_frames += n;
    }
    if n_frames == 0 {
        bail!("{name}: ends before {} s", span.start_ms as f64 / 1000.0);
    }
    let mut wav = samples.wav_header(n_frames).with_context(|| name.to_string())?;
    wav.extend(pcm);
    if wav.len() % 2 == 1 {
        wav.push(0);
    }
    Ok(Excerpt { wav, start_s: first as f64 / f64::from(samples.rate_hz) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second at 1000 Hz, whose samples count up.
    fn recording(path: &Path) {
        let samples = Samples { rate_hz: 1000, n_channels: 1, bits: 16 };
        let sound: Vec<f32> = (0..1000).map(|n| n as f32 / 32768.0).collect();
        let mut wav = samples.wav_header(1000).unwrap();
        wav.extend(samples.bytes(&[&sound]));
        std::fs::write(path, wav).unwrap();
    }

    #[test]
    fn a_part_with_sound_around_it_as_far_as_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        recording(&path);
        let span = Span { start_ms: 200, end_ms: 400, channel: None, context_s: 0.1 };
        let cut = excerpt(&path, &span, 1 << 20).unwrap();
        assert_eq!((cut.start_s, cut.wav.len()), (0.1, 44 + 400 * 2));
        assert_eq!(&cut.wav[44..48], &[100, 0, 101, 0]);
        let end = Span { start_ms: 900, end_ms: 1000, context_s: 1.0, channel: Some(0) };
        assert_eq!(excerpt(&path, &end, 1 << 20).unwrap().wav.len(), 44 + 1000 * 2);
        let message = |span: &Span, most| excerpt(&path, span, most).unwrap_err().to_string();
        assert!(message(&Span { start_ms: 5000, end_ms: 6000, ..span }, 1 << 20).contains("ends before 5 s"));
        assert!(message(&Span { channel: Some(1), ..span }, 1 << 20).contains("channel 1"));
        assert!(message(&span, 100).contains("at most 100"));
    }
}
