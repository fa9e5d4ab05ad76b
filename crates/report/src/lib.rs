//! Pages for people from what training and evaluation wrote: one HTML file with learning curves, tables, pictures and
//! sounds in it, which opens without a network. Also a spectrogram as a PNG picture and a scatter plot as SVG.
//!
//! - [`render`]: the report on one or more runs, from [`RunReport`]s. It takes any kind of model: what a run does not have
//!   (epochs, an evaluation, recorded commands) is absent or said to be missing, never an error.
//! - [`render_findings`]: a page of [`Section`]s with sentences, numbers, tables and sounds, for other commands.
//! - [`spectrogram_png`] and [`spectrogram_sheet`]: spectrograms with axes and a title in any Latin, Greek or Cyrillic
//!   spelling. [`attention_png`]: the same in gray, with a map over it of what a network looked at.
//! - [`scatter_svg`]: points on a plane.
//! - [`activity_svg`] and [`activity_png`]: detections by hour of day.
//! - [`comparison_svg`]: models side by side; [`learning_svg`]: over the number of training clips.
//!
//! This crate knows numbers and bytes. It must not know how a model is trained, how a sound is decoded or where files
//! are: the caller reads them. Conclusions in words are computed here from documented thresholds: on curves by [`words`],
//! on an evaluation within the page.
//!
//! # Example
//! ```
//! use report::{Axes, ClipPlace, Epoch, Example, Gallery, Metrics, RunReport, render, spectrogram_png};
//!
//! let axes = Axes { seconds: 1.0, band_hz: vec![500.0, 1000.0], title: "dog/a.wav".into(), unit: "Hz".into() };
//! let png = spectrogram_png(&[-80.0, -3.0, 0.0, -80.0], 2, 2, &axes)?;
//!
//! let line = r#"{"epoch": 1, "step": 8, "lr": 0.001, "train_loss": 0.7, "val_loss": 0.6, "seconds": 2.5}"#;
//! let metrics = r#"{"split": "test", "n": 51, "n_groups": 29, "accuracy": 0.86, "balanced_accuracy": 0.857,
//!                   "intervals": {"balanced_accuracy": [0.75, 0.94]}}"#;
//! let clip = ClipPlace { path: "dog/a.wav".into(), ..ClipPlace::default() };
//! let examples = vec![Example { clip, predicted: "dog".into(), png, ..Example::default() }];
//! let gallery = Gallery { title: "Examples".into(), parts: vec![("dog".into(), examples)], ..Gallery::default() };
//! let run = RunReport {
//!     name: "first".into(),
//!     classes: vec!["bird".into(), "dog".into()],
//!     epochs: vec![serde_json::from_str::<Epoch>(line)?],
//!     evaluations: vec![serde_json::from_str::<Metrics>(metrics)?.into()],
//!     galleries: vec![gallery],
//!     ..RunReport::default()
//! };
//! let html = render("My first run", &[run])?;
//! assert!(html.contains("balanced accuracy is 0.857"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod activity_png;
mod attention_png;
mod bar;
mod canvas;
mod card;
mod color;
mod comparison;
mod confusion;
mod curves;
mod data;
mod error;
mod evaluation;
mod findings;
#[cfg(test)]
mod golden;
mod learning;
mod number;
mod page;
mod payload;
mod plot;
mod ranking;
mod reliability;
mod review;
mod run;
mod scatter;
mod section;
mod spectrogram;
mod summary;
mod svg;
mod table;
mod text;
mod ticks;
mod unknown;
pub mod words;

pub use activity::{Activity, activity_svg};
pub use activity_png::activity_png;
pub use attention_png::attention_png;
pub use comparison::{Compared, comparison_svg};
pub use data::{ClassMetrics, Epoch, Metrics, Skipped, Unknown, UnknownSet};
pub use error::{Error, Result};
pub use findings::{Findings, render_findings};
pub use learning::{LearningLine, LearningPanel, learning_svg};
pub use page::render;
pub use review::{ReviewItem, ReviewQueue, render_review};
pub use run::{ClipPlace, EmbeddingMap, Evaluation, Example, Gallery, LookedAt, MapPoint, Prediction, RunReport};
pub use scatter::{Cloud, scatter_svg};
pub use section::{LineFigure, Section, SoundCard};
pub use spectrogram::{Axes, Panel, spectrogram_png, spectrogram_sheet};
pub use table::Table;
