//! What a scan found, in a file beside the manifest: a line a file. A scan that was broken off goes on from it, and one of
//! a folder that has grown reads new and changed files alone.
//!
//! A line is a CRC-32 in eight hexadecimal digits, a space, and JSON. The first has what decides the others, the last, of a scan
//! that wrote its manifest, says so, and each between them has a file: its path as the manifest has it, its bytes, the time of its last change, a hash of the parts that rows name,
//! and what was found. Lines are in the order in which files were done. What a power cut left of the last line is written
//! anew; a line that is damaged is no line.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use storage::AppendFile;

use super::ledger::{Asked, Checked, Ledger, Stamp};
use super::options::ScanOptions;
use crate::check::{FileCheck, hex};
use crate::error::{Error, Result};
use crate::manifest::Row;

/// Changes whenever a line is read in another way, or something else is measured.
const SCHEMA: &str = "scan-journal/2";

/// Lines are written once they have so many bytes together.
const PENDING_BYTES: usize = 1 << 18;

/// Bytes between two syncs: a power cut costs at most the work of so much.
const SYNC_BYTES: u64 = 1 << 23;

/// The file beside a manifest that has what a scan found in each file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// Lines that were there, by a hash of their keys.
    known: HashMap<u64, Place>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: AppendFile,
    /// Where the next line goes, without those that wait.
    end: u64,
    synced: u64,
    /// Lines that are not written yet.
    pending: Vec<u8>,
    /// The line of each file of this scan.
    places: Vec<Option<Place>>,
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    n_bytes: u32,
}

/// The first line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    schema: String,
    version: String,
    min_seconds: f64,
    channels: String,
}

/// What a file is known by: one that has changed is another one.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Key {
    path: String,
    bytes: u64,
    /// Time of the last change, in nanoseconds since 1970.
    modified_ns: u64,
    /// A hash of the parts that rows name; empty for one row of the whole file.
    rows: String,
}

/// A further line.
#[derive(Serialize)]
struct NewLine<'a> {
    /// None of a file that the system could not read.
    key: Option<&'a Key>,
    found: &'a Checked,
}

#[derive(Deserialize)]
struct Line {
    key: Option<Key>,
    found: Checked,
}

#[derive(Deserialize)]
struct Keyed {
    key: Option<Key>,
    #[serde(rename = "found")]
    _found: IgnoredAny,
}

/// The last line of a scan that wrote its manifest.
#[derive(Serialize, Deserialize)]
struct End {
    finished: bool,
}

impl Journal {
    /// Opens the journal at `path`, or begins it. A scan that was broken off is gone on with; one that was
    /// [finished](Self::finish) is forgotten without `resume`, as is one with other options.
    ///
    /// # Errors
    /// Another process writes it, it is of a scan with other options and `resume` is asked for, or it cannot be read or written.
    pub fn open(path: &Path, options: &ScanOptions, resume: bool) -> Result<Self> {
        let file = AppendFile::open(path).map_err(|source| match source.kind() {
            ErrorKind::WouldBlock => {
                let message = "another scan writes it: wait for it, or name another manifest".to_owned();
                Error::Journal { path: path.to_owned(), message }
            }
            _ => Error::Write { path: path.to_owned(), source },
        })?;
        let state = State { file, end: 0, synced: 0, pending: Vec::new(), places: Vec::new() };
        let mut journal = Journal { path: path.to_owned(), known: HashMap::new(), state: Mutex::new(state) };
        let header = Header {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            min_seconds: options.min_seconds,
            channels: format!("{:?}", options.channels),
        };
        let is_wanted = match journal.index(&header) {
            Ok(is_finished) => resume || !is_finished,
            Err(Error::Journal { .. }) if !resume => false,
            Err(error) => return Err(error),
        };
        let mut state = journal.state();
        if !is_wanted {
            state.end = 0;
        }
        if state.end == 0 {
            push_line(&mut state.pending, &header).map_err(|source| journal.unwritable(source))?;
        }
        // Cuts off what was left of a line, too.
        state.flush().map_err(|source| journal.unwritable(source))?;
        drop(state);
        if !is_wanted {
            journal.known.clear();
        }
        Ok(journal)
    }

    /// Notes that the manifest is written, so that only who asks for it goes on from here.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(&self) -> Result<()> {
        push_line(&mut self.state().pending, &End { finished: true }).map_err(|source| self.unwritable(source))?;
        self.sync()
    }

    /// Writes what waits to be written, for good.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn sync(&self) -> Result<()> {
        let mut state = self.state();
        state.flush().and_then(|()| state.file.sync()).map_err(|source| self.unwritable(source))
    }

    /// How many files an earlier scan has left.
    pub fn n_known(&self) -> usize {
        self.known.len()
    }

    /// Finds the lines that are there, and whether the last one says that the scan was finished.
    fn index(&mut self, header: &Header) -> Result<bool> {
        let path = &self.path;
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut reader = BufReader::with_capacity(1 << 18, &mut state.file);
        let (mut line, mut is_finished) = (Vec::new(), false);
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line);
            let n_bytes = read.map_err(|source| Error::Read { path: path.clone(), source })?;
            if line.last() != Some(&b'\n') {
                return Ok(is_finished);
            }
            let json = storage::line_text(&line);
            if state.end == 0 {
                let found = json.and_then(|json| serde_json::from_slice::<Header>(json).ok());
                let expected = match &found {
                    Some(found) if found == header => None,
                    Some(found) => Some(format!("of another scan: expected {header}, got {found}")),
                    None => Some("no journal of a scan, or its first line is damaged".to_owned()),
                };
                if let Some(message) = expected {
                    let message = format!("{message}; leave --resume away to begin again");
                    return Err(Error::Journal { path: path.clone(), message });
                }
            } else {
                is_finished =
                    json.is_some_and(|json| serde_json::from_slice::<End>(json).is_ok_and(|end| end.finished));
                if let Some(Keyed { key: Some(key), .. }) = json.and_then(|json| serde_json::from_slice(json).ok()) {
                    let n_bytes = u32::try_from(n_bytes).unwrap_or(0);
                    self.known.insert(hash(&key), Place { at: state.end, n_bytes });
                }
            }
            state.end += n_bytes as u64;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line at a place; none where it is damaged.
    fn line(&self, place: Place) -> Result<Option<Line>> {
        let mut line = vec![0; place.n_bytes as usize];
        let state = self.state();
        match place.at.checked_sub(state.end).and_then(|at| usize::try_from(at).ok()) {
            Some(at) => line.copy_from_slice(&state.pending[at..at + place.n_bytes as usize]),
            None => {
                let read = state.file.read_exact_at(place.at, &mut line);
                read.map_err(|source| Error::Read { path: self.path.clone(), source })?;
            }
        }
        drop(state);
        Ok(storage::line_text(&line).and_then(|json| serde_json::from_slice(json).ok()))
    }

    fn unwritable(&self, source: std::io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}

impl Ledger for Journal {
    fn known(&self, asked: &Asked<'_>) -> Result<Option<Checked>> {
        // Before the file is read, so that what changes meanwhile is another file next time.
        let Some(key) = key(asked) else { return Ok(None) };
        let Some(&place) = self.known.get(&hash(&key)) else { return Ok(None) };
        let Some(Line { key: found_key, found }) = self.line(place)? else { return Ok(None) };
        if found_key.as_ref() != Some(&key) || found.is_unread {
            return Ok(None);
        }
        self.state().put(asked.number, place);
        Ok(Some(found))
    }

    fn keep(&self, asked: &Asked<'_>, checked: Checked) -> Result<()> {
        let key = if checked.is_unread { None } else { key(asked) };
        let mut line = Vec::new();
        push_line(&mut line, &NewLine { key: key.as_ref(), found: &checked }).map_err(|s| self.unwritable(s))?;
        let mut state = self.state();
        let n_bytes = u32::try_from(line.len()).map_err(|_| self.unwritable(ErrorKind::FileTooLarge.into()))?;
        let place = Place { at: state.end + state.pending.len() as u64, n_bytes };
        state.put(asked.number, place);
        state.pending.extend_from_slice(&line);
        if state.pending.len() < PENDING_BYTES {
            return Ok(());
        }
        state.flush().map_err(|source| self.unwritable(source))
    }

    fn check(&self, number: u32) -> Result<FileCheck> {
        let place = self.state().places.get(number as usize).copied().flatten();
        let line = place.map(|place| self.line(place)).transpose()?.flatten();
        line.map(|line| line.found.check).ok_or_else(|| {
            let message = format!("the line of file {number} is not what was written; run the scan again");
            Error::Journal { path: self.path.clone(), message }
        })
    }
}

impl State {
    fn put(&mut self, number: u32, place: Place) {
        let number = number as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, None);
        }
        self.places[number] = Some(place);
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_from(self.end, &self.pending)?;
        self.end += self.pending.len() as u64;
        self.pending.clear();
        if self.end - self.synced >= SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.end;
        }
        Ok(())
    }
}

impl std::fmt::Display for Header {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Header { schema, version, min_seconds, channels } = self;
        write!(out, "{schema} of version {version} with at least {min_seconds} s and channels {channels}")
    }
}

/// What a file is known by; none where the system says nothing of it.
fn key(asked: &Asked<'_>) -> Option<Key> {
    let Stamp { n_bytes, modified_ns } = asked.stamp()?;
    Some(Key { path: asked.rows[0].path.clone(), bytes: n_bytes, modified_ns, rows: parts(asked.rows) })
}

/// A hash of the parts that rows name; empty for one row of the whole file.
fn parts(rows: &[&Row]) -> String {
    if let [row] = rows
        && row.start_s.is_none()
        && row.end_s.is_none()
        && row.channel.is_none()
    {
        return String::new();
    }
    let mut hasher = Sha256::new();
    for row in rows {
        for seconds in [row.start_s, row.end_s] {
            hasher.update(seconds.map_or([0xff; 8], |seconds| seconds.to_bits().to_le_bytes()));
        }
        hasher.update(row.channel.map_or([0xff; 4], |channel| u32::from(channel).to_le_bytes()));
    }
    hex(&hasher.finalize()[..16])
}

/// Of a key, for this process alone.
fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Appends a line.
fn push_line(out: &mut Vec<u8>, value: &impl Serialize) -> std::io::Result<()> {
    storage::push_line(out, &serde_json::to_vec(value)?);
    Ok(())
}
