//! Answers as selection tables of Raven Pro, one a recording: `Begin Time (s)` is the time in the file, as Raven counts when it
//! opens one file.
//!
//! `Label` is what the reviewer says, and `not dog` for the answer `-dog`. `Score` and `Outlier p` are the model's. `Note` is what
//! the model said, whether that is right, and who answered when. The length of the recording is not known, so `File Duration (s)`
//! is empty.

use super::{Answer, Review, settled};
use crate::time::milliseconds;
use crate::{Detection, Error, Format, NOT, Provenance, Result, UNSURE, table_writer};
use std::collections::{BTreeMap, BTreeSet};

/// The selection table of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selections {
    /// The recording, as the answers name it.
    pub path: String,
    /// The table.
    pub bytes: Vec<u8>,
}

/// The selection tables of all recordings with an answer that stands, by the names of the recordings; `program` is who writes them.
///
/// ```
/// use detections::review::{Review, selections};
///
/// let answer = Review { path: "night.wav".into(), start: 12.0, end: 15.0, label: "-dog".into(), ..Review::default() };
/// let tables = selections(&[answer], "barkbird 0.2.0")?;
/// let read = detections::read_table(&tables[0].bytes[..], "night.selections.txt", None)?;
/// assert_eq!((read[0].label.as_str(), read[0].start_ms), ("not dog", 12_000));
/// # Ok::<(), detections::Error>(())
/// ```
///
/// # Errors
/// A start or end that is no time of a recording.
pub fn selections(reviews: &[Review], program: &str) -> Result<Vec<Selections>> {
    let mut of_recordings: BTreeMap<&str, Vec<&Review>> = BTreeMap::new();
    for review in settled(reviews) {
        of_recordings.entry(&review.path).or_default().push(review);
    }
    let table = |(path, answers): (&str, Vec<&Review>)| {
        Ok(Selections { path: path.to_owned(), bytes: table(path, answers, program)? })
    };
    of_recordings.into_iter().map(table).collect()
}

fn table(path: &str, mut answers: Vec<&Review>, program: &str) -> Result<Vec<u8>> {
    answers.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.end.total_cmp(&b.end)).then(a.channel.cmp(&b.channel)));
    let models: BTreeSet<&str> = answers.iter().map(|answer| answer.model.as_str()).collect();
    let is_hash = |model: &&&str| model.len() == 64 && model.bytes().all(|byte| byte.is_ascii_hexdigit());
    let join = |of: Vec<&&str>| of.into_iter().copied().collect::<Vec<_>>().join(" ");
    let (hashes, names) = models.iter().partition(is_hash);
    let provenance = Provenance {
        program: program.to_owned(),
        model: join(names),
        model_sha256: join(hashes),
        settings: BTreeMap::from([("reviewed".to_owned(), "true".to_owned())]),
    };
    let mut writer = table_writer(Format::Raven, Vec::new(), &provenance)?;
    // Nobody has told its length.
    writer.recording(path, 0.0)?;
    for answer in answers {
        writer.write(&detection(answer)?)?;
    }
    writer.finish()
}

fn detection(answer: &Review) -> Result<Detection> {
    let ms = |what: &'static str, seconds: f64| {
        let error = || Error::Window {
            path: answer.path.clone(),
            start_s: answer.start,
            what,
            expected: "a time of a recording, in seconds".into(),
            got: seconds.to_string(),
        };
        milliseconds(seconds).ok_or_else(error)
    };
    let start_ms = ms("start", answer.start)?;
    Ok(Detection {
        path: answer.path.clone(),
        start_ms,
        // A selection without length cannot be seen.
        end_ms: ms("end", answer.end)?.max(start_ms + 1),
        channel: answer.channel,
        label: match answer.label.strip_prefix(NOT) {
            Some(class) => format!("not {class}"),
            None => answer.label.clone(),
        },
        score: answer.score.map_or(f32::NAN, |score| score as f32),
        outlier_p: answer.outlier_p,
        note: note(answer),
        ..Detection::default()
    })
}

/// `model: dog, wrong; reviewer: Ann, 2026-05-01T04:30:12Z`.
fn note(answer: &Review) -> String {
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let verdict = match answer.answer() {
        // The model gave no answer that could be right.
        _ if answer.predicted.is_empty() || answer.predicted == UNSURE => "",
        Answer::Right => ", right",
        Answer::Wrong => ", wrong",
        Answer::None => "",
    };
    let (predicted, reviewer) = (or(&answer.predicted, "nothing"), or(&answer.reviewer, "not named"));
    let time = if answer.time.is_empty() { String::new() } else { format!(", {}", answer.time) };
    format!("model: {predicted}{verdict}; reviewer: {reviewer}{time}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_table;

    fn answer(path: &str, start: f64, end: f64, label: &str) -> Review {
        Review {
            path: path.into(),
            start,
            end,
            channel: Some(1),
            label: label.into(),
            reviewer: "Ann".into(),
            model: "run".into(),
            predicted: "dog".into(),
            score: Some(0.75),
            outlier_p: Some(0.25),
            ..Review::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_the_same_times_and_labels() {
        let all = [
            answer("b/night, 1.wav", 3600.5, 3603.25, "-dog"),
            answer("b/night, 1.wav", 0.0, 3.0, "bird"),
            answer("a.wav", 1.0, 2.0, "dog"),
            answer("b/night, 1.wav", 0.0, 3.0, "dog"),
            answer("b/night, 1.wav", 7.0, 8.0, "dog"),
            answer("b/night, 1.wav", 7.0, 8.0, ""),
            Review { score: None, outlier_p: None, ..answer("b/night, 1.wav", 9.0001, 9.0002, "neither") },
            answer("gone.wav", 7.0, 8.0, ""),
        ];
        let tables = selections(&all, "barkbird 0").unwrap();
        assert_eq!(tables.iter().map(|table| table.path.as_str()).collect::<Vec<_>>(), ["a.wav", "b/night, 1.wav"]);
        let read = read_table(&tables[1].bytes[..], "night.selections.txt", None).unwrap();
        let seen: Vec<_> = read.iter().map(|row| (row.start_ms, row.end_ms, row.label.as_str(), row.score)).collect();
        let expected = [
            (0, 3000, "dog", Some(0.75)),
            (9000, 9001, "neither", None),
            (3_600_500, 3_603_250, "not dog", Some(0.75)),
        ];
        assert_eq!(seen, expected);
        assert!(read.iter().all(|row| row.path.as_deref() == Some("b/night, 1.wav") && row.channel == Some(1)));

        // As Raven sees it: times from the start of the file, and nothing claimed of its length.
        let text = String::from_utf8(tables[1].bytes.clone()).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let cell = |row: usize, name: &str| rows[row][rows[0].iter().position(|column| *column == name).unwrap()];
        assert_eq!((cell(3, "Begin Time (s)"), cell(3, "File Offset (s)")), ("3600.500", "3600.500"));
        assert_eq!((cell(3, "File Duration (s)"), cell(2, "Score"), cell(1, "Outlier p")), ("", "", "0.250000"));
        assert_eq!((cell(1, "Note"), cell(1, "Model")), ("model: dog, right; reviewer: Ann", "run"));
        assert_eq!(cell(3, "Note"), "model: dog, wrong; reviewer: Ann");
        assert!(selections(&[], "x").unwrap().is_empty());
    }

    #[test]
    fn notes_and_models() {
        let unsure = Review { predicted: "unsure".into(), reviewer: String::new(), ..answer("a.wav", 0.0, 1.0, "dog") };
        assert_eq!(note(&unsure), "model: unsure; reviewer: not named");
        let hash = "0a".repeat(32);
        let other = Review { model: hash.clone(), start: 5.0, end: 6.0, ..unsure.clone() };
        let tables = selections(&[unsure, other], "x").unwrap();
        let text = String::from_utf8(tables[0].bytes.clone()).unwrap();
        assert!(text.lines().nth(1).unwrap().ends_with(&format!("x\trun\t{hash}\treviewed=true")), "{text}");
        let endless = answer("a.wav", 0.0, 1e300, "dog");
        assert!(selections(&[endless], "x").unwrap_err().to_string().contains("end: expected a time of a recording"));
    }
}
