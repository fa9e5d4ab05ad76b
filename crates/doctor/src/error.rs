//! What can be wrong with what a caller passes.

/// An error of this crate: which operation, what it expected, what it got.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting that makes no sense.
    #[error("setting {setting}: expected {expected}, got {got}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// Data that do not fit together.
    #[error("{operation}: expected {expected}, got {got}")]
    Data {
        /// What was asked for.
        operation: &'static str,
        /// What is needed for it.
        expected: String,
        /// What was passed.
        got: String,
    },
    /// A class from too few groups to hold one out and still know the class.
    #[error(
        "class {class} has {n_groups} group{} (recordings or sessions): at least {needed} are needed, to hold one out and \
         still know the class; record in more places, or name the groups where there are more",
        if *n_groups == 1 { "" } else { "s" }
    )]
    TooFewGroups {
        /// The class.
        class: String,
        /// Groups that it has.
        n_groups: usize,
        /// Groups that it takes.
        needed: usize,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
