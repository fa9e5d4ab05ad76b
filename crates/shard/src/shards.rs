//! The shards behind [`Clips`](crate::Clips): parts of their files, each compared with its checksum when it is read.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use half::f16;
use half::slice::HalfFloatSliceExt;
use storage::{Location, StoredFile, Version};

use crate::clip_list::{ClipList, IdHash, ShardPlace, id_hash};
use crate::columns::parse_header;
use crate::container::Container;
use crate::dtype::MelDtype;
use crate::error::{Error, Result};
use crate::header::{self, ClipRecord, Common, Header};
use crate::index::{Index, file_name};
use crate::spectrogram::SPECTROGRAM;

/// Shards whose records are kept in memory.
const HEADS_KEPT: usize = 4;

/// Objects of a bucket that are open at a time.
const OBJECTS_OPEN: usize = 4096;

/// The shards of a folder.
#[derive(Debug)]
pub(crate) struct Shards {
    dir: PathBuf,
    dtype: MelDtype,
    all: Vec<Shard>,
    /// Records of the shards that were asked for last.
    heads: Mutex<Vec<(usize, Arc<[ClipRecord]>)>>,
    /// Objects that are open. A bucket is asked once for each: an object that is open stays the version that it was.
    objects: Mutex<HashMap<usize, StoredFile>>,
}

#[derive(Debug)]
struct Shard {
    n_bytes: u64,
    place: ShardPlace,
    /// The file as it was when it was first read.
    version: OnceLock<Version>,
}

impl Shards {
    pub(crate) fn new(dir: &Path, index: &Index, list: &ClipList) -> Self {
        let entries = index.shards.iter().zip(&list.shards);
        let shard = |entry: u64, place| Shard { n_bytes: entry, place, version: OnceLock::new() };
        let all = entries.map(|(entry, place)| shard(entry.bytes, *place)).collect();
        Self { dir: dir.to_owned(), dtype: list.dtype, all, heads: Mutex::default(), objects: Mutex::default() }
    }

    /// Shards that were read completely, each as of this version.
    pub(crate) fn opened(self, versions: Vec<Version>) -> Self {
        self.all.iter().zip(versions).for_each(|(shard, version)| drop(shard.version.set(version)));
        self
    }

    pub(crate) fn dtype(&self) -> MelDtype {
        self.dtype
    }

    pub(crate) fn path(&self, shard: usize) -> PathBuf {
        self.dir.join(file_name(shard))
    }

    /// Whether every file is there, by one listing of the folder, and the first as long as the index says: so the size of a clip
    /// is one that a file has.
    pub(crate) fn check_there(&self) -> Result<()> {
        let entries = storage::list(&self.dir).map_err(Error::io("list", &self.dir))?;
        let names: HashSet<_> = entries.iter().filter_map(|entry| entry.name.to_str()).collect();
        if let Some(shard) = (0..self.all.len()).find(|shard| !names.contains(&*file_name(*shard))) {
            return Err(Error::mismatch(&self.path(shard), "file", "to be there", "nothing: run the stage again"));
        }
        let path = self.path(0);
        let got = storage::metadata(&path).map_err(Error::io("read", &path))?.n_bytes;
        self.all.first().map_or(Ok(()), |first| check_length(&path, first.n_bytes, got))
    }

    /// Opens the file of a shard, which must be the one that was opened before.
    fn open(&self, number: usize) -> Result<(StoredFile, PathBuf)> {
        let (shard, path) = (&self.all[number], self.path(number));
        if let Some(open) = lock(&self.objects).get(&number) {
            return Ok((open.clone(), path));
        }
        let file = storage::open(&path).map_err(Error::io("open", &path))?;
        let version = file.version().map_err(Error::io("read", &path))?;
        let is_same = match shard.version.get() {
            Some(first) => *first == version,
            None => {
                check_length(&path, shard.n_bytes, file.n_bytes())?;
                *shard.version.get_or_init(|| version.clone()) == version
            }
        };
        if is_same {
            if matches!(Location::of(&path), Location::Remote { .. }) {
                let mut objects = lock(&self.objects);
                if objects.len() >= OBJECTS_OPEN {
                    objects.clear();
                }
                objects.insert(number, file.clone());
            }
            return Ok((file, path));
        }
        let got = "another: it was overwritten while in use; start again";
        Err(Error::mismatch(&path, "file", "the one that was opened", got))
    }

    /// Reads the spectrogram of clip `row` of a shard, whose bytes have this CRC-32.
    pub(crate) fn read(&self, shard: usize, row: usize, crc: u32, cells: &mut [f32]) -> Result<()> {
        let (file, path) = self.open(shard)?;
        let io = || Error::io("read", &path);
        let n_bytes = cells.len() as u64 * self.dtype.n_bytes() as u64;
        let mut at = u64::from(self.all[shard].place.mel_at) + row as u64 * n_bytes;
        let got = match self.dtype {
            MelDtype::F32 => {
                file.read_exact_at(at, bytemuck::cast_slice_mut(cells)).map_err(io())?;
                let got = crc32fast::hash(bytemuck::cast_slice(cells));
                if cfg!(target_endian = "big") {
                    cells.iter_mut().for_each(|value| *value = f32::from_bits(value.to_bits().swap_bytes()));
                }
                got
            }
            MelDtype::F16 => {
                let mut halves = [f16::ZERO; 2048];
                let mut got = crc32fast::Hasher::new();
                for cells in cells.chunks_mut(halves.len()) {
                    let halves = &mut halves[..cells.len()];
                    file.read_exact_at(at, bytemuck::cast_slice_mut(halves.reinterpret_cast_mut())).map_err(io())?;
                    got.update(bytemuck::cast_slice(halves.reinterpret_cast()));
                    if cfg!(target_endian = "big") {
                        halves.iter_mut().for_each(|value| *value = f16::from_bits(value.to_bits().swap_bytes()));
                    }
                    halves.convert_to_f32_slice(cells);
                    at += 2 * cells.len() as u64;
                }
                got.finalize()
            }
        };
        is_as_written(&path, &format!("clip {row}"), crc, got)
    }

    /// The records of a shard, whose ids have these hashes.
    pub(crate) fn records(&self, number: usize, common: &Common, ids: &[IdHash]) -> Result<Arc<[ClipRecord]>> {
        let mut heads = lock(&self.heads);
        let records = match heads.iter().position(|(kept, _)| *kept == number) {
            Some(at) => heads.remove(at).1,
            None => self.read_records(number, common, ids)?.into(),
        };
        heads.truncate(HEADS_KEPT - 1);
        heads.insert(0, (number, Arc::clone(&records)));
        Ok(records)
    }

    fn read_records(&self, number: usize, common: &Common, ids: &[IdHash]) -> Result<Vec<ClipRecord>> {
        let (file, path) = self.open(number)?;
        let place = self.all[number].place;
        let mut head = vec![0; place.head_bytes as usize];
        file.read_exact_at(0, &mut head).map_err(Error::io("read", &path))?;
        is_as_written(&path, "header", place.head_crc, crc32fast::hash(&head))?;
        let json = Container::parse_head(&head, &path)?;
        let mut header: Header = parse_header(json.header_json()?, SPECTROGRAM, &path)?;
        header::check(&header, &path)?;
        let clips = std::mem::take(&mut header.clips);
        if Common::from(header) != *common {
            return Err(Error::mismatch(&path, "header", "what index.json says", "another: run the stage again"));
        }
        if !clips.iter().map(|clip| id_hash(&clip.id)).eq(ids.iter().copied()) {
            return Err(Error::mismatch(&path, "clips", "those of clips.safetensors", "others: run the stage again"));
        }
        Ok(clips)
    }
}

/// Whether a file has the length that the index says.
fn check_length(path: &Path, expected: u64, got: u64) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::mismatch(path, "file", format!("{expected} bytes"), format!("{got} bytes")))
}

/// Whether bytes are those that were written.
fn is_as_written(path: &Path, part: &str, expected: u32, got: u32) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    let got = format!("{got:08x}: the disk or the file is damaged; run the stage again");
    Err(Error::mismatch(path, part, format!("CRC-32 {expected:08x}, as it was written"), got))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
