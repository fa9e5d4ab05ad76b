//! The clips of a folder for stages that take them one by one in any order: what is small in memory, spectrograms on disk.

use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;
use storage::Version;

use crate::container::Container;
use crate::dtype::MelDtype;
use crate::embedding::Embeddings;
use crate::error::{Error, Result};
use crate::header::Header;
use crate::reader::{self, Folder};
use crate::schema::append;
use crate::spectrogram::Spectrograms;

/// The clips of a folder, or of memory, whose spectrograms are read one at a time.
///
/// Shards are verified when they are opened, as by [`read_spectrograms`](crate::read_spectrograms), and their
/// spectrograms stay on disk: a folder may be larger than memory, and the file cache of the system is not duplicated. A
/// clip is read with one call that touches only its own bytes; a shard that has changed since is an error.
#[derive(Debug)]
pub struct Clips {
    /// What the clips are and where they came from.
    pub header: Header,
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
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// `[N, n_mels, n_frames]`
    Memory(Vec<f32>),
    /// In the order of their clips.
    Shards(Vec<Shard>),
}

/// Where a shard's spectrograms are.
#[derive(Debug)]
struct Shard {
    path: PathBuf,
    /// Its first clip among those of the folder.
    first: usize,
    /// Where `mel` begins in the file, in bytes.
    offset: u64,
    dtype: MelDtype,
    /// CRC-32 of each clip's bytes, as they were when the SHA-256 of the shard was right.
    crcs: Vec<u32>,
    version: Version,
}

impl Clips {
    /// Opens a folder of spectrograms.
    ///
    /// # Errors
    /// As for [`read_spectrograms`](crate::read_spectrograms).
    pub fn open(dir: &Path) -> Result<Self> {
        let Folder { index, paths } = reader::open::<Spectrograms>(dir)?;
        let mut shards = Vec::with_capacity(paths.len());
        let mut whole: Option<Spectrograms> = None;
        for (entry, path) in index.shards.iter().zip(paths) {
            let version = storage::metadata(&path).map_err(Error::io("read", &path))?.version;
            let bytes = reader::read_verified(entry, &path)?;
            let mut shard: Spectrograms = reader::parse(&index, entry, &bytes, &path)?;
            let (offset, dtype) = Container::parse(&bytes, &path)?.place_of_mel()?;
            let n_bytes = shard.n_mels * shard.n_frames * if dtype == MelDtype::F32 { 4 } else { 2 };
            let crcs = crcs(&bytes, offset, n_bytes, shard.n_clips());
            let first = whole.as_ref().map_or(0, Spectrograms::n_clips);
            shards.push(Shard { first, offset, dtype, crcs, version, path });
            shard.mel = Vec::new();
            match &mut whole {
                None => whole = Some(shard),
                Some(whole) => append(whole, shard, &shards[shards.len() - 1].path)?,
            }
        }
        let whole = whole.ok_or_else(|| reader::no_clips(dir, &index))?;
        Ok(Self { source: Source::Shards(shards), ..whole.into() })
    }

    /// Number of clips.
    pub fn n_clips(&self) -> usize {
        self.header.clips.len()
    }

    /// Values of a spectrogram: `n_mels * n_frames`.
    pub fn n_cells(&self) -> usize {
        self.n_mels * self.n_frames
    }

    /// Reads the spectrogram of clip `row`, `[n_mels, n_frames]`.
    ///
    /// # Errors
    /// A shard that cannot be read, or that has changed since it was opened.
    ///
    /// # Panics
    /// When there is no such clip, or `cells` has another length than [`n_cells`](Self::n_cells).
    pub fn read(&self, row: usize, cells: &mut [f32]) -> Result<()> {
        let n = self.n_cells();
        assert_eq!(cells.len(), n, "cells of a clip");
        match &self.source {
            Source::Memory(mel) => cells.copy_from_slice(&mel[row * n..(row + 1) * n]),
            Source::Shards(shards) => {
                assert!(row < self.n_clips(), "clip {row} of {}", self.n_clips());
                let shard = &shards[shards.partition_point(|shard| shard.first <= row) - 1];
                shard.read(row - shard.first, cells)?;
            }
        }
        Ok(())
    }
}

impl From<Spectrograms> for Clips {
    fn from(whole: Spectrograms) -> Self {
        let Spectrograms { header, n_mels, n_frames, mel, frames, label, split } = whole;
        Self { header, n_mels, n_frames, frames, label, split, source: Source::Memory(mel) }
    }
}

/// Embeddings as spectrograms of `dim` bands and one frame, without their logits.
impl From<Embeddings> for Clips {
    fn from(whole: Embeddings) -> Self {
        let Embeddings { header, dim, embedding, label, split, .. } = whole;
        let frames = vec![1; header.clips.len()];
        Self { header, n_mels: dim, n_frames: 1, frames, label, split, source: Source::Memory(embedding) }
    }
}

impl Shard {
    fn read(&self, row: usize, cells: &mut [f32]) -> Result<()> {
        let io = |operation| Error::io(operation, &self.path);
        let file = storage::open(&self.path).map_err(io("open"))?;
        if file.version().map_err(io("read"))? != self.version {
            let got = "another: it was overwritten while in use; start again";
            return Err(Error::mismatch(&self.path, "file", "the one that was opened", got));
        }
        let place = |n_bytes: usize| self.offset + (row * cells.len() * n_bytes) as u64;
        match self.dtype {
            MelDtype::F32 => {
                let at = place(4);
                file.read_exact_at(at, bytemuck::cast_slice_mut(cells)).map_err(io("read"))?;
                self.check(row, crc32fast::hash(bytemuck::cast_slice(cells)))?;
                if cfg!(target_endian = "big") {
                    cells.iter_mut().for_each(|value| *value = f32::from_bits(value.to_bits().swap_bytes()));
                }
            }
            MelDtype::F16 => {
                let mut at = place(2);
                let mut halves = [f16::ZERO; 2048];
                let mut crc = crc32fast::Hasher::new();
                for cells in cells.chunks_mut(halves.len()) {
                    let halves = &mut halves[..cells.len()];
                    file.read_exact_at(at, bytemuck::cast_slice_mut(halves.reinterpret_cast_mut()))
                        .map_err(io("read"))?;
                    crc.update(bytemuck::cast_slice(halves.reinterpret_cast()));
                    if cfg!(target_endian = "big") {
                        halves.iter_mut().for_each(|value| *value = f16::from_bits(value.to_bits().swap_bytes()));
                    }
                    halves.convert_to_f32_slice(cells);
                    at += 2 * cells.len() as u64;
                }
                self.check(row, crc.finalize())?;
            }
        }
        Ok(())
    }

    /// Whether the bytes of a clip are those that were verified.
    fn check(&self, row: usize, crc: u32) -> Result<()> {
        if crc == self.crcs[row] {
            return Ok(());
        }
        let expected = format!("CRC-32 {:08x}, as when it was opened", self.crcs[row]);
        let got = format!("{crc:08x}: the disk or the file is damaged");
        Err(Error::mismatch(&self.path, format!("clip {row}"), expected, got))
    }
}

/// CRC-32 of each clip's part of a tensor.
fn crcs(bytes: &[u8], offset: u64, n_bytes: usize, n_clips: usize) -> Vec<u32> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let mel = bytes.get(offset..).unwrap_or_default();
    mel.chunks_exact(n_bytes.max(1)).take(n_clips).map(crc32fast::hash).collect()
}
