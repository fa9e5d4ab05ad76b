//! What a scan asks, and words for what it leaves out.

use serde::{Deserialize, Serialize};

use crate::channels::ChannelPolicy;
use crate::check::MIN_SECONDS;
use crate::error::{Error, Result};
use crate::shares::Shares;

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
    /// A fold for each value of this column in place of both, see [`leave_out`](crate::folds::leave_out).
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
