//! Augmentation, as pure functions of (input, seed): of waveforms before they become spectrograms ([`waveform`]), and of
//! spectrograms at batch time or on disk ([`augment`]).
//!
//! Spectrogram steps work in place on the log-mel of one clip, a row-major slice of `[n_mels, n_frames]` (low to high band,
//! early to late frame), normalized or not. The caller passes the seed; [`seed_for`] makes one from the run's
//! seed, the clip and the epoch, so that neither the order of the clips nor the number of threads can matter.
//!
//! This crate must not know about tensors, models, files or labels: it changes numbers in a slice. The share of a
//! label that a mixed clip keeps is the `lambda` that [`mixup_lambda`] returns; what to do with it is the training loop's choice.
//!
//! ```
//! use augment::{SpectrogramAugment, augment, seed_for};
//!
//! let (n_mels, n_frames) = (64, 100);
//! let mut mel = vec![-40.0f32; n_mels * n_frames]; // dB
//! let training_mean = vec![-35.0f32; n_mels];
//! let seed = seed_for(0, 17, 3); // run 0, clip 17, epoch 3
//! let config = SpectrogramAugment::light();
//! config.validate()?;
//! augment(&mut mel, n_mels, n_frames, &training_mean, &config, 1.0, seed);
//! assert!(mel.iter().all(|cell| cell.is_finite()));
//! # Ok::<(), augment::ConfigError>(())
//! ```

mod bands;
mod config;
mod curve;
mod cutmix;
mod drawn;
mod gate;
mod mixup;
mod noise;
mod seed;
mod spectrogram;
mod unknown;
mod warp;
pub mod waveform;

pub use config::{ConfigError, SpectrogramAugment};
pub use cutmix::{Blend, Mixing, cut_mix, mixing};
pub use drawn::Drawn;
pub use gate::Gate;
pub use mixup::{mix, mixup_lambda};
pub use noise::Noise;
pub use seed::seed_for;
pub use spectrogram::augment;
pub use unknown::{Unknown, make_unknown, patch_order};
pub use warp::Warp;
