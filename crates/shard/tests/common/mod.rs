//! Small shards and folders that the tests start from.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses some of it, and may panic")]

use std::path::Path;

use serde_json::{Value, json};
use shard::{
    ClipRecord, EMBEDDING, Embeddings, Header, Index, MelDtype, Provenance, SPECTROGRAM, SpectrogramWriter,
    Spectrograms, sha256_hex,
};

pub(crate) const N_MELS: usize = 2;
pub(crate) const N_FRAMES: usize = 3;

pub(crate) fn clip(i: usize) -> ClipRecord {
    ClipRecord {
        id: format!("bird/{i}.wav@0"),
        path: format!("bird/{i}.wav"),
        group: (!i.is_multiple_of(2)).then(|| format!("group-{}", i / 2)),
        source_sha256: sha256_hex(&i.to_le_bytes()),
        start_s: 0.1 * i as f64,
        channel: None,
        seconds: 1.5,
        view: 0,
        steps: vec!["padded".into()],
    }
}

pub(crate) fn provenance() -> Provenance {
    let inputs = [("manifest".to_owned(), sha256_hex(b"manifest"))].into();
    let configuration = json!({"z": 1, "a": {"c": 0.1, "b": [true, null]}});
    Provenance { stage: "features".into(), version: "0.1.0".into(), configuration, seed: u64::MAX, inputs }
}

pub(crate) fn header(schema: &str, n_clips: usize) -> Header {
    Header {
        schema: schema.into(),
        front_end: json!({"n_mels": N_MELS, "hop": 512}),
        classes: vec!["bird".into(), "dog".into()],
        splits: vec!["train".into(), "test".into()],
        clips: (0..n_clips).map(clip).collect(),
        provenance: provenance(),
    }
}

pub(crate) fn spectrograms(n_clips: usize) -> Spectrograms {
    Spectrograms {
        header: header(SPECTROGRAM, n_clips),
        n_mels: N_MELS,
        n_frames: N_FRAMES,
        mel: (0..n_clips * N_MELS * N_FRAMES).map(|i| i as f32 / 4.0 - 80.0).collect(),
        frames: (0..n_clips).map(|i| (i % 4) as u32).collect(),
        label: (0..n_clips).map(|i| [0, 1, shard::NO_LABEL][i % 3]).collect(),
        split: (0..n_clips).map(|i| (i % 2) as u8).collect(),
    }
}

pub(crate) fn embeddings(n_clips: usize) -> Embeddings {
    let Spectrograms { frames, label, split, .. } = spectrograms(n_clips);
    Embeddings {
        header: header(EMBEDDING, n_clips),
        dim: 4,
        n_logits: 2,
        embedding: (0..n_clips * 4).map(|i| i as f32).collect(),
        logits: (0..n_clips * 2).map(|i| -(i as f32)).collect(),
        frames,
        label,
        split,
    }
}

/// Writes the clips of `clips` as a folder.
pub(crate) fn write(dir: &Path, clips: &Spectrograms) -> Index {
    write_as(dir, clips, MelDtype::F32)
}

pub(crate) fn write_as(dir: &Path, clips: &Spectrograms, dtype: MelDtype) -> Index {
    let Header { front_end, classes, splits, provenance, .. } = clips.header.clone();
    let mut writer = SpectrogramWriter::create(dir, front_end, classes, splits, provenance, dtype).unwrap();
    for (i, record) in clips.header.clips.iter().enumerate() {
        let (frames, label, split) = (clips.frames[i], clips.label[i], clips.split[i]);
        writer.push(record.clone(), clips.clip(i), clips.n_mels, clips.n_frames, frames, label, split).unwrap();
    }
    writer.finish(Vec::new()).unwrap()
}

/// A file taken apart: the container's JSON, the shard's JSON inside it (null: as it is there), and the tensors'
/// bytes.
pub(crate) struct Parts {
    pub(crate) container: Value,
    pub(crate) shard: Value,
    pub(crate) body: Vec<u8>,
}

impl Parts {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let container: Value = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
        let shard = serde_json::from_str(container["__metadata__"]["shard"].as_str().unwrap()).unwrap();
        Self { container, shard, body: bytes[8 + n..].to_vec() }
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        if self.container["__metadata__"]["shard"].is_string() && !self.shard.is_null() {
            self.container["__metadata__"]["shard"] = self.shard.to_string().into();
        }
        let header = self.container.to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &self.body].concat()
    }

    /// Where a tensor's bytes are in the body.
    pub(crate) fn extent(&self, tensor: &str) -> std::ops::Range<usize> {
        let at = |i: usize| self.container[tensor]["data_offsets"][i].as_u64().unwrap() as usize;
        at(0)..at(1)
    }
}
