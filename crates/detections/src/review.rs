//! Answers of people about detections, in an append-only CSV.
//!
//! Columns: `path`, `start`, `end` (seconds), `channel` (from 0, or empty), `label`, `reviewer`, `time` (ISO 8601, UTC), `model`,
//! `predicted` (what the model says), `score`, `outlier_p`. `label` is a class, `neither`, or `-CLASS`: not this class, and not
//! said what. The last row about a part of a recording counts; an empty label takes an answer back. `audio-io` reads the same file
//! as a manifest.

mod selections;

pub use selections::{Selections, selections};

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::Read;

/// The columns, in order.
pub const COLUMNS: [&str; 11] =
    ["path", "start", "end", "channel", "label", "reviewer", "time", "model", "predicted", "score", "outlier_p"];

/// One answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Review {
    /// The recording, as the table of detections names it.
    pub path: String,
    /// Start in the recording, seconds.
    pub start: f64,
    /// End in the recording, seconds.
    pub end: f64,
    /// The channel, counted from 0; none for the mix.
    pub channel: Option<u16>,
    /// What the reviewer says; empty takes an answer back.
    pub label: String,
    /// Who says it.
    pub reviewer: String,
    /// When, as ISO 8601 in UTC.
    #[serde(default)]
    pub time: String,
    /// Name or SHA-256 of the model.
    pub model: String,
    /// The class that the model says.
    pub predicted: String,
    /// Its score.
    pub score: Option<f64>,
    /// The p-value of the detector of unknown sounds.
    pub outlier_p: Option<f64>,
}

/// What an answer says of what was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The prediction is right.
    Right,
    /// It is wrong.
    Wrong,
    /// Nothing: the answer was taken back.
    None,
}

impl Review {
    /// What is said of the prediction.
    pub fn answer(&self) -> Answer {
        match self.label.as_str() {
            "" => Answer::None,
            label if label == self.predicted => Answer::Right,
            _ => Answer::Wrong,
        }
    }

    /// What is wrong with values that come from outside; none where they can be written.
    pub fn refusal(&self) -> Option<String> {
        let seconds = |value: f64| value.is_finite() && value >= 0.0;
        let is_number = |value: Option<f64>| value.is_none_or(f64::is_finite);
        let texts = [&self.path, &self.label, &self.reviewer, &self.time, &self.model, &self.predicted];
        if self.path.trim().is_empty() {
            return Some("path: expected the name of a recording, got none".into());
        }
        if texts.iter().any(|text| text.len() > 4096 || text.contains(['\0', '\n', '\r'])) {
            return Some("expected texts of one line and at most 4096 bytes".into());
        }
        if !(seconds(self.start) && seconds(self.end) && self.start < self.end) {
            return Some(format!("start, end: expected seconds from 0 in order, got {} and {}", self.start, self.end));
        }
        (!is_number(self.score) || !is_number(self.outlier_p)).then(|| "score, outlier_p: expected numbers".into())
    }

    /// The row as CSV, with its line end.
    ///
    /// # Errors
    /// None that a value can cause.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        writer.serialize(self).map_err(|error| Error::Write(std::io::Error::other(error)))?;
        writer.into_inner().map_err(|error| Error::Write(std::io::Error::other(error.to_string())))
    }
}

/// The header line of a file, with its line end.
pub fn header() -> String {
    COLUMNS.join(",") + "\n"
}

/// Reads a file; `name` is what errors call it.
///
/// # Errors
/// Another header, or a row that does not fit it.
pub fn read(reader: impl Read, name: &str) -> Result<Vec<Review>> {
    let mut reader = csv::Reader::from_reader(reader);
    let table = |line: u64, message: String| Error::Review { name: name.to_owned(), line, message };
    let found = reader.headers().map_err(|error| table(1, error.to_string()))?.clone();
    if found.iter().ne(COLUMNS) {
        let found: Vec<&str> = found.iter().collect();
        return Err(table(1, format!("expected the columns {}, got {}", COLUMNS.join(","), found.join(","))));
    }
    let mut all = Vec::new();
    for row in reader.deserialize() {
        let line = all.len() as u64 + 2;
        let row: Review = row.map_err(|error| table(line, error.to_string()))?;
        if let Some(message) = row.refusal() {
            return Err(table(line, message));
        }
        all.push(row);
    }
    Ok(all)
}

/// The last answer about each part of a recording, in the order of first answers, without those that were taken back.
pub fn settled(all: &[Review]) -> Vec<&Review> {
    let mut places = HashMap::new();
    let mut last: Vec<&Review> = Vec::new();
    for review in all {
        let key = (&review.path, review.start.to_bits(), review.end.to_bits(), review.channel);
        let place = *places.entry(key).or_insert_with(|| {
            last.push(review);
            last.len() - 1
        });
        last[place] = review;
    }
    last.retain(|review| review.answer() != Answer::None);
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(path: &str, start: f64, label: &str) -> Review {
        Review {
            path: path.into(),
            start,
            end: start + 3.0,
            label: label.into(),
            predicted: "dog".into(),
            score: Some(0.75),
            ..Review::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_the_last_answer_counts() {
        let all = [
            review("a, \"b\".wav", 0.0, "dog"),
            review("a, \"b\".wav", 3.0, "neither"),
            review("a, \"b\".wav", 0.0, "-dog"),
            review("a, \"b\".wav", 3.0, ""),
        ];
        let mut bytes = header().into_bytes();
        all.iter().for_each(|one| bytes.extend(one.to_csv().unwrap()));
        let read_back = read(&bytes[..], "r.csv").unwrap();
        assert_eq!(read_back, all);
        let last = settled(&read_back);
        assert_eq!(last.len(), 1);
        assert_eq!((last[0].label.as_str(), last[0].answer()), ("-dog", Answer::Wrong));
    }

    #[test]
    fn other_tables_and_values_from_outside_are_refused() {
        let error = read(&b"path,label\na,b\n"[..], "r.csv").unwrap_err().to_string();
        assert!(error.contains("r.csv") && error.contains("expected the columns path,start"), "{error}");
        assert!(review("", 0.0, "dog").refusal().is_some());
        assert!(review("a", f64::NAN, "dog").refusal().is_some());
        assert!(review("a\nb", 0.0, "dog").refusal().is_some());
        assert_eq!(review("a", 0.0, "dog").refusal(), None);
        let line = format!("{}a.wav,3,1,,dog,me,t,m,dog,,\n", header());
        assert!(read(line.as_bytes(), "r.csv").unwrap_err().to_string().contains("in order"));
    }
}
