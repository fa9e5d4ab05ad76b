//! Files that are damaged or malicious: each gives its own clear error, none a panic.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::path::Path;

use common::{Parts, embeddings, provenance, spectrograms, write};
use serde_json::{Value, json};
use shard::{
    Embeddings, Error, Index, MelDtype, SpectrogramWriter, Spectrograms, read_embeddings, read_index,
    read_spectrograms, sha256_hex, spectrogram_shards,
};

const NAME: &str = "shard-00003.safetensors";

fn valid() -> Vec<u8> {
    spectrograms(5).to_bytes(MelDtype::F32).unwrap()
}

/// The error of a valid file that `change` made invalid, with its causes.
fn error_after(change: impl FnOnce(&mut Parts)) -> String {
    let mut parts = Parts::of(&valid());
    change(&mut parts);
    error_of(&parts.bytes())
}

fn error_of(bytes: &[u8]) -> String {
    chain(&Spectrograms::from_bytes(bytes, Path::new(NAME)).expect_err("a hostile file was read"))
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    assert_eq!(text.lines().count(), 1, "more than one line: {text}");
    text
}

#[test]
fn taking_a_file_apart_and_together_changes_nothing() {
    let read = Spectrograms::from_bytes(&Parts::of(&valid()).bytes(), Path::new(NAME)).unwrap();
    assert_eq!(read, spectrograms(5));
}

#[test]
fn every_truncation_is_an_error() {
    for bytes in [valid(), spectrograms(5).to_bytes(MelDtype::F16).unwrap()] {
        for n in 0..bytes.len() {
            error_of(&bytes[..n]);
        }
    }
    assert_eq!(error_of(b"1234567"), format!("{NAME}: file: expected a safetensors file, got 7 bytes"));
    let bytes = valid();
    let error = error_of(&bytes[..bytes.len() - 1]);
    assert!(error.contains("tensors: expected 165 bytes, got 164 bytes: cut off or added to"), "{error}");
}

#[test]
fn bytes_behind_the_end_are_an_error() {
    let error = error_of(&[&valid()[..], &[0]].concat());
    assert!(error.contains("expected 165 bytes, got 166 bytes"), "{error}");
}

#[test]
fn huge_header_lengths_are_refused_before_anything_is_allocated() {
    for length in [u64::MAX, u64::MAX - 7, 1 << 62, 1 << 32, 17 << 20] {
        let mut bytes = valid();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        let most = bytes.len() - 8;
        assert_eq!(error_of(&bytes), format!("{NAME}: header length: expected at most {most} bytes, got {length}"));
    }
    let mut long = vec![b' '; (16 << 20) + 100];
    long[..8].copy_from_slice(&((16_u64 << 20) + 1).to_le_bytes());
    let error = error_of(&long);
    assert!(error.contains("header length: expected at most 16777216 bytes, got 16777217"), "{error}");
}

#[test]
fn headers_that_are_not_the_json_of_the_format() {
    let not_json = [&4_u64.to_le_bytes()[..], b"{{{{"].concat();
    assert!(error_of(&not_json).contains("safetensors header: expected JSON of this version"));
    let not_text = [&4_u64.to_le_bytes()[..], &[0xff; 4]].concat();
    assert!(error_of(&not_text).contains("safetensors header"));
    let deep = "[".repeat(100_000);
    let deep = [&(deep.len() as u64).to_le_bytes()[..], deep.as_bytes()].concat();
    assert!(error_of(&deep).contains("safetensors header"));

    let error = error_after(|parts| {
        parts.shard = Value::Null;
        parts.container["__metadata__"]["shard"] = "[".repeat(100_000).into();
    });
    assert!(error.contains("header: expected JSON"), "{error}");
    let error = error_after(|parts| parts.shard["front_end"] = nested(200));
    assert!(error.contains("recursion limit"), "{error}");
    let error = error_after(|parts| parts.shard["host"] = "laptop".into());
    assert!(error.contains("unknown field `host`"), "{error}");
    let error = error_after(|parts| {
        parts.shard.as_object_mut().unwrap().remove("classes");
    });
    assert!(error.contains("missing field `classes`"), "{error}");
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| json!([inner]))
}

#[test]
fn metadata_is_the_one_key() {
    let error = error_after(|parts| {
        parts.container.as_object_mut().unwrap().remove("__metadata__");
    });
    assert_eq!(error, format!("{NAME}: metadata: expected the one key `shard`, got 0 keys"));
    let error = error_after(|parts| parts.container["__metadata__"]["host"] = "laptop".into());
    assert_eq!(error, format!("{NAME}: metadata: expected the one key `shard`, got 2 keys, not that one alone"));
}

#[test]
fn another_kind_of_shard_is_named_as_such() {
    let bytes = embeddings(5).to_bytes().unwrap();
    assert_eq!(error_of(&bytes), format!("{NAME}: schema: expected spectrogram/1, got \"embedding/1\""));
    let error = chain(&Embeddings::from_bytes(&valid(), Path::new(NAME)).unwrap_err());
    assert_eq!(error, format!("{NAME}: schema: expected embedding/1, got \"spectrogram/1\""));
    let error = error_after(|parts| parts.shard = json!({"schema": "spectrogram/2", "new": 1}));
    assert_eq!(error, format!("{NAME}: schema: expected spectrogram/1, got \"spectrogram/2\""));
}

#[test]
fn wrong_shapes() {
    let error = error_after(|parts| parts.container["mel"]["shape"] = json!([3, 2, 5]));
    assert_eq!(error, format!("{NAME}: tensor mel: expected [5, n_mels, n_frames], got [3, 2, 5]"));
    let error = error_after(|parts| parts.container["mel"]["shape"] = json!([5, 6]));
    assert_eq!(error, format!("{NAME}: tensor mel: expected [5, n_mels, n_frames], got [5, 6]"));
    let error = error_after(|parts| parts.container["frames"]["shape"] = json!([5, 1]));
    assert_eq!(error, format!("{NAME}: tensor frames: expected [5], got [5, 1]"));
    let error = error_after(|parts| parts.container["mel"]["shape"] = json!(vec![1; 100]));
    assert!(error.contains("safetensors header"), "{error}");
    let error = error_after(|parts| parts.container["mel"]["shape"] = json!([u64::MAX, u64::MAX, 2]));
    assert!(error.contains("overflow"), "{error}");
    let error = error_after(|parts| parts.container["mel"]["data_offsets"] = json!([0, u64::MAX]));
    assert!(error.contains("safetensors header"), "{error}");
}

#[test]
fn overlapping_tensors() {
    let error = error_after(|parts| parts.container["label"]["data_offsets"] = json!([0, 20]));
    assert!(error.contains("invalid offset"), "{error}");
}

#[test]
fn wrong_dtypes() {
    let error = error_after(|parts| {
        parts.container["mel"]["dtype"] = "I32".into();
    });
    assert_eq!(error, format!("{NAME}: tensor mel: expected dtype F32 or F16, got I32"));
    let error = error_after(|parts| parts.container["label"]["dtype"] = "I32".into());
    assert_eq!(error, format!("{NAME}: tensor label: expected dtype U32, got I32"));
    let error = error_after(|parts| parts.container["split"]["dtype"] = "BOOL".into());
    assert_eq!(error, format!("{NAME}: tensor split: expected dtype U8, got BOOL"));
}

#[test]
fn missing_and_extra_tensors() {
    let error = error_after(|parts| {
        let split = parts.container.as_object_mut().unwrap().remove("split").unwrap();
        parts.container["spilt"] = split;
    });
    let expected = "expected frames, label, mel, split, got [\"frames\", \"label\", \"mel\", \"spilt\"]";
    assert_eq!(error, format!("{NAME}: tensors: {expected}"));
    let error = error_after(|parts| {
        let n = parts.body.len();
        parts.container["weights"] = json!({"dtype": "U8", "shape": [3], "data_offsets": [n, n + 3]});
        parts.body.extend([0; 3]);
    });
    assert!(error.contains("\"split\", \"weights\"]"), "{error}");
}

#[test]
fn counts_that_do_not_match() {
    let error = error_after(|parts| {
        parts.shard["clips"].as_array_mut().unwrap().pop();
    });
    assert!(error.contains("expected [4], got [5]"), "{error}");
    let error = error_after(|parts| parts.shard["clips"] = json!([]));
    assert_eq!(error, format!("{NAME}: clips: expected 1 to 256 a shard, got 0"));
    let error = chain(&spectrograms(257).to_bytes(MelDtype::F32).unwrap_err());
    assert!(error.contains("clips: expected 1 to 256 a shard, got 257"), "{error}");
}

#[test]
fn labels_splits_and_frames_out_of_range() {
    let error = error_after(|parts| {
        let at = parts.extent("label").start;
        parts.body[at] = 2;
    });
    let expected = "expected below 2 (the number of classes), or 4294967295 for none, got 2";
    assert_eq!(error, format!("{NAME}: tensor label, clip 0: {expected}"));
    let error = error_after(|parts| {
        let at = parts.extent("split").start;
        parts.body[at + 3] = 255;
    });
    assert_eq!(error, format!("{NAME}: tensor split, clip 3: expected below 2 (the number of splits), got 255"));
    let error = error_after(|parts| {
        let at = parts.extent("frames").start;
        parts.body[at + 4] = 4;
    });
    assert_eq!(error, format!("{NAME}: tensor frames, clip 1: expected at most 3, got 4"));
}

#[test]
fn values_that_are_no_numbers() {
    for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let error = error_after(|parts| {
            let at = parts.extent("mel").start + 4 * 8;
            parts.body[at..at + 4].copy_from_slice(&value.to_le_bytes());
        });
        assert_eq!(error, format!("{NAME}: tensor mel, clip 1, value 2: expected a finite value, got {shown}"));
    }
    let mut parts = Parts::of(&spectrograms(5).to_bytes(MelDtype::F16).unwrap());
    let at = parts.extent("mel").start;
    parts.body[at..at + 2].copy_from_slice(&0x7e00_u16.to_le_bytes());
    assert!(error_of(&parts.bytes()).contains("tensor mel, clip 0, value 0: expected a finite value, got NaN"));
}

#[test]
fn records_that_make_no_sense() {
    let error = error_after(|parts| parts.shard["clips"][2]["start_s"] = json!(-1.0));
    assert_eq!(error, format!("{NAME}: clip 2: start_s: expected a finite time from 0 s, got -1"));
    let error = error_after(|parts| parts.shard["clips"][2]["source_sha256"] = "../..".into());
    assert_eq!(error, format!("{NAME}: clip 2: source_sha256: expected 64 hexadecimal digits, got \"../..\""));
    let error = error_after(|parts| parts.shard["classes"] = json!(["bird", "bird"]));
    assert_eq!(error, format!("{NAME}: classes: expected each name once, got \"bird\" twice"));
    let error = error_after(|parts| parts.shard["splits"] = json!(["train", ""]));
    assert_eq!(error, format!("{NAME}: splits: expected names, got an empty name"));
    let splits: Vec<_> = (0..257).map(|i| format!("fold-{i}")).collect();
    let error = error_after(|parts| parts.shard["splits"] = json!(splits));
    assert_eq!(error, format!("{NAME}: splits: expected at most 256, got 257"));
}

#[test]
fn every_flipped_byte_of_a_folder_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &spectrograms(3));
    let path = dir.path().join("shard-00000.safetensors");
    let bytes = fs::read(&path).unwrap();
    for i in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[i] ^= 1;
        fs::write(&path, &flipped).unwrap();
        let error = chain(&read_spectrograms(dir.path()).unwrap_err());
        assert!(error.contains("shard-00000.safetensors: SHA-256: expected"), "{error}");
        // Without the hash: read or refused, but never a panic.
        let _ = Spectrograms::from_bytes(&flipped, Path::new(NAME));
    }
}

/// A folder whose first shard and index were changed by someone who knows how to make a hash fit.
fn folder_error(n_clips: usize, change: impl FnOnce(&mut Parts, &mut Value)) -> String {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &spectrograms(n_clips));
    let (shard, index) = (dir.path().join("shard-00000.safetensors"), dir.path().join("index.json"));
    let mut parts = Parts::of(&fs::read(&shard).unwrap());
    let mut json: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    change(&mut parts, &mut json);
    let bytes = parts.bytes();
    json["shards"][0]["sha256"] = sha256_hex(&bytes).into();
    json["shards"][0]["bytes"] = bytes.len().into();
    fs::write(&shard, bytes).unwrap();
    fs::write(&index, json.to_string()).unwrap();
    chain(&read_spectrograms(dir.path()).unwrap_err())
}

#[test]
fn shards_that_do_not_belong_to_the_index() {
    let error = folder_error(3, |parts, _| parts.shard["front_end"]["hop"] = 256.into());
    assert!(error.contains("shard-00000.safetensors: front end: expected the one of index.json"), "{error}");
    let error = folder_error(3, |parts, _| parts.shard["classes"] = json!(["dog", "bird"]));
    assert!(error.contains("classes: expected the one of index.json"), "{error}");
    let error = folder_error(3, |parts, _| parts.shard["provenance"]["seed"] = 1.into());
    assert!(error.contains("provenance: expected the one of index.json"), "{error}");
    let error = folder_error(3, |_, index| {
        index["shards"][0]["clips"] = 2.into();
        index["n_clips"] = 2.into();
    });
    assert!(error.contains("shard-00000.safetensors: clips: expected 2, got 3"), "{error}");
    let error = folder_error(3, |_, index| index["schema"] = "embedding/1".into());
    assert!(error.contains("index.json: schema: expected spectrogram/1, got \"embedding/1\""), "{error}");
}

#[test]
fn a_shard_of_another_size_than_the_first() {
    let error = folder_error(260, |parts, _| {
        parts.container["mel"]["shape"] = json!([256, 3, 2]);
        let frames = parts.extent("frames");
        parts.body[frames].fill(0);
    });
    assert!(error.ends_with("shard-00001.safetensors: tensor mel: expected [4, 3, 2], got [4, 2, 3]"), "{error}");
}

#[test]
fn indexes_that_lie() {
    let dir = tempfile::tempdir().unwrap();
    let good = serde_json::to_value(write(dir.path(), &spectrograms(3))).unwrap();
    let error = |change: &dyn Fn(&mut Value)| {
        let mut json = good.clone();
        change(&mut json);
        chain(&Index::from_bytes(json.to_string().as_bytes(), Path::new("index.json")).unwrap_err())
    };
    for path in ["../secret.safetensors", "/etc/passwd", "shard-00001.safetensors"] {
        let got = error(&|index| index["shards"][0]["file"] = path.into());
        assert_eq!(got, format!("index.json: shard 0: file: expected shard-00000.safetensors, got {path:?}"));
    }
    let got = error(&|index| index["n_clips"] = u64::MAX.into());
    assert_eq!(got, format!("index.json: n_clips: expected 3 (the sum over shards), got {}", u64::MAX));
    let got = error(&|index| index["shards"][0]["clips"] = u64::MAX.into());
    assert_eq!(got, format!("index.json: shard 0: clips: expected 1 to 256, got {}", u64::MAX));
    let got = error(&|index| index["shards"][0]["sha256"] = "".into());
    assert_eq!(got, "index.json: shard 0: sha256: expected 64 hexadecimal digits, got \"\"");
    assert!(error(&|index| index["host"] = "laptop".into()).contains("unknown field `host`"));
    let bytes = good.to_string();
    for n in 0..bytes.len() {
        assert!(Index::from_bytes(&bytes.as_bytes()[..n], Path::new("index.json")).is_err());
    }
}

#[test]
fn unfinished_missing_and_empty_folders() {
    let dir = tempfile::tempdir().unwrap();
    let error = chain(&read_index(&dir.path().join("gone")).unwrap_err());
    assert!(error.ends_with("gone: folder: expected a folder of shards, got no such folder"), "{error}");
    write(dir.path(), &spectrograms(3));
    fs::remove_file(dir.path().join("index.json")).unwrap();
    let error = read_spectrograms(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }));
    assert!(chain(&error).contains("no index.json: the stage that writes this folder did not finish"));

    let writer = SpectrogramWriter::create(
        dir.path(),
        json!({}),
        vec!["dog".into()],
        vec!["train".into()],
        provenance(),
        MelDtype::F32,
    );
    let skipped = vec![shard::Skipped { path: "dog/a.wav".into(), reason: "header only".into() }];
    writer.unwrap().finish(skipped).unwrap();
    let error = chain(&read_spectrograms(dir.path()).unwrap_err());
    assert!(error.contains("expected at least one, got none; 1 skipped, first dog/a.wav: header only"), "{error}");
}

#[test]
fn shards_that_are_gone_or_cut_off_are_found_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &spectrograms(300));
    let path = dir.path().join("shard-00001.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..100]).unwrap();
    let error = chain(&spectrogram_shards(dir.path()).err().unwrap());
    let expected = format!("shard-00001.safetensors: file: expected {} bytes, got 100 bytes", bytes.len());
    assert!(error.ends_with(&expected), "{error}");
    fs::remove_file(&path).unwrap();
    let error = chain(&read_spectrograms(dir.path()).unwrap_err());
    assert!(error.contains("cannot read ") && error.contains("shard-00001.safetensors"), "{error}");
}

#[test]
fn hostile_embeddings() {
    let bytes = embeddings(5).to_bytes().unwrap();
    let error = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::of(&bytes);
        change(&mut parts);
        chain(&Embeddings::from_bytes(&parts.bytes(), Path::new(NAME)).unwrap_err())
    };
    let got = error(&|parts| parts.container["logits"]["dtype"] = "I32".into());
    assert_eq!(got, format!("{NAME}: tensor logits: expected dtype F32, got I32"));
    let got = error(&|parts| parts.container["embedding"]["shape"] = json!([4, 5]));
    assert_eq!(got, format!("{NAME}: tensor embedding: expected [5, D], got [4, 5]"));
    let got = error(&|parts| {
        let at = parts.extent("logits").start;
        parts.body[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert_eq!(got, format!("{NAME}: tensor logits, clip 0, value 0: expected a finite value, got NaN"));
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &spectrograms(3));
    assert!(chain(&read_embeddings(dir.path()).unwrap_err()).contains("expected embedding/1"));
}
