//! What a model concludes about one window of a recording, and the tables that it is written to.
//!
//! A [`Verdict`] has a place in a recording (start, end, channel), the probability of each class, and how unusual the
//! sound is (`outlier_p`). [`Verdict::label`] turns it into one word: a class, [`NEITHER`], or [`UNSURE`]. Where it is asked
//! for, a verdict has also the set of classes that the sound may be, and what of a pretrained network spoke. An
//! [`EventFinder`] joins windows that follow each other into an [`Event`].
//!
//! [`CsvWriter`] writes verdicts with the probability of every class. [`table_writer`] writes [`Detection`]s, which are windows or
//! events, in the [`Format`]s of other tools and in our own; [`read_table`] reads them back, and those of these tools;
//! [`read_raw_table`] does so and keeps the rows as they are written, so that columns can be added.
//! Writers take rows one by one, so that a table never has to fit into memory.
//!
//! This crate must not know models, sound or files: it has names and numbers, and writes to any [`std::io::Write`].
//!
//! ```
//! use detections::{CsvWriter, Thresholds, Verdict};
//!
//! let classes = ["bird".to_owned(), "dog".to_owned()];
//! let thresholds = Thresholds { unsure_below: 0.5, alpha: 0.05 };
//! let bark = Verdict { path: "a.wav".into(), end_s: 1.0, probability: vec![0.1, 0.9], ..Verdict::default() };
//! let rain = Verdict { outlier_p: Some(0.01), ..bark.clone() };
//! assert_eq!(bark.label(&classes, thresholds).0, "dog");
//! assert_eq!(rain.label(&classes, thresholds).0, detections::NEITHER);
//!
//! let mut writer = CsvWriter::new(Vec::new(), &classes, thresholds)?;
//! writer.write(&bark)?;
//! writer.write(&rain)?;
//! let table = String::from_utf8(writer.finish()?)?;
//! assert!(table.starts_with("path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,truth,note\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod csv_table;
mod detection;
mod error;
pub mod events;
mod format;
mod json;
mod provenance;
pub mod read;
pub mod review;
pub mod tables;
mod time;
mod verdict;

pub use csv_table::{Columns, CsvTable, CsvWriter, TableRow, read_csv};
pub use detection::Detection;
pub use error::{Error, Result};
pub use events::{EVENT_ALPHA, Event, EventFinder, EventSettings};
pub use format::Format;
pub use json::to_json;
pub use provenance::Provenance;
pub use read::{NOT, RawTable, TableDetection, read_raw_table, read_table, table_model};
pub use tables::{TableWriter, table_writer};
pub use verdict::{NEITHER, Thresholds, UNSURE, Verdict};
