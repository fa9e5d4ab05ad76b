//! Files and folders that went wrong on somebody's disk, made anew: what is there is kept, and what is wrong is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use audio_io::scan::{Scan, ScanOptions, scan};
use audio_io::{Damage, Decoded, Manifest, Recording, Warning, decode_bytes};

/// A second at 8 kHz that holds sound.
fn sound() -> Vec<i16> {
    (0..8000i32).map(|i| (i * 7919 % 20_011 - 10_000) as i16).collect()
}

fn wav(rate_hz: u32, n_channels: u16, samples: &[i16]) -> Vec<u8> {
    let block = 2 * n_channels;
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(36 + data.len() as u32).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend_from_slice(&n_channels.to_le_bytes());
    out.extend_from_slice(&rate_hz.to_le_bytes());
    out.extend_from_slice(&rate_hz.wrapping_mul(u32::from(block)).to_le_bytes());
    out.extend_from_slice(&block.to_le_bytes());
    out.extend_from_slice(b"\x10\0data");
    out.extend_from_slice(&(data.len() as u32).to_le_bytes());
    out.extend_from_slice(&data);
    out
}

fn decode(bytes: &[u8]) -> Decoded {
    decode_bytes(bytes, Path::new("a")).unwrap()
}

fn texts(decoded: &Decoded) -> String {
    decoded.damage.iter().map(|damage| format!("{damage}\n")).collect()
}

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn rates_that_no_recorder_has_are_refused_in_every_format() {
    let mut flac = fixture("tone-s16.flac");
    // 20 bits of rate from the tenth byte of the first block on.
    flac[18..20].copy_from_slice(&[0, 0]);
    flac[20] = (flac[20] & 0x0f) | 0x10;
    let mut aiff = fixture("tone-s16.aiff");
    let rate = aiff.windows(4).position(|name| name == b"COMM").unwrap() + 16;
    aiff[rate..rate + 10].copy_from_slice(&[0x3f, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]);
    let mut caf = fixture("tone-s16.caf");
    let rate = caf.windows(4).position(|name| name == b"desc").unwrap() + 12;
    caf[rate..rate + 8].copy_from_slice(&1f64.to_be_bytes());
    let mut ogg = fixture("tone-vorbis.ogg");
    let rate = ogg.windows(7).position(|name| name == b"\x01vorbis").unwrap() + 12;
    ogg[rate..rate + 4].copy_from_slice(&1u32.to_le_bytes());
    for (name, bytes) in [("wav", wav(1, 1, &sound())), ("flac", flac), ("aiff", aiff), ("caf", caf)] {
        let error = decode_bytes(&bytes, Path::new(name)).unwrap_err().to_string();
        assert_eq!(error, format!("{name}: sample rate: expected 1000 to 1000000 Hz, got 1 Hz"));
    }
    // Its page has a checksum, which refuses it before anybody looks at the rate.
    assert!(decode_bytes(&ogg, Path::new("ogg")).is_err());
    for rate_hz in [0, 999, 1_000_001, u32::MAX] {
        assert!(decode_bytes(&wav(rate_hz, 1, &sound()), Path::new("a")).is_err(), "{rate_hz}");
    }
    assert_eq!(decode(&wav(1000, 1, &sound())).seconds(), 8.0);
}

#[test]
fn channels_that_no_recorder_has_are_refused() {
    let bytes = wav(8000, 300, &[0; 600]);
    let error = decode_bytes(&bytes, Path::new("a.wav")).unwrap_err().to_string();
    assert_eq!(error, "a.wav: channels: expected at most 256 channels, got 300");
}

#[test]
fn packets_that_no_encoder_makes_are_refused_before_there_is_room_for_them() {
    let mut caf = fixture("tone-s16.caf");
    let desc = caf.windows(4).position(|name| name == b"desc").unwrap() + 12;
    caf[desc + 8..desc + 12].copy_from_slice(b"ima4");
    caf[desc + 20..desc + 24].copy_from_slice(&0x8000_0009_u32.to_be_bytes());
    let error = decode_bytes(&caf, Path::new("a.caf")).unwrap_err().to_string();
    assert_eq!(error, "a.caf: packets: expected at most 65536 frames, got 2147483657");
}

#[test]
fn a_pipe_with_frames_of_64_kilobytes_takes_little_memory_and_gives_what_is_there() {
    let mut bytes = wav(8000, 2, &[1000; 131_070]);
    bytes[28..32].copy_from_slice(&0xffff_ff00_u32.to_le_bytes());
    bytes[32..34].copy_from_slice(&u16::MAX.to_le_bytes());
    bytes[40..44].copy_from_slice(&0x3000_0000_u32.to_le_bytes());
    let mut recording = Recording::of_stream(Cursor::new(bytes), Path::new("-")).unwrap();
    let mut block = Vec::new();
    let mut n_frames = 0;
    while recording.next_block(1 << 16, &mut block).unwrap() > 0 {
        n_frames = block[0].len();
    }
    assert_eq!(n_frames, 4);
}

#[test]
fn a_tag_before_any_container_is_stepped_over() {
    let mut tag = b"ID3\x03\0\0\0\0\x01\0".to_vec();
    tag.resize(10 + 128, 0);
    for name in ["tone-s16.flac", "tone-vorbis.ogg", "tone.mp3", "tone-aac.aac", "tone-s16.aiff", "tone-s16.caf"] {
        let plain = decode_bytes(&fixture(name), Path::new(name)).unwrap();
        let tagged = decode_bytes(&[tag.clone(), fixture(name)].concat(), Path::new(name)).unwrap();
        assert_eq!(tagged, plain, "{name}");
    }
    let plain = wav(8000, 1, &sound());
    assert_eq!(decode(&[tag, plain.clone()].concat()), decode(&plain));
}

#[test]
fn a_data_size_that_the_file_contradicts_gives_way() {
    let mut bytes = wav(8000, 1, &sound());
    bytes.resize(bytes.len() + 2000, 0);
    bytes[40..44].copy_from_slice(&44u32.to_le_bytes());
    let read = decode(&bytes);
    assert_eq!(read.n_frames(), 8000);
    assert!(texts(&read).contains("declares 44 bytes"), "{}", texts(&read));
    // A chunk behind the sound is none of it, whole or cut.
    for cut in [0, 3] {
        let mut bytes = wav(8000, 1, &sound());
        bytes.extend_from_slice(b"LIST\x08\0\0\0INFOabcd");
        bytes.truncate(bytes.len() - cut);
        let read = decode(&bytes);
        assert_eq!((read.n_frames(), read.damage.len()), (8000, 0));
    }
}

#[test]
fn aiff_and_caf_keep_what_is_there() {
    for name in ["tone-s16.aiff", "tone-s16.caf"] {
        let whole = fixture(name);
        let full = decode(&whole);
        let cut = decode(&whole[..whole.len() / 2 + whole.len() / 4]);
        assert!(cut.n_frames() > 100 && cut.n_frames() < full.n_frames(), "{name}: {}", cut.n_frames());
        assert_eq!(cut.channels[0][..], full.channels[0][..cut.n_frames()]);
        assert_eq!(cut.damage, [Damage::Short { decoded: cut.n_frames() as u64, declared: full.n_frames() as u64 }]);
    }
}

#[test]
fn an_mpeg_stream_that_goes_on_behind_its_count_is_read_to_the_end() {
    // Two recordings put together: the header of the first counts its own frames alone.
    let one = fixture("tone.mp3");
    let first = decode_bytes(&one, Path::new("a.mp3")).unwrap();
    let both = decode_bytes(&[one.clone(), one].concat(), Path::new("a.mp3")).unwrap();
    assert!(both.n_frames() > 2 * first.n_frames(), "{} of {}", both.n_frames(), first.n_frames());
    assert_eq!(both.channels[0][..first.n_frames() - 1200], first.channels[0][..first.n_frames() - 1200]);
    assert!(both.notes.iter().any(|note| note.contains("the stream has more")), "{:?}", both.notes);
    assert!(first.notes.is_empty());
}

/// A folder with files by name.
fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    dir
}

fn scanned(path: PathBuf) -> Scan {
    scan(&Manifest::open(&path).unwrap(), &ScanOptions::default(), &|_| true).unwrap()
}

/// Recordings that all differ.
fn recordings(names: &[&str]) -> Vec<(String, Vec<u8>)> {
    let recording = |(i, name): (usize, &&str)| {
        ((*name).to_owned(), wav(8000, 1, &sound().iter().map(|sample| sample / (i as i16 + 1)).collect::<Vec<_>>()))
    };
    names.iter().enumerate().map(recording).collect()
}

#[test]
fn a_scan_says_what_is_silent_and_why() {
    let nothing: Vec<u8> = std::iter::repeat_n(f32::NAN, 8000).flat_map(f32::to_le_bytes).collect();
    let mut nan = wav(8000, 1, &[]);
    nan[20] = 3;
    nan[28..36].copy_from_slice(&[0, 0x7d, 0, 0, 4, 0, 32, 0]);
    nan[40..44].copy_from_slice(&32_000u32.to_le_bytes());
    nan.extend_from_slice(&nothing);
    let stereo: Vec<i16> = sound().iter().flat_map(|sample| [*sample, -*sample]).collect();
    let mut late = vec![0; 8000];
    late.extend(sound());
    let dir = folder(&[
        ("dog/constant.wav", wav(8000, 1, &[1234; 8000])),
        ("dog/cancel.wav", wav(8000, 2, &stereo)),
        ("dog/late.wav", wav(8000, 1, &late)),
        ("dog/nan.wav", nan),
        ("dog/sound.wav", wav(8000, 1, &sound())),
        ("dog/zero.wav", wav(8000, 1, &[0; 8000])),
        (
            "m.csv",
            b"path,label,start,end,channel\ndog/late.wav,dog,0,0.9,\ndog/late.wav,dog,0.5,1.5,\ndog/cancel.wav,dog,,,1\n"
                .to_vec(),
        ),
    ]);
    let result = scanned(dir.path().to_owned());
    let reasons: Vec<(&str, &str)> = result.unusable.iter().map(|row| (&*row.path, &row.reason[..12])).collect();
    assert_eq!(
        reasons,
        [
            ("dog/cancel.wav", "silent once "),
            ("dog/constant.wav", "no sound: ev"),
            ("dog/nan.wav", "pure silence"),
            ("dog/zero.wav", "pure silence"),
        ]
    );
    let parts = scanned(dir.path().join("m.csv"));
    assert_eq!((parts.manifest.rows.len(), parts.unusable.len()), (2, 1));
    assert_eq!(parts.unusable[0].reason, "pure silence");
}

#[test]
fn a_scan_warns_of_names_and_counts_rows_once() {
    let names = ["a.wav", "b.wav", "c.wav", "d.wav", "e.wav", "f.wav"];
    let mut files = recordings(&names);
    let rows = "a.wav,dog,train\nb.wav,Dog,Training\nc.wav,bird,field\n./a.wav,dog,train\nd.wav, bird ,valid\n\
        e.wav,Neither,\na.wav,dog,train\nf.wav,dog,field\n";
    files.push(("m.csv".to_owned(), format!("path,label,split\n{rows}").into_bytes()));
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let dir = folder(&files);
    let result = scanned(dir.path().join("m.csv"));
    assert_eq!((result.manifest.rows.len(), result.n_repeated), (6, 2));
    let labels: Vec<&str> = result.manifest.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["dog", "Dog", "bird", "bird", "neither", "dog"]);
    let splits: Vec<&str> = result.manifest.rows.iter().map(|row| row.split.as_deref().unwrap()).collect();
    assert_eq!(splits, ["train", "train", "field", "val", "ood-val", "field"]);
    for expected in [
        Warning::AlikeLabels { sets: vec![vec!["Dog".into(), "dog".into()]] },
        Warning::UnknownSplit { split: "field".into(), n_rows: 2 },
        Warning::RepeatedRows { n_rows: 2, paths: vec!["./a.wav".into(), "a.wav".into()] },
    ] {
        assert!(result.warnings.contains(&expected), "{:?}", result.warnings);
    }
}

#[test]
fn a_shortest_length_that_is_no_number_is_refused() {
    let dir = folder(&[("dog/a.wav", wav(8000, 1, &sound()))]);
    let manifest = Manifest::open(dir.path()).unwrap();
    for min_seconds in [f64::NAN, -1.0, f64::INFINITY, 1e9] {
        let options = ScanOptions { min_seconds, ..ScanOptions::default() };
        let error = scan(&manifest, &options, &|_| true).unwrap_err().to_string();
        assert!(error.starts_with("min-seconds: expected seconds from 0 to 86400, got "), "{error}");
    }
    let stopped = scan(&manifest, &ScanOptions::default(), &|_| false).unwrap_err();
    assert!(matches!(stopped, audio_io::Error::Cancelled));
}

#[cfg(unix)]
#[test]
fn what_a_disk_holds_beside_recordings_does_not_stop_a_scan() {
    use std::os::unix::ffi::OsStrExt;
    let dir = folder(&[("dog/a.wav", wav(8000, 1, &sound())), ("bird/b.wav", wav(8000, 1, &sound()[1..]))]);
    std::fs::write(dir.path().join("dog").join(std::ffi::OsStr::from_bytes(b"caf\xe9.wav")), b"x").unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("dog/loop")).unwrap();
    std::os::unix::fs::symlink("../dog", dir.path().join("bird/other")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("bird/s.wav")).unwrap();
    let result = scanned(dir.path().to_owned());
    assert_eq!(result.manifest.rows.len(), 2);
    let Some(Warning::Skipped { entries }) =
        result.warnings.iter().find(|warning| matches!(warning, Warning::Skipped { .. }))
    else {
        panic!("{:?}", result.warnings)
    };
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["bird/other", "bird/s.wav", "dog/caf\u{fffd}.wav", "dog/loop"]);
}
