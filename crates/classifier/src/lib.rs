//! The interface of every model of barkbird: a [`Classifier`] turns a batch of normalized spectrograms into logits and an
//! embedding. Its [`Parameters`] are initialized from a seed and their names, it is stored in one [`ModelFile`], and a
//! [`Predictor`] runs it over spectrograms.
//!
//! This crate must not know any architecture, how a model is trained, shards, or where a file is: it encodes and decodes
//! the bytes of a model file, and the caller reads and writes them.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use classifier::{Classifier, Error, Init, Mode, Output, Parameters};
//!
//! /// One linear layer over the mean spectrum.
//! struct Linear { weight: candle_core::Var }
//!
//! impl Classifier for Linear {
//!     fn architecture(&self) -> serde_json::Value { serde_json::json!({"kind": "linear"}) }
//!     fn n_classes(&self) -> usize { 2 }
//!     fn embedding_dim(&self) -> usize { 4 }
//!     fn forward(&self, mel: &Tensor, _mode: Mode) -> Result<Output, Error> {
//!         let embedding = mel.mean(2)?; // [B, M]
//!         let logits = embedding.matmul(&self.weight.t()?)?; // [B, C]
//!         Ok(Output { logits, embedding })
//!     }
//! }
//!
//! let mut parameters = Parameters::seeded(7, &Device::Cpu);
//! let model = Linear { weight: parameters.trainable("head.weight", &[2, 4], Init::Normal { std: 0.02 })? };
//! let mel = Tensor::ones((3, 4, 10), candle_core::DType::F32, &Device::Cpu)?; // [B, M, T]
//! assert_eq!(model.forward(&mel, Mode::Eval)?.logits.dims(), [3, 2]);
//! # Ok::<(), Error>(())
//! ```

mod calibration;
mod error;
mod head;
mod headed;
mod init;
mod linear_head;
mod model;
mod model_file;
mod neighbors;
mod normalization;
mod parameters;
mod place;
mod precomputed;
mod predictor;
mod saliency;
mod vote;

pub use calibration::Calibration;
pub use error::Error;
pub use head::{Evidence, Head, HeadKind, HeadRows, Labeled};
pub use headed::{Headed, Top};
pub use init::Init;
pub use linear_head::LinearHead;
pub use model::{Classifier, Finished, Mode, Output, Pretrained};
pub use model_file::{MODEL_SCHEMA, ModelFile, ModelHeader};
pub use neighbors::{LEAST_SHARE, Neighbors, NeighborsConfig};
pub use normalization::{BandSums, Normalization};
pub use parameters::{LeftOver, Parameters, Rule};
pub use place::{Place, PlaceCheck, PlaceClips, PlaceFit, PlacePrior};
pub use precomputed::{Precomputed, PrecomputedConfig};
pub use predictor::{Predictor, Rows, clip_loss, largest, predict_mels};
pub use saliency::{Below, Grid, Maps, Method, Score, saliency, scaled, weighted_map};
pub use vote::{MOST_VOTE, fit_scale, mean_votes, votes};
