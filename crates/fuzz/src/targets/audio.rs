//! Recordings: each container that is decoded, and what recorders write into them.

use crate::corpus::fixture;
use crate::random::hash;
use crate::repair;
use crate::scratch::scratch;
use crate::sounds::wavs;
use crate::target::{Memory, Outcome, Target, about};
use audio_io::{ClipConfig, Recording, Row, RowReader, can_stream, decode_bytes, recorder_info};
use std::io::{self, Read};
use std::path::Path;

/// Frames of a block.
const BLOCK: usize = 4096;

/// What decoding in blocks may take, whatever the format: it does not grow with the sound. A packet that does not decode is silence
/// of up to [`audio_io::MAX_FREE_SAMPLES`] over all channels, and a vector that grows is there twice.
const BLOCKS: Memory = Memory { per_byte: 64, free: 8 * audio_io::MAX_FREE_SAMPLES as usize + (16 << 20) };

/// What cutting clips may take: blocks, and the transforms of a resampler between rates without a common divisor.
const CLIPS: Memory = Memory { per_byte: 64, free: 512 << 20 };

/// What [`decode_bytes`] may take: [`audio_io::MAX_SAMPLES_PER_BYTE`] samples of 4 bytes for each byte and
/// [`audio_io::MAX_FREE_SAMPLES`] on top, twice while a vector grows.
const WHOLE: Memory = Memory {
    per_byte: 8 * audio_io::MAX_SAMPLES_PER_BYTE as usize,
    free: 8 * audio_io::MAX_FREE_SAMPLES as usize + (16 << 20),
};

const fn recording(
    name: &'static str,
    reads: &'static str,
    seeds: fn() -> Vec<Vec<u8>>,
    words: &'static [&'static [u8]],
    repair: fn(&mut Vec<u8>),
    run: fn(&[u8]) -> Outcome,
) -> Target {
    Target { name, reads, seeds, words, repair, run, memory: BLOCKS }
}

/// The targets.
pub(crate) const TARGETS: [Target; 12] = [
    recording(
        "wav",
        "WAV, RF64, W64: PCM, float, A-law, mu-law, ADPCM, MP3 inside (`Recording`)",
        || [wavs(), of(&["tone-ima.wav", "tone-ms.wav", "tone-mp3.wav", "tone-rf64.wav", "tone-s24.w64"])].concat(),
        &[
            b"RIFF",
            b"RF64",
            b"WAVE",
            b"fmt ",
            b"data",
            b"fact",
            b"ds64",
            b"LIST",
            b"INFO",
            b"guan",
            b"JUNK",
            b"\xff\xff\xff\xff",
        ],
        repair::nothing,
        |input| decode(input, "a.wav"),
    ),
    recording(
        "flac",
        "FLAC (`Recording`)",
        || of(&["tone-s16.flac", "tone-s24.flac"]),
        &[b"fLaC", b"\xff\xf8", b"\xff\xf9", b"\x00\x00\x00\x22", b"\x84\x00\x00\x10", b"reference libFLAC"],
        repair::flac,
        |input| decode(input, "a.flac"),
    ),
    recording(
        "ogg",
        "OGG: Vorbis, Opus, FLAC (`Recording`)",
        || of(&["tone-vorbis.ogg", "tone-opus.ogg", "tone-flac.ogg"]),
        &[
            b"OggS\0\x02",
            b"OggS\0\0",
            b"OggS\0\x04",
            b"OpusHead",
            b"OpusTags",
            b"\x01vorbis",
            b"\x05vorbis",
            b"\x7fFLAC",
        ],
        repair::ogg,
        |input| decode(input, "a.ogg"),
    ),
    recording(
        "mp3",
        "MP3, with ID3 tags (`Recording`)",
        || of(&["tone.mp3", "tone-16k.mp3"]),
        &[
            b"ID3\x03\0\0",
            b"ID3\x04\0\x10",
            b"Xing",
            b"Info",
            b"LAME3.100",
            b"VBRI",
            b"\xff\xfb",
            b"\xff\xe3",
            b"APIC",
            b"TAG",
        ],
        repair::nothing,
        |input| decode(input, "a.mp3"),
    ),
    recording(
        "adts",
        "AAC in ADTS (`Recording`)",
        || of(&["tone-aac.aac"]),
        &[b"\xff\xf1", b"\xff\xf9", b"\xff\xf0"],
        repair::nothing,
        |input| decode(input, "a.aac"),
    ),
    recording(
        "mp4",
        "AAC and ALAC in M4A (`Recording`)",
        || of(&["tone-aac.m4a", "tone-alac.m4a"]),
        &[
            b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"mdhd", b"minf", b"stbl", b"stsd", b"stts", b"stsc",
            b"stsz", b"stco", b"co64", b"mp4a", b"esds", b"alac", b"elst", b"edts", b"moof", b"traf", b"trun", b"tfhd",
            b"mvex", b"trex", b"sidx", b"udta", b"meta", b"ilst", b"mdat",
        ],
        repair::nothing,
        |input| decode(input, "a.m4a"),
    ),
    recording(
        "aiff",
        "AIFF and AIFF-C (`Recording`)",
        || of(&["tone-s16.aiff"]),
        &[
            b"FORM",
            b"AIFF",
            b"AIFC",
            b"COMM",
            b"SSND",
            b"NONE",
            b"sowt",
            b"fl32",
            b"alaw",
            b"ulaw",
            b"\x40\x0e\xac\x44",
        ],
        repair::nothing,
        |input| decode(input, "a.aiff"),
    ),
    recording(
        "caf",
        "CAF (`Recording`)",
        || of(&["tone-s16.caf"]),
        &[
            b"caff\0\x01\0\0",
            b"desc",
            b"data",
            b"pakt",
            b"kuki",
            b"chan",
            b"free",
            b"lpcm",
            b"alac",
            b"aac ",
            b"ima4",
            b"opus",
        ],
        repair::nothing,
        |input| decode(input, "a.caf"),
    ),
    recording(
        "matroska",
        "Matroska and WebM: Vorbis, Opus (`Recording`)",
        || of(&["tone-vorbis.mka", "tone-opus.webm"]),
        &[
            b"\x1a\x45\xdf\xa3",
            b"\x18\x53\x80\x67",
            b"\x15\x49\xa9\x66",
            b"\x16\x54\xae\x6b",
            b"\x1f\x43\xb6\x75",
            b"\xa3",
            b"\xa0",
            b"\xa1",
            b"\xae",
            b"A_OPUS",
            b"A_VORBIS",
            b"A_FLAC",
            b"A_AAC",
            b"A_PCM/INT/LIT",
            b"webm",
            b"matroska",
            b"\x01\xff\xff\xff\xff\xff\xff\xff",
        ],
        repair::nothing,
        |input| decode(input, "a.mka"),
    ),
    Target {
        memory: WHOLE,
        ..recording(
            "whole",
            "a recording of any format, decoded at once (`decode_bytes`)",
            small,
            &[b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"fmt ", b"data", b"OggS", b"moov", b"mdat", b"SSND"],
            repair::flac,
            whole,
        )
    },
    Target {
        memory: CLIPS,
        ..recording(
            "clips",
            "a recording of any format, cut into clips: channels, resampling, level, windows (`RowReader`)",
            small,
            &[
                b"\x40\x1f\0\0",
                b"\x41\x1f\0\0",
                b"\xe8\x03\0\0",
                b"\x40\x42\x0f\0",
                b"\x3f\x42\x0f\0",
                b"fmt ",
                b"data",
            ],
            repair::flac,
            clips,
        )
    },
    recording(
        "recorder",
        "GUANO, LIST INFO, FLAC comments and the names that recorders give files (`recorder_info`); the first line is the name",
        || {
            let names = ["24E14403_20240501_213000.WAV", "SM4_20240501$213000.wav", "20240501T213000+0200_REC.flac"];
            let files = [wavs()[10].clone(), wavs()[0].clone(), fixture("audio/tone-s16.flac")];
            names.iter().zip(files).map(|(name, file)| [name.as_bytes(), b"\n", &file].concat()).collect()
        },
        &[
            b"guan",
            b"LIST",
            b"INFO",
            b"ICMT",
            b"IART",
            b"ICRD",
            b"GUANO|Version: 1.0",
            b"Timestamp: ",
            b"Loc Position: ",
            b"Recorded at ",
            b"AudioMoth ",
            b"2024-05-01T21:30:00.123456-14:00",
            b"\nWA|Song Meter|",
            b"DATE=",
            b"fLaC",
        ],
        repair::nothing,
        recorder,
    ),
];

/// A recording of each format.
fn small() -> Vec<Vec<u8>> {
    let others = ["tone-s16.flac", "tone-vorbis.ogg", "tone-opus.webm", "tone.mp3", "tone-s16.caf", "tone-s16.aiff"];
    [wavs(), of(&others), of(&["tone-aac.m4a", "tone-alac.m4a", "tone-aac.aac"])].concat()
}

/// Files of `fixtures/audio`.
fn of(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| fixture(&format!("audio/{name}"))).collect()
}

/// Decodes bytes in blocks, and some of them also as a stream or with a part left out.
fn decode(input: &[u8], name: &str) -> Outcome {
    let path = Path::new(name);
    let first = Outcome::of(Recording::of_bytes(input, path).and_then(|recording| to_end(recording, 0)));
    match hash(input) % 8 {
        0 if can_stream(input) => {
            let stream = Slow { bytes: input.to_vec(), at: 0 };
            let streamed = Recording::of_stream(stream, path).and_then(|recording| to_end(recording, 0));
            Outcome::all([first, Outcome::of(streamed)])
        }
        1 => {
            let skipped = Recording::of_bytes(input, path).and_then(|recording| to_end(recording, 1000));
            Outcome::all([first, Outcome::of(skipped)])
        }
        _ => first,
    }
}

/// Decodes bytes as a whole.
fn whole(input: &[u8]) -> Outcome {
    let whole = decode_bytes(input, Path::new("a"));
    Outcome::of(whole.map(|whole| format!("{} {} {}", whole.format, whole.codec, about(whole.n_frames()))))
}

/// Decodes a recording in blocks and says what it is.
fn to_end(mut recording: Recording<'_>, skip: u64) -> audio_io::Result<String> {
    let mut n_frames = recording.skip(skip)?;
    let mut block = Vec::new();
    loop {
        let n = recording.next_block(BLOCK, &mut block)?;
        if n == 0 {
            break;
        }
        n_frames += n as u64;
        block.iter_mut().for_each(Vec::clear);
    }
    let known = recording.finish();
    let letters = |text: String| text.into_bytes().into_iter().filter(u8::is_ascii_alphabetic);
    let damage: Vec<u8> = known.damage.iter().flat_map(|one| letters(one.to_string())).collect();
    let (size, n_channels) = (about(n_frames as usize), block.len());
    Ok(format!("{} {} {:?} {size} {n_channels} {}", known.format, known.codec, known.bits, hash(&damage)))
}

/// A pipe that gives a few bytes at a time.
struct Slow {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = (self.bytes.len() - self.at).min(into.len()).min(1 + self.at % 700);
        into[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// Cuts a recording into clips as `features` does, in blocks.
fn clips(input: &[u8]) -> Outcome {
    let cut = || -> audio_io::Result<String> {
        let config = ClipConfig::default();
        let mut reader = RowReader::new(Recording::of_bytes(input, Path::new("a"))?, BLOCK);
        let row = Row { path: "a".into(), ..Row::default() };
        reader.add(0, &row, [&config])?;
        let (mut n, mut n_failed) = (0, 0);
        while let Some(rows) = reader.next_clips()? {
            for (_, clips) in rows {
                match clips {
                    Ok(of_configs) => n += of_configs.iter().map(Vec::len).sum::<usize>(),
                    Err(_) => n_failed += 1,
                }
            }
        }
        Ok(format!("{} {n_failed}", about(n)))
    };
    Outcome::of(cut())
}

/// Reads what a recorder wrote.
fn recorder(input: &[u8]) -> Outcome {
    let end = input.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let name: String =
        String::from_utf8_lossy(&input[..end]).chars().filter(|c| !"/\0".contains(*c)).take(60).collect();
    let path = scratch().join(if name.is_empty() || name.starts_with('.') { "a.wav" } else { &name });
    if std::fs::write(&path, &input[(end + 1).min(input.len())..]).is_err() {
        return Outcome { signature: 0, is_read: false };
    }
    let info = recorder_info(&path);
    // The next input has another name.
    let _ = std::fs::remove_file(&path);
    let notes: Vec<u8> =
        info.notes.iter().flat_map(|note| note.bytes().filter(u8::is_ascii_alphabetic).take(30)).collect();
    let has = [info.place.is_some(), info.make.is_some(), info.serial.is_some(), info.deployment.is_some()];
    let words =
        format!("{:?} {has:?} {} {}", info.start.map(|start| start.source), info.guano.len().min(8), hash(&notes));
    Outcome::of::<io::Error>(Ok(words))
}
