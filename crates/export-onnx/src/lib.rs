//! A trained model as one ONNX graph: samples in; probabilities, embedding and the score of unknown sounds out.
//!
//! [`onnx`] writes the graph of a model's file: its networks, front ends, calibration and first detector, with operations of opset 17 that
//! every runtime has. There is no Fourier transform among them: frames are multiplied with fixed kernels. [`evaluate`] computes a graph
//! by the letter, slowly, so that what was written can be compared with the model before anybody has it.
//!
//! | file | part of the graph |
//! | --- | --- |
//! | `resample.rs`, `wave.rs` | from samples to the normalized spectrogram |
//! | `network/` | the networks |
//! | `answer.rs` | from logits to probabilities |
//! | `unknown.rs` | the score of unknown sounds |
//! | `model.rs` | all of it, and its metadata |
//! | `graph.rs`, `proto.rs` | nodes and constants, and the file's format |
//!
//! This crate must not know a command or a folder.

mod answer;
mod error;
mod evaluate;
mod graph;
mod model;
mod network;
mod outputs;
mod proto;
mod resample;
mod unknown;
mod wave;
mod weights;

pub use error::{Error, Result};
pub use evaluate::{Array, evaluate};
pub use model::{About, Begin, Exported, onnx};
