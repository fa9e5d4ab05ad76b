//! Reads folders of shards as untrusted data: each shard is checked against the index (size, SHA-256), by itself, and
//! against the common properties of the folder.

use std::path::{Path, PathBuf};

use crate::embedding::Embeddings;
use crate::error::{Error, Result};
use crate::hash::sha256_hex;
use crate::index::{INDEX, Index, ShardEntry, read_index};
use crate::schema::{Schema, append, reserve};
use crate::spectrogram::Spectrograms;

/// All spectrograms of a folder, in order.
///
/// # Errors
/// An unfinished or empty folder, another schema, a shard that the index does not describe, or one that is damaged.
#[tracing::instrument(level = "debug", skip_all, fields(dir = %dir.display()))]
pub fn read_spectrograms(dir: &Path) -> Result<Spectrograms> {
    read_all(dir)
}

/// All embeddings of a folder, in order.
///
/// # Errors
/// As for [`read_spectrograms`].
#[tracing::instrument(level = "debug", skip_all, fields(dir = %dir.display()))]
pub fn read_embeddings(dir: &Path) -> Result<Embeddings> {
    read_all(dir)
}

/// The shards of a folder of spectrograms one at a time, for stages that cannot keep all of it in memory.
///
/// Each is verified as by [`read_spectrograms`], except that the shards may have spectrograms of different sizes.
///
/// # Errors
/// Errors of the index at once, those of a shard from the iterator.
pub fn spectrogram_shards(dir: &Path) -> Result<impl Iterator<Item = Result<Spectrograms>>> {
    shards(dir)
}

/// The shards of a folder of embeddings one at a time.
///
/// # Errors
/// As for [`spectrogram_shards`].
pub fn embedding_shards(dir: &Path) -> Result<impl Iterator<Item = Result<Embeddings>>> {
    shards(dir)
}

fn read_all<S: Schema>(dir: &Path) -> Result<S> {
    let Folder { index, paths } = open::<S>(dir)?;
    let mut whole: Option<S> = None;
    let mut n_left = usize::try_from(index.n_clips).unwrap_or(usize::MAX);
    for (entry, path) in index.shards.iter().zip(&paths) {
        let shard: S = read_shard(&index, entry, path)?;
        n_left = n_left.saturating_sub(shard.header().clips.len());
        match &mut whole {
            None => {
                // `open` has checked that every shard exists with the size in the index, and the first shard gives
                // the size of a clip: `n_left` can be trusted.
                reserve(whole.insert(shard), n_left);
            }
            Some(whole) => append(whole, shard, path)?,
        }
    }
    whole.ok_or_else(|| no_clips(dir, &index))
}

fn shards<S: Schema>(dir: &Path) -> Result<impl Iterator<Item = Result<S>>> {
    let Folder { index, paths } = open::<S>(dir)?;
    Ok((0..paths.len()).map(move |i| read_shard(&index, &index.shards[i], &paths[i])))
}

struct Folder {
    index: Index,
    paths: Vec<PathBuf>,
}

/// The index, of the right schema and with clips, and the paths of its shards, which all exist with the right size.
fn open<S: Schema>(dir: &Path) -> Result<Folder> {
    let index = read_index(dir)?;
    if index.schema != S::NAME {
        let got = format!("{:?}", index.schema);
        return Err(Error::mismatch(&dir.join(INDEX), "schema", S::NAME, got));
    }
    if index.shards.is_empty() {
        return Err(no_clips(dir, &index));
    }
    let paths = paths(dir, &index)?;
    Ok(Folder { index, paths })
}

/// The paths of the shards, which all exist with the right size.
pub(crate) fn paths(dir: &Path, index: &Index) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::with_capacity(index.shards.len());
    for entry in &index.shards {
        let path = dir.join(&entry.file);
        let length = storage::metadata(&path).map_err(Error::io("read", &path))?.n_bytes;
        if length != entry.bytes {
            return Err(Error::mismatch(&path, "file", format!("{} bytes", entry.bytes), format!("{length} bytes")));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn read_shard<S: Schema>(index: &Index, entry: &ShardEntry, path: &Path) -> Result<S> {
    parse(index, entry, &read_verified(entry, path)?, path)
}

/// The bytes of a shard with the SHA-256 of the index.
pub(crate) fn read_verified(entry: &ShardEntry, path: &Path) -> Result<Vec<u8>> {
    let bytes = storage::read(path).map_err(Error::io("read", path))?;
    let sha256 = sha256_hex(&bytes);
    if sha256 != entry.sha256 {
        let got = format!("{sha256}: changed after it was written; run the stage again");
        return Err(Error::mismatch(path, "SHA-256", &entry.sha256, got));
    }
    Ok(bytes)
}

/// A shard from its bytes, checked against the index.
pub(crate) fn parse<S: Schema>(index: &Index, entry: &ShardEntry, bytes: &[u8], path: &Path) -> Result<S> {
    let shard = S::parse(bytes, path)?;
    let header = shard.header();
    let n_clips = header.clips.len() as u64;
    if n_clips != entry.clips {
        return Err(Error::mismatch(path, "clips", entry.clips, n_clips));
    }
    let in_common = [
        ("front end", header.front_end == index.front_end),
        ("classes", header.classes == index.classes),
        ("splits", header.splits == index.splits),
        ("provenance", header.provenance == index.provenance),
    ];
    match in_common.into_iter().find(|(_, same)| !same) {
        None => Ok(shard),
        Some((part, _)) => Err(Error::mismatch(path, part, "the one of index.json", "another: run the stage again")),
    }
}

pub(crate) fn no_clips(dir: &Path, index: &Index) -> Error {
    let got = match index.skipped.first() {
        None => "none".into(),
        Some(first) => format!("none; {} skipped, first {}: {}", index.skipped.len(), first.path, first.reason),
    };
    Error::mismatch(&dir.join(INDEX), "clips", "at least one", got)
}
