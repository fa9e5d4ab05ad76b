//! Recordings block by block are those that are decoded at once.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use audio_io::{Decoded, Recording, Result, decode_bytes};
use std::path::{Path, PathBuf};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/audio");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20);
    paths
}

/// All of a recording, in blocks of `n` frames.
fn blocks(mut recording: Recording<'_>, n: usize) -> Result<Decoded> {
    let (mut all, mut block) = (Vec::new(), Vec::new());
    loop {
        block.iter_mut().for_each(Vec::clear);
        let n_more = recording.next_block(n, &mut block)?;
        all.resize(block.len(), Vec::new());
        all.iter_mut().zip(&block).for_each(|(all, block): (&mut Vec<f32>, _)| all.extend_from_slice(block));
        assert!(block.iter().all(|samples| samples.len() == n_more));
        if n_more == 0 {
            break;
        }
    }
    assert_eq!(recording.n_frames(), all.first().map_or(0, Vec::len) as u64);
    Ok(Decoded { channels: all, ..recording.finish() })
}

/// Bytes that are longer than what is read at once of a small file.
fn padded(bytes: &[u8]) -> Vec<u8> {
    [bytes, &vec![0; 2 << 20]].concat()
}

#[test]
fn blocks_join_to_the_whole_file_whatever_their_size_and_wherever_the_bytes_are() {
    let folder = tempfile::tempdir().unwrap();
    for path in fixtures() {
        let whole = std::fs::read(&path).unwrap();
        let cut = whole[..whole.len() * 2 / 3].to_vec();
        let mut flipped = whole.clone();
        (whole.len() / 3..whole.len()).step_by(997).for_each(|at| flipped[at] ^= 0x5a);
        for bytes in [padded(&whole), whole, cut, flipped] {
            let file = folder.path().join(path.file_name().unwrap());
            std::fs::write(&file, &bytes).unwrap();
            let expected = decode_bytes(&bytes, &file);
            for n in [1, 777, 1 << 20] {
                let in_memory = Recording::of_bytes(&bytes, &file).and_then(|recording| blocks(recording, n));
                let on_disk = Recording::open(&file).and_then(|recording| blocks(recording, n));
                for got in [in_memory, on_disk] {
                    match (&expected, got) {
                        (Ok(expected), Ok(got)) => assert!(*expected == got, "{}, {n}", path.display()),
                        (Err(expected), Err(got)) => assert_eq!(expected.to_string(), got.to_string()),
                        (expected, got) => {
                            panic!("{}, {n}: {:?} and {:?}", path.display(), expected.is_ok(), got.is_ok())
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_left_out_moves_the_rest_and_nothing_else() {
    for path in fixtures() {
        let Ok(whole) = audio_io::decode_file(&path) else { continue };
        let n = whole.n_frames() as u64;
        let mut recording = Recording::open(&path).unwrap();
        let half = recording.skip(n / 2).unwrap();
        assert!(half >= n / 2 && half <= n, "{}", path.display());
        let mut rest = Vec::new();
        while recording.next_block(1000, &mut rest).unwrap() > 0 {}
        for (rest, whole) in rest.iter().zip(&whole.channels) {
            assert!(rest[..] == whole[half as usize..], "{}", path.display());
        }
        let mut recording = Recording::open(&path).unwrap();
        assert_eq!(recording.skip(u64::MAX).unwrap(), n, "{}", path.display());
    }
}
