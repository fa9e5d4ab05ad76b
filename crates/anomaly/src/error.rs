//! What can be wrong with rows, settings and stored detectors.

/// What went wrong, with what was expected and what was got.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Two things that belong together have different sizes.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What has the wrong size.
        what: &'static str,
        /// The size that would be right.
        expected: String,
        /// The size it has.
        got: String,
    },
    /// A value that is infinite or not a number.
    #[error("{what}: row {row} holds a value that is not finite")]
    NotFinite {
        /// Of which rows.
        what: &'static str,
        /// The first such row.
        row: usize,
    },
    /// Too little to fit from.
    #[error("{what}: expected at least {expected}, got {got}")]
    TooFew {
        /// What there is too little of.
        what: &'static str,
        /// How many it takes.
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
    /// A method was not given the rows that it looks at.
    #[error("{method} needs {input}, which were not given")]
    Missing {
        /// Name of the method.
        method: &'static str,
        /// Which rows are missing.
        input: &'static str,
    },
    /// A stored detector that is not what it should be.
    #[error("stored detector, {part}: expected {expected}, got {got}")]
    Stored {
        /// Tensor or setting.
        part: String,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// A matrix that cannot be decomposed.
    #[error("{what}: the decomposition failed; are the rows constant, or is the shrinkage 0 with few rows?")]
    Decomposition {
        /// Which matrix.
        what: &'static str,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Checks a setting: `fine`, else an error that says its range.
pub(crate) fn check(fine: bool, setting: &'static str, expected: &'static str, got: impl ToString) -> Result<()> {
    if fine { Ok(()) } else { Err(Error::Setting { setting, expected, got: got.to_string() }) }
}

/// Checks that there is enough of something.
pub(crate) fn at_least(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got >= expected { Ok(()) } else { Err(Error::TooFew { what, expected, got }) }
}
