//! What is kept of one recording.

use audio_io::{LocalTime, recorder_info};
use inference::{Answers, Input, Judged, reason};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The verdicts of one recording, or why there are none. Rows are counted from the recording's first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// Seconds of sound.
    pub(super) seconds: f64,
    pub(super) judged: Vec<Judged>,
    /// Rows that could not be used, and why.
    pub(super) failed: Vec<(usize, String)>,
    /// What a reader should know: damage, silence.
    pub(super) warning: Option<String>,
    /// When the recorder started, as ISO 8601, where it wrote that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<String>,
    /// Latitude and longitude of the recorder, where it wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<(f64, f64)>,
}

impl Record {
    /// Takes the answers about several recordings apart, whose rows follow each other.
    pub(super) fn of_answers<'a>(answers: Answers, files: impl Iterator<Item = &'a [Input]>) -> Vec<Self> {
        let files: Vec<&[Input]> = files.collect();
        let mut judged = answers.judged.into_iter().peekable();
        let (mut records, mut first) = (Vec::new(), 0);
        for rows in &files {
            let range = first..first + rows.len();
            let mut of_file = Vec::new();
            while let Some(mut one) = judged.next_if(|one| range.contains(&one.input)) {
                one.input -= first;
                of_file.push(one);
            }
            let failed = answers.failed.iter().filter(|(nth, _)| range.contains(nth));
            let in_range = |(nth, _): &&(usize, f64)| range.contains(nth);
            records.push(Self {
                seconds: answers.seconds.iter().filter(in_range).map(|(_, seconds)| *seconds).fold(0.0, f64::max),
                judged: of_file,
                failed: failed.map(|(nth, error)| (nth - first, reason(error, &rows[nth - first].path))).collect(),
                warning: answers.warnings.iter().find(|(nth, _)| range.contains(nth)).map(|(_, text)| text.clone()),
                ..Self::default()
            });
            first = range.end;
        }
        records.par_iter_mut().zip(&files).for_each(|(record, rows)| record.take_info(&rows[0]));
        records
    }

    /// Takes what the recorder wrote, as long as the recording is there.
    fn take_info(&mut self, input: &Input) {
        let is_file = input.bytes.is_none() && input.file.is_none() && input.stream.is_none();
        if is_file && !self.judged.is_empty() {
            let info = recorder_info(&input.path);
            self.start = info.start.map(|start| start.time.to_string());
            self.place = info.place.map(|place| (place.lat, place.lon));
        }
    }

    /// When the recorder started.
    pub(super) fn start(&self) -> Option<LocalTime> {
        LocalTime::parse(self.start.as_deref()?)
    }
}
