//! Waveform steps.
mod draw;
mod onset;
mod pitch;
mod planner;
mod rate;
mod stretch;
mod time_map;
mod vocoder;
pub use pitch::{MOST_SEMITONES, Pitch, pitch_shift};
pub use rate::{LowRate, Speed, speed};
pub use stretch::{LEAST_FACTOR, MOST_FACTOR, Stretch, time_stretch};
