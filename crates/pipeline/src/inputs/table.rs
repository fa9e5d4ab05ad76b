//! Tables of detections and annotations.

use super::kind::{Kind, what_is};
use crate::error::{Context, Result, bail};
use detections::TableDetection;
use std::path::Path;
use storage::StoredFile;

/// The detections of a table, ours or another tool's.
///
/// # Errors
/// What is no table of detections, and a table that cannot be read.
pub fn detections(table: &Path, label_column: Option<&str>) -> Result<Vec<TableDetection>> {
    Ok(detections::read_table(open_table(table)?, &table.to_string_lossy(), label_column)?)
}

/// A table of detections.
pub(crate) fn open_table(table: &Path) -> Result<StoredFile> {
    let what = match what_is(table) {
        Kind::Table | Kind::Other | Kind::Missing if !storage::is_dir(table) => None,
        kind => Some(kind.words()),
    };
    if let Some(what) = what {
        bail!(
            "{} is {what}; expected a table of detections: `barkbird predict` writes one, and other tools do",
            table.display()
        );
    }
    storage::open(table).with_context(|| format!("{}: cannot be read", table.display()))
}
