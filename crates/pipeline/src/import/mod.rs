//! Data as other tools lay it out, as a manifest.
//!
//! | file | what |
//! | --- | --- |
//! | `options.rs` | how data are read, and what comes of it |
//! | `recognize.rs` | what a folder or a table is |
//! | `names.rs` | what names of files and columns say |
//! | `folders.rs` | class folders of BirdNET-Analyzer, and Hugging Face's audiofolder without a table |
//! | `tables.rs` | tables with a row a file: ESC-50's, and the `metadata.csv` or `metadata.jsonl` of an audiofolder |
//! | `annotated.rs` | recordings with tables of annotations |
//! | `cut.rs` | annotations of a recording as clips with one label each |
//!
//! docs/import.md says what is recognized by what, and which rules hold.

mod annotated;
mod cut;
mod folders;
mod names;
mod options;
mod recognize;
mod tables;

pub use options::{Imported, Layout, Options};

use crate::error::Result;
use crate::inputs::kind::{Expected, expect};
use crate::named::Named;
use crate::observer::CancelToken;
use audio_io::Manifest;
use std::path::Path;

/// Reads data of any layout.
///
/// # Errors
/// What is of no known layout or cannot be read, and a stop that was asked for.
#[tracing::instrument(level = "debug", skip_all, fields(path = %path.display()))]
pub fn open(path: &Path, options: &Options, cancel: &CancelToken) -> Result<Imported> {
    expect(path, Expected::Manifest)?;
    let layout = match options.layout {
        Some(layout) => layout,
        None => recognize::layout(path, options, cancel)?,
    };
    tracing::debug!(layout = layout.name(), "layout");
    let imported = match layout {
        Layout::Manifest | Layout::Folders => {
            Ok(Imported::of(layout, Manifest::open_until(path, &|| cancel.is_cancelled())?))
        }
        Layout::Birdnet => folders::birdnet(path, cancel),
        Layout::Audiofolder => match storage::is_dir(path) {
            true => folders::audiofolder(path, options, cancel),
            false => tables::audiofolder(path, &[path.to_owned()], options),
        },
        Layout::Esc50 => tables::esc50(path, options),
        Layout::Annotations => annotated::read(path, options, cancel),
    };
    cancel.check("nothing was written")?;
    imported
}
