//! Every stage of barkbird as a function: options in, typed results out.
//!
//! A stage is a module with `Options` and a function `run`, which takes them and a [`Job`]: the device, the seed, who
//! watches ([`Observer`]) and how it is stopped ([`CancelToken`]). Stages meet on disk: what one writes, the next reads.
//!
//! A stage that writes a folder creates and locks it before any work ([`output`]), so that a second writer is refused, and
//! names what was given in the place of another thing ([`inputs::what_is`]).
//!
//! This crate must not know the command line or a terminal. Progress, messages and warnings are events of the
//! observer; nothing is printed, and nothing ends the process.
//!
//! ```no_run
//! use pipeline::{Job, evaluate, features, scan, train};
//!
//! let job = Job::default();
//! scan::run(&scan::Options::new("recordings", "manifest.csv"), &job)?;
//! features::run(&features::Options::new("manifest.csv", "features"), &job)?;
//! train::run(&train::Options::new(train::ModelKind::Cnn, "features", "run"), &job)?;
//! let measured = evaluate::run(&evaluate::Options::new("run", "features", "run/test"), &job)?;
//! println!("balanced accuracy {:?}", measured.metrics.balanced_accuracy);
//! # Ok::<(), pipeline::Error>(())
//! ```

pub mod anomaly;
pub mod augment;
pub mod backbone;
mod balanced;
#[cfg(feature = "buckets")]
pub mod buckets;
mod cache_folder;
pub mod calibrate;
pub mod check;
pub mod clips;
pub mod compare;
pub mod compute;
pub mod config;
mod device_precision;
pub mod doctor;
mod download;
pub mod embed;
mod embeddings;
mod error;
pub mod evaluate;
mod exhibit;
pub mod export;
mod extraction;
pub mod features;
pub mod fetch;
pub mod fit;
pub mod import;
pub mod inputs;
mod job;
mod json_lines;
mod measured_precision;
mod named;
mod observer;
mod origin;
pub mod output;
pub mod predict;
mod pretrained;
pub mod process;
pub mod report;
pub mod review;
mod run_events;
pub mod run_record;
pub mod scan;
pub mod sizes;
pub mod strategy;
pub mod stress;
pub mod synth;
pub mod table;
pub mod train;
mod workers;

pub use candle_core::Device;
pub use error::{Error, Result, advice};
pub use inference::{MODEL_FILE, one_line};
pub use job::Job;
pub use json_lines::JsonLines;
pub use named::Named;
pub use observer::{CancelToken, Event, Observer, Silent, Unit};
pub use run_events::{RecordingDone, RunFinished, RunStarted, SoundProgress};
pub use workers::pool::{Arguments, Task, Workers};
pub use workers::process::stop_with_standard_input;
