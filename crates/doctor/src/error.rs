//! Errors of the caller's settings and data.

/// An error of this crate: the operation, what it expected and what it got.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting outside its range.
    #[error("setting {setting}: expected {expected}, got {got}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its range in words.
        expected: &'static str,
        /// Its value.
        got: String,
    },
    /// Data that do not fit together.
    #[error("{operation}: expected {expected}, got {got}")]
    Data {
        /// The operation.
        operation: &'static str,
        /// What it needs.
        expected: String,
        /// What was passed.
        got: String,
    },
    /// A class with too few groups to hold one out.
    #[error(
        "class {class} has {n_groups} group{} (recordings or sessions): at least {needed} are needed, so that one can be \
         held out; add recordings of other places, or name the groups in the manifest if there are more",
        if *n_groups == 1 { "" } else { "s" }
    )]
    TooFewGroups {
        /// The class.
        class: String,
        /// Number of its groups.
        n_groups: usize,
        /// Number of groups that are needed.
        needed: usize,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
