//! The list of clips beside the shards: what it saves, what it notices, and that a folder is read without it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;

use common::{spectrograms, write_as};
use shard::{Clips, MelDtype, Spectrograms, id_hash};

const LIST: &str = "clips.safetensors";
const SHARD: &str = "shard-00000.safetensors";

/// Everything that a stage may look at.
fn everything(clips: &Clips) -> String {
    let mut cells = vec![0.0; clips.n_cells()];
    let mut mels = Vec::new();
    for row in 0..clips.n_clips() {
        clips.read(row, &mut cells).unwrap();
        mels.extend_from_slice(&cells);
    }
    let columns = (&clips.frames, &clips.label, &clips.split, &clips.view, &clips.group, &clips.id, &clips.crc);
    format!(
        "{:?} {:?} {columns:?} {:?} {mels:?}",
        clips.header,
        [clips.n_mels, clips.n_frames],
        clips.records().unwrap()
    )
}

/// The first error of reading everything, or what was read.
fn outcome(dir: &Path) -> Result<String, String> {
    let read = || -> shard::Result<()> {
        let clips = Clips::open(dir)?;
        let mut cells = vec![0.0; clips.n_cells()];
        (0..clips.n_clips()).try_for_each(|row| clips.read(row, &mut cells))?;
        clips.records().map(drop)
    };
    read().map_err(|error| error.to_string())?;
    Ok(everything(&Clips::open(dir).unwrap()))
}

#[test]
fn a_folder_without_a_list_is_read_the_same() {
    for dtype in [MelDtype::F32, MelDtype::F16] {
        let dir = tempfile::tempdir().unwrap();
        write_as(dir.path(), &spectrograms(300), dtype);
        let with = everything(&Clips::open(dir.path()).unwrap());
        fs::remove_file(dir.path().join(LIST)).unwrap();
        assert_eq!(everything(&Clips::open(dir.path()).unwrap()), with);
        if dtype == MelDtype::F32 {
            assert_eq!(everything(&Clips::from(spectrograms(300))), with, "in memory");
        }
    }
}

#[test]
fn groups_views_and_ids_are_those_of_the_records() {
    let mut whole: Spectrograms = spectrograms(300);
    for (row, clip) in whole.header.clips.iter_mut().enumerate() {
        clip.group = [Some("b".to_owned()), None, Some("a".to_owned())][row % 3].clone();
        clip.view = row as u32 % 2;
    }
    let dir = tempfile::tempdir().unwrap();
    write_as(dir.path(), &whole, MelDtype::F32);
    let clips = Clips::open(dir.path()).unwrap();
    let records = clips.records().unwrap();
    assert_eq!(records, whole.header.clips);
    for (row, record) in records.iter().enumerate() {
        assert_eq!((clips.view[row], clips.id[row]), (record.view, id_hash(&record.id)));
        for (other, another) in records.iter().enumerate() {
            let is_same = record.group_or_path() == another.group_or_path();
            assert_eq!(clips.group[row] == clips.group[other], is_same, "{row} {other}");
        }
    }
    // In the order of their first clips.
    assert_eq!(clips.group[..6], [0, 1, 2, 0, 3, 2]);
    assert_eq!((clips.clip_bytes(), Clips::shard_of(255), Clips::shard_of(256)), (24, 0, 1));
}

#[test]
fn opening_reads_no_shard() {
    let dir = tempfile::tempdir().unwrap();
    write_as(dir.path(), &spectrograms(300), MelDtype::F32);
    fs::write(dir.path().join("shard-00001.safetensors"), b"other bytes").unwrap();
    let clips = Clips::open(dir.path()).unwrap();
    let mut cells = vec![0.0; clips.n_cells()];
    let error = clips.read(256, &mut cells).unwrap_err().to_string();
    assert!(error.contains("shard-00001.safetensors: file: expected") && error.ends_with("got 11 bytes"), "{error}");
    assert!(clips.record(259).is_err());
    // The other shard is as it was.
    clips.read(3, &mut cells).unwrap();
    assert_eq!(clips.record(3).unwrap(), common::clip(3));
    fs::remove_file(dir.path().join(SHARD)).unwrap();
    let error = Clips::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("shard-00000.safetensors: file: expected to be there"), "{error}");
}

#[test]
fn a_list_of_other_shards_is_not_used() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_as(dir.path(), &spectrograms(300), MelDtype::F32);
    let expected = outcome(dir.path()).unwrap();
    let mut changed = spectrograms(300);
    changed.label.iter_mut().for_each(|label| *label = 1);
    write_as(other.path(), &changed, MelDtype::F32);
    fs::copy(other.path().join(LIST), dir.path().join(LIST)).unwrap();
    assert_eq!(outcome(dir.path()).unwrap(), expected);
}

/// No flipped bit of a shard or of the list, and no missing end of them, changes what is read in silence.
#[test]
fn what_is_damaged_is_noticed_or_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    write_as(dir.path(), &spectrograms(4), MelDtype::F16);
    let expected = outcome(dir.path()).unwrap();
    for (name, is_needed) in [(LIST, false), (SHARD, true)] {
        let path = dir.path().join(name);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            match outcome(dir.path()) {
                Ok(got) => {
                    assert_eq!(got, expected, "{name}, byte {at}");
                    // Labels, splits and frames are in the list: those in the shard are not used.
                    assert!(!is_needed || bytes.len() - at <= 84, "{name}, byte {at}");
                }
                Err(error) => assert!(is_needed && error.contains(name), "{name}, byte {at}: {error}"),
            }
            if at % 7 == 0 {
                fs::write(&path, &bytes[..at]).unwrap();
                let got = outcome(dir.path());
                assert!(if is_needed { got.is_err() } else { got == Ok(expected.clone()) }, "{name} cut at {at}");
            }
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn values_that_are_no_numbers_are_not_read() {
    // As another program could write them: the list has their checksum.
    let dir = tempfile::tempdir().unwrap();
    let whole = spectrograms(2);
    write_as(dir.path(), &whole, MelDtype::F32);
    let (shard, list, index) = (dir.path().join(SHARD), dir.path().join(LIST), dir.path().join("index.json"));
    let mut bytes = fs::read(&shard).unwrap();
    let parts = common::Parts::of(&bytes);
    let at = bytes.len() - parts.body.len() + parts.extent("mel").start;
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let n_bytes = whole.n_mels * whole.n_frames * 4;
    let crc = crc32fast::hash(&bytes[at..at + n_bytes]);
    let text = fs::read_to_string(&index).unwrap();
    let old = shard::sha256_hex(&fs::read(&shard).unwrap());
    let text = text.replace(&old, &shard::sha256_hex(&bytes));
    fs::write(&shard, &bytes).unwrap();
    fs::write(&index, &text).unwrap();
    let mut parts = common::Parts::of(&fs::read(&list).unwrap());
    let extent = parts.extent("crc");
    parts.body[extent.start..extent.start + 4].copy_from_slice(&crc.to_le_bytes());
    let sizes = format!("{} {} F32\n", whole.n_mels, whole.n_frames);
    parts.shard["index"] = shard::sha256_hex(text.as_bytes()).into();
    parts.shard["sha256"] = shard::sha256_hex(&[sizes.as_bytes(), &parts.body].concat()).into();
    fs::write(&list, parts.bytes()).unwrap();
    let clips = Clips::open(dir.path()).unwrap();
    let mut cells = vec![0.0; clips.n_cells()];
    clips.read(1, &mut cells).unwrap();
    let error = clips.read(0, &mut cells).unwrap_err().to_string();
    assert!(error.ends_with("tensor mel, clip 0, value 0: expected a finite value, got NaN"), "{error}");
}
