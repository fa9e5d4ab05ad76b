//! Where each clip is cut from, and what it is called.

use super::names::{Named, Names};
use super::options::{Encoding, Options};
use crate::error::Result;
use crate::inputs::Recordings;
use audio_io::{Place, StartSource, recorder_info};
use detections::TableDetection;
use shard::Skipped;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// All clips.
pub(super) struct Plan {
    /// By recording.
    pub(super) of_recordings: Vec<OfRecording>,
    /// Recordings that are not there.
    pub(super) skipped: Vec<Missing>,
}

/// A recording that is not there, and the number of its detections.
pub(super) struct Missing {
    pub(super) skipped: Skipped,
    pub(super) rows: usize,
}

/// The clips of a recording.
pub(super) struct OfRecording {
    pub(super) path: PathBuf,
    /// By time.
    pub(super) parts: Vec<Part>,
}

/// A part of a recording that becomes a clip.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) row: TableDetection,
    /// Path of the clip below the folder, with `/`.
    pub(super) name: String,
    /// The recording.
    pub(super) path: String,
    /// Real time of the detection's start, and where that is from.
    pub(super) recorded: Option<(String, StartSource)>,
    pub(super) place: Option<Place>,
}

/// Finds recordings, and names clips in an order that depends on the table alone.
///
/// # Errors
/// Recordings that are ambiguous.
pub(super) fn plan(
    rows: &[TableDetection],
    chosen: &[usize],
    recordings: &Recordings,
    names: &mut Names<'_>,
    options: &Options,
) -> Result<Plan> {
    let mut found = HashMap::<Option<&str>, Option<PathBuf>>::new();
    let mut by_path = BTreeMap::<PathBuf, Vec<usize>>::new();
    let mut missing = BTreeMap::<&str, usize>::new();
    for &nth in chosen {
        let path = rows[nth].path.as_deref();
        let place = match found.get(&path) {
            Some(place) => place.clone(),
            None => found.entry(path).or_insert(recordings.find(path)?).clone(),
        };
        match place {
            Some(place) => by_path.entry(place).or_default().push(nth),
            None => *missing.entry(path.unwrap_or_default()).or_default() += 1,
        }
    }
    let missing = missing.into_iter().map(|(path, n)| {
        let reason = format!("{} ({n} {})", recordings.reason(), if n == 1 { "detection" } else { "detections" });
        Missing { skipped: Skipped { path: path.to_owned(), reason }, rows: n }
    });
    let mut of_recordings = Vec::new();
    for (path, mut of) in by_path {
        of.sort_by_key(|&nth| (rows[nth].start_ms, rows[nth].end_ms, nth));
        let parts = parts(&path, of.into_iter().map(|nth| &rows[nth]), names, options.encoding);
        of_recordings.push(OfRecording { path, parts });
    }
    Ok(Plan { of_recordings, skipped: missing.collect() })
}

fn parts<'a>(
    path: &Path,
    rows: impl Iterator<Item = &'a TableDetection>,
    names: &mut Names<'_>,
    encoding: Encoding,
) -> Vec<Part> {
    let info = recorder_info(path);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let part = |row: &TableDetection| {
        let recorded = info.start.map(|start| (start.at(row.start_ms), start.source));
        let named = Named {
            label: &row.label,
            score: row.score,
            stem: &stem,
            recorded: recorded.as_ref().map(|(time, _)| time.as_str()),
            start_ms: row.start_ms,
            extension: encoding.extension(),
        };
        let name = names.of(&named);
        Part { row: row.clone(), name, path: path.to_string_lossy().into_owned(), recorded, place: info.place }
    };
    rows.map(part).collect()
}
