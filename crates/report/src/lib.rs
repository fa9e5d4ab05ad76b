//! What training and evaluation wrote, as a page that a person reads: one HTML file with curves, tables, pictures and
//! sounds in it, which opens without a network; and a spectrogram as a PNG picture.
//!
//! This crate knows figures and bytes. It must not know how a model is trained, how a sound is decoded or where files
//! lie: the caller reads them and passes [`RunReport`]s. What the figures and curves say in words is computed here,
//! by [`words`] and for evaluations within the page, from documented thresholds.
//!
//! # Example
//! ```
//! use report::{Axes, Epoch, Example, Metrics, RunReport, render, spectrogram_png};
//!
//! let axes = Axes { seconds: 1.0, band_hz: vec![500.0, 1000.0], title: "dog/a.wav".into(), unit: "Hz".into() };
//! let png = spectrogram_png(&[-80.0, -3.0, 0.0, -80.0], 2, 2, &axes)?;
//!
//! let line = r#"{"epoch": 1, "step": 8, "lr": 0.001, "train_loss": 0.7, "val_loss": 0.6, "seconds": 2.5}"#;
//! let metrics = r#"{"split": "test", "n": 51, "n_groups": 29, "accuracy": 0.86, "balanced_accuracy": 0.857,
//!                   "intervals": {"balanced_accuracy": [0.75, 0.94]}}"#;
//! let run = RunReport {
//!     name: "first".into(),
//!     classes: vec!["bird".into(), "dog".into()],
//!     epochs: vec![serde_json::from_str::<Epoch>(line)?],
//!     evaluations: vec![serde_json::from_str::<Metrics>(metrics)?],
//!     examples: vec![Example { path: "dog/a.wav".into(), predicted: "dog".into(), png, ..Example::default() }],
//!     ..RunReport::default()
//! };
//! let html = render("My first run", &[run])?;
//! assert!(html.contains("balanced accuracy is 0.857"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod colour;
mod confusion;
mod curves;
mod data;
mod error;
mod html;
mod number;
mod png;
mod scatter;
mod sections;
mod summary;
mod ticks;
pub mod words;

pub use data::{ClassMetrics, Epoch, Example, Metrics, RunReport, Skipped};
pub use error::{Error, Result};
pub use html::render;
pub use png::{Axes, Panel, spectrogram_png, spectrogram_sheet};
pub use scatter::{Cloud, scatter_svg};
pub use sections::{Findings, LineFigure, Section, SoundCard, Table, render_findings};
