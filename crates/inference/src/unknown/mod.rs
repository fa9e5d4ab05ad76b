//! Unknown sounds: detectors beside a classifier, from clips to the model's file and back.
//!
//! [`Outputs`] holds what the classifier and a [`Backbone`] compute for clips. [`methods::all`] names the methods,
//! [`Fitted`] is one of them fitted to clips, [`Calibrated`] turns its scores into p-values, and [`Detectors`] is what a
//! model's file keeps.

mod backbone;
mod calibrated;
mod fitted;
mod known_clips;
pub mod methods;
mod outputs;
mod reading;
mod stored;

pub use backbone::{Backbone, BackboneOutput, weights_file};
pub use calibrated::{ALPHA, Calibrated};
pub use fitted::{FitFrom, Fitted};
pub use known_clips::{KnownClip, KnownClips};
pub use outputs::{ClipKey, Mels, Outputs, RowSource, Wants};
pub use reading::{BackboneFeatures, Step, outputs_of_rows, read_folders};
pub use stored::{Detectors, Parts};
