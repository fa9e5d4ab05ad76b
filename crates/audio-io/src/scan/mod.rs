//! Every file of a manifest checked, duplicates found, splits assigned, and nothing dropped without a reason.
//!
//! [`scan()`] keeps everything in memory. A million files have their place in an [`Outline`] and a [`Journal`]: what was found in a
//! file is in the journal, a line a file, and the manifest is written from it row by row. A journal also lets a scan go on
//! that was broken off, or that has new files.

mod files;
mod journal;
mod ledger;
mod options;
mod outline;
mod table;

use crate::check::FileCheck;
use crate::error::Result;
use crate::manifest::Manifest;
pub use crate::warning::Warning;
pub use journal::Journal;
pub use ledger::{Asked, Checked, Ledger, Stamp};
pub use options::{GroupBy, MAX_MIN_SECONDS, MEASURED, ScanOptions, Unusable};
pub use outline::{Outline, scan_with};

/// What a scan found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The usable rows in the order of the input, with splits and the columns of [`MEASURED`]. These describe the
    /// file, also where a row is a part of it.
    pub manifest: Manifest,
    /// One check a file, usable or not, in the order of the input.
    pub checks: Vec<FileCheck>,
    /// The rows that are left out, in the order of the input.
    pub unusable: Vec<Unusable>,
    /// Rows of the input that name the same part of the same file as one before them; they are counted nowhere else.
    pub n_repeated: usize,
    /// Files with the same sound, by their paths.
    pub duplicates: Vec<Vec<String>>,
    /// What else there is to know.
    pub warnings: Vec<Warning>,
    /// The value of each fold, fold-0 first, where [`ScanOptions::leave_out`] made them.
    pub fold_values: Vec<String>,
}

/// Checks every file of a manifest on all threads and makes the manifest that the next stages use. `progress` gets the
/// number of files done, from any thread, and returns whether to go on.
///
/// # Errors
/// A manifest without rows, one of which no row is usable, options that make no sense, and [`Error::Cancelled`](crate::Error::Cancelled).
#[tracing::instrument(level = "debug", skip_all, fields(rows = manifest.rows.len(), seed = options.seed))]
pub fn scan(manifest: &Manifest, options: &ScanOptions, progress: &(dyn Fn(usize) -> bool + Sync)) -> Result<Scan> {
    let ledger = ledger::InMemory::default();
    let outline = scan_with(manifest.clone(), options, &ledger, progress)?;
    let checks = ledger.into_checks();
    let manifest = outline.manifest(&checks);
    let Outline { unusable, n_repeated, duplicates, warnings, fold_values, .. } = outline;
    Ok(Scan { manifest, checks, unusable, n_repeated, duplicates, warnings, fold_values })
}
