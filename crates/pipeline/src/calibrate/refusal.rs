//! Why a model is not calibrated, although model and clips could be read.

use std::path::PathBuf;

/// Groups of known classes that are needed at least: with fewer, leaving one out says nothing.
pub const FEWEST_GROUPS: usize = 4;

/// Why a model is not calibrated for a place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Too few clips of the model's classes.
    #[error(
        "{clips}: {n_groups} groups of the model's classes ({}), of which at least {FEWEST_GROUPS} are needed: some ten clips of \
         different animals or times",
        classes.join(", ")
    )]
    Few {
        /// What was given.
        clips: String,
        /// Groups of the clips of known classes.
        n_groups: usize,
        /// The model's classes.
        classes: Vec<String>,
    },
    /// All known clips are of one class.
    #[error(
        "not written: the {n_clips} known clips are of one class, which says nothing of the line between classes; add clips of \
         another one"
    )]
    OneClass {
        /// Clips of known classes.
        n_clips: usize,
    },
    /// Held-out clips say that nothing would be gained.
    #[error(
        "not written: by these {n_clips} clips of {n_groups} groups, the model is as good in this place as it is (balanced accuracy \
         of held-out clips {before:.3} before, {after:.3} after); use {} as it is, or add clips that it gets wrong",
        model.display()
    )]
    NoHelp {
        /// Clips of known classes.
        n_clips: usize,
        /// Their groups.
        n_groups: usize,
        /// Balanced accuracy of held-out clips as the model is, 0 to 1.
        before: f64,
        /// The same with what was fitted.
        after: f64,
        /// The model.
        model: PathBuf,
    },
    /// The model was calibrated for a place before.
    #[error("{}: is calibrated for a place already; calibrate the model that it was made from", model.display())]
    Twice {
        /// The model.
        model: PathBuf,
    },
}
