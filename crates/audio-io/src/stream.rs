//! Compressed streams through symphonia: open the container, decode packet by packet, report what does not.

use std::io::Cursor;
use std::path::Path;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_OPUS, CODEC_ID_SPEEX};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Failure;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::default::formats::{
    AdtsReader, AiffReader, CafReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader, WavReader,
};

use crate::damage::Damage;
use crate::decoded::{Decoded, Until};
use crate::error::{Error, Result};
use crate::limits::{check_channels, check_rate, max_frames, too_many_samples};
use crate::packets::{Packets, Reader};
use crate::sink::Sink;
use crate::sniff::{CONVERT, Format, WavContainer, unknown};

/// Room that is made before the first packet at most, in frames: a header may promise anything.
const MAX_RESERVED_FRAMES: u64 = 1 << 24;

/// Frames of a long packet.
const LONG_PACKET_FRAMES: u64 = 8192;

/// Decodes a stream of a format that the bytes announce.
pub(crate) fn decode(bytes: &[u8], format: Format, path: &Path, until: Option<Until>) -> Result<Decoded> {
    match open(bytes, format) {
        Ok(reader) => read(reader, bytes.len(), format, path, until),
        // Bytes with the extension of an MP3 and no frame in them are no MP3.
        Err(_) if format == Format::Mp3 && bytes.first() != Some(&0xff) => unknown(bytes, path),
        Err(failure) => Err(fail(path, "open", failure.to_string())),
    }
}

/// Decodes a WAV file with a payload that is left to symphonia.
pub(crate) fn decode_wav(bytes: &[u8], path: &Path, until: Option<Until>) -> Result<Decoded> {
    let reader = WavReader::try_new(seekable(bytes), FormatOptions::default())
        .map_err(|failure| fail(path, "open", failure.to_string()))?;
    read(Box::new(reader), bytes.len(), Format::Wav(WavContainer::Riff), path, until)
}

fn fail(path: &Path, operation: &'static str, message: String) -> Error {
    Error::Decode { path: path.to_owned(), operation, message }
}

fn seekable(bytes: &[u8]) -> MediaSourceStream<'_> {
    source(Box::new(Cursor::new(bytes)))
}

/// A source without a length. An MPEG stream must not guess its number of frames from its bit rate: the guess would
/// cut off real sound.
fn streamed(bytes: &[u8]) -> MediaSourceStream<'_> {
    source(Box::new(ReadOnlySource::new(bytes)))
}

fn source<'a>(source: Box<dyn MediaSource + 'a>) -> MediaSourceStream<'a> {
    MediaSourceStream::new(source, Default::default())
}

fn open(bytes: &[u8], format: Format) -> std::result::Result<Reader<'_>, Failure> {
    let options = FormatOptions::default();
    Ok(match format {
        Format::Flac => Box::new(FlacReader::try_new(seekable(bytes), options)?),
        // The last page of a damaged file may be unreadable; read forwards, it still gives what comes before.
        Format::Ogg => match OggReader::try_new(seekable(bytes), options) {
            Ok(reader) => Box::new(reader),
            Err(_) => Box::new(OggReader::try_new(streamed(bytes), FormatOptions::default())?),
        },
        Format::Mp3 => Box::new(MpaReader::try_new(streamed(bytes), options)?),
        Format::Adts => Box::new(AdtsReader::try_new(streamed(bytes), options)?),
        Format::Mp4 => Box::new(IsoMp4Reader::try_new(seekable(bytes), options)?),
        Format::Aiff => Box::new(AiffReader::try_new(seekable(bytes), options)?),
        Format::Caf => Box::new(CafReader::try_new(seekable(bytes), options)?),
        Format::Matroska => Box::new(MkvReader::try_new(seekable(bytes), options)?),
        Format::Wav(_) => Box::new(WavReader::try_new(seekable(bytes), options)?),
    })
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Wav(_) => "wav",
        Format::Flac => "flac",
        Format::Ogg => "ogg",
        Format::Mp3 => "mp3",
        Format::Adts => "adts",
        Format::Mp4 => "mp4",
        Format::Aiff => "aiff",
        Format::Caf => "caf",
        Format::Matroska => "matroska",
    }
}

/// The codec of the parameters, or the refusal that names it.
fn make_decoder(params: &AudioCodecParameters, trim: bool, path: &Path) -> Result<Box<dyn AudioDecoder>> {
    let options = AudioDecoderOptions::default().gapless(trim);
    symphonia::default::get_codecs().make_audio_decoder(params, &options).map_err(|failure| {
        let name = match params.codec {
            CODEC_ID_OPUS => "Opus".to_owned(),
            CODEC_ID_SPEEX => "Speex".to_owned(),
            other => format!("codec {other} ({failure})"),
        };
        Error::Unsupported { path: path.to_owned(), format: name, advice: CONVERT }
    })
}

/// Frames that room is made for before the first packet; one may go past what is enough.
pub(crate) fn room(declared_frames: Option<u64>, enough: u64) -> usize {
    let most = enough.saturating_add(LONG_PACKET_FRAMES).min(MAX_RESERVED_FRAMES);
    declared_frames.unwrap_or(0).min(most) as usize
}

fn read(reader: Reader<'_>, n_bytes: usize, format: Format, path: &Path, until: Option<Until>) -> Result<Decoded> {
    let track = reader.default_track(TrackType::Audio).ok_or_else(|| fail(path, "open", "no sound track".into()))?;
    let params = track
        .codec_params
        .as_ref()
        .and_then(|params| params.audio())
        .ok_or_else(|| fail(path, "open", "the sound track has no parameters".into()))?
        .clone();
    if let Some(rate_hz) = params.sample_rate {
        check_rate(rate_hz, path)?;
    }
    if let Some(channels) = &params.channels {
        check_channels(channels.count(), path)?;
    }
    let track_id = track.id;
    // Frames are counted in the track's time base, which is one over the rate except in some containers.
    let ticks_are_frames =
        track.time_base.is_none_or(|base| Some(base.denom.get()) == params.sample_rate && base.numer.get() == 1);
    let declared_frames = track.num_frames.filter(|_| ticks_are_frames);
    // In MPEG streams only an encoder's tag knows the padding.
    let trim = format != Format::Mp3 || track.delay.is_some() || track.padding.is_some();
    let mut decoder = make_decoder(&params, trim, path)?;

    let enough = until.zip(params.sample_rate).map_or(u64::MAX, |(until, rate_hz)| until.n_frames(rate_hz) as u64);
    let mut packets = Packets::new(reader, track_id, format == Format::Mp3);
    let mut sink = Sink::new(n_bytes, room(declared_frames, enough));
    let mut damage = Vec::new();
    let mut bad_packets = 0u64;
    let mut last_failure = None;
    let mut stopped = false;
    loop {
        let n_frames = sink.n_frames();
        if let Some(until) = until
            && !sink.channels.is_empty()
            && n_frames >= until.n_frames(sink.rate_hz) as u64
            && declared_frames.is_none_or(|declared| n_frames < declared)
        {
            stopped = true;
            break;
        }
        if n_frames > max_frames(n_bytes, sink.channels.len()) {
            damage.push(Damage::Tail(too_many_samples()));
            break;
        }
        let packet = match packets.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(Failure::ResetRequired) => {
                damage.push(Damage::Tail("a second stream follows in the same file".into()));
                break;
            }
            Err(failure) => {
                damage.push(Damage::Tail(failure.to_string()));
                break;
            }
        };
        if format == Format::Flac && packet.pts.get() > sink.n_frames() as i64 {
            // Frames carry their place: one that failed its checksum is missing here.
            bad_packets += 1;
            sink.push_silence(packet.pts.get() as u64 - sink.n_frames())?;
        }
        match decoder.decode(&packet) {
            Ok(buffer) => {
                check_rate(buffer.spec().rate(), path)?;
                check_channels(buffer.num_planes(), path)?;
                if !sink.push(&buffer)? {
                    damage.push(Damage::Tail("the rate or the number of channels changes".into()));
                    break;
                }
            }
            Err(Failure::ResetRequired) => decoder.reset(),
            Err(failure) => {
                bad_packets += 1;
                sink.push_silence(packet.dur.get())?;
                last_failure = Some(failure.to_string());
            }
        }
    }
    if bad_packets > 0 {
        if sink.channels.is_empty() {
            let message = last_failure.unwrap_or_else(|| "no packet decodes".into());
            return Err(fail(path, "decode", format!("none of {bad_packets} packets decodes: {message}")));
        }
        damage.push(Damage::BadPackets(bad_packets));
    }
    let mut notes = Vec::new();
    if packets.goes_on() {
        let declared = declared_frames.unwrap_or(0);
        notes.push(format!("the header counts {declared} frames, the stream has more: all of them are read"));
    }
    let codec = decoder.codec_info().short_name.to_owned();
    Ok(Decoded {
        rate_hz: if sink.channels.is_empty() { params.sample_rate.unwrap_or(0) } else { sink.rate_hz },
        channels: sink.channels,
        format: name(format).to_owned(),
        codec,
        bits: params.bits_per_sample,
        declared_frames,
        damage,
        notes,
        stopped,
    })
}
