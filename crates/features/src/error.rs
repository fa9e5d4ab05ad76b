//! What can go wrong, with what was expected and what was there.

/// The errors of this crate. Each names what to change.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A field of the configuration has a value that cannot work.
    #[error("front end: {field}: expected {expected}, got {got}")]
    Config {
        /// The field, as it is written in a configuration file.
        field: &'static str,
        /// What the field may hold.
        expected: String,
        /// What it holds.
        got: String,
    },
    /// The samples cannot be transformed.
    #[error("front end: sample {index}: expected a finite value of at most {limit:e} in magnitude, got {got}")]
    Sample {
        /// Place of the first such sample.
        index: usize,
        /// The largest magnitude that is accepted.
        limit: f32,
        /// Its value.
        got: f32,
    },
    /// The output slice does not fit the clip.
    #[error(
        "front end: output of {n_samples} samples: expected {n_bands} bands x {n_frames} frames = {expected} values, got {got}"
    )]
    Output {
        /// Samples of the clip.
        n_samples: usize,
        /// Bands of the front end.
        n_bands: usize,
        /// Frames of a clip of that length.
        n_frames: usize,
        /// Values that the output must hold.
        expected: usize,
        /// Values that it holds.
        got: usize,
    },
    /// The scratch space was made by a front end of another shape.
    #[error("front end: scratch: expected one made for {expected}, got one made for {got}")]
    Scratch {
        /// Transform of this front end.
        expected: String,
        /// Transform of the front end that made the scratch space.
        got: String,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
