//! Each file of a manifest checked once, on all threads.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::ledger::{Asked, Checked, Ledger};
use super::options::ScanOptions;
use crate::check::{FileCheck, check_rows};
use crate::damage::Silence;
use crate::error::{Error, Result};
use crate::manifest::Row;
use crate::range::range;
use crate::recorder::{RECORDED, Recorded};
use crate::silence::SilenceStream;

/// The rows of each file.
pub(super) struct ByFile {
    /// For each row the number of its file.
    pub(super) of_row: Vec<u32>,
    /// Rows, those of the first file first.
    order: Vec<u32>,
    /// Where each file begins in `order`, and the end.
    starts: Vec<u32>,
}

impl ByFile {
    pub(super) fn new(rows: &[Row]) -> Self {
        let mut index: HashMap<&str, u32> = HashMap::new();
        let mut of_row = Vec::with_capacity(rows.len());
        for row in rows {
            let next = index.len() as u32;
            of_row.push(*index.entry(&row.path).or_insert(next));
        }
        let mut starts = vec![0_u32; index.len() + 1];
        of_row.iter().for_each(|file| starts[*file as usize + 1] += 1);
        for file in 0..index.len() {
            starts[file + 1] += starts[file];
        }
        let mut next = starts.clone();
        let mut order = vec![0; rows.len()];
        for (row, file) in (0..).zip(&of_row) {
            let place = &mut next[*file as usize];
            order[*place as usize] = row;
            *place += 1;
        }
        ByFile { of_row, order, starts }
    }

    pub(super) fn n_files(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// The rows of a file, in the order of the input.
    pub(super) fn rows(&self, file: u32) -> &[u32] {
        let file = file as usize;
        &self.order[self.starts[file] as usize..self.starts[file + 1] as usize]
    }
}

/// What was found in files, in their order, and in rows.
pub(super) struct Found {
    /// Digests of their samples.
    pub(super) samples: Vec<Option<[u8; 32]>>,
    /// Why rows cannot be used.
    pub(super) reasons: Vec<Option<Box<str>>>,
    pub(super) recorders: Recorders,
}

/// What recorders wrote about files.
pub(super) struct Recorders {
    /// The group of each file, where one was asked for.
    pub(super) groups: Vec<Option<Box<str>>>,
    /// Files of which session and time are known.
    pub(super) n_files: usize,
    /// Sessions of those.
    pub(super) n_sessions: usize,
    /// For each of [`RECORDED`] whether some file has it.
    pub(super) columns: [bool; RECORDED.len()],
}

/// The same of one file.
struct FoundInFile {
    samples: Option<[u8; 32]>,
    reasons: Vec<Option<String>>,
    group: Option<Box<str>>,
    /// A hash of the session.
    session: Option<u64>,
    columns: [bool; RECORDED.len()],
}

impl FoundInFile {
    fn of(check: &FileCheck, reasons: Vec<Option<String>>, options: &ScanOptions) -> Self {
        let folder = check.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let of = |recorded: &Recorded| {
            let session = recorded.session(folder);
            let group = options.group_by.as_ref().and_then(|by| by.group(recorded, folder));
            (group.map(String::into_boxed_str), session.map(hash), recorded.fields(0.0).map(|field| !field.is_empty()))
        };
        let (group, session, columns) = check.recorded.as_ref().map(of).unwrap_or_default();
        FoundInFile { samples: samples(check), reasons, group, session, columns }
    }
}

/// Of a session, for this process alone.
fn hash(session: String) -> u64 {
    let mut hasher = DefaultHasher::new();
    session.hash(&mut hasher);
    hasher.finish()
}

/// Checks each file once, and each row of it.
pub(super) fn check_all(
    root: &std::path::Path,
    rows: &[Row],
    by_file: &ByFile,
    options: &ScanOptions,
    ledger: &dyn Ledger,
    progress: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Found> {
    let n_done = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    let check = |file: u32| -> Result<Option<FoundInFile>> {
        if is_over.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let of_file: Vec<&Row> = by_file.rows(file).iter().map(|&i| &rows[i as usize]).collect();
        let path = storage::join(root, &of_file[0].path);
        let asked = Asked::new(file, &path, &of_file);
        let found = match ledger.known(&asked)? {
            Some(known) => FoundInFile::of(&known.check, known.reasons, options),
            None => {
                let checked = check_file(&asked, options);
                let found = FoundInFile::of(&checked.check, checked.reasons.clone(), options);
                ledger.keep(&asked, checked)?;
                found
            }
        };
        if !progress(n_done.fetch_add(1, Ordering::Relaxed) + 1) {
            is_over.store(true, Ordering::Relaxed);
        }
        Ok(Some(found))
    };
    let checked: Result<Vec<Option<FoundInFile>>> = (0..by_file.n_files())
        .into_par_iter()
        .map(|file| {
            let checked = check(file);
            is_over.fetch_or(checked.is_err(), Ordering::Relaxed);
            checked
        })
        .collect();
    let checked = checked?;
    if is_over.into_inner() {
        return Err(Error::Cancelled);
    }
    let mut all_samples = Vec::with_capacity(checked.len());
    let mut reasons: Vec<Option<Box<str>>> = vec![None; rows.len()];
    let (mut groups, mut sessions, mut n_known) = (Vec::new(), HashSet::new(), 0);
    let mut columns = [false; RECORDED.len()];
    for (file, found) in (0..).zip(checked.into_iter().flatten()) {
        for (&row, reason) in by_file.rows(file).iter().zip(found.reasons) {
            reasons[row as usize] = reason.map(String::into_boxed_str);
        }
        all_samples.push(found.samples);
        groups.push(found.group);
        n_known += usize::from(found.session.is_some());
        sessions.extend(found.session);
        columns.iter_mut().zip(found.columns).for_each(|(all, one)| *all |= one);
    }
    let recorders = Recorders { groups, n_files: n_known, n_sessions: sessions.len(), columns };
    Ok(Found { samples: all_samples, reasons, recorders })
}

/// Reads a file.
fn check_file(asked: &Asked<'_>, options: &ScanOptions) -> Checked {
    let streams = |rate_hz: u32| {
        let frame = |seconds: f64| (seconds * f64::from(rate_hz)).round() as usize;
        let stream = |row: &&Row| {
            let (first, last) = (row.start_s.map_or(0, frame), row.end_s.map_or(usize::MAX, frame));
            SilenceStream::new(first, last, row.channel, options.channels)
        };
        asked.rows.iter().map(stream).collect()
    };
    let (check, silences, is_unread) = check_rows(asked.path, &asked.rows[0].path, options.min_seconds, streams);
    let silences = silences.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    let reasons = asked.rows.iter().zip(silences).map(|(row, silence)| row_reason(row, &check, silence, options));
    let reasons: Vec<Option<String>> = reasons.collect();
    let reasons = if reasons.iter().all(Option::is_none) { Vec::new() } else { reasons };
    Checked { check, reasons, is_unread }
}

/// The digest of a usable file's samples.
fn samples(check: &FileCheck) -> Option<[u8; 32]> {
    let text = check.sha256_samples.as_bytes();
    if !check.usable || text.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// Why a row cannot be used: its file, or the part that it names.
fn row_reason(
    row: &Row,
    check: &FileCheck,
    silence: Option<Result<Option<Silence>>>,
    options: &ScanOptions,
) -> Option<String> {
    let min_seconds = options.min_seconds;
    if let Some(reason) = &check.reason {
        return Some(reason.clone());
    }
    let (first, last) = match range(check.frames as usize, check.rate_hz, row.start_s, row.end_s) {
        Ok(range) => range,
        Err(error) => return Some(error.to_string()),
    };
    if let Some(channel) = row.channel.filter(|&channel| u32::from(channel) >= check.channels) {
        return Some(Error::Channel { channel, n_channels: check.channels as usize }.to_string());
    }
    let seconds = (last - first) as f64 / f64::from(check.rate_hz);
    if seconds < min_seconds {
        return Some(format!("too short: {seconds:.3} s, at least {min_seconds} s are needed"));
    }
    silence?.map(|silence| silence.map(|silence| silence.to_string())).unwrap_or_else(|error| Some(error.to_string()))
}
