//! Writes folders of shards clip by clip: 256 clips a shard, each shard atomically, then the list of clips, the index last.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use half::f16;
use serde_json::Value;
use storage::{Durability, Existing};

use crate::atomic::{place, remove_temporaries};
use crate::clip_list::{ClipList, LIST, ShardPlace};
use crate::columns::{check_floats, check_frames, check_label, check_split};
use crate::container::list;
use crate::dtype::MelDtype;
use crate::embedding::{EMBEDDING, Embeddings};
use crate::error::{Error, Result};
use crate::header::{CLIPS_PER_SHARD, ClipRecord, Header, Provenance, check_clip, check_names};
use crate::index::{INDEX, Index, ShardEntry, Skipped, file_name, is_shard_name};
use crate::schema::{Parts, Schema, clear, reserve};
use crate::spectrogram::{SPECTROGRAM, Spectrograms};

/// Maximum number of values for which memory is reserved in advance.
const MOST_RESERVED: usize = 1 << 24;

/// Writes a folder of `spectrogram/1` shards.
#[derive(Debug)]
pub struct SpectrogramWriter {
    folder: Folder<Spectrograms>,
    /// Largest magnitude that the chosen type holds.
    most: f32,
}

impl SpectrogramWriter {
    /// Prepares `dir`: creates it, and removes index, list of clips, shards and temporary files of an earlier run, the
    /// index first.
    ///
    /// # Errors
    /// Names that are empty or duplicate, or a folder that cannot be created or emptied.
    pub fn create(
        dir: &Path,
        front_end: Value,
        classes: Vec<String>,
        splits: Vec<String>,
        provenance: Provenance,
        dtype: MelDtype,
    ) -> Result<Self> {
        let header = empty_header(SPECTROGRAM, front_end, classes, splits, provenance);
        let (mel, frames, label, split) = Default::default();
        let pending = Spectrograms { header, n_mels: 0, n_frames: 0, mel, frames, label, split };
        let most = if dtype == MelDtype::F16 { f16::MAX.to_f32() } else { f32::MAX };
        let list = ClipList::new([0, 0], dtype);
        Ok(Self { folder: Folder::create(dir, pending, dtype, Some(list))?, most })
    }

    /// Adds a clip; writes a shard after every 256 clips.
    ///
    /// `mel` is `[n_mels, n_frames]`, the same size for every clip; `frames` of its frames hold sound.
    ///
    /// # Errors
    /// An invalid clip, named by its path, or a shard that cannot be written.
    #[expect(clippy::too_many_arguments, reason = "one argument a column of the format")]
    pub fn push(
        &mut self,
        clip: ClipRecord,
        mel: &[f32],
        n_mels: usize,
        n_frames: usize,
        frames: u32,
        label: u32,
        split: u8,
    ) -> Result<()> {
        let pending = &mut self.folder.pending;
        if self.folder.n_clips == 0 {
            (pending.n_mels, pending.n_frames) = (n_mels, n_frames);
            if let Some(list) = &mut self.folder.list {
                (list.n_mels, list.n_frames) = (n_mels, n_frames);
            }
        }
        let (expected, got) = ([pending.n_mels, pending.n_frames], [n_mels, n_frames]);
        if expected != got {
            return Err(Error::mismatch(Path::new(&clip.path), "tensor mel", list(&expected), list(&got)));
        }
        check_frames(frames, n_frames, Path::new(&clip.path), || "frames".into())?;
        self.folder.push(clip, &[mel], self.most, frames, label, split)
    }

    /// Writes the remaining clips and then the index, which marks the folder as finished.
    ///
    /// # Errors
    /// A shard or the index that cannot be written.
    #[tracing::instrument(level = "debug", skip_all, fields(dir = %self.folder.dir.display()))]
    pub fn finish(self, skipped: Vec<Skipped>) -> Result<Index> {
        self.folder.finish(skipped)
    }
}

/// Writes a folder of `embedding/1` shards.
#[derive(Debug)]
pub struct EmbeddingWriter {
    folder: Folder<Embeddings>,
}

impl EmbeddingWriter {
    /// Prepares `dir`: creates it, and removes index, shards and temporary files of an earlier run, the index first.
    ///
    /// # Errors
    /// Names that are empty or duplicate, or a folder that cannot be created or emptied.
    pub fn create(
        dir: &Path,
        front_end: Value,
        classes: Vec<String>,
        splits: Vec<String>,
        provenance: Provenance,
    ) -> Result<Self> {
        let header = empty_header(EMBEDDING, front_end, classes, splits, provenance);
        let (embedding, logits, frames, label, split) = Default::default();
        let pending = Embeddings { header, dim: 0, n_logits: 0, embedding, logits, frames, label, split };
        Ok(Self { folder: Folder::create(dir, pending, (), None)? })
    }

    /// Adds a clip; writes a shard after every 256 clips.
    ///
    /// `embedding` is `[dim]` and `logits` is `[n_logits]`, the same lengths for every clip.
    ///
    /// # Errors
    /// An invalid clip, named by its path, or a shard that cannot be written.
    pub fn push(
        &mut self,
        clip: ClipRecord,
        embedding: &[f32],
        logits: &[f32],
        frames: u32,
        label: u32,
        split: u8,
    ) -> Result<()> {
        if self.folder.n_clips == 0 {
            let pending = &mut self.folder.pending;
            (pending.dim, pending.n_logits) = (embedding.len(), logits.len());
        }
        self.folder.push(clip, &[embedding, logits], f32::MAX, frames, label, split)
    }

    /// Writes the remaining clips and then the index, which marks the folder as finished.
    ///
    /// # Errors
    /// A shard or the index that cannot be written.
    #[tracing::instrument(level = "debug", skip_all, fields(dir = %self.folder.dir.display()))]
    pub fn finish(self, skipped: Vec<Skipped>) -> Result<Index> {
        self.folder.finish(skipped)
    }
}

/// An unfinished folder, of either schema.
#[derive(Debug)]
struct Folder<S: Schema> {
    dir: PathBuf,
    storage: S::Storage,
    pending: S,
    n_clips: u64,
    shards: Vec<ShardEntry>,
    /// The list of the clips that are written, of spectrograms.
    list: Option<ClipList>,
}

impl<S: Schema> Folder<S> {
    fn create(dir: &Path, pending: S, storage: S::Storage, list: Option<ClipList>) -> Result<Self> {
        check_names(&pending.header().classes, &pending.header().splits, dir)?;
        storage::create_dir_all(dir).map_err(Error::io("create", dir))?;
        remove(&dir.join(INDEX))?;
        remove(&dir.join(LIST))?;
        for entry in storage::list(dir).map_err(Error::io("list", dir))? {
            if entry.name.to_str().is_some_and(is_shard_name) {
                remove(&dir.join(entry.name))?;
            }
        }
        remove_temporaries(dir, Duration::ZERO)?;
        Ok(Self { dir: dir.into(), storage, pending, n_clips: 0, shards: Vec::new(), list })
    }

    /// `features` in the order of [`Schema::shapes`]; no magnitude in them may exceed `most`.
    fn push(
        &mut self,
        clip: ClipRecord,
        features: &[&[f32]],
        most: f32,
        frames: u32,
        label: u32,
        split: u8,
    ) -> Result<()> {
        let path = Path::new(&clip.path);
        let header = self.pending.header();
        check_clip(&clip, path, || "clip".into())?;
        check_label(label, header.classes.len(), path, || "label".into())?;
        check_split(split, header.splits.len(), path, || "split".into())?;
        for ((name, shape), values) in self.pending.shapes().into_iter().zip(features) {
            check_floats(name, &[&[1], &shape[..]].concat(), values, most, path)?;
        }
        if self.n_clips == 0 {
            // The same memory serves every shard.
            let n_values = features.iter().map(|values| values.len()).sum::<usize>().max(1);
            reserve(&mut self.pending, CLIPS_PER_SHARD.min(MOST_RESERVED / n_values));
        }
        let parts = self.pending.parts();
        parts.features.into_iter().zip(features).for_each(|(to, from)| to.extend_from_slice(from));
        parts.frames.push(frames);
        parts.label.push(label);
        parts.split.push(split);
        parts.clips.push(clip);
        self.n_clips += 1;
        if self.pending.header().clips.len() == CLIPS_PER_SHARD { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let encoded = self.pending.encode(self.storage)?;
        let file = file_name(self.shards.len());
        let (sha256, bytes) = (encoded.sha256_hex(), encoded.n_bytes());
        // Syncing the folder for the index, without which no shard is read, also makes this name durable.
        place(&self.dir.join(&file), &encoded.pieces(), Durability::BytesSynced, Existing::Refuse)?;
        let n_clips = self.pending.header().clips.len();
        let clips = n_clips as u64;
        if let Some(list) = &mut self.list {
            let (place, crcs) = ShardPlace::of_encoded(&encoded, list.dtype, n_clips, Path::new(&file))?;
            list.shards.push(place);
            drop(encoded);
            let Parts { clips, frames, label, split, .. } = self.pending.parts();
            for (row, (clip, crc)) in clips.iter().zip(crcs).enumerate() {
                list.push(clip, (frames[row], label[row], split[row]), crc);
            }
        }
        self.shards.push(ShardEntry { file, sha256, bytes, clips });
        clear(&mut self.pending);
        Ok(())
    }

    fn finish(mut self, skipped: Vec<Skipped>) -> Result<Index> {
        if !self.pending.header().clips.is_empty() {
            self.flush()?;
        }
        let Header { schema, front_end, classes, splits, provenance, .. } = self.pending.header().clone();
        let Self { dir, n_clips, shards, list, .. } = self;
        let index = Index { schema, front_end, classes, splits, n_clips, shards, skipped, provenance };
        let bytes = index.to_bytes()?;
        if let Some(list) = list.filter(|list| list.n_clips() > 0) {
            place(&dir.join(LIST), &[&list.to_bytes(&bytes)?], Durability::BytesSynced, Existing::Refuse)?;
        }
        place(&dir.join(INDEX), &[&bytes], Durability::Synced, Existing::Refuse)?;
        Ok(index)
    }
}

fn empty_header(
    schema: &str,
    front_end: Value,
    classes: Vec<String>,
    splits: Vec<String>,
    provenance: Provenance,
) -> Header {
    Header { schema: schema.into(), front_end, classes, splits, clips: Vec::new(), provenance }
}

fn remove(path: &Path) -> Result<()> {
    match storage::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
