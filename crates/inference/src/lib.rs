//! Opens a trained model and classifies recordings.
//!
//! [`Model::open`] reads a run's model file; [`Model::predictor`] adds what is decided when it is asked (overlap of the
//! windows, the detector of unknown sounds, thresholds); [`Predictor::recording`] gives one verdict a window. A recording is
//! decoded once for all front ends and all rows of it; its damage is in the verdicts' notes, and a window without sound
//! gets no class. Below
//! that, [`Chain`] turns a recording into spectrograms or what an ONNX model computes, [`Windows`] does so for all front ends of a model, and
//! [`unknown`] has the detectors of unknown sounds: what they look at ([`unknown::Outputs`]), how they are fitted
//! ([`unknown::Fitted`]) and what a model file keeps of them ([`unknown::Detectors`]).
//!
//! This crate must not know how a model is trained, the command line, or where tables are written.
//!
//! ```no_run
//! use inference::{Model, PredictorOptions};
//!
//! let model = Model::open("run")?;
//! let predictor = model.predictor(&PredictorOptions::default())?;
//! for verdict in predictor.recording("garden.wav")? {
//!     let (label, probability) = verdict.label(predictor.classes(), predictor.thresholds());
//!     println!("{:.1} s: {label} ({probability:.2})", verdict.start_s);
//! }
//! # Ok::<(), inference::Error>(())
//! ```

mod batch;
mod chain;
mod each;
mod error;
mod evidence;
mod front_end;
mod input;
mod live;
mod members;
mod model;
mod network;
mod onnx;
mod predictor;
mod recording;
mod recordings;
mod saliency;
mod sets;
pub mod unknown;
mod watch;
mod window_stream;
mod windows;
mod without_paths;

pub use classifier::Method as SaliencyMethod;

pub use chain::{CODE_SCHEMA, Chain, ClipSpectrogram};
pub use each::{OfRow, Seen, Take};
pub use error::{Error, Result, one_line, reason};
pub use evidence::ShowEvidence;
pub use front_end::{FrontEnd, Scratch};
pub use input::{Input, Stream};
pub use members::{MemberHeader, averaged};
pub use model::{DETECTOR_PREFIX, Forward, MODEL_FILE, Member, Model, read_model};
pub use network::build;
pub use onnx::OnnxModel;
pub use predictor::{Answers, Failed, Judged, Predictor, PredictorOptions, Reject};
pub use recording::{damage_words, decode, enough};
pub use recordings::Prepared;
pub use saliency::{Explanation, Saliency};
pub use sets::Sets;
pub use watch::Watch;
pub use windows::{Window, Windowed, Windows};
pub use without_paths::without_paths;
