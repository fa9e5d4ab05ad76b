//! Hostile input: every parser of outside bytes is fed what no writer makes, and must neither panic, nor take more memory
//! than the input's size times a stated factor and a constant, nor more than [`LIMIT_S`] seconds.
//!
//! A [`Target`] is a parser as a command uses it, with seeds that the project's own writers make. [`run`] changes seeds and kept
//! inputs (bits, numbers at the edges of their types, parts left out, repeated, moved or joined, words of the format), puts checksums
//! right so that what is behind them is reached, and keeps what has a new outcome: another message, another number of samples or rows,
//! roughly. [`measure`] counts the memory of the process with an allocator of its own. All of it runs on the stable compiler, and is the
//! same for the same seed.
//!
//! # What reads outside bytes, and which target covers it
//! | reader | target |
//! | --- | --- |
//! | `audio_io::Recording`: WAV, RF64, W64; FLAC; OGG; MP3; ADTS; M4A; AIFF; CAF; Matroska (a file, and through a pipe) | `wav`, `flac`, `ogg`, `mp3`, `adts`, `mp4`, `aiff`, `caf`, `matroska` |
//! | `audio_io::decode_bytes` | `whole` |
//! | `audio_io::RowReader`: channels, resampling, level, windows | `clips` |
//! | `audio_io::recorder_info`: GUANO, LIST INFO, comments of FLAC, names of files | `recorder` |
//! | `audio_io::Manifest`: manifests and their labels | `manifest` |
//! | `detections::{read_table, read_raw_table, read_csv, table_model}`: text | `detections` |
//! | `detections::{read_table, table_model}`: Parquet | `parquet` |
//! | `shard::{Spectrograms, Embeddings}::from_bytes` | `shard` |
//! | `shard::{read_index, read_spectrograms, read_embeddings, spectrogram_shards}`, `shard::Clips` | `features` |
//! | `shard::Clips`: the list of clips | `list` |
//! | `shard::cache` | `cache` |
//! | `classifier::ModelFile`, `inference::{Model, Predictor}` with front end and normalization | `model` |
//! | `train::Checkpoint` | `training` |
//! | `models_vit::Checkpoint`: `config.json`, weights, the index of weights | `checkpoint` |
//! | `models_cnn::yamnet_from_tflite` | `tflite` |
//! | `models_onnx::OnnxBackbone`: ONNX, its TOML, labels | `onnx` |
//! | `pipeline::config::Config`, `pipeline::predict::event_settings` | `config` |
//! | `pipeline::report`: metrics.json, predictions.csv, metrics.jsonl, run.json, fit.json, doctor.json | `report` |
//! | `pipeline::predict` with `resume`: the journal | `journal` |
//! | `hub::fetch_model`: answers, the index of weights | `hub` |
//! | `hub::Archive`: ZIP archives, their names, and what is unpacked | `zip` |
//! | `serve`: queries, JSON bodies and samples of requests | `query`, `body` |
//!
//! In the place of a recording or a table no archive is read: ZIP and gzip are refused by name. Files that only our own commands write and read again (anomaly.json,
//! settings and results of `compare --sizes`) go through serde_json alone and have no target.
//!
//! ```
//! let target = fuzz::targets().into_iter().find(|target| target.name == "cache").ok_or("no such target")?;
//! let measured = fuzz::measure(|| (target.run)(b"barkche2, and no pack"));
//! assert!(measured.result.is_some() && measured.peak <= target.memory.bound(21));
//! # fuzz::remove_scratch();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod corpus;
mod engine;
mod mutate;
mod networks;
mod parts;
mod random;
mod repair;
mod scratch;
mod sounds;
mod target;
mod targets;
mod watch;

pub use corpus::{files, folder, read as read_corpus};
pub use engine::{Budget, Finding, LIMIT_S, Report, file_name, run, smaller};
pub use random::hash;
pub use scratch::remove_scratch;
pub use target::{Memory, Outcome, Target};
pub use targets::targets;
pub use watch::{HANG_S, HUNG, InFlight, MOST_MEMORY, Measured, TOO_MUCH_MEMORY, measure, start};
