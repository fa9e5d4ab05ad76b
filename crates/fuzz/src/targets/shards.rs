//! What stages leave for each other: shards with their index, and the cache.

use crate::parts;
use crate::repair;
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use serde_json::json;
use shard::cache::{Cache, entries, key};
use shard::{
    ClipRecord, Clips, EMBEDDING, Embeddings, Header, MelDtype, Provenance, SpectrogramWriter, Spectrograms,
    read_embeddings, read_index, read_spectrograms, sha256_hex, spectrogram_shards,
};
use std::path::Path;
use std::time::Duration;

const SHARD: &str = "shard-00000.safetensors";
const LIST: &str = "clips.safetensors";

/// The targets.
pub(super) const TARGETS: [Target; 4] = [
    Target {
        name: "shard",
        reads: "one shard of spectrograms or embeddings (`Spectrograms::from_bytes`, `Embeddings::from_bytes`)",
        seeds: || {
            let folder = folder();
            let shard = parts::split(&folder).last().map(|part| part.to_vec()).unwrap_or_default();
            vec![shard, embeddings().to_bytes().unwrap_or_default()]
        },
        words: WORDS,
        repair: repair::safetensors,
        run: |input| {
            let name = Path::new(SHARD);
            let spectrograms = Spectrograms::from_bytes(input, name).map(|read| about(read.mel.len()).to_string());
            let embeddings = Embeddings::from_bytes(input, name).map(|read| about(read.embedding.len()).to_string());
            Outcome::all([Outcome::of(spectrograms), Outcome::of(embeddings)])
        },
        memory: Memory { per_byte: 128, free: 1 << 20 },
    },
    Target {
        name: "features",
        reads: "a folder of features without a list of clips: index.json and a shard (`read_index`, `read_spectrograms`, `Clips::open`, \
                `spectrogram_shards`)",
        seeds: || vec![folder()],
        words: WORDS,
        repair: index,
        run: read_folder,
        memory: Memory { per_byte: 256, free: 1 << 20 },
    },
    Target {
        name: "list",
        reads: "a folder of features with its list of clips: index.json, clips.safetensors and a shard (`Clips::open`)",
        seeds: || vec![with_list()],
        words: WORDS,
        repair: list,
        run: |input| {
            let folder = scratch().join("list");
            let _ = std::fs::create_dir_all(&folder);
            parts::write(input, &folder, &["index.json", LIST, SHARD]);
            Outcome::of(read_clips(&folder))
        },
        memory: Memory { per_byte: 256, free: 1 << 20 },
    },
    Target {
        name: "cache",
        reads: "packs of the cache of features (`cache::entries`, `Cache::get`)",
        seeds: || vec![pack()],
        words: &[b"barkche2", b"\xff\xff\xff\xff\xff\xff\xff\x7f"],
        repair: repair::pack,
        run: |input| {
            let folder = scratch().join("cache");
            let _ = std::fs::create_dir_all(&folder);
            let n = entries(input).len();
            let got = std::fs::write(folder.join("a.pack"), input).map_err(shard_io).and_then(|()| {
                let cache = Cache::open(&folder, Duration::ZERO)?;
                Ok(format!("{} {}", cache.get(&key(&[b"a"]))?.is_some(), n.min(9)))
            });
            Outcome::of(got)
        },
        memory: Memory { per_byte: 64, free: 1 << 20 },
    },
];

const WORDS: &[&[u8]] = &[
    b"\"dtype\":\"F32\"",
    b"\"dtype\":\"F16\"",
    b"\"dtype\":\"U8\"",
    b"\"shape\":[",
    b"\"data_offsets\":[",
    b"__metadata__",
    b"\\\"clips\\\":",
    b"\\\"classes\\\":",
    b"spectrogram/1",
    b"embedding/1",
    b"\"n_clips\":",
    b"null",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b"\"skipped\":",
    b"clips/1",
    b"\\\"dtype\\\":\\\"F16\\\"",
    b"\\\"n_mels\\\":",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\xc0\x7f",
    b"18446744073709551615",
    b"0",
];

fn shard_io(error: std::io::Error) -> shard::Error {
    shard::Error::Io { operation: "write", path: "a.pack".into(), source: error }
}

fn header(schema: &str) -> Header {
    let clip = |i: usize| ClipRecord {
        id: format!("bird/{i}.wav@0"),
        path: format!("bird/{i}.wav"),
        group: Some("g".into()),
        source_sha256: sha256_hex(&i.to_le_bytes()),
        start_s: 0.5,
        channel: None,
        seconds: 1.5,
        view: 0,
        steps: vec!["padded".into()],
    };
    Header {
        schema: schema.into(),
        front_end: json!({"n_mels": 2, "hop": 512}),
        classes: vec!["bird".into(), "dog".into()],
        splits: vec!["train".into(), "test".into()],
        clips: (0..3).map(clip).collect(),
        provenance: Provenance {
            stage: "features".into(),
            version: "0.1.0".into(),
            configuration: json!({}),
            seed: 1,
            inputs: [("manifest".to_owned(), sha256_hex(b"m"))].into(),
        },
    }
}

fn embeddings() -> Embeddings {
    Embeddings {
        header: header(EMBEDDING),
        dim: 2,
        n_logits: 2,
        embedding: vec![0.5; 6],
        logits: vec![-1.0; 6],
        frames: vec![1, 2, 3],
        label: vec![0, 1, shard::NO_LABEL],
        split: vec![0, 1, 0],
    }
}

/// An index and a shard, as a stage writes them.
fn folder() -> Vec<u8> {
    written(&["index.json", SHARD])
}

/// The same with the list of clips.
fn with_list() -> Vec<u8> {
    written(&["index.json", LIST, SHARD])
}

fn written(names: &[&str]) -> Vec<u8> {
    let write = || -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let Header { front_end, classes, splits, provenance, clips, .. } = header(shard::SPECTROGRAM);
        let mut writer =
            SpectrogramWriter::create(folder.path(), front_end, classes, splits, provenance, MelDtype::F32)?;
        for (i, clip) in clips.into_iter().enumerate() {
            writer.push(clip, &[-80.0, 0.25, 3.0, 4.0, -1.0, 2.0], 2, 3, i as u32, 1, 0)?;
        }
        writer.finish(Vec::new())?;
        let files = names.iter().map(|name| std::fs::read(folder.path().join(name))).collect::<Result<Vec<_>, _>>()?;
        Ok(parts::join(&files.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    };
    write().unwrap_or_default()
}

/// Puts the shard's container, and its size and checksum in the index, right.
fn index(input: &mut Vec<u8>) {
    let [index, shard] = match parts::split(input)[..] {
        [index, shard] => [index.to_vec(), shard.to_vec()],
        _ => return,
    };
    let (mut index, mut shard) = (index, shard);
    repair::safetensors(&mut shard);
    repair::json_value(&mut index, "sha256", &format!("\"{}\"", sha256_hex(&shard)));
    repair::json_value(&mut index, "bytes", &shard.len().to_string());
    *input = parts::join(&[&index, &shard]);
}

/// Puts the list's container and its checksums right; the shard is as it is.
fn list(input: &mut Vec<u8>) {
    let [index, list, shard] = match parts::split(input)[..] {
        [index, list, shard] => [index, list, shard].map(<[u8]>::to_vec),
        _ => return,
    };
    let mut list = list;
    repair::safetensors(&mut list);
    let Some(n) = list.first_chunk::<8>().and_then(|n| usize::try_from(u64::from_le_bytes(*n)).ok()) else { return };
    let Some((head, body)) = n.checked_add(8).and_then(|n| list.split_at_checked(n)) else { return };
    let text = String::from_utf8_lossy(head);
    let value = |key: &str| {
        let after = text.split_once(&format!("\\\"{key}\\\":"))?.1;
        Some(after.split([',', '}']).next()?.trim_matches(['\\', '"']).to_owned())
    };
    let [Some(n_mels), Some(n_frames), Some(dtype)] = ["n_mels", "n_frames", "dtype"].map(value) else { return };
    let sizes = format!("{n_mels} {n_frames} {dtype}\n");
    let mut right = head.to_vec();
    for (key, sha256) in [("index", sha256_hex(&index)), ("sha256", sha256_hex(&[sizes.as_bytes(), body].concat()))] {
        let key = format!("\\\"{key}\\\":\\\"");
        if let Some(at) = repair::find(&right, key.as_bytes()).map(|at| at + key.len())
            && let Some(there) = right.get_mut(at..at + sha256.len())
        {
            there.copy_from_slice(sha256.as_bytes());
        }
    }
    right.extend(body);
    *input = parts::join(&[&index, &right, &shard]);
}

/// Everything that is read of a folder clip by clip.
fn read_clips(folder: &Path) -> Result<String, shard::Error> {
    let clips = Clips::open(folder)?;
    let mut values = vec![0.0; clips.n_mels * clips.n_frames];
    for row in 0..clips.n_clips() {
        clips.read(row, &mut values)?;
    }
    clips.records()?;
    Ok(about(values.len()).to_string())
}

fn read_folder(input: &[u8]) -> Outcome {
    let folder = scratch().join("features");
    let _ = std::fs::create_dir_all(&folder);
    parts::write(input, &folder, &["index.json", SHARD]);
    let all = read_spectrograms(&folder).map(|read| about(read.mel.len()).to_string());
    let one_by_one = spectrogram_shards(&folder).and_then(|mut shards| {
        shards.try_for_each(|shard| shard.map(drop))?;
        Ok(String::new())
    });
    Outcome::all([
        Outcome::of(read_index(&folder).map(|index| about(index.shards.len()).to_string())),
        Outcome::of(all),
        Outcome::of(read_clips(&folder)),
        Outcome::of(one_by_one),
        Outcome::of(read_embeddings(&folder).map(|_| String::new())),
    ])
}

/// Two entries of a cache.
fn pack() -> Vec<u8> {
    let mut out = Vec::new();
    for (name, payload) in [(&b"a"[..], &b"payload"[..]), (b"b", b"")] {
        out.extend(b"barkche2");
        out.extend(key(&[name]));
        out.extend((payload.len() as u64).to_le_bytes());
        out.extend([0; 8]);
        out.extend(payload);
    }
    repair::pack(&mut out);
    out
}
