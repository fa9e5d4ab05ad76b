//! What a scan asks, and words for what it leaves out.

use serde::{Deserialize, Serialize};

use crate::channels::ChannelPolicy;
use crate::check::MIN_SECONDS;
use crate::error::{Error, Result};
use crate::recorder::Recorded;
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
    /// What makes a group of rows that name none.
    pub group_by: Option<GroupBy>,
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
            group_by: None,
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

/// What makes a group of rows that name none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// What was recorded at one place from noon to noon, as recorders write time and place: a night is one session.
    Session,
    /// The site, by the prefix that a recorder gives its files; the recorder where there is none.
    Site,
    /// The recorder, by model and serial number.
    Device,
    /// A column of the input.
    Column(String),
}

impl GroupBy {
    /// By its name: `session`, `site`, `device`, or that of a column.
    pub fn of(name: &str) -> Self {
        match name.trim().to_lowercase().as_str() {
            "session" => Self::Session,
            "site" => Self::Site,
            "device" => Self::Device,
            _ => Self::Column(name.trim().to_owned()),
        }
    }

    /// The group of a file's rows, by what its recorder wrote.
    pub(super) fn group(&self, recorded: &Recorded, folder: &str) -> Option<String> {
        match self {
            Self::Session => recorded.session(folder),
            Self::Site => recorded.site.clone().or_else(|| recorded.device.clone()),
            Self::Device => recorded.device.clone(),
            Self::Column(_) => None,
        }
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
