//! Any ONNX audio model as a backbone: windows of a waveform in, embeddings and class scores out, computed by tract.
//!
//! This crate must not know a classifier, a detector or any other tensor library, and it never changes a model's file. It
//! reads what the file says of itself, asks for the rest by the name of a key, and refuses to guess.
//!
//! # What a model must be
//! - One input, a waveform of 32-bit floats: `[N]`, `[B, N]` or `[B, 1, N]`. B and N may be fixed or symbols.
//! - An output with class scores, one with an embedding, or both, of 32-bit floats: one row for a window (`[B, D]`,
//!   `[B, D, 1, 1]`, or `[D]` where B is 1), or several (`[B, T, D]`, `[B * T, D]`, `[B, H, W, D]`). Several rows are pooled:
//!   embeddings by their mean; scores become probabilities row by row, and then the 4th root of the mean of their 4th powers,
//!   so that a short call in a long window counts.
//! - All weights in the one file, so that its SHA-256 is that of the model.
//!
//! # The TOML file
//! What is known of `perch.onnx` beside the graph is in `perch.toml`. Every key is optional; what it says goes before what
//! the file's metadata say, and these before what follows from the graph.
//!
//! ```toml
//! sample_rate_hz = 32000
//! window_s = 5.0                  # or window_samples = 160000
//! hop_s = 2.5
//! input = "inputs"
//! input_shape = "[B, N]"
//! input_peak = 1.0
//! normalize_peak = 0.25
//! class_output = "label"
//! activation = "softmax"
//! activation_applied = false
//! classes_file = "labels.txt"     # or classes = ["Accipiter nisus", "Acrocephalus scirpaceus"]
//! embedding_output = "embedding"
//! license = "Apache-2.0"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! ```
//!
//! | key | meaning | metadata | else |
//! | --- | --- | --- | --- |
//! | `sample_rate_hz` | sample rate, 1000 to 1000000 | `sample_rate` | an error |
//! | `window_samples` or `window_s` | length of a window | `sample_duration` (s) | N of the graph; any length where N is a symbol |
//! | `hop_s` | seconds from one window of a clip to the next | | half a window |
//! | `input` | name of the input | | the only one |
//! | `input_shape` | `"[N]"`, `"[B, N]"` or `"[B, 1, N]"` | | by the input's dimensions |
//! | `input_peak` | value of full scale: 1.0, or 32768.0 for a model of 16-bit samples | | 1.0 |
//! | `normalize_peak` | every window is scaled to this peak first (of full scale 1), as some models were trained | | windows are left as they are |
//! | `class_output` | name of the output with class scores; `""` for none | `class_outputs_key` | the only one that is as wide as there are classes |
//! | `activation` | from scores to probabilities: `"sigmoid"` (independent classes), `"softmax"` (exclusive ones) or `"none"` | | Sigmoid or Softmax, where the graph ends with it; otherwise an error |
//! | `activation_applied` | whether the graph applies it | | whether the graph ends with it |
//! | `classes` or `classes_file` | class names; a file has one a line, and its path is relative to the TOML file | `classes` (JSON list) | no names |
//! | `embedding_output` | name of the output with the embedding; `""` for none | `embedding_outputs_key` | the only other one |
//! | `license` | license of the model, as an SPDX expression | `license` | not stated |
//! | `sha256` | SHA-256 of the ONNX file; another file is an error | | not compared |
//!
//! The metadata are those that OpenSoundscape's `ONNXModel` reads. An error names the key to add:
//! `perch.onnx: sample rate: not in the metadata (sample_rate); put sample_rate_hz = 32000 into perch.toml`.
//!
//! # How it runs
//! The sizes of the input are set, and every other size follows from them; inner sizes that the file states are not looked
//! at. Where the graph leaves B open, windows go through one at a time and on all threads: larger batches are slower here.
//! A graph with a fixed B gets so many, with silence for those that are missing. A window's result does not depend on the
//! number of threads.
//!
//! Two operations are rewritten on reading, since tract 0.23 takes less than exporters write: STFT of a signal `[B, N]`, and
//! DFT along another axis than 1 before operator set 20. `MelWeightMatrix` is refused, since tract computes other bands than
//! the standard.
//!
//! A file is not trusted: sizes that it states are checked before memory is taken for them, and a panic of tract becomes an
//! error. A graph can still be made to take hours, or more memory than there is.
//!
//! # Example
//! ```no_run
//! use models_onnx::OnnxBackbone;
//! use std::path::Path;
//!
//! let backbone = OnnxBackbone::open(Path::new("perch.onnx"))?;
//! let n_samples = backbone.description().window_samples.unwrap_or(160_000);
//! let window = vec![0.0; n_samples];
//! let outputs = backbone.run(&[&window])?;
//! assert_eq!(outputs.embedding.len(), outputs.dim);
//! # Ok::<(), models_onnx::Error>(())
//! ```

mod backbone;
mod check;
mod description;
mod error;
mod graph;
mod guard;
mod plan;
mod pool;
mod repair;
mod settings;

pub use backbone::{OnnxBackbone, Outputs};
pub use check::{Batch, Check, check};
pub use description::{Description, Embedding, Input, Scores};
pub use error::{Error, Result};
pub use settings::{Activation, InputShape};
