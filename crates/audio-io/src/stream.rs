//! Compressed streams through symphonia: open the container, decode packet by packet, report what does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use symphonia::core::codecs::audio::well_known::{CODEC_ID_OPUS, CODEC_ID_SPEEX};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Failure;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::formats::{
    AdtsReader, AiffReader, CafReader, FlacReader, IsoMp4Reader, MkvReader, MpaReader, OggReader, WavReader,
};

use crate::blocks::{Blocks, Ending, Opened};
use crate::damage::Damage;
use crate::error::{Error, Result};
use crate::limits::{check_channels, check_packets, check_rate, max_frames, too_many_samples};
use crate::opus::Opus;
use crate::packets::{Packets, Reader};
use crate::sink::Sink;
use crate::sniff::{CONVERT, Format, unknown};
use crate::source::{Reading, Shared, View};

/// Room that is made before the first packet at most, in frames: a header may promise anything.
const MAX_RESERVED_FRAMES: u64 = 1 << 24;

/// Frames of a long packet.
const LONG_PACKET_FRAMES: u64 = 8192;

/// Opens a stream of a format that the bytes announce, and decodes up to its first samples.
pub(crate) fn open<'a>(source: Shared<'a>, format: Format, path: &Path) -> Result<Opened<'a>> {
    match reader(&source, format) {
        Ok(reader) => start(reader, source.len(), format, path),
        // Bytes with the extension of an MP3 and no frame in them are no MP3.
        Err(_) if format == Format::Mp3 && View::new(&*source).array::<1>(0) != Some([0xff]) => {
            unknown(View::new(&*source), path)
        }
        Err(failure) => Err(fail(path, "open", failure.to_string())),
    }
}

fn fail(path: &Path, operation: &'static str, message: String) -> Error {
    Error::Decode { path: path.to_owned(), operation, message }
}

fn reader<'a>(source: &Shared<'a>, format: Format) -> std::result::Result<Reader<'a>, Failure> {
    let stream = |reading| MediaSourceStream::new(Box::new(reading), Default::default());
    let streamed = || stream(Reading::streamed(Arc::clone(source)));
    let seekable = || match source.is_pipe() {
        true => streamed(),
        false => stream(Reading::seekable(Arc::clone(source))),
    };
    let options = FormatOptions::default();
    Ok(match format {
        Format::Flac => Box::new(FlacReader::try_new(seekable(), options)?),
        // The last page of a damaged file may be unreadable; read forwards, it still gives what comes before.
        Format::Ogg => match OggReader::try_new(seekable(), options) {
            Ok(reader) => Box::new(reader),
            Err(failure) if source.is_pipe() => return Err(failure),
            Err(_) => Box::new(OggReader::try_new(streamed(), FormatOptions::default())?),
        },
        Format::Mp3 => Box::new(MpaReader::try_new(streamed(), options)?),
        Format::Adts => Box::new(AdtsReader::try_new(streamed(), options)?),
        Format::Mp4 => Box::new(IsoMp4Reader::try_new(seekable(), options)?),
        Format::Aiff => Box::new(AiffReader::try_new(seekable(), options)?),
        Format::Caf => Box::new(CafReader::try_new(seekable(), options)?),
        Format::Matroska => Box::new(MkvReader::try_new(seekable(), options)?),
        Format::Wav(_) => Box::new(WavReader::try_new(seekable(), options)?),
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
    if params.codec == CODEC_ID_OPUS {
        let opus = Opus::new(params).map_err(|why| {
            let format = format!("Opus with {why}");
            Error::Unsupported { path: path.to_owned(), format, advice: CONVERT }
        })?;
        return Ok(Box::new(opus));
    }
    let options = AudioDecoderOptions::default().gapless(trim);
    symphonia::default::get_codecs().make_audio_decoder(params, &options).map_err(|failure| {
        let name = match params.codec {
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

/// A stream while it is decoded.
struct Stream<'a> {
    packets: Packets<'a>,
    decoder: Box<dyn AudioDecoder>,
    sink: Sink,
    format: Format,
    n_bytes: u64,
    declared_frames: Option<u64>,
    damage: Vec<Damage>,
    bad_packets: u64,
    last_failure: Option<String>,
    ended: bool,
    path: PathBuf,
}

fn start<'a>(reader: Reader<'a>, n_bytes: u64, format: Format, path: &Path) -> Result<Opened<'a>> {
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
    for n_frames in [params.max_frames_per_packet, params.frames_per_block].into_iter().flatten() {
        check_packets(n_frames, path)?;
    }
    let track_id = track.id;
    // Frames are counted in the track's time base, which is one over the rate except in some containers.
    let ticks_are_frames =
        track.time_base.is_none_or(|base| Some(base.denom.get()) == params.sample_rate && base.numer.get() == 1);
    let mut declared_frames = track.num_frames.filter(|_| ticks_are_frames);
    if params.codec == CODEC_ID_OPUS && format == Format::Ogg {
        // The reader adds the frames before the sound where they are to be taken off.
        let n_before = u64::from(track.delay.unwrap_or(0));
        declared_frames = declared_frames.map(|n_frames| n_frames.saturating_sub(2 * n_before));
    }
    // In MPEG streams only an encoder's tag knows the padding.
    let trim = format != Format::Mp3 || track.delay.is_some() || track.padding.is_some();
    let decoder = make_decoder(&params, trim, path)?;
    let mut stream = Stream {
        packets: Packets::new(reader, track_id, format == Format::Mp3),
        decoder,
        sink: Sink::new(n_bytes as usize),
        format,
        n_bytes,
        declared_frames,
        damage: Vec::new(),
        bad_packets: 0,
        last_failure: None,
        ended: false,
        path: path.to_owned(),
    };
    // What the samples are is known with the first of them.
    while !stream.ended && stream.sink.channels.is_empty() {
        stream.packet()?;
    }
    let has_sound = !stream.sink.channels.is_empty();
    if stream.bad_packets > 0 && !has_sound {
        let message = stream.last_failure.unwrap_or_else(|| "no packet decodes".into());
        return Err(fail(path, "decode", format!("none of {} packets decodes: {message}", stream.bad_packets)));
    }
    Ok(Opened {
        rate_hz: if has_sound { stream.sink.rate_hz } else { params.sample_rate.unwrap_or(0) },
        n_channels: stream.sink.channels.len(),
        format: name(format),
        codec: stream.decoder.codec_info().short_name.to_owned(),
        bits: params.bits_per_sample,
        declared_frames,
        blocks: Box::new(stream),
    })
}

impl Stream<'_> {
    /// Decodes one packet into the sink, or finds the end.
    fn packet(&mut self) -> Result<()> {
        let n_frames = self.sink.n_frames();
        if n_frames > max_frames(self.n_bytes as usize, self.sink.channels.len()) {
            return self.end(Some(too_many_samples()));
        }
        let packet = match self.packets.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => return self.end(None),
            Err(Failure::ResetRequired) => return self.end(Some("a second stream follows in the same file".into())),
            Err(failure) => return self.end(Some(failure.to_string())),
        };
        if self.format == Format::Flac && packet.pts.get() > n_frames as i64 {
            // Frames carry their place: one that failed its checksum is missing here.
            self.bad_packets += 1;
            self.sink.push_silence(packet.pts.get() as u64 - n_frames)?;
        }
        match self.decoder.decode(&packet) {
            Ok(buffer) => {
                check_rate(buffer.spec().rate(), &self.path)?;
                check_channels(buffer.num_planes(), &self.path)?;
                if !self.sink.push(&buffer)? {
                    return self.end(Some("the rate or the number of channels changes".into()));
                }
            }
            Err(Failure::ResetRequired) => self.decoder.reset(),
            Err(failure) => {
                self.bad_packets += 1;
                self.sink.push_silence(packet.dur.get())?;
                self.last_failure = Some(failure.to_string());
            }
        }
        Ok(())
    }

    fn end(&mut self, early: Option<String>) -> Result<()> {
        self.damage.extend(early.map(Damage::Tail));
        self.ended = true;
        Ok(())
    }
}

impl Blocks for Stream<'_> {
    fn more(&mut self, n: usize, channels: &mut [Vec<f32>]) -> Result<()> {
        while !self.ended && self.sink.n_ready() < n {
            self.packet()?;
        }
        self.sink.give(n, channels)
    }

    fn is_at_end(&self) -> bool {
        self.ended && self.sink.n_ready() == 0
    }

    fn ending(&mut self, _: u64, _: bool) -> Ending {
        let mut damage = self.damage.clone();
        if self.bad_packets > 0 {
            damage.push(Damage::BadPackets(self.bad_packets));
        }
        let mut notes = Vec::new();
        if self.packets.goes_on() {
            let declared = self.declared_frames.unwrap_or(0);
            notes.push(format!("the header counts {declared} frames, the stream has more: all of them are read"));
        }
        Ending { declared_frames: self.declared_frames, damage, notes }
    }
}
