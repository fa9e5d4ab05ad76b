//! What a later server finds of a training, where it has the same folder.

use super::one::{Fit, Inner, State};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the file in a training's folder.
const NAME: &str = "fit-record.json";

#[derive(Serialize, Deserialize)]
struct Record {
    name: String,
    minutes: f64,
    state: State,
    classes: BTreeMap<String, usize>,
    bytes: u64,
    error: Option<String>,
    model: Option<String>,
}

/// Writes what is known of a training that has begun.
///
/// # Errors
/// A folder that cannot be written.
pub(crate) fn write(fit: &Fit) -> Result<()> {
    let seen = fit.seen();
    let record = Record {
        name: seen.name,
        minutes: seen.minutes,
        state: seen.state,
        classes: seen.classes,
        bytes: seen.bytes,
        error: seen.error,
        model: seen.model,
    };
    let path = fit.folder.join(NAME);
    let write = || storage::write(&path, &serde_json::to_vec_pretty(&record)?);
    write().map_err(|source| Error::File { path: path.clone(), operation: "cannot be written", source })
}

/// The training of a folder; none where it had not begun.
pub(super) fn read(folder: &Path, id: &str) -> Option<Fit> {
    let record: Record = serde_json::from_slice(&storage::read(folder.join(NAME)).ok()?).ok()?;
    let fit = Fit::new(id.to_owned(), record.name, record.minutes, folder.to_owned());
    let report = format!("/api/fits/{id}/report?key={}", fit.key);
    fit.change(|Inner { seen, .. }| {
        (seen.classes, seen.bytes, seen.error) = (record.classes, record.bytes, record.error);
        // Whoever was in the middle of it has gone.
        seen.state = if record.state.is_over() { record.state } else { State::Canceled };
        if seen.state == State::Done {
            (seen.report, seen.model) = (Some(report), record.model);
        }
    });
    Some(fit)
}
