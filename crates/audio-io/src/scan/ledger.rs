//! Where a scan keeps what it found in files.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::check::FileCheck;
use crate::error::{Error, Result};
use crate::manifest::Row;

/// What was found in a file, and in the rows that are parts of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The file.
    pub check: FileCheck,
    /// Why each of its rows cannot be used, in the order of the input; empty where all can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Option<String>>,
    /// Whether the system could not read the file, which says nothing about its bytes: it is read again next time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unread: bool,
}

/// A file that a scan asks about.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its number among the files of the manifest, from 0, in the order of the input.
    pub number: u32,
    /// Where it is.
    pub path: &'a Path,
    /// Its rows, in the order of the input: at least one.
    pub rows: &'a [&'a Row],
    stamp: OnceCell<Option<Stamp>>,
}

/// What changes with a file, without looking into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its bytes.
    pub n_bytes: u64,
    /// The time of its last change, in nanoseconds since 1970.
    pub modified_ns: u64,
}

impl<'a> Asked<'a> {
    pub(super) fn new(number: u32, path: &'a Path, rows: &'a [&'a Row]) -> Self {
        Self { number, path, rows, stamp: OnceCell::new() }
    }

    /// The file's stamp when it was asked for first; none where the system gives none.
    pub fn stamp(&self) -> Option<Stamp> {
        *self.stamp.get_or_init(|| {
            let metadata = storage::metadata(self.path).ok()?;
            let modified = metadata.modified?.duration_since(UNIX_EPOCH).ok()?;
            Some(Stamp { n_bytes: metadata.n_bytes, modified_ns: u64::try_from(modified.as_nanos()).ok()? })
        })
    }
}

/// Keeps what was found in files.
pub trait Ledger: Sync {
    /// What an earlier scan found, where the file has not changed since. It is asked before the file is read.
    ///
    /// # Errors
    /// What is kept cannot be read.
    fn known(&self, asked: &Asked<'_>) -> Result<Option<Checked>>;

    /// Keeps what was found.
    ///
    /// # Errors
    /// It cannot be written.
    fn keep(&self, asked: &Asked<'_>, checked: Checked) -> Result<()>;

    /// What was found in a file of this scan.
    ///
    /// # Errors
    /// What is kept cannot be read, or is not what was written.
    fn check(&self, number: u32) -> Result<FileCheck>;
}

/// In memory, and gone with it.
#[derive(Debug, Default)]
pub(super) struct InMemory(Mutex<Vec<Option<FileCheck>>>);

impl InMemory {
    pub(super) fn into_checks(self) -> Vec<FileCheck> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }
}

impl Ledger for InMemory {
    fn known(&self, _: &Asked<'_>) -> Result<Option<Checked>> {
        Ok(None)
    }

    fn keep(&self, asked: &Asked<'_>, checked: Checked) -> Result<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = asked.number as usize;
        if all.len() <= number {
            all.resize(number + 1, None);
        }
        all[number] = Some(checked.check);
        Ok(())
    }

    fn check(&self, number: u32) -> Result<FileCheck> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.get(number as usize).cloned().flatten();
        found.ok_or_else(|| Error::Journal { path: "memory".into(), message: format!("no file {number}") })
    }
}
