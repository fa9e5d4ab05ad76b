//! Settings of events in a file.

use crate::error::{Context, Result, bail};
use detections::EventSettings;
use std::path::Path;

/// The section `[events]` of a configuration file (TOML); other sections are of other commands.
///
/// # Errors
/// A file that cannot be read, is no TOML, or has no such section; a key that does not exist, or a value of another kind.
pub fn event_settings(path: &Path) -> Result<EventSettings> {
    let name = path.display();
    let text = storage::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
    let mut table: toml::Table = text.parse().with_context(|| format!("{name}: not TOML"))?;
    let Some(events) = table.remove("events") else {
        bail!("{name}: expected a section [events], with keys such as threshold = 0.6 or max_gap_s = 2.0");
    };
    events.try_into().with_context(|| format!("{name}: [events]"))
}
