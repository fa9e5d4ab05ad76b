//! Trains a classifier on spectrogram shards and evaluates it: batches, loss, schedule, optimizer, the training loop, and
//! metrics with confidence intervals.
//!
//! The loop is [`run`]. It is deterministic: every random number is derived from (seed, purpose, epoch, clip), so the number
//! of threads does not matter, and a run that is killed at any moment and resumed ends with the same bytes as an
//! uninterrupted one. [`evaluate`] measures a model on a split; [`predict_rows`] only runs it.
//!
//! This crate must not know any architecture: it uses a model as a [`classifier::Classifier`]. Nor does it know recordings,
//! front ends, formats of detections or the command line.
//!
//! ```
//! use candle_core::{Device, Tensor, Var};
//! use classifier::{Classifier, Error, Init, Mode, Output, Parameters};
//! use std::sync::atomic::AtomicBool;
//! use train::{Control, Data, EvaluateOptions, RunHeader, Start, TrainConfig};
//! # use shard::{ClipRecord, Header, Provenance, Spectrograms};
//! # fn spectrograms() -> Spectrograms {
//! #     let clip = |i: usize| ClipRecord {
//! #         id: format!("{i}"), path: format!("{i}.wav"), group: None, source_sha256: String::new(),
//! #         start_s: 0.0, channel: None, seconds: 1.0, view: 0, steps: vec![],
//! #     };
//! #     let provenance = Provenance {
//! #         stage: "doc".into(), version: "0".into(), configuration: serde_json::json!({}), seed: 0,
//! #         inputs: Default::default(),
//! #     };
//! #     Spectrograms {
//! #         header: Header {
//! #             schema: shard::SPECTROGRAM.into(), front_end: serde_json::json!({}),
//! #             classes: vec!["bird".into(), "dog".into()], splits: vec!["train".into(), "val".into()],
//! #             clips: (0..40).map(clip).collect(), provenance,
//! #         },
//! #         n_mels: 2, n_frames: 3,
//! #         mel: (0..40).flat_map(|i| if i % 2 == 0 { [9., 8., 9., 0., 1., 0.] } else { [0., 1., 0., 9., 8., 9.] })
//! #             .collect(),
//! #         frames: vec![3; 40], label: (0..40).map(|i| i % 2).collect(),
//! #         split: (0..40).map(|i| u8::from(i >= 30)).collect(),
//! #     }
//! # }
//!
//! /// One linear layer over the mean spectrum.
//! struct Linear { weight: Var }
//!
//! impl Classifier for Linear {
//!     fn architecture(&self) -> serde_json::Value { serde_json::json!({"kind": "linear"}) }
//!     fn n_classes(&self) -> usize { 2 }
//!     fn embedding_dim(&self) -> usize { 2 }
//!     fn forward(&self, mel: &Tensor, _mode: Mode) -> Result<Output, Error> {
//!         let embedding = mel.mean(2)?; // [B, M]
//!         Ok(Output { logits: embedding.matmul(&self.weight.t()?)?, embedding })
//!     }
//! }
//!
//! let mut parameters = Parameters::seeded(0, &Device::Cpu);
//! let model = Linear { weight: parameters.trainable("weight", &[2, 2], Init::Normal { std: 0.1 })? };
//! let data = Data::from_spectrograms(spectrograms(), "train", "val")?;
//! let config = TrainConfig { epochs: 20, lr: 0.05, ..TrainConfig::default() };
//! let header = RunHeader {
//!     version: "0".into(),
//!     compute: kernels::Compute::default(),
//!     compute_record: serde_json::json!({"device": "cpu"}),
//!     front_end: serde_json::json!({}),
//!     unit_per_db: 1.0,
//! };
//! let out = std::env::temp_dir().join(format!("barkbird-train-doc-{}", std::process::id()));
//! let control = Control { cancel: &AtomicBool::new(false), progress: &|_| {} };
//! let outcome = train::run(&model, &parameters, &data, &config, &header, &out, Start::Overwrite, &control)?;
//! assert_eq!(outcome.best.val_accuracy, Some(1.0));
//!
//! // One file contains everything that an evaluation needs.
//! let path = out.join("model.safetensors");
//! let file = classifier::ModelFile::from_bytes(&std::fs::read(&path)?, &path)?;
//! let options = EvaluateOptions::default();
//! let evaluation = train::evaluate(&model, &Device::Cpu, &file.header, &data.spectrograms, "val", options)?;
//! let metrics = evaluation.metrics;
//! assert_eq!(metrics.accuracy, Some(1.0));
//! assert!(metrics.intervals["accuracy"][0] < 0.7); // ten correct clips prove little
//! # std::fs::remove_dir_all(out)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ahead;
mod average;
mod batch;
mod batches;
mod checkpoint;
mod config;
mod control;
mod data;
mod error;
mod evaluate;
mod example;
mod exposure;
#[cfg(test)]
mod fixture;
mod flat;
mod folder;
mod fused;
mod header;
mod identity;
mod loss;
mod measure;
pub mod metrics;
mod moments;
mod normalize;
mod optimizer;
mod outcome;
mod pending;
mod plan;
mod predict;
mod resident;
mod run;
mod sampler;
mod schedule;
mod seeds;
mod slot;
mod state;
mod trainer;
mod unknowns;
mod windows;

pub use batch::{Assembler, Batch};
pub use checkpoint::{Best, CHECKPOINT_SCHEMA, Checkpoint, CheckpointHeader, EpochMetrics, Settings};
pub use config::{Monitor, TrainConfig};
pub use control::{Control, Progress};
pub use data::Data;
pub use error::{Error, Result};
pub use evaluate::{EvaluateOptions, Evaluation, evaluate, rows_of_split};
pub use example::Example;
pub use exposure::Exposure;
pub use folder::Start;
pub use header::RunHeader;
pub use loss::soft_cross_entropy;
pub use measure::{ClassMetrics, Known, Metrics, measure};
pub use optimizer::AdamW;
pub use outcome::Outcome;
pub use predict::predict_rows;
pub use run::run;
pub use sampler::{Strata, Turn, batches, epoch_turns, n_batches};
pub use schedule::{LearningRate, PlateauState, Schedule, Span};
pub use windows::epoch_order;
