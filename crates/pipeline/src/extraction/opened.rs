//! A recording while its rows are cut out: read into memory where it is small, open where it is large.

use crate::error::Result;
use audio_io::check::sha256_of_file;
use audio_io::{BLOCK_FRAMES, Clip, ClipConfig, Recording, Row, RowReader, Until, append};
use inference::{damage_words, reason};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read into memory; its memory serves the next one.
pub(super) const SMALL_BYTES: u64 = 16 << 20;

thread_local! {
    /// A thread's last file: what it lay in serves the next one.
    static FILE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A file and, where it is large, how far it was decoded.
pub(super) struct Opened<'a> {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    /// What is wrong with it as far as it was decoded, in words.
    damage: String,
    bytes: Option<Vec<u8>>,
    reader: Option<RowReader<'a>>,
}

/// Clips of rows by their numbers, for each of the settings; or why a row cannot be used.
pub(super) type Clips = BTreeMap<usize, std::result::Result<Vec<Vec<Clip>>, String>>;

impl Opened<'static> {
    /// Reads and hashes a file.
    pub(super) fn new(path: &Path) -> std::result::Result<Self, String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let mut file = storage::open(path).map_err(unreadable)?;
        let n_bytes = file.n_bytes();
        let (path, damage) = (path.to_owned(), String::new());
        if n_bytes > SMALL_BYTES {
            let sha256 = sha256_of_file(&path).map_err(|error| reason(&error, &path))?;
            return Ok(Self { path, sha256, damage, bytes: None, reader: None });
        }
        let mut bytes = FILE.take();
        bytes.clear();
        bytes.reserve(n_bytes.next_power_of_two() as usize);
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        let sha256 = shard::sha256_hex(&bytes);
        Ok(Self { path, sha256, damage, bytes: Some(bytes), reader: None })
    }

    /// The clips of rows, for each of the settings. `check` is asked while it is decoded; what it refuses has no clips.
    pub(super) fn clips(
        &mut self,
        rows: &[(usize, &Row)],
        configs: &[ClipConfig],
        until: Option<Until>,
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Clips {
        let bytes = self.bytes.take();
        let mut clips = Clips::new();
        let done = match &bytes {
            Some(bytes) => {
                Recording::of_bytes(bytes, &self.path).map_err(|error| reason(&error, &self.path)).map(|recording| {
                    let mut reader = RowReader::new(recording, BLOCK_FRAMES);
                    clips = clips_of(&mut reader, &self.path, rows, configs, until, check);
                    self.damage = damage_words(&reader.so_far());
                })
            }
            None => self.reopened(rows, configs).map(|mut reader| {
                clips = clips_of(&mut reader, &self.path, rows, configs, until, check);
                self.damage = damage_words(&reader.so_far());
                self.reader = Some(reader);
            }),
        };
        self.bytes = bytes;
        match done {
            Ok(()) => clips,
            Err(reason) => rows.iter().map(|(nth, _)| (*nth, Err(reason.clone()))).collect(),
        }
    }

    /// The file where decoding stopped, or from its start where the rows are behind that.
    fn reopened(
        &mut self,
        rows: &[(usize, &Row)],
        configs: &[ClipConfig],
    ) -> std::result::Result<RowReader<'static>, String> {
        if let Some(reader) = self.reader.take()
            && rows.iter().all(|(_, row)| reader.is_ahead(row, configs))
        {
            return Ok(reader);
        }
        let recording = Recording::open(&self.path).map_err(|error| reason(&error, &self.path))?;
        Ok(RowReader::new(recording, BLOCK_FRAMES))
    }

    /// What is wrong with the recording as far as it was decoded, in words; empty where nothing is known to be.
    pub(super) fn damage(&self) -> String {
        self.damage.clone()
    }

    /// The file for further rows, where it is large; the memory of a small one serves the next.
    pub(super) fn kept(self) -> Option<Self> {
        match self.bytes {
            Some(bytes) => {
                FILE.set(bytes);
                None
            }
            None => Some(self),
        }
    }
}

fn clips_of(
    reader: &mut RowReader<'_>,
    path: &Path,
    rows: &[(usize, &Row)],
    configs: &[ClipConfig],
    until: Option<Until>,
    check: &(dyn Fn() -> Result<()> + Sync),
) -> Clips {
    let mut clips = Clips::new();
    for (nth, row) in rows {
        if let Err(error) = reader.add(*nth, row, configs) {
            clips.insert(*nth, Err(reason(&error, path)));
        }
    }
    reader.stop_at(until);
    loop {
        let more = match check().is_ok().then(|| reader.next_clips()) {
            Some(Ok(Some(more))) => more,
            Some(Ok(None)) => break,
            Some(Err(error)) => {
                let reason = reason(&error, path);
                reader.leave_out_all().into_iter().for_each(|nth| drop(clips.insert(nth, Err(reason.clone()))));
                break;
            }
            None => {
                reader.leave_out_all();
                break;
            }
        };
        for (nth, of_row) in more {
            match of_row {
                Err(error) => drop(clips.insert(nth, Err(reason(&error, path)))),
                Ok(of_row) => {
                    if let Ok(all) = clips.entry(nth).or_insert_with(|| Ok(Vec::new())) {
                        append(all, of_row);
                    }
                }
            }
        }
    }
    clips
}
