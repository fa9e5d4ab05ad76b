//! What a later server finds of a calibration, where it has the same folder.

use super::one::{Calibration, Seen, State};
use crate::error::{Error, Result};
use crate::review::Answers;
use std::path::{Path, PathBuf};

/// Name of the file in a calibration's folder.
const NAME: &str = "calibration-record.json";

/// Writes what is known of a calibration that is over.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn write(calibration: &Calibration) -> Result<()> {
    let path = calibration.folder.join(NAME);
    let write = || storage::write(&path, &serde_json::to_vec_pretty(&calibration.seen())?);
    write().map_err(|source| Error::File { path: path.clone(), operation: "cannot be written", source })
}

/// The calibration of a folder; none where it had not come to an end.
pub(super) fn read(folder: &Path, id: &str) -> Option<Calibration> {
    let seen: Seen = serde_json::from_slice(&storage::read(folder.join(NAME)).ok()?).ok()?;
    let seen = Seen { id: id.to_owned(), ..seen };
    let is_over = matches!(seen.state, State::Done | State::Refused | State::Failed | State::Canceled);
    is_over.then(|| Calibration::new(seen, folder.to_owned(), PathBuf::new(), Answers::default()))
}
