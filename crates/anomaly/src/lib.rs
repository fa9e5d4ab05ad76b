//! Detectors of unknown sounds: fitted on rows of known clips, scored on rows of any clips, measured and calibrated.
//! **A higher score always means less like the known sounds.**
//!
//! Rows are plain numbers: embeddings, logits, the scores of a backbone's own classes, or the cells of spectrograms
//! ([`Rows`], `[N, D]`). This crate must not know candle tensors, models, audio or files: the caller passes rows and gets
//! scores.
//!
//! # Overview
//! 1. A [`Method`] is a method with its settings. [`Method::all`] lists every method with its defaults,
//!    [`Method::needs`] the rows that it needs, [`Method::describe`] what its score is, and [`Method::ranks_like`] which
//!    methods are equivalent with two classes.
//! 2. [`Method::fit`] fits a [`Detector`] on the training clips ([`Known`]: rows, labels, and labeled unknown sounds for
//!    the one method that uses them).
//! 3. [`Detector::score`] scores clips ([`Inputs`]). A detector is stored as named f32 arrays and a small JSON
//!    ([`Stored`], [`Detector::to_tensors`], [`Detector::from_tensors`]), or with serde as JSON. A stored detector gives
//!    the same scores, bit for bit.
//! 4. [`metrics`] measures scores against labeled unknown sounds, with intervals over groups. [`RankMean`] and
//!    [`LogisticFusion`] combine detectors; they are fitted on validation scores.
//! 5. [`pool`](mod@pool) combines the windows of a clip, [`conformal`] turns scores into p-values with a guarantee, and
//!    [`threshold`] sets a threshold; the last two are calibrated on known clips that nothing was fitted on. [`coverage`]
//!    makes the p-values of each class, and sets of classes, from a classifier's probabilities in the same way; [`precision`] reads thresholds
//!    with a precision off held-out clips.
//!
//! Each method is also a type of its own ([`Knn`], [`Mahalanobis`], ...) with `fit` (or `new` where nothing is fitted),
//! `score`, `to_tensors` and `from_tensors`. `registry.rs` lists them and says how to add one.
//!
//! Equal input and seed give equal bytes on one machine, whatever the number of threads.
//!
//! # Example
//! ```
//! use anomaly::conformal::{Conformal, Form};
//! use anomaly::metrics::figures;
//! use anomaly::{Inputs, Known, Labels, Method, Rows};
//!
//! // Forty training clips of two classes, each along a direction of its own.
//! let clip = |i: usize| if i % 2 == 0 { [5.0, (i as f32).sin()] } else { [(i as f32).cos(), 5.0] };
//! let training: Vec<f32> = (0..40).flat_map(clip).collect();
//! let labels: Vec<u32> = (0..40).map(|i| i % 2).collect();
//! let known = Known {
//!     inputs: Inputs { embedding: Some(Rows::new(&training, 2)?), ..Inputs::default() },
//!     labels: Labels::new(&labels, 2)?,
//!     unknowns: Inputs::default(),
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
pub mod coverage;
mod declaration;
mod detector;
mod energy;
mod error;
mod gaussian;
mod generalized_entropy;
mod graph;
mod inputs;
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
mod names;
mod neighbors;
mod network;
mod pca_residual;
pub mod place;
pub mod pool;
pub mod precision;
mod principal;
mod registry;
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
pub use energy::{Energy, EnergyConfig};
pub use error::{Error, Result};
pub use generalized_entropy::{GeneralizedEntropy, GeneralizedEntropyConfig};
pub use inputs::{Input, Inputs, Known};
pub use isolation_forest::{IsolationForest, IsolationForestConfig};
pub use isomap::{Isomap, IsomapConfig};
pub use knn::{Knn, KnnConfig};
pub use latent_regions::{LatentRegions, LatentRegionsConfig};
pub use local_outlier_factor::{LocalOutlierFactor, LocalOutlierFactorConfig};
pub use mahalanobis::{Mahalanobis, MahalanobisConfig, RelativeMahalanobis};
pub use max_logit::{MaxLogit, MaxLogitConfig};
pub use max_softmax::{BASELINE_SOFTMAX_THRESHOLD, MaxSoftmax, MaxSoftmaxConfig};
pub use names::canonical_name;
pub use network::Training;
pub use pca_residual::{PcaResidual, PcaResidualConfig};
pub use principal::PrincipalAxes;
pub use registry::{Detector, Method};
pub use rows::{Labels, Rows};
pub use semantic::{Semantic, SemanticConfig};
pub use stored::{Stored, Tensor};
pub use subspace::Keep;
pub use vim::{Vim, VimConfig};
