//! Files as the world has them: every encoding, every kind of damage, through the public interface.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::path::{Path, PathBuf};

use audio_io::{ClipConfig, Damage, Decoded, Error, Until, clips, decode_bytes, decode_bytes_until, decode_file};

/// A WAV file of one `fmt ` and one `data` chunk.
fn wav(tag: u16, n_channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = n_channels * bits / 8;
    let mut fmt = Vec::new();
    fmt.extend_from_slice(&tag.to_le_bytes());
    fmt.extend_from_slice(&n_channels.to_le_bytes());
    fmt.extend_from_slice(&rate_hz.to_le_bytes());
    fmt.extend_from_slice(&(rate_hz * u32::from(block)).to_le_bytes());
    fmt.extend_from_slice(&block.to_le_bytes());
    fmt.extend_from_slice(&bits.to_le_bytes());
    riff(&[(b"fmt ", &fmt), (b"data", data)])
}

fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (name, data) in chunks {
        body.extend_from_slice(*name);
        body.extend_from_slice(&(data.len() as u32).to_le_bytes());
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend(body);
    out
}

fn decode(bytes: &[u8]) -> Decoded {
    decode_bytes(bytes, Path::new("test.wav")).unwrap()
}

fn samples(bytes: &[u8]) -> Vec<f32> {
    let decoded = decode(bytes);
    assert_eq!(decoded.damage, [], "{decoded:?}");
    assert_eq!(decoded.channels.len(), 1);
    decoded.channels[0].clone()
}

fn message(bytes: &[u8]) -> String {
    decode_bytes(bytes, Path::new("test.wav")).unwrap_err().to_string()
}

/// 800 bytes that are no silence.
fn ramp() -> Vec<u8> {
    (0..400i16).flat_map(|i| (i * 50).to_le_bytes()).collect()
}

#[test]
fn every_width_of_pcm_has_its_scale() {
    assert_eq!(samples(&wav(1, 1, 8000, 8, &[0, 64, 128, 192, 255])), [-1.0, -0.5, 0.0, 0.5, 127.0 / 128.0]);
    let s16: Vec<u8> = [i16::MIN, -16384, 0, 16384, i16::MAX].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(samples(&wav(1, 1, 8000, 16, &s16)), [-1.0, -0.5, 0.0, 0.5, 32767.0 / 32768.0]);
    let s24 = [0, 0, 0x80, 0, 0, 0xc0, 0xff, 0xff, 0xff, 0, 0, 0x40];
    assert_eq!(samples(&wav(1, 1, 8000, 24, &s24)), [-1.0, -0.5, -1.0 / 8_388_608.0, 0.5]);
    let s32: Vec<u8> = [i32::MIN, 0, 1 << 30].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(samples(&wav(1, 1, 8000, 32, &s32)), [-1.0, 0.0, 0.5]);
    let f32s: Vec<u8> = [0.25f32, -1.5].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(samples(&wav(3, 1, 8000, 32, &f32s)), [0.25, -1.5]);
    let f64s: Vec<u8> = [0.25f64, -0.75].iter().flat_map(|v| v.to_le_bytes()).collect();
    assert_eq!(samples(&wav(3, 1, 8000, 64, &f64s)), [0.25, -0.75]);
}

#[test]
fn companded_codes_have_their_known_values() {
    let scaled = |values: &[i32]| values.iter().map(|v| *v as f32 / 32768.0).collect::<Vec<f32>>();
    let a_law = samples(&wav(6, 1, 8000, 8, &[0xd5, 0x55, 0xaa, 0x2a, 0x80]));
    assert_eq!(a_law, scaled(&[8, -8, 32256, -32256, 5504]));
    let mu_law = samples(&wav(7, 1, 8000, 8, &[0xff, 0x80, 0x00, 0xf0, 0x9f]));
    assert_eq!(mu_law, scaled(&[0, 32124, -32124, 120, 8316]));
}

#[test]
fn channels_are_taken_apart() {
    let data: Vec<u8> = [1i16, -1, 2, -2, 3, -3].iter().flat_map(|v| (v * 1024).to_le_bytes()).collect();
    let decoded = decode(&wav(1, 2, 44100, 16, &data));
    assert_eq!(decoded.channels, [vec![0.03125, 0.0625, 0.09375], vec![-0.03125, -0.0625, -0.09375]]);
    assert_eq!((decoded.format.as_str(), decoded.codec.as_str(), decoded.bits), ("wav", "pcm_s16", Some(16)));
    assert_eq!(decoded.declared_frames, Some(3));
}

#[test]
fn the_extensible_format_names_its_codec_in_the_sub_format() {
    let mut fmt = vec![0xfe, 0xff, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0, 22, 0, 16, 0, 4, 0, 0, 0];
    fmt.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    assert_eq!(samples(&riff(&[(b"fmt ", &fmt), (b"data", &[0, 0x40])])), [0.5]);
    let cut = riff(&[(b"fmt ", &fmt[..20]), (b"data", &[0, 0x40])]);
    assert!(message(&cut).contains("no sub-format"));
}

#[test]
fn other_chunks_are_stepped_over_also_of_odd_length() {
    let plain = wav(1, 1, 8000, 16, &ramp());
    let fmt = &plain[20..36];
    let mixed = riff(&[(b"LIST", b"abc"), (b"fmt ", fmt), (b"junk", &[9; 7]), (b"data", &ramp()), (b"id3 ", b"x")]);
    assert_eq!(samples(&mixed), samples(&plain));
    let data_first = riff(&[(b"data", &ramp()), (b"fmt ", fmt)]);
    assert_eq!(samples(&data_first), samples(&plain));
}

#[test]
fn a_file_that_is_cut_keeps_what_is_there_and_says_so() {
    let whole = wav(1, 1, 8000, 16, &ramp());
    let cut = decode(&whole[..44 + 301]);
    assert_eq!(cut.n_frames(), 150);
    assert_eq!(cut.damage, [Damage::Short { decoded: 150, declared: 400 }]);
    assert_eq!(cut.damage[0].to_string(), "cut short: 150 frames of the 400 that the header declares");
    for n in 1..whole.len() {
        // Anything but a crash.
        let _ = decode_bytes(&whole[..n], Path::new("cut.wav"));
    }
}

#[test]
fn a_streamed_header_reads_to_the_end() {
    for size in [0u32, 0x7fff_ffff, 0x7fff_f000, u32::MAX] {
        let mut streamed = wav(1, 1, 8000, 16, &ramp());
        streamed[4..8].copy_from_slice(&size.to_le_bytes());
        streamed[40..44].copy_from_slice(&size.to_le_bytes());
        let decoded = decode(&streamed);
        assert_eq!((decoded.n_frames(), decoded.declared_frames), (400, None));
        assert_eq!((decoded.damage.len(), decoded.notes.len()), (0, 1));
    }
}

#[test]
fn headers_without_sound_are_told_apart() {
    let header = wav(1, 1, 8000, 16, &ramp());
    assert_eq!(decode(&header[..44]).damage, [Damage::HeaderOnly, Damage::Short { decoded: 0, declared: 400 }][..1]);
    assert_eq!(decode(&header[..36]).damage, [Damage::HeaderOnly]);
    assert_eq!(decode(&wav(1, 1, 8000, 16, &[])).damage, [Damage::ZeroLength]);
    assert_eq!(decode(&wav(1, 1, 8000, 16, &[])).rate_hz, 8000);
    let followed = riff(&[(b"fmt ", &header[20..36]), (b"data", &[]), (b"LIST", b"abcd")]);
    assert_eq!(decode(&followed).damage, [Damage::ZeroLength]);
}

#[test]
fn not_finite_samples_and_silence_are_reported() {
    let data: Vec<u8> = [0.5f32, f32::NAN, f32::INFINITY, -0.5].iter().flat_map(|v| v.to_le_bytes()).collect();
    let decoded = decode(&wav(3, 1, 8000, 32, &data));
    assert_eq!(decoded.channels[0], [0.5, 0.0, 0.0, -0.5]);
    assert_eq!(decoded.damage, [Damage::NotFinite(2)]);
    assert_eq!(decode(&wav(1, 1, 8000, 16, &[0; 64])).damage, [Damage::Silent]);
}

#[test]
fn what_is_no_sound_is_an_error_that_shows_it() {
    assert_eq!(message(b""), "test.wav: the file is empty (0 bytes)");
    assert!(message(b"hello world").contains("not a sound file: it begins with 68 65 6c 6c"));
    assert!(message(&[0; 5000]).contains("a copy that was never finished"));
    let garbage: Vec<u8> = (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for name in ["noise.wav", "noise.mp3", "noise.flac", "noise.ogg"] {
        let error = decode_bytes(&garbage, Path::new(name)).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
    assert!(matches!(decode_file(Path::new("no/such.wav")), Err(Error::Read { .. })));
}

#[test]
fn bad_headers_are_errors_that_say_what_was_expected() {
    assert!(message(&wav(1, 0, 8000, 16, &[0; 8])).contains("expected at least 1 channel, got 0"));
    assert!(message(&wav(1, 1, 0, 16, &ramp())).contains("got 0 Hz"));
    assert!(message(&wav(1, 1, u32::MAX / 4, 16, &ramp())).contains("Hz"));
    assert!(message(&wav(1, 1, 8000, 0, &ramp())).contains("got 0 bits"));
    assert!(message(&wav(1, 1, 8000, 40, &ramp())).contains("got 40 bits"));
    assert!(message(&riff(&[(b"data", &ramp())])).contains("expected a fmt chunk"));
    let gsm = message(&wav(0x31, 1, 8000, 8, &ramp()));
    assert_eq!(gsm, "test.wav: GSM 6.10 in WAV (format tag 0x0031) is not decoded: convert it to FLAC or WAV first");
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio").join(name)
}

/// The fixtures' manifest: name, codec, rate, channels, frames, peak as a second decoder finds them.
fn fixtures() -> Vec<(String, String, u32, usize, i64, f32)> {
    let path = fixture("manifest.csv");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: make it with scripts/make-audio-fixtures.sh", path.display()));
    let rows = text.lines().skip(1).map(|line| {
        let f: Vec<&str> = line.split(',').collect();
        let (rate, channels) = (f[2].parse().unwrap(), f[3].parse().unwrap());
        (f[0].to_owned(), f[1].to_owned(), rate, channels, f[4].parse().unwrap(), f[5].parse().unwrap())
    });
    rows.collect()
}

#[test]
fn every_fixture_decodes_as_a_second_decoder_does() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 20);
    for (name, codec, rate_hz, n_channels, frames, peak) in fixtures {
        let decoded = decode_file(&fixture(&name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((decoded.rate_hz, decoded.channels.len()), (rate_hz, n_channels), "{name}");
        assert_eq!(decoded.damage, [], "{name}");
        // Decoders of AAC and Vorbis differ in whether they give out the first block, which is a ramp.
        // Matroska says apart from the packets how much of the last is padding, which is not read.
        let is_padded = codec == "opus" && name.ends_with("webm");
        let slack = if is_padded || matches!(codec.as_str(), "aac" | "vorbis") { 1024 } else { 0 };
        assert!((decoded.n_frames() as i64 - frames).abs() <= slack, "{name}: {} of {frames}", decoded.n_frames());
        let found = decoded.channels.iter().flatten().fold(0.0f32, |peak, v| peak.max(v.abs()));
        assert!((found - peak).abs() < 2e-3, "{name}: peak {found} of {peak}");
    }
}

#[test]
fn lossless_fixtures_hold_the_tone_itself() {
    for (name, rate_hz) in [("tone-s16.flac", 44100.0f64), ("tone-rf64.wav", 16000.0), ("tone-s24.w64", 16000.0)] {
        let decoded = decode_file(&fixture(name)).unwrap();
        for (i, sample) in decoded.channels[0].iter().enumerate() {
            let expected = 0.5 * (std::f64::consts::TAU * 440.0 * i as f64 / rate_hz).sin();
            assert!((f64::from(*sample) - expected).abs() < 1e-4, "{name} at {i}");
        }
    }
}

#[test]
fn a_cut_or_flipped_stream_is_damage_or_an_error_never_silence_about_it() {
    for name in [
        "tone-s16.flac",
        "tone-vorbis.ogg",
        "tone-opus.opus",
        "tone.mp3",
        "tone-aac.m4a",
        "tone-alac.m4a",
        "tone-s16.aiff",
    ] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let full = decode_bytes(&whole, Path::new(name)).unwrap();
        let cut = &whole[..whole.len() * 6 / 10];
        match decode_bytes(cut, Path::new(name)) {
            Ok(decoded) => {
                assert!(decoded.n_frames() < full.n_frames(), "{name}");
                assert!(!decoded.damage.is_empty(), "{name}: nothing reported");
            }
            Err(error) => assert!(error.to_string().starts_with(name), "{error}"),
        }
        // Whatever is flipped, there is an answer.
        for at in (0..whole.len()).step_by(whole.len() / 60) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0xff;
            let _ = decode_bytes(&flipped, Path::new(name));
        }
    }
}

#[test]
fn a_flac_frame_that_is_lost_leaves_the_rest_in_its_place() {
    let mut bytes = std::fs::read(fixture("tone-s16.flac")).unwrap();
    let whole = decode_bytes(&bytes, Path::new("a.flac")).unwrap();
    // In the first of its two frames, of 4608 samples.
    let early = bytes.len() / 3;
    bytes[early] ^= 0x55;
    let decoded = decode_bytes(&bytes, Path::new("a.flac")).unwrap();
    assert_eq!(decoded.damage, [Damage::BadPackets(1)]);
    assert_eq!(decoded.n_frames(), whole.n_frames());
    assert_eq!(decoded.channels[0][..4608], [0.0; 4608]);
    assert_eq!(decoded.channels[0][4608..], whole.channels[0][4608..]);
}

#[test]
fn decoding_that_stops_early_gives_the_same_clips_and_no_damage() {
    let mut config = ClipConfig::default();
    config.window.seconds = 0.05;
    for (name, ..) in fixtures() {
        let bytes = std::fs::read(fixture(&name)).unwrap();
        let whole = decode_bytes(&bytes, Path::new(&name)).unwrap();
        for row in [(None, None), (Some(0.02), None), (Some(0.01), Some(0.03)), (Some(0.0), Some(0.05))] {
            let until = config.seconds_needed(row.0, row.1);
            let part = decode_bytes_until(&bytes, Path::new(&name), until).unwrap();
            assert_eq!(part.damage, [], "{name}");
            assert!(part.n_frames() <= whole.n_frames() && (part.stopped || part == whole), "{name}");
            let of = |decoded| clips(decoded, row.0, row.1, None, &config).unwrap();
            assert!(of(&part) == of(&whole), "{name} {row:?}");
        }
        assert!(clips(&whole, None, Some(1e5), None, &config).is_err());
    }
}

#[test]
fn decoding_stops_in_long_files() {
    let data: Vec<u8> = (0..40_000i32).flat_map(|i| ((i * 7919 % 30_000) as i16).to_le_bytes()).collect();
    let file = wav(1, 1, 8000, 16, &data);
    let until = |seconds| Some(Until { seconds, sample_rate_hz: 8000 });
    let part = decode_bytes_until(&file, Path::new("a.wav"), until(1.0)).unwrap();
    assert_eq!((part.n_frames(), part.stopped, part.damage), (8001, true, vec![]));
    assert_eq!(part.declared_frames, Some(40_000));
    let all = decode_bytes_until(&file, Path::new("a.wav"), until(6.0)).unwrap();
    assert_eq!((all.n_frames(), all.stopped), (40_000, false));
    let config = ClipConfig::default();
    let (row, whole) = ((Some(0.1), Some(9.0)), decode(&file));
    let part = decode_bytes_until(&file, Path::new("a.wav"), config.seconds_needed(Some(0.1), None)).unwrap();
    assert!(clips(&part, row.0, row.1, None, &config).is_err());
    assert_eq!(whole, decode_bytes_until(&file, Path::new("a.wav"), None).unwrap());
}

#[test]
fn the_extension_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("A.WAV");
    std::fs::copy(fixture("tone-s16.flac"), &path).unwrap();
    assert_eq!(decode_file(&path).unwrap().format, "flac");
}
