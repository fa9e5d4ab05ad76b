//! Samples to spectrograms: log-mel, and PCEN, linear-frequency and cepstral front ends beside it, and those that
//! YAMNet and the Audio Spectrogram Transformer were trained with.
//!
//! A [`FrontEndConfig`] holds everything that decides the values; a [`FrontEnd`] is built from it once and computes any
//! number of clips, each thread with its own [`Scratch`]. The same configuration and samples give the same values
//! whichever thread computes them. By default values are those of librosa: centered frames with silence beyond the ends,
//! a periodic Hann window, the same bands and the same decibels. [`Preset::Yamnet`] and [`Preset::Ast`] are TensorFlow's
//! and Kaldi's in the same fields: frames inside the sound, bands that are triangles along the mel axis, natural
//! logarithms.
//!
//! What this crate must not know: files, sample rate conversion, labels, tensors, and what is done with a spectrogram.
//! Samples come in at the configured rate, rows come out.
//!
//! ```
//! use features::{FrontEnd, FrontEndConfig};
//!
//! let front_end = FrontEnd::new(&FrontEndConfig::default())?;
//! let samples: Vec<f32> = (0..22_050).map(|i| (0.3 * i as f32).sin()).collect();
//!
//! let n_frames = front_end.n_frames(samples.len());
//! let mut mel = vec![0.0; front_end.n_bands() * n_frames]; // [n_bands, n_frames]
//! front_end.compute(&samples, &mut front_end.scratch(), &mut mel)?;
//!
//! assert_eq!((front_end.n_bands(), n_frames), (64, 22));
//! assert!(mel.iter().all(|db| db.is_finite()));
//! # Ok::<(), features::Error>(())
//! ```
//!
//! The path of a clip through the files: `validate` checks `config`, `frames` cuts frames and weights them with `window`,
//! `stft` transforms two at a time, `mel` (or `linear`) gathers bins into bands, and `output`, `pcen` or `mfcc` compute
//! the values; `front_end` puts them in order.

mod axis;
mod config;
mod error;
mod frames;
mod front_end;
mod linear;
mod linear_form;
mod logarithm;
mod mel;
mod mfcc;
mod output;
mod pcen;
mod preset;
mod real;
mod stft;
mod validate;
mod window;

pub use axis::Axis;
pub use config::{
    EmptyBands, Framing, FrontEndConfig, Kind, LinearIn, LogMelConfig, MelConfig, MelNorm, MelScale, MfccConfig,
    Output, PcenConfig, Precision, Quietest, Reference, Spectrum, StftConfig, Window,
};
pub use error::{Error, Result};
pub use front_end::{FrontEnd, Scratch};
pub use linear_form::LinearForm;
pub use output::SMALLEST_POWER;
pub use preset::Preset;
