//! Tables in the formats of other tools, and in our own: one file a format behind [`TableWriter`].
//!
//! Times are whole milliseconds inside and printed with three decimals. Formats that do not quote (Raven, Audacity), and those
//! whose readers are known to stumble over line breaks in cells (Kaleidoscope, BirdNET), get a space for every control character
//! of a name; our own formats keep names as they are.

mod audacity;
mod birdnet;
mod csv;
mod json_lines;
mod kaleidoscope;
mod parquet;
mod selections;
mod text;
mod writer;

pub use writer::TableWriter;

use crate::{Format, Provenance, Result};
use std::io::Write;

/// Starts a table of a format; writes its header.
///
/// ```
/// use detections::{Detection, Format, Provenance, table_writer};
///
/// let mut table = table_writer(Format::Audacity, Vec::new(), &Provenance::default())?;
/// table.recording("night.wav", 60.0)?;
/// let bark = Detection { path: "night.wav".into(), start_ms: 500, end_ms: 2_000, label: "dog".into(), score: 0.93, ..Detection::default() };
/// table.write(&bark)?;
/// assert_eq!(table.finish()?, b"0.500\t2.000\tdog 0.93\n");
/// # Ok::<(), detections::Error>(())
/// ```
///
/// # Errors
/// A destination that cannot be written to.
pub fn table_writer<'w, W: Write + Send + 'w>(
    format: Format,
    out: W,
    provenance: &Provenance,
) -> Result<Box<dyn TableWriter<W> + Send + 'w>> {
    use selections::{Selections, Style};
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(out, provenance)?),
        Format::JsonLines => Box::new(json_lines::JsonLines::new(out, provenance)?),
        Format::Raven => Box::new(Selections::new(out, Style::raven(provenance))?),
        Format::Audacity => Box::new(audacity::Audacity::new(out)),
        Format::Kaleidoscope => Box::new(kaleidoscope::Kaleidoscope::new(out)?),
        Format::Birdnet => Box::new(birdnet::Birdnet::new(out)?),
        Format::BirdnetTable => Box::new(Selections::new(out, Style::Birdnet)?),
        Format::Parquet => Box::new(parquet::Parquet::new(out, provenance)?),
    })
}
