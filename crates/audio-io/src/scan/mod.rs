//! Every file of a manifest checked, duplicates found, splits assigned, and nothing dropped without a reason.
//!
//! [`scan()`] keeps everything in memory. A million files have their place in an [`Outline`] and a [`Journal`]: what was found in a
//! file is in the journal, a line a file, and the manifest is written from it row by row. A journal also lets a scan go on
//! that was broken off, or that has new files.

mod journal;
mod ledger;
mod outline;
mod table;

use serde::{Deserialize, Serialize};

use crate::channels::ChannelPolicy;
use crate::check::{FileCheck, MIN_SECONDS};
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::shares::Shares;
pub use crate::warning::Warning;
pub use journal::Journal;
pub use ledger::{Checked, Ledger};
pub use outline::{Outline, scan_with};

/// The columns that a scan writes; a column of the input with one of these names is replaced.
pub const MEASURED: [&str; 9] =
    ["sample_rate", "channels", "seconds", "peak", "rms", "clipped_share", "silent_share", "sha256", "sample_sha256"];

/// The greatest [`ScanOptions::min_seconds`]: a day.
pub const MAX_MIN_SECONDS: f64 = 86_400.0;

/// What a scan asks of the files and how it splits.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanOptions {
    /// Shortest file, and shortest part of a file, that is usable, in seconds.
    pub min_seconds: f64,
    /// What later becomes of several channels, where a row names none: a recording whose channels cancel each other is
    /// silent as a mix.
    pub channels: ChannelPolicy,
    /// Shares of the splits.
    pub shares: Shares,
    /// Folds of a cross-validation in place of them.
    pub folds: Option<usize>,
    /// A fold for each value of this column in place of both, see [`leave_out`].
    pub leave_out: Option<String>,
    /// Decides between groups of equal size.
    pub seed: u64,
}

impl Default for ScanOptions {
    fn default() -> Self {
        ScanOptions {
            min_seconds: MIN_SECONDS,
            channels: ChannelPolicy::default(),
            shares: Shares::default(),
            folds: None,
            leave_out: None,
            seed: 0,
        }
    }
}

impl ScanOptions {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// A shortest length that is not a number from 0 to a day, and shares that cannot be dealt.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=MAX_MIN_SECONDS).contains(&self.min_seconds) {
            return Err(Error::Setting {
                setting: "min-seconds",
                expected: "seconds from 0 to 86400",
                got: self.min_seconds.to_string(),
            });
        }
        self.shares.validate()
    }
}

/// A row that is not in the manifest of a scan, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// The file as the input names it.
    pub path: String,
    /// Its label.
    pub label: String,
    /// Why it cannot be used.
    pub reason: String,
}

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
/// A manifest without rows, one of which no row is usable, options that make no sense, and [`Error::Cancelled`].
#[tracing::instrument(level = "debug", skip_all, fields(rows = manifest.rows.len(), seed = options.seed))]
pub fn scan(manifest: &Manifest, options: &ScanOptions, progress: &(dyn Fn(usize) -> bool + Sync)) -> Result<Scan> {
    let ledger = ledger::InMemory::default();
    let outline = scan_with(manifest.clone(), options, &ledger, progress)?;
    let checks = ledger.into_checks();
    let manifest = outline.manifest(&checks);
    let Outline { unusable, n_repeated, duplicates, warnings, fold_values, .. } = outline;
    Ok(Scan { manifest, checks, unusable, n_repeated, duplicates, warnings, fold_values })
}
