//! Outlier detectors: fitted from rows of known clips, scored on rows of any, measured, calibrated. **Higher is less like the known sounds,
//! everywhere.**
//!
//! Rows are plain numbers: embeddings, logits, the scores of a backbone's own classes, or the cells of spectrograms
//! ([`Rows`], `[N, D]`). This crate must not know about tensors of candle, models, sound or files: who has rows passes
//! them, and gets scores.
//!
//! # The way through
//! 1. A [`Method`] is settings; [`Method::all`] has every one with its defaults, [`Method::needs`] says which rows it looks
//!    at, [`Method::ranks_like`] which of them are the same with two classes.
//! 2. [`Method::fit`] makes a [`Detector`] of the training clips ([`Known`]: rows, labels, and labelled unknown sounds for the one
//!    method that takes them).
//! 3. [`Detector::score`] scores clips ([`Inputs`]). A detector is stored as named f32 arrays and a small JSON
//!    ([`Stored`], [`Detector::to_tensors`], [`Detector::from_tensors`]), or by serde as JSON; a stored one gives the same
//!    scores to the bit.
//! 4. [`metrics`] measures scores against labelled unknown sounds, with intervals over groups; [`RankMean`] and [`LogisticFusion`]
//!    combine detectors, fitted on validation scores.
//! 5. [`pool`](mod@pool) makes clips of windows, [`conformal`] turns scores into p-values with a guarantee, and
//!    [`threshold`] draws a line; both are calibrated on known clips that nothing was fitted on.
//!
//! Each method is a type of its own too ([`Knn`], [`Mahalanobis`], ...) with `fit`, `score`, `to_tensors` and
//! `from_tensors`, where that is all that is needed.
//!
//! Equal input and seed give equal bytes on one machine, whatever the number of threads.
//!
//! # Example
//! ```
//! use anomaly::conformal::{Conformal, Form};
//! use anomaly::metrics::figures;
//! use anomaly::{Inputs, Known, Labels, Method, Rows};
//!
//! // Two classes of clips along two directions.
//! let clip = |i: usize| if i % 2 == 0 { [5.0, (i as f32).sin()] } else { [(i as f32).cos(), 5.0] };
//! let training: Vec<f32> = (0..40).flat_map(clip).collect();
//! let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
//! let known = Known {
//!     inputs: Inputs { embedding: Some(Rows::new(&training, 2)?), ..Inputs::default() },
//!     labels: Labels::new(&labels, 2)?,
//!     unknown sounds: Inputs::default(),
//! };
//! let detector = Method::Knn(Default::default()).fit(&known)?;
//!
//! // Forty new clips, two from each recording, and three unknown sounds.
//! let new: Vec<f32> = (40..80).flat_map(clip).collect();
//! let inputs = Inputs { embedding: Some(Rows::new(&new, 2)?), ..Inputs::default() };
//! let calibration = detector.score(&inputs)?;
//! let unknown = [-5.0, -5.0, -4.0, 0.0, 0.0, -6.0];
//! let inputs = Inputs { embedding: Some(Rows::new(&unknown, 2)?), ..Inputs::default() };
//! let unknown = detector.score(&inputs)?;
//! assert_eq!(figures(&calibration, &unknown)?.auroc, 1.0);
//!
//! let recordings: Vec<usize> = (0..40).map(|i| i / 2).collect();
//! let conformal = Conformal::fit(&calibration, &recordings, Form::Weighted)?;
//! conformal.check_alpha(0.05)?;
//! assert!(conformal.p_value(unknown[0]) <= 0.05);
//!
//! let json = serde_json::to_string(&detector)?;
//! assert_eq!(serde_json::from_str::<anomaly::Detector>(&json)?, detector);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod autoencoder;
mod background_class;
mod cluster;
mod combination;
pub mod conformal;
mod covariance;
mod detector;
mod energy;
mod error;
mod gaussian;
mod generalized_entropy;
mod graph;
mod isolation_forest;
mod isomap;
mod knn;
mod latent_regions;
mod local_outlier_factor;
mod logistic;
mod logits;
mod mahalanobis;
mod matrix;
mod max_logit;
mod max_softmax;
pub mod metrics;
mod minimise;
mod neighbours;
mod network;
mod pca_residual;
pub mod pool;
mod principal;
mod rows;
mod scaler;
mod seed;
mod semantic;
mod stored;
mod subspace;
pub mod threshold;
mod vim;

pub use autoencoder::{Autoencoder, AutoencoderConfig};
pub use background_class::{BackgroundClass, BackgroundClassConfig};
pub use cluster::{Clusters, cluster};
pub use combination::{LogisticFusion, LogisticFusionConfig, RankMean};
pub use covariance::Shrinkage;
pub use detector::{Detector, EnergyConfig, Input, Inputs, Known, MaxLogitConfig, Method};
pub use energy::energy;
pub use error::{Error, Result};
pub use generalized_entropy::{GeneralizedEntropy, GeneralizedEntropyConfig};
pub use isolation_forest::{IsolationForest, IsolationForestConfig};
pub use isomap::{Isomap, IsomapConfig};
pub use knn::{Knn, KnnConfig};
pub use latent_regions::{LatentRegions, LatentRegionsConfig};
pub use local_outlier_factor::{LocalOutlierFactor, LocalOutlierFactorConfig};
pub use mahalanobis::{Mahalanobis, MahalanobisConfig, RelativeMahalanobis};
pub use max_logit::max_logit;
pub use max_softmax::{BASELINE_SOFTMAX_THRESHOLD, MaxSoftmax, MaxSoftmaxConfig};
pub use network::Training;
pub use pca_residual::{PcaResidual, PcaResidualConfig};
pub use principal::PrincipalAxes;
pub use rows::{Labels, Rows};
pub use semantic::{Semantic, SemanticConfig};
pub use stored::{Stored, Tensor};
pub use subspace::Keep;
pub use vim::{Vim, VimConfig};
