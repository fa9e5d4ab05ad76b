//! Errors of rows, settings and stored detectors.

/// What failed, what was expected and what was found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Sizes that do not match.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What has the wrong size.
        what: &'static str,
        /// The expected size.
        expected: String,
        /// The actual size.
        got: String,
    },
    /// A value that is infinite or not a number.
    #[error("{what}: row {row} has a value that is not finite")]
    NotFinite {
        /// Which rows.
        what: &'static str,
        /// The first such row.
        row: usize,
    },
    /// Too little data.
    #[error("{what}: expected at least {expected}, got {got}")]
    TooFew {
        /// What is too little.
        what: &'static str,
        /// How many are needed.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A setting outside its range.
    #[error("{setting}: expected {expected}, got {got}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Its range in words.
        expected: &'static str,
        /// Its value.
        got: String,
    },
    /// A method was not given rows that it needs.
    #[error("{method} needs {input}, which were not given")]
    Missing {
        /// Name of the method.
        method: &'static str,
        /// Which rows are missing.
        input: &'static str,
    },
    /// A stored detector that is damaged or of another version.
    #[error("stored detector, {part}: expected {expected}, got {got}")]
    Stored {
        /// Tensor or setting.
        part: String,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A matrix decomposition that failed.
    #[error("{what}: the decomposition failed; are the rows constant, or is the shrinkage 0 with few rows?")]
    Decomposition {
        /// Which matrix.
        what: &'static str,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Checks a setting: where it is not `fine`, an error with its range.
pub(crate) fn check(fine: bool, setting: &'static str, expected: &'static str, got: impl ToString) -> Result<()> {
    if fine { Ok(()) } else { Err(Error::Setting { setting, expected, got: got.to_string() }) }
}

/// Checks that `got` is at least `expected`.
pub(crate) fn at_least(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got >= expected { Ok(()) } else { Err(Error::TooFew { what, expected, got }) }
}
