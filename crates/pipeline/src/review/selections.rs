//! Answers as selection tables of Raven Pro, in a folder.

use super::read;
use crate::clips::{Names, safe_name};
use crate::error::{Context, Result, bail};
use crate::output;
use detections::Format;
use detections::review;
use std::path::{Path, PathBuf};

/// Writes a selection table for each recording with an answer that stands, and gives their files. Names are those of the recordings;
/// what the folder has stays: a table of the same name gets a number.
///
/// # Errors
/// Files that cannot be read or are no reviews, none with an answer that stands, and a folder that cannot be written.
pub fn selections(reviews: &[PathBuf], out: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in reviews {
        all.extend(read(path)?);
    }
    let tables = review::selections(&all, concat!("barkbird ", env!("CARGO_PKG_VERSION")))?;
    if tables.is_empty() {
        let names = reviews.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        bail!("{names}: no answer that stands, so there is nothing to write to {}", out.display());
    }
    let _lock = output::folder(out)?;
    let root = storage::canonical(out).with_context(|| out.display().to_string())?;
    let mut names = Names::new(&root);
    let mut written = Vec::new();
    for table in tables {
        let path = out.join(names.free(&stem(&table.path), &[Format::Raven.suffix().trim_start_matches('.')]));
        shard::write_atomic(&path, &table.bytes)?;
        written.push(path);
    }
    Ok(written)
}

/// The name of a recording's table without its end.
fn stem(recording: &str) -> String {
    let name = recording.rsplit(['/', '\\']).next().unwrap_or_default();
    safe_name(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use detections::review::{Review, header};

    #[test]
    fn a_table_a_recording_and_none_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let row = |path: &str, label: &str| {
            let review = Review { path: path.into(), end: 1.5, label: label.into(), ..Review::default() };
            String::from_utf8(review.to_csv().unwrap()).unwrap()
        };
        let write = |name: &str, rows: &[String]| std::fs::write(path(name), header() + &rows.concat()).unwrap();
        write("first.csv", &[row("a/night.wav", "dog"), row("b/night.flac", "-dog"), row("../..", "bird")]);
        write("second.csv", &[row("a/night.wav", "neither"), row("b/night.flac", "")]);
        let names = |written: Vec<PathBuf>| -> Vec<String> {
            written.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        let out = path("raven");
        let first = names(selections(&[path("first.csv")], &out).unwrap());
        assert_eq!(first, ["_.selections.txt", "night.selections.txt", "night-2.selections.txt"]);
        // The later file counts.
        let written = selections(&[path("first.csv"), path("second.csv")], &out).unwrap();
        let read = crate::inputs::detections(&written[1], None).unwrap();
        assert_eq!((read.len(), read[0].label.as_str(), read[0].end_ms), (1, "neither", 1500));
        assert_eq!(names(written), ["_-2.selections.txt", "night-3.selections.txt"]);
        write("none.csv", &[row("a.wav", "dog"), row("a.wav", "")]);
        let error = selections(&[path("none.csv")], &path("no")).unwrap_err().to_string();
        assert!(error.contains("no answer that stands") && !path("no").exists(), "{error}");
    }
}
