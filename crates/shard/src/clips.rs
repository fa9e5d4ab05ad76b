//! The clips of a folder for stages that take them one by one in any order: what is small in memory, spectrograms and
//! records on disk.

use std::path::Path;

use crate::clip_list::{ClipList, IdHash, ShardPlace};
use crate::columns::{check_shape, first_beyond};
use crate::container::Container;
use crate::dtype::MelDtype;
use crate::embedding::Embeddings;
use crate::encoded::words;
use crate::error::{Error, Result};
use crate::header::{CLIPS_PER_SHARD, ClipRecord, Common, Header};
use crate::index::{INDEX, Index, read_index_bytes};
use crate::reader;
use crate::shards::Shards;
use crate::spectrogram::{SPECTROGRAM, Spectrograms};

/// The clips of a folder, or of memory, whose spectrograms and records are read one at a time.
///
/// Opening a folder reads its index and its list of clips, whatever the size of its shards: a clip takes some 40 bytes of
/// memory. A folder without a list, by an earlier version, or with one that is damaged, is read once as by
/// [`read_spectrograms`](crate::read_spectrograms).
///
/// A clip is read with one call that touches only its own bytes, and compared with its checksum; a shard that has changed
/// since it was first read is an error.
#[derive(Debug)]
pub struct Clips {
    /// What all shards have in common.
    pub header: Common,
    /// Bands a clip.
    pub n_mels: usize,
    /// Frames a clip, padding included.
    pub n_frames: usize,
    /// `[N]`: frames that hold sound; the rest is padding.
    pub frames: Vec<u32>,
    /// `[N]`: index into `header.classes`, or [`NO_LABEL`](crate::NO_LABEL).
    pub label: Vec<u32>,
    /// `[N]`: index into `header.splits`.
    pub split: Vec<u8>,
    /// `[N]`: [`ClipRecord::view`].
    pub view: Vec<u32>,
    /// `[N]`: clips of one group have one number, from 0 in the order of their first clips. A group is what
    /// [`ClipRecord::group_or_path`] names.
    pub group: Vec<u32>,
    /// `[N]`: hash of [`ClipRecord::id`], see [`id_hash`](crate::id_hash).
    pub id: Vec<IdHash>,
    /// `[N]`: CRC-32 of the spectrogram as it is stored.
    pub crc: Vec<u32>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Spectrograms `[N, n_mels, n_frames]`, and records.
    Memory(Vec<f32>, Vec<ClipRecord>),
    Shards(Shards),
}

impl Clips {
    /// Opens a folder of spectrograms.
    ///
    /// # Errors
    /// An unfinished or empty folder, another schema, or a shard that is missing; of a folder without a list of clips
    /// everything that is an error of [`read_spectrograms`](crate::read_spectrograms).
    #[tracing::instrument(level = "debug", skip_all, fields(dir = %dir.display()))]
    pub fn open(dir: &Path) -> Result<Self> {
        let (index, bytes) = read_index_bytes(dir)?;
        if index.schema != SPECTROGRAM {
            let got = format!("{:?}", index.schema);
            return Err(Error::mismatch(&dir.join(INDEX), "schema", SPECTROGRAM, got));
        }
        if index.shards.is_empty() {
            return Err(reader::no_clips(dir, &index));
        }
        match ClipList::read(dir, &index, &bytes)? {
            Some(list) => {
                let shards = Shards::new(dir, &index, &list);
                shards.check_there()?;
                Ok(Self::of_list(common(index), list, Source::Shards(shards)))
            }
            None => Self::read_all(dir, index),
        }
    }

    /// Reads every shard for what the list would say.
    fn read_all(dir: &Path, index: Index) -> Result<Self> {
        let paths = reader::paths(dir, &index)?;
        let (mut list, mut versions) = (ClipList::default(), Vec::new());
        for (entry, path) in index.shards.iter().zip(&paths) {
            versions.push(storage::metadata(path).map_err(Error::io("read", path))?.version);
            let bytes = reader::read_verified(entry, path)?;
            let shard: Spectrograms = reader::parse(&index, entry, &bytes, path)?;
            let container = Container::parse(&bytes, path)?;
            let (mel_at, dtype) = container.place_of_mel()?;
            if list.shards.is_empty() {
                (list.n_mels, list.n_frames, list.dtype) = (shard.n_mels, shard.n_frames, dtype);
            }
            let n = shard.n_clips();
            check_shape("mel", &[n, list.n_mels, list.n_frames], &[n, shard.n_mels, shard.n_frames], path)?;
            if dtype != list.dtype {
                let (expected, got) = (format!("dtype {}", list.dtype.name()), dtype.name());
                return Err(Error::mismatch(path, "tensor mel", expected, got));
            }
            list.shards.push(ShardPlace::of(&bytes[..container.n_header_bytes()], mel_at, path)?);
            let mel = usize::try_from(mel_at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
            let clips = shard.header.clips.iter().zip(mel.chunks_exact(list.clip_bytes()));
            for (row, (clip, mel)) in clips.enumerate() {
                list.push(clip, (shard.frames[row], shard.label[row], shard.split[row]), crc32fast::hash(mel));
            }
        }
        let shards = Shards::new(dir, &index, &list).opened(versions);
        Ok(Self::of_list(common(index), list, Source::Shards(shards)))
    }

    fn of_list(header: Common, mut list: ClipList, source: Source) -> Self {
        list.finish();
        let ClipList { n_mels, n_frames, frames, label, split, view, group, crc, id, .. } = list;
        Self { header, n_mels, n_frames, frames, label, split, view, group, id, crc, source }
    }

    fn of_memory(header: Header, sizes: [usize; 2], mel: Vec<f32>, columns: [Vec<u32>; 2], split: Vec<u8>) -> Self {
        let [frames, label] = columns;
        let mut list = ClipList::new(sizes, MelDtype::F32);
        let cells = mel.chunks_exact((sizes[0] * sizes[1]).max(1));
        for (row, (clip, cells)) in header.clips.iter().zip(cells).enumerate() {
            let crc = crc32fast::hash(&words(cells, f32::to_le_bytes));
            list.push(clip, (frames[row], label[row], split[row]), crc);
        }
        let mut header = header;
        let records = std::mem::take(&mut header.clips);
        Self::of_list(header.into(), list, Source::Memory(mel, records))
    }

    /// Number of clips.
    pub fn n_clips(&self) -> usize {
        self.id.len()
    }

    /// Values of a spectrogram: `n_mels * n_frames`.
    pub fn n_cells(&self) -> usize {
        self.n_mels * self.n_frames
    }

    /// Bytes that a spectrogram takes on disk; 0 for clips in memory.
    pub fn clip_bytes(&self) -> usize {
        match &self.source {
            Source::Memory(..) => 0,
            Source::Shards(shards) => self.n_cells() * shards.dtype().n_bytes(),
        }
    }

    /// The number of the shard that holds a clip.
    pub fn shard_of(row: usize) -> usize {
        row / CLIPS_PER_SHARD
    }

    /// Reads the spectrogram of clip `row`, `[n_mels, n_frames]`.
    ///
    /// # Errors
    /// A shard that cannot be read, is damaged, or has changed since it was first read.
    ///
    /// # Panics
    /// When there is no such clip, or `cells` has another length than [`n_cells`](Self::n_cells).
    pub fn read(&self, row: usize, cells: &mut [f32]) -> Result<()> {
        let n = self.n_cells();
        assert_eq!(cells.len(), n, "cells of a clip");
        match &self.source {
            Source::Memory(mel, _) => cells.copy_from_slice(&mel[row * n..(row + 1) * n]),
            Source::Shards(shards) => {
                let (shard, row_there) = (Self::shard_of(row), row % CLIPS_PER_SHARD);
                shards.read(shard, row_there, self.crc[row], cells)?;
                if let Some(at) = first_beyond(cells, f32::MAX) {
                    let part = format!("tensor mel, clip {row_there}, value {at}");
                    return Err(Error::mismatch(&shards.path(shard), part, "a finite value", cells[at]));
                }
            }
        }
        Ok(())
    }

    /// What is known of clip `row`. The records of a shard are read together, so that asking in order is cheap.
    ///
    /// # Errors
    /// A shard that cannot be read, is damaged, or has changed since it was first read.
    ///
    /// # Panics
    /// When there is no such clip.
    pub fn record(&self, row: usize) -> Result<ClipRecord> {
        match &self.source {
            Source::Memory(_, records) => Ok(records[row].clone()),
            Source::Shards(shards) => {
                let first = row - row % CLIPS_PER_SHARD;
                let ids = &self.id[first..self.n_clips().min(first + CLIPS_PER_SHARD)];
                Ok(shards.records(Self::shard_of(row), &self.header, ids)?[row - first].clone())
            }
        }
    }

    /// What is known of all clips: some 500 bytes of memory each.
    ///
    /// # Errors
    /// As of [`record`](Self::record).
    pub fn records(&self) -> Result<Vec<ClipRecord>> {
        (0..self.n_clips()).map(|row| self.record(row)).collect()
    }
}

fn common(index: Index) -> Common {
    let Index { front_end, classes, splits, provenance, .. } = index;
    Common { front_end, classes, splits, provenance }
}

impl From<Spectrograms> for Clips {
    fn from(whole: Spectrograms) -> Self {
        let Spectrograms { header, n_mels, n_frames, mel, frames, label, split } = whole;
        Self::of_memory(header, [n_mels, n_frames], mel, [frames, label], split)
    }
}

/// Embeddings as spectrograms of `dim` bands and one frame, without their logits.
impl From<Embeddings> for Clips {
    fn from(whole: Embeddings) -> Self {
        let Embeddings { header, dim, embedding, label, split, .. } = whole;
        let frames = vec![1; header.clips.len()];
        Self::of_memory(header, [dim, 1], embedding, [frames, label], split)
    }
}
