//! One row of a table: a window or an event.

use crate::{Event, Result, Thresholds, Verdict};

/// One row of a table: a window, or an event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detection {
    /// The recording, as it was given.
    pub path: String,
    /// Length of the recording, in milliseconds; none where it is not known.
    pub recording_ms: Option<u64>,
    /// Start in the recording, in milliseconds.
    pub start_ms: u64,
    /// End in the recording, in milliseconds.
    pub end_ms: u64,
    /// The channel, counted from 0; none where channels are mixed.
    pub channel: Option<u16>,
    /// The class, [`NEITHER`](crate::NEITHER) or [`UNSURE`](crate::UNSURE).
    pub label: String,
    /// Probability of the most likely class of a window, or the highest score of an event; from 0 to 1. NaN where nobody knows it,
    /// for which Raven's table has an empty cell.
    pub score: f32,
    /// The mean score of an event.
    pub mean: Option<f32>,
    /// p-value of "this is a known sound"; none without a detector.
    pub outlier_p: Option<f64>,
    /// Share of an event's windows whose own label is its class, from 0 to 1.
    pub share: Option<f64>,
    /// Lower end of the band that was looked at, in Hz.
    pub low_hz: Option<f64>,
    /// Upper end of the band that was looked at, in Hz.
    pub high_hz: Option<f64>,
    /// When the detection starts in real time, as ISO 8601; none where the start of the recording is not known.
    pub recorded: Option<String>,
    /// Latitude and longitude of the recorder, in degrees.
    pub place: Option<(f64, f64)>,
    /// What a reader should know of it; empty for nothing.
    pub note: String,
}

impl Detection {
    /// The row of a window. What a verdict does not know (length, band, time, place) is left empty.
    ///
    /// # Errors
    /// A start or end that is no time of a recording.
    pub fn of_window(verdict: &Verdict, classes: &[String], thresholds: Thresholds) -> Result<Self> {
        let (start_ms, end_ms) = verdict.bounds_ms()?;
        let (label, score) = verdict.label(classes, thresholds);
        Ok(Self {
            path: verdict.path.clone(),
            start_ms,
            end_ms,
            channel: verdict.channel,
            label: label.to_owned(),
            score,
            outlier_p: verdict.outlier_p,
            note: verdict.note.clone(),
            ..Self::default()
        })
    }
}

impl From<Event> for Detection {
    /// The row of an event. What an event does not know (length, band, time, place) is left empty.
    fn from(event: Event) -> Self {
        Self {
            path: event.path,
            start_ms: event.start_ms,
            end_ms: event.end_ms,
            channel: event.channel,
            label: event.class,
            score: event.score,
            mean: Some(event.mean),
            outlier_p: event.outlier_p,
            share: Some(event.share),
            note: event.note,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_window_and_of_an_event() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let verdict = Verdict { end_s: 1.0, probability: vec![0.2, 0.8], outlier_p: Some(0.3), ..Verdict::default() };
        let row = Detection::of_window(&verdict, &classes, Thresholds::default()).unwrap();
        assert_eq!((row.label.as_str(), row.score, row.end_ms, row.mean), ("dog", 0.8, 1000, None));
        let backwards = Verdict { start_s: 2.0, ..verdict };
        let message = Detection::of_window(&backwards, &classes, Thresholds::default()).unwrap_err().to_string();
        assert!(message.contains("end: expected a number of seconds, the start or more, got 1"), "{message}");
        let event = Event {
            path: "a.wav".into(),
            start_ms: 1,
            end_ms: 2,
            channel: Some(1),
            class: "dog".into(),
            score: 0.9,
            mean: 0.7,
            outlier_p: None,
            windows: 4,
            share: 0.5,
            note: String::new(),
        };
        let row = Detection::from(event);
        assert_eq!((row.label.as_str(), row.mean, row.share, row.channel), ("dog", Some(0.7), Some(0.5), Some(1)));
    }
}
