//! The CSV of answers, which only grows: each answer is on the disk before it is acknowledged.

use crate::error::{Error, Result};
use detections::TableDetection;
use detections::review::{COLUMNS, Review, header as header_line, read};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use storage::AppendFile;

/// A part of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    path: String,
    pub(super) start_ms: u64,
    end_ms: u64,
    channel: Option<u16>,
}

impl Place {
    pub(super) fn of(row: &TableDetection) -> Self {
        let path = row.path.clone().unwrap_or_default();
        Self { path, start_ms: row.start_ms, end_ms: row.end_ms, channel: row.channel }
    }

    fn of_review(review: &Review) -> Self {
        let ms = |seconds: f64| (seconds * 1000.0).round() as u64;
        let (start_ms, end_ms) = (ms(review.start), ms(review.end));
        Self { path: review.path.clone(), start_ms, end_ms, channel: review.channel }
    }
}

/// The CSV.
pub(crate) struct Reviews {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Open from the first answer on.
    file: Option<AppendFile>,
    /// Whether the last answer about each part stands, whoever gave it: it may have been taken back.
    last: HashMap<Place, bool>,
}

impl State {
    fn take(&mut self, review: &Review) {
        self.last.insert(Place::of_review(review), !review.label.is_empty());
    }
}

/// What is in the file, without a row that was cut off while it was written.
fn whole_rows(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    &bytes[..end]
}

impl Reviews {
    /// Looks at what the file has already; it is made with the first answer.
    ///
    /// # Errors
    /// A file that cannot be read, or is something else.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut state = State::default();
        if storage::exists(path) {
            let bytes = storage::read(path).map_err(|source| file_error(path, "cannot be read", source))?;
            rows(&bytes, path)?.iter().for_each(|review| state.take(review));
        }
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parts of recordings about which somebody has said something that was not taken back.
    pub(crate) fn answered(&self) -> HashSet<Place> {
        let state = self.state();
        state.last.iter().filter(|(_, stands)| **stands).map(|(place, _)| place.clone()).collect()
    }

    /// Appends answers, and makes sure that they survive a power cut.
    ///
    /// # Errors
    /// A file that cannot be written, or that another process writes.
    pub(crate) fn append(&self, reviews: &[Review]) -> Result<()> {
        let mut state = self.state();
        let failed = |source| file_error(&self.path, "cannot be written", source);
        if state.file.is_none() {
            let mut file = AppendFile::open(&self.path).map_err(failed)?;
            let mut bytes = vec![0; file.n_bytes().map_err(failed)? as usize];
            file.read_exact_at(0, &mut bytes).map_err(failed)?;
            // Another process may have written it since the start.
            rows(&bytes, &self.path)?.iter().for_each(|review| state.take(review));
            let end = whole_rows(&bytes).len() as u64;
            if end == 0 {
                file.write_from(0, header_line().as_bytes()).map_err(failed)?;
            } else if end < bytes.len() as u64 {
                file.write_from(end, b"").map_err(failed)?;
            }
            state.file = Some(file);
        }
        let mut lines = Vec::new();
        for review in reviews {
            lines.extend(review.to_csv().map_err(|error| failed(std::io::Error::other(error)))?);
        }
        let Some(file) = &mut state.file else { return Ok(()) };
        let end = file.n_bytes().map_err(failed)?;
        let written = file.write_from(end, &lines).and_then(|()| file.sync());
        if let Err(error) = written {
            // Half a row must not stay before the next.
            drop(file.write_from(end, b""));
            return Err(failed(error));
        }
        reviews.iter().for_each(|review| state.take(review));
        Ok(())
    }

    /// All rows.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn rows(&self) -> Result<Vec<Review>> {
        let bytes = self.bytes().map_err(|source| file_error(&self.path, "cannot be read", source))?;
        rows(&bytes, &self.path)
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> std::io::Result<Vec<u8>> {
        // Nobody is in the middle of a row meanwhile.
        let state = self.state();
        let bytes = match &state.file {
            Some(file) => {
                let mut bytes = vec![0; file.n_bytes()? as usize];
                file.read_exact_at(0, &mut bytes)?;
                bytes
            }
            None if storage::exists(&self.path) => storage::read(&self.path)?,
            None => Vec::new(),
        };
        match whole_rows(&bytes) {
            [] => Ok(header_line().into_bytes()),
            whole => Ok(whole.to_vec()),
        }
    }
}

fn file_error(path: &Path, operation: &'static str, source: std::io::Error) -> Error {
    Error::File { path: path.to_owned(), operation, source }
}

/// The rows of a file; none of an empty one.
fn rows(bytes: &[u8], path: &Path) -> Result<Vec<Review>> {
    match whole_rows(bytes) {
        [] if bytes.is_empty() => Ok(Vec::new()),
        [] => Err(Error::Reviews {
            path: path.to_owned(),
            expected: COLUMNS.join(","),
            got: String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned(),
        }),
        whole => Ok(read(whole, &path.to_string_lossy()).map_err(pipeline::Error::from)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn review(start: f64, label: &str) -> Review {
        Review { path: "a.wav".into(), start, end: start + 1.0, label: label.into(), ..Review::default() }
    }

    #[test]
    fn rows_are_appended_taken_back_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reviews.csv");
        let reviews = Reviews::open(&path).unwrap();
        assert!(!path.exists() && reviews.bytes().unwrap() == header_line().as_bytes());
        reviews.append(&[review(0.0, "dog"), review(1.0, "neither")]).unwrap();
        assert_eq!(reviews.answered().len(), 2);
        reviews.append(&[review(0.0, "")]).unwrap();
        assert_eq!(reviews.answered().len(), 1);
        drop(reviews);
        // What was cut off in the middle of a row goes.
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 4);
        fs::write(&path, format!("{text}a.wav,5,6,,do")).unwrap();
        let reviews = Reviews::open(&path).unwrap();
        assert_eq!(reviews.bytes().unwrap(), text.as_bytes());
        reviews.append(&[review(7.0, "dog")]).unwrap();
        let again = fs::read_to_string(&path).unwrap();
        assert!(again.starts_with(&text) && again.lines().count() == 5, "{again}");
    }

    #[test]
    fn another_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reviews.csv");
        for other in ["path,label\na,b\n", "no line"] {
            fs::write(&path, other).unwrap();
            let message = pipeline::one_line(&Reviews::open(&path).err().unwrap());
            assert!(message.contains("expected the columns path,start"), "{message}");
        }
    }
}
