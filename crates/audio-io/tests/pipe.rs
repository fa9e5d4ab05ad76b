//! Recordings that are decoded while they come through a pipe are those of the file.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use audio_io::{Decoded, HEAD_BYTES, Recording, can_stream, decode_bytes};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| audio_io::is_sound(path));
    paths.sort();
    paths
}

/// Gives a few bytes at a time, as a pipe does.
struct Slow(Cursor<Vec<u8>>, usize);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 * 7 % 4001 + 1;
        let n = into.len().min(self.1);
        self.0.read(&mut into[..n])
    }
}

fn streamed(bytes: Vec<u8>, n_block: usize) -> Decoded {
    let mut recording = Recording::of_stream(Slow(Cursor::new(bytes), 1), "-".as_ref()).unwrap();
    let mut channels = Vec::new();
    while recording.next_block(n_block, &mut channels).unwrap() > 0 {}
    Decoded { channels, ..recording.finish() }
}

#[test]
fn what_can_be_streamed_is_decoded_as_the_file_is() {
    let mut formats = Vec::new();
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        if !can_stream(&bytes[..bytes.len().min(HEAD_BYTES)]) {
            continue;
        }
        for bytes in [bytes.clone(), bytes[..bytes.len() * 2 / 3].to_vec()] {
            let Ok(whole) = decode_bytes(&bytes, "-".as_ref()) else { continue };
            for n_block in [1000, 1 << 20] {
                let got = streamed(bytes.clone(), n_block);
                assert!(got.channels == whole.channels, "{}", path.display());
                assert_eq!((got.rate_hz, &got.codec, got.stopped), (whole.rate_hz, &whole.codec, false));
            }
            formats.push(whole.format);
        }
    }
    for format in ["rf64", "w64", "flac", "mp3", "ogg", "adts"] {
        assert!(formats.iter().any(|of| of == format), "{format}: {formats:?}");
    }
}

#[test]
fn formats_that_need_another_order_are_not_streamed() {
    for path in fixtures() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let streams = can_stream(&bytes[..bytes.len().min(HEAD_BYTES)]);
        let expected = !["m4a", "aiff", "caf", "mka", "webm"].iter().any(|end| name.ends_with(end))
            && !["-mp3.wav", "-ms.wav", "-ima.wav"].iter().any(|part| name.contains(part));
        assert_eq!(streams, expected, "{name}");
    }
    assert!(!can_stream(b"hello") && !can_stream(b"") && !can_stream(b"RIFF\0\0\0\0WAVE"));
}

#[test]
fn sizes_of_a_header_that_was_written_into_a_pipe_mean_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio/tone-rf64.wav");
    let whole = decode_bytes(&std::fs::read(&path).unwrap(), &path).unwrap();
    let samples: Vec<u8> =
        whole.channels[0].iter().flat_map(|sample| ((sample * 32767.0) as i16).to_le_bytes()).collect();
    let with = |size: u32| {
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(whole.rate_hz.to_le_bytes());
        wav.extend((2 * whole.rate_hz).to_le_bytes());
        wav.extend(b"\x02\0\x10\0data");
        wav.extend(size.to_le_bytes());
        [wav, samples.clone()].concat()
    };
    let true_size = samples.len() as u32;
    let expected = streamed(with(true_size), 500);
    assert_eq!(expected.n_frames(), samples.len() / 2);
    assert!(expected.damage.is_empty() && expected.notes.is_empty());
    for size in [0, 0x7fff_f000, 0x7fff_ff00, 0x7fff_ffff, u32::MAX] {
        let got = streamed(with(size), 500);
        assert!(got.channels == expected.channels && got.damage.is_empty(), "{size:x}: {:?}", got.damage);
        assert_eq!(got.notes.len(), 1, "{:?}", got.notes);
    }
    let cut = streamed(with(true_size + 1000), 500);
    assert!(cut.channels == expected.channels && cut.damage.len() == 1, "{:?}", cut.damage);
    let one_more = streamed([with(true_size), b"LIST\x04\0\0\0abcd".to_vec()].concat(), 500);
    assert!(one_more.channels == expected.channels && one_more.damage.is_empty());
}
