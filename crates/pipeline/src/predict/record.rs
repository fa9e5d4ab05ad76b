//! What is kept of one recording.

use inference::{Answers, Input, Judged, reason};
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
}

impl Record {
    /// Takes the answers about several recordings apart, whose rows follow each other.
    pub(super) fn of_answers<'a>(answers: Answers, files: impl Iterator<Item = &'a [Input]>) -> Vec<Self> {
        let mut judged = answers.judged.into_iter().peekable();
        let (mut records, mut first) = (Vec::new(), 0);
        for rows in files {
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
            });
            first = range.end;
        }
        records
    }
}
