//! `clips.safetensors`: what is small of every clip of a folder of spectrograms, so that a stage can choose clips without
//! reading the shards.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::columns::{check_frames, check_label, check_split};
use crate::container::{Container, Tensor, Values, encode};
use crate::dtype::MelDtype;
use crate::encoded::Encoded;
use crate::error::{Error, Result};
use crate::hash::{hex, sha256_of};
use crate::header::ClipRecord;
use crate::index::Index;

/// The file's name.
pub(crate) const LIST: &str = "clips.safetensors";

/// The schema's name, the first field of the header.
const SCHEMA: &str = "clips/1";

const TENSORS: [&str; 10] =
    ["crc", "frames", "group", "head_bytes", "head_crc", "id", "label", "mel_at", "split", "view"];

/// The first 16 bytes of the SHA-256 of a clip's id, which stand for the id where ids are compared.
pub type IdHash = [u8; 16];

/// The [`IdHash`] of an id.
pub fn id_hash(id: &str) -> IdHash {
    let mut first = IdHash::default();
    first.copy_from_slice(&sha256_of(&[id.as_bytes()])[..16]);
    first
}

/// A value a clip in each column, in the order of the clips, and where the parts of each shard are.
#[derive(Debug, Default)]
pub(crate) struct ClipList {
    pub(crate) n_mels: usize,
    pub(crate) n_frames: usize,
    pub(crate) dtype: MelDtype,
    pub(crate) frames: Vec<u32>,
    pub(crate) label: Vec<u32>,
    pub(crate) split: Vec<u8>,
    pub(crate) view: Vec<u32>,
    /// Equal numbers are equal groups; numbered in the order of their first clips.
    pub(crate) group: Vec<u32>,
    /// CRC-32 of the bytes of the spectrogram.
    pub(crate) crc: Vec<u32>,
    pub(crate) id: Vec<IdHash>,
    pub(crate) shards: Vec<ShardPlace>,
    /// The number of each group, while clips are added.
    numbers: HashMap<IdHash, u32>,
}

/// Where the parts of a shard are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardPlace {
    /// Bytes before the tensors: the container's header and its length.
    pub(crate) head_bytes: u32,
    /// CRC-32 of these.
    pub(crate) head_crc: u32,
    /// Where the tensor `mel` begins in the file.
    pub(crate) mel_at: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListHeader {
    schema: String,
    /// SHA-256 of the bytes of `index.json`.
    index: String,
    n_mels: usize,
    n_frames: usize,
    dtype: String,
    /// See [`checksum`].
    sha256: String,
}

impl ClipList {
    /// A list of no clip yet, of spectrograms `[n_mels, n_frames]`.
    pub(crate) fn new([n_mels, n_frames]: [usize; 2], dtype: MelDtype) -> Self {
        Self { n_mels, n_frames, dtype, ..Self::default() }
    }

    /// Adds a clip; `frames`, `label` and `split` as in its shard, `crc` of its spectrogram's bytes.
    pub(crate) fn push(&mut self, clip: &ClipRecord, (frames, label, split): (u32, u32, u8), crc: u32) {
        let next = self.numbers.len() as u32;
        self.group.push(*self.numbers.entry(id_hash(clip.group_or_path())).or_insert(next));
        self.id.push(id_hash(&clip.id));
        self.view.push(clip.view);
        self.frames.push(frames);
        self.label.push(label);
        self.split.push(split);
        self.crc.push(crc);
    }

    /// All clips are there: what was needed to number groups is dropped.
    pub(crate) fn finish(&mut self) {
        self.numbers = HashMap::new();
    }

    pub(crate) fn n_clips(&self) -> usize {
        self.id.len()
    }

    /// Bytes of a spectrogram on disk.
    pub(crate) fn clip_bytes(&self) -> usize {
        self.n_mels * self.n_frames * self.dtype.n_bytes()
    }

    /// The file; `index` are the bytes of `index.json`.
    pub(crate) fn to_bytes(&self, index: &[u8]) -> Result<Vec<u8>> {
        let file = Path::new(LIST);
        let column = |part: fn(&ShardPlace) -> u32| -> Vec<u32> { self.shards.iter().map(part).collect() };
        let places = [
            ("head_bytes", column(|place| place.head_bytes)),
            ("head_crc", column(|place| place.head_crc)),
            ("mel_at", column(|place| place.mel_at)),
        ];
        let tensors = || {
            let n = self.n_clips();
            let of_clips = [
                ("crc", &self.crc),
                ("frames", &self.frames),
                ("group", &self.group),
                ("label", &self.label),
                ("view", &self.view),
            ];
            let of_clips = of_clips.map(|(name, values)| (name, vec![n], Values::U32(values)));
            let of_shards = places.iter().map(|(name, values)| (*name, vec![values.len()], Values::U32(values)));
            let bytes = [
                ("id", vec![n, size_of::<IdHash>()], Values::U8(self.id.as_flattened())),
                ("split", vec![n], Values::U8(&self.split)),
            ];
            let all = of_clips.into_iter().chain(of_shards).chain(bytes);
            all.map(|(name, shape, values)| Tensor { name, shape, values }).collect()
        };
        // The order of the tensors is the container's, so that the checksum is made of what it puts on disk.
        let bodies = encode(String::new(), tensors(), file)?.bodies;
        let bodies: Vec<&[u8]> = bodies.iter().map(|body| &body[..]).collect();
        let header = ListHeader {
            schema: SCHEMA.into(),
            index: hex(&sha256_of(&[index])),
            n_mels: self.n_mels,
            n_frames: self.n_frames,
            dtype: self.dtype.name().into(),
            sha256: checksum((self.n_mels, self.n_frames, self.dtype.name()), &bodies),
        };
        let header = serde_json::to_string(&header).map_err(Error::json(file, "header"))?;
        Ok(encode(header, tensors(), file)?.to_vec())
    }

    /// The list of the folder `dir`; none where there is none, or where the one that is there is damaged or belongs to other
    /// shards: then the shards say what is right.
    pub(crate) fn read(dir: &Path, index: &Index, index_bytes: &[u8]) -> Result<Option<Self>> {
        let path = dir.join(LIST);
        let bytes = match storage::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.map_err(Error::io("read", &path))?,
        };
        match Self::parse(&bytes, index, index_bytes, &path) {
            Ok(list) => Ok(Some(list)),
            Err(error) => {
                tracing::warn!(%error, "the list of clips is not used: all shards are read in its place");
                Ok(None)
            }
        }
    }

    /// Nothing is trusted: every value is checked against the index, and the checksum of all.
    fn parse(bytes: &[u8], index: &Index, index_bytes: &[u8], file: &Path) -> Result<Self> {
        let container = Container::parse(bytes, file)?;
        let header: ListHeader = serde_json::from_str(container.header_json()?).map_err(Error::json(file, "header"))?;
        let expect = |part: &str, expected: &str, got: &str| match expected == got {
            true => Ok(()),
            false => Err(Error::mismatch(file, part, expected, got)),
        };
        expect("schema", SCHEMA, &header.schema)?;
        expect("SHA-256 of index.json", &hex(&sha256_of(&[index_bytes])), &header.index)?;
        let sizes = (header.n_mels, header.n_frames, &*header.dtype);
        expect("SHA-256", &header.sha256, &checksum(sizes, &[container.body()]))?;
        container.only(&TENSORS)?;
        let Some(dtype) = MelDtype::of_name(&header.dtype) else {
            return Err(Error::mismatch(file, "dtype", "F32 or F16", format!("{:?}", header.dtype)));
        };
        let (n, n_shards) = (usize::try_from(index.n_clips).unwrap_or(usize::MAX), index.shards.len());
        let [frames, label, view, group, crc] =
            ["frames", "label", "view", "group", "crc"].map(|name| container.u32s(name, n));
        let [head_bytes, head_crc, mel_at] =
            ["head_bytes", "head_crc", "mel_at"].map(|name| container.u32s(name, n_shards));
        let places = head_bytes?.into_iter().zip(head_crc?).zip(mel_at?);
        let shards = places.map(|((head_bytes, head_crc), mel_at)| ShardPlace { head_bytes, head_crc, mel_at });
        let list = Self {
            n_mels: header.n_mels,
            n_frames: header.n_frames,
            dtype,
            frames: frames?,
            label: label?,
            split: container.u8s("split", n)?,
            view: view?,
            group: group?,
            crc: crc?,
            id: container.rows("id", n)?,
            shards: shards.collect(),
            numbers: HashMap::new(),
        };
        list.check(index, file)?;
        Ok(list)
    }

    fn check(&self, index: &Index, file: &Path) -> Result<()> {
        for (row, (label, split)) in self.label.iter().zip(&self.split).enumerate() {
            check_label(*label, index.classes.len(), file, || format!("tensor label, clip {row}"))?;
            check_split(*split, index.splits.len(), file, || format!("tensor split, clip {row}"))?;
            check_frames(self.frames[row], self.n_frames, file, || format!("tensor frames, clip {row}"))?;
        }
        let clip_bytes = [self.n_frames, self.dtype.n_bytes()].iter().try_fold(self.n_mels, |n, of| n.checked_mul(*of));
        let clip_bytes = clip_bytes.filter(|n| *n > 0).and_then(|n| u64::try_from(n).ok());
        for (number, (place, entry)) in self.shards.iter().zip(&index.shards).enumerate() {
            let end = clip_bytes.and_then(|n| n.checked_mul(entry.clips)?.checked_add(place.mel_at.into()));
            if place.mel_at < place.head_bytes || end.is_none_or(|end| end > entry.bytes) {
                let part = format!("shard {number}");
                return Err(Error::mismatch(file, part, format!("spectrograms within {} bytes", entry.bytes), "more"));
            }
        }
        Ok(())
    }
}

impl ShardPlace {
    /// Of a shard's bytes in pieces, of which the first is its head.
    pub(crate) fn of(head: &[u8], mel_at: u64, file: &Path) -> Result<Self> {
        let place = |at: u64| u32::try_from(at).map_err(|_| Error::mismatch(file, "header", "at most 16 MiB", at));
        let head_bytes = place(head.len() as u64)?;
        Ok(Self { head_bytes, head_crc: crc32fast::hash(head), mel_at: place(mel_at)? })
    }

    /// Of a shard that is about to be written, and the CRC-32 of the bytes of each of its spectrograms.
    pub(crate) fn of_encoded(
        encoded: &Encoded<'_>,
        dtype: MelDtype,
        n_clips: usize,
        file: &Path,
    ) -> Result<(Self, Vec<u32>)> {
        // Wide types are first: F32 (mel), U32 (frames, label), F16 (mel), U8 (split).
        let (before, mel) = encoded.bodies.split_at(if dtype == MelDtype::F32 { 0 } else { 2 });
        let mel_at = encoded.head.len() + before.iter().map(|body| body.len()).sum::<usize>();
        let mel = mel.first().map(|body| &body[..]).unwrap_or_default();
        let crcs = mel.chunks_exact((mel.len() / n_clips.max(1)).max(1)).map(crc32fast::hash).collect();
        Ok((Self::of(&encoded.head, mel_at as u64, file)?, crcs))
    }
}

/// SHA-256 of the sizes as text and of the tensors' bytes as they are on disk.
fn checksum((n_mels, n_frames, dtype): (usize, usize, &str), bodies: &[&[u8]]) -> String {
    let sizes = format!("{n_mels} {n_frames} {dtype}\n");
    hex(&sha256_of(&[&[sizes.as_bytes()], bodies].concat()))
}
