//! Waveform augmentation: what another animal, place, microphone, recorder or file would have changed.
//!
//! Every step is a pure function of samples, their rate, its parameters and a seed, in a file that names its range in
//! physical units and where that comes from. [`augment_waveform`] applies all of a [`WaveformAugment`] in the order in
//! which the world would; each step draws from a stream of its own, so that switching one off leaves what the others
//! draw unchanged.
//!
//! ```
//! use augment::seed_for;
//! use augment::waveform::{WaveformAugment, augment_waveform, time_stretch};
//!
//! let clip: Vec<f32> = (0..22_050).map(|i| (i as f32 * 0.1).sin()).collect();
//! let config = WaveformAugment::strong();
//! config.validate()?;
//! let mut view = clip.clone();
//! let steps = augment_waveform(&mut view, 22_050, &config, &[], seed_for(0, 17, 1));
//! assert_eq!(view.len(), clip.len());
//! assert!(steps.iter().all(|step| !step.is_empty())); // such as "pitch: +1.27 semitones"
//!
//! assert_eq!(time_stretch(&clip, 22_050, 1.25).len(), 17_640);
//! # Ok::<(), augment::ConfigError>(())
//! ```

mod codec;
mod config;
mod draw;
mod filter;
mod frames;
mod interpolate;
mod level;
mod lossy;
mod masking;
mod mdct;
mod mix;
mod noise;
mod onset;
mod pitch;
mod planner;
mod rate;
mod room;
mod stretch;
mod time_map;
mod vocoder;

pub use codec::{Code, Codec};
pub use config::{WaveformAugment, WaveformStep};
pub use filter::{BandLimit, HighPass, LowPass};
pub use level::{Clipping, Gain, Polarity, Shift};
pub use lossy::{Lossy, lossy};
pub use mix::mix_clips;
pub use noise::{Background, Color, Noise};
pub use pitch::{MOST_SEMITONES, Pitch, pitch_shift};
pub use rate::{LowRate, Speed, speed};
pub use room::Room;
pub use stretch::{LEAST_FACTOR, MOST_FACTOR, Stretch, time_stretch};

/// Applies the steps that are drawn, in place, and returns a description of each.
///
/// `backgrounds` are recordings of the same rate, from which one is drawn; there may be none.
///
/// # Shapes
/// `samples` is `[n]`; it keeps that length unless [`Speed::keep_length`] or [`Stretch::keep_length`] is off.
///
/// # Panics
/// When the rate is 0 or the configuration is not [valid](WaveformAugment::validate).
pub fn augment_waveform(
    samples: &mut Vec<f32>,
    rate_hz: u32,
    config: &WaveformAugment,
    backgrounds: &[Vec<f32>],
    seed: u64,
) -> Vec<String> {
    assert!(rate_hz > 0, "augment_waveform: the rate must be above 0");
    let mut done = Vec::new();
    done.extend(config.speed.apply(samples, seed));
    done.extend(config.stretch.apply(samples, rate_hz, seed));
    done.extend(config.pitch.apply(samples, rate_hz, seed));
    done.extend(config.shift.apply(samples, rate_hz, seed));
    done.extend(config.room.apply(samples, rate_hz, seed));
    done.extend(config.background.apply(samples, backgrounds, seed));
    done.extend(config.noise.apply(samples, rate_hz, seed));
    done.extend(config.high_pass.apply(samples, rate_hz, seed));
    done.extend(config.low_pass.apply(samples, rate_hz, seed));
    done.extend(config.band_limit.apply(samples, rate_hz, seed));
    done.extend(config.polarity.apply(samples, seed));
    done.extend(config.gain.apply(samples, seed));
    done.extend(config.clipping.apply(samples, seed));
    done.extend(config.low_rate.apply(samples, rate_hz, seed));
    done.extend(config.codec.apply(samples, seed));
    done.extend(config.lossy.apply(samples, rate_hz, seed));
    tracing::trace!(seed, ?done, "augmented");
    done
}
