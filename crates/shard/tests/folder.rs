//! Folders and shards through the public interface: what is written is what is read, and equal input is equal bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{clip, embeddings, provenance, spectrograms, write, write_as};
use proptest::prelude::*;
use serde_json::{Value, json};
use shard::{
    ClipRecord, Clips, EMBEDDING, EmbeddingWriter, Embeddings, Header, MelDtype, NO_LABEL, Provenance, SPECTROGRAM,
    SpectrogramWriter, Spectrograms, read_embeddings, read_index, read_spectrograms, sha256_hex, spectrogram_shards,
};

const NAME: &str = "shard-00000.safetensors";

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_of_several_shards_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let clips = spectrograms(600);
    let index = write(dir.path(), &clips);
    assert_eq!(index.n_clips, 600);
    assert_eq!(index.shards.iter().map(|shard| shard.clips).collect::<Vec<_>>(), [256, 256, 88]);
    assert_eq!(read_index(dir.path()).unwrap(), index);
    assert_eq!(read_spectrograms(dir.path()).unwrap(), clips);
    let n: usize = spectrogram_shards(dir.path()).unwrap().map(|shard| shard.unwrap().n_clips()).sum();
    assert_eq!(n, 600);
}

#[test]
fn clips_are_read_one_by_one_as_all_at_once() {
    for dtype in [MelDtype::F32, MelDtype::F16] {
        let dir = tempfile::tempdir().unwrap();
        let whole = spectrograms(300);
        write_as(dir.path(), &whole, dtype);
        for clips in [Clips::open(dir.path()).unwrap(), whole.clone().into()] {
            assert_eq!((clips.n_clips(), clips.n_mels, clips.n_frames), (300, whole.n_mels, whole.n_frames));
            assert_eq!((clips.records().unwrap(), &clips.label), (whole.header.clips.clone(), &whole.label));
            let mut cells = vec![0.0; clips.n_cells()];
            for row in [0, 255, 256, 299, 3] {
                clips.read(row, &mut cells).unwrap();
                assert_eq!(cells, whole.clip(row), "{dtype:?}, clip {row}");
            }
        }
    }
}

#[test]
fn a_shard_that_changes_while_it_is_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &spectrograms(5));
    let clips = Clips::open(dir.path()).unwrap();
    clips.read(0, &mut vec![0.0; clips.n_cells()]).unwrap();
    let shard = dir.path().join("shard-00000.safetensors");
    fs::write(&shard, &fs::read(&shard).unwrap()[1..]).unwrap();
    let message = clips.read(0, &mut vec![0.0; clips.n_cells()]).unwrap_err().to_string();
    assert!(message.contains("shard-00000.safetensors") && message.contains("while in use"), "{message}");
    fs::remove_file(&shard).unwrap();
    let message = clips.read(0, &mut vec![0.0; clips.n_cells()]).unwrap_err().to_string();
    assert!(message.starts_with("cannot open") && message.contains("shard-00000.safetensors"), "{message}");
    let message = Clips::open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("shard-00000.safetensors"), "{message}");
}

#[test]
fn exactly_full_shards_leave_no_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(write(dir.path(), &spectrograms(512)).shards.len(), 2);
    assert_eq!(read_spectrograms(dir.path()).unwrap().n_clips(), 512);
}

#[test]
fn equal_clips_give_equal_folders() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&a, &b] {
        write(dir.path(), &spectrograms(300));
    }
    assert_eq!(names(a.path()), names(b.path()));
    for name in names(a.path()) {
        assert_eq!(fs::read(a.path().join(&name)).unwrap(), fs::read(b.path().join(&name)).unwrap(), "{name}");
    }
}

/// A change of these is a change of the format, which then needs another name.
#[test]
fn bytes_of_the_format_stay() {
    let f32s = sha256_hex(&spectrograms(5).to_bytes(MelDtype::F32).unwrap());
    let f16s = sha256_hex(&spectrograms(5).to_bytes(MelDtype::F16).unwrap());
    let embeddings = sha256_hex(&embeddings(5).to_bytes().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let index = sha256_hex(&write(dir.path(), &spectrograms(5)).to_bytes().unwrap());
    let got = [f32s, f16s, embeddings, index].map(|sha256| sha256[..16].to_owned());
    assert_eq!(got, ["1a2979e84955102a", "ed1f5510f0e1c874", "5ef0ee118a59f975", "2297757f2e129861"]);
}

#[test]
fn a_new_run_first_takes_away_what_an_older_one_left() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &spectrograms(300));
    fs::write(dir.path().join(".barkbird-1-1.tmp"), b"half a shard").unwrap();
    fs::write(dir.path().join("notes.txt"), b"mine").unwrap();
    let Header { front_end, classes, splits, provenance, .. } = spectrograms(1).header;
    let writer = SpectrogramWriter::create(dir.path(), front_end, classes, splits, provenance, MelDtype::F32).unwrap();
    assert_eq!(names(dir.path()), ["notes.txt"]);
    drop(writer);
    assert!(read_spectrograms(dir.path()).is_err());
}

#[test]
fn half_precision_is_half_the_size_and_refuses_what_it_cannot_hold() {
    let clips = spectrograms(5);
    let (whole, half) = (clips.to_bytes(MelDtype::F32).unwrap(), clips.to_bytes(MelDtype::F16).unwrap());
    assert_eq!(whole.len() - half.len(), 2 * clips.mel.len());
    // Quarters up to 80 are exact in half precision.
    assert_eq!(Spectrograms::from_bytes(&half, Path::new(NAME)).unwrap(), clips);
    let mut loud = clips;
    loud.mel[7] = -1e6;
    let error = loud.to_bytes(MelDtype::F16).unwrap_err().to_string();
    assert!(error.contains("tensor mel, clip 1, value 1: expected at most 65504 (F16), got -1000000"), "{error}");
    assert!(loud.to_bytes(MelDtype::F32).is_ok());
}

#[test]
fn a_bad_clip_is_refused_by_its_path_and_does_not_spoil_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let classes = || vec!["bird".into(), "dog".into()];
    let splits = || vec!["train".into()];
    let mut writer =
        SpectrogramWriter::create(dir.path(), json!({}), classes(), splits(), provenance(), MelDtype::F16).unwrap();
    let mut push = |mel: &[f32], n_frames, frames, label, split| {
        writer.push(clip(1), mel, 2, n_frames, frames, label, split).map_err(|error| error.to_string())
    };
    push(&[0.0; 6], 3, 3, NO_LABEL, 0).unwrap();
    let error = push(&[0.0; 8], 4, 4, 0, 0).unwrap_err();
    assert_eq!(error, "bird/1.wav: tensor mel: expected [2, 3], got [2, 4]");
    let error = push(&[0.0; 5], 3, 3, 0, 0).unwrap_err();
    assert_eq!(error, "bird/1.wav: tensor mel: expected values of shape [1, 2, 3], got 5 values");
    let error = push(&[0.0, 0.0, f32::NAN, 0.0, 0.0, 0.0], 3, 3, 0, 0).unwrap_err();
    assert_eq!(error, "bird/1.wav: tensor mel, clip 0, value 2: expected at most 65504 (F16), got NaN");
    assert!(push(&[0.0; 6], 3, 4, 0, 0).unwrap_err().contains("frames: expected at most 3, got 4"));
    assert!(push(&[0.0; 6], 3, 3, 2, 0).unwrap_err().contains("label: expected below 2"));
    assert!(push(&[0.0; 6], 3, 3, 0, 1).unwrap_err().contains("split: expected below 1"));
    assert_eq!(writer.finish(Vec::new()).unwrap().n_clips, 1);
    assert_eq!(read_spectrograms(dir.path()).unwrap().n_clips(), 1);
}

#[test]
fn embeddings_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let rows = embeddings(300);
    let Header { front_end, classes, splits, provenance, .. } = rows.header.clone();
    let mut writer = EmbeddingWriter::create(dir.path(), front_end, classes, splits, provenance).unwrap();
    for (i, record) in rows.header.clips.iter().enumerate() {
        let (embedding, logits) = (&rows.embedding[i * 4..][..4], &rows.logits[i * 2..][..2]);
        writer.push(record.clone(), embedding, logits, rows.frames[i], rows.label[i], rows.split[i]).unwrap();
    }
    let error = writer.push(clip(0), &[0.0; 3], &[0.0; 2], 1, 0, 0).unwrap_err().to_string();
    assert_eq!(error, "bird/0.wav: tensor embedding: expected values of shape [1, 4], got 3 values");
    writer.finish(Vec::new()).unwrap();
    assert_eq!(read_embeddings(dir.path()).unwrap(), rows);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    let Header { front_end, classes, splits, provenance, .. } = spectrograms(1).header;
    let path = dir.path().join("file/below");
    let error = SpectrogramWriter::create(&path, front_end, classes, splits, provenance, MelDtype::F32).unwrap_err();
    assert!(error.to_string().starts_with("cannot create ") && error.to_string().ends_with("file/below"), "{error}");
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |x| x.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

prop_compose! {
    fn record()(
        id in ".{0,12}",
        path in ".{0,12}",
        group in proptest::option::of(".{0,6}"),
        source in proptest::option::of(any::<u64>()),
        start_s in 0.0..1e9_f64,
        channel in proptest::option::of(any::<u16>()),
        seconds in 0.0..1e9_f64,
        view in any::<u32>(),
        steps in prop::collection::vec(".{0,8}", 0..3),
    ) -> ClipRecord {
        let source_sha256 = source.map_or(String::new(), |n| sha256_hex(&n.to_le_bytes()));
        ClipRecord { id, path, group, source_sha256, start_s, channel, seconds, view, steps }
    }
}

prop_compose! {
    fn any_header(schema: &'static str)(
        front_end in json_value(),
        classes in prop::collection::btree_set(".{1,6}", 1..5),
        splits in prop::collection::btree_set(".{1,6}", 1..5),
        clips in prop::collection::vec(record(), 1..6),
        stage in ".{0,6}",
        configuration in json_value(),
        seed in any::<u64>(),
        inputs in prop::collection::btree_map(".{0,4}", ".{0,4}", 0..3),
    ) -> Header {
        let inputs: BTreeMap<String, String> = inputs;
        let provenance = Provenance { stage, version: "0".into(), configuration, seed, inputs };
        let (classes, splits) = (classes.into_iter().collect(), splits.into_iter().collect());
        Header { schema: schema.into(), front_end, classes, splits, clips, provenance }
    }
}

/// Finite values of every size and sign.
fn float() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |x| x.is_finite())
}

fn columns(header: &Header, raw: &[u32]) -> (Vec<u32>, Vec<u8>) {
    let at = |i: usize| raw[i % raw.len()] as usize;
    let n = header.clips.len();
    let label = (0..n).map(|i| match at(i) % (header.classes.len() + 1) {
        0 => NO_LABEL,
        class => class as u32 - 1,
    });
    (label.collect(), (0..n).map(|i| (at(i + 1) % header.splits.len()) as u8).collect())
}

prop_compose! {
    fn any_spectrograms()(header in any_header(SPECTROGRAM), n_mels in 1..4_usize, n_frames in 1..5_usize)(
        mel in prop::collection::vec(float(), header.clips.len() * n_mels * n_frames),
        frames in prop::collection::vec(0..=n_frames as u32, header.clips.len()),
        raw in prop::collection::vec(any::<u32>(), 8),
        header in Just(header),
        n_mels in Just(n_mels),
        n_frames in Just(n_frames),
    ) -> Spectrograms {
        let (label, split) = columns(&header, &raw);
        Spectrograms { header, n_mels, n_frames, mel, frames, label, split }
    }
}

prop_compose! {
    fn any_embeddings()(header in any_header(EMBEDDING), dim in 1..6_usize, n_logits in 1..4_usize)(
        embedding in prop::collection::vec(float(), header.clips.len() * dim),
        logits in prop::collection::vec(float(), header.clips.len() * n_logits),
        frames in prop::collection::vec(any::<u32>(), header.clips.len()),
        raw in prop::collection::vec(any::<u32>(), 8),
        header in Just(header),
        dim in Just(dim),
        n_logits in Just(n_logits),
    ) -> Embeddings {
        let (label, split) = columns(&header, &raw);
        Embeddings { header, dim, n_logits, embedding, logits, frames, label, split }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #[test]
    fn spectrograms_round_trip(clips in any_spectrograms()) {
        let bytes = clips.to_bytes(MelDtype::F32).unwrap();
        let read = Spectrograms::from_bytes(&bytes, Path::new(NAME)).unwrap();
        prop_assert_eq!(bits(&read.mel), bits(&clips.mel));
        prop_assert_eq!(&read, &clips);
        prop_assert_eq!(read.to_bytes(MelDtype::F32).unwrap(), bytes);
    }

    #[test]
    fn half_precision_round_trips_to_within_its_rounding(mut clips in any_spectrograms()) {
        clips.mel.iter_mut().for_each(|x| *x = (*x % 2000.0).clamp(-2000.0, 2000.0));
        let bytes = clips.to_bytes(MelDtype::F16).unwrap();
        let read = Spectrograms::from_bytes(&bytes, Path::new(NAME)).unwrap();
        for (got, expected) in read.mel.iter().zip(&clips.mel) {
            prop_assert!((got - expected).abs() <= expected.abs() / 2048.0 + 3e-8, "{} {}", got, expected);
        }
        prop_assert_eq!(read.to_bytes(MelDtype::F16).unwrap(), bytes);
    }

    #[test]
    fn embeddings_round_trip(rows in any_embeddings()) {
        let bytes = rows.to_bytes().unwrap();
        let read = Embeddings::from_bytes(&bytes, Path::new(NAME)).unwrap();
        prop_assert_eq!(bits(&read.embedding), bits(&rows.embedding));
        prop_assert_eq!(&read, &rows);
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        let _ = Spectrograms::from_bytes(&noise, Path::new(NAME));
        let mut bytes = spectrograms(2).to_bytes(MelDtype::F32).unwrap();
        let at = at.index(bytes.len());
        let n = noise.len().min(bytes.len() - at);
        bytes[at..at + n].copy_from_slice(&noise[..n]);
        let _ = Spectrograms::from_bytes(&bytes, Path::new(NAME));
    }
}
