//! Asks a model about parts of recordings, in an order in which each recording is decoded once.

use crate::error::Result;
use crate::inputs::Recordings;
use crate::job::Job;
use audio_io::{Recording, Row};
use detections::{TableDetection, Verdict};
use inference::{Input, Judged, Predictor, Watch, reason};
use shard::Skipped;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Detections of short recordings that are asked about together, at most.
const MOST_ROWS: usize = 256;

/// More frames than a recording has.
const ENDLESS: u64 = 1 << 40;

/// What the model says of a detection, or why it could not be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) verdict: Option<Verdict>,
    /// What a reader should know.
    pub(super) note: String,
}

/// What became of all detections.
pub(super) struct Asked {
    /// In the order of the table.
    pub(super) answers: Vec<Answer>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) warnings: Vec<String>,
}

/// A detection whose recording was found.
struct Question {
    /// Number of the detection.
    nth: usize,
    input: Input,
}

/// Asks about each detection.
///
/// # Errors
/// Recordings that are ambiguous, a model whose outputs are not finite, a stop that was asked for.
pub(super) fn ask(
    rows: &[TableDetection],
    recordings: &Recordings,
    predictor: &Predictor<'_>,
    job: &Job<'_>,
) -> Result<Asked> {
    let mut asked = Asked { answers: vec![Answer::default(); rows.len()], skipped: Vec::new(), warnings: Vec::new() };
    let questions = questions(rows, recordings, &mut asked, job)?;
    let progress = job.progress("check", rows.len());
    progress.inc(rows.len() - questions.len());
    let mut warnings: Vec<(&str, String)> = Vec::new();
    let mut n_done = rows.len() - questions.len();
    for block in blocks(&questions, predictor.n_recordings()) {
        let inputs: Vec<Input> = block.iter().map(|question| question.input.clone()).collect();
        // Of a long recording, seconds tell how far it is.
        let (classified_s, end_s) = (Mutex::new(0.0), rows[block[block.len() - 1].nth].end_ms as f64 / 1000.0);
        let classified = |seconds: f64| {
            let mut classified_s = classified_s.lock().unwrap_or_else(PoisonError::into_inner);
            *classified_s += seconds;
            let share = (*classified_s / end_s).clamp(0.0, 1.0);
            progress.set(n_done + (share * block.len() as f64) as usize);
        };
        let watch = Watch { stop: &|| job.cancel.is_cancelled(), classified: &classified };
        let answers = predictor.recordings(&inputs, 0, &watch);
        job.check("nothing was written")?;
        let answers = answers?;
        n_done += block.len();
        progress.set(n_done);
        for of_row in answers.judged.chunk_by(|a, b| a.input == b.input) {
            asked.answers[block[of_row[0].input].nth] = answer(predictor, of_row);
        }
        for (nth, error) in answers.failed {
            let Question { nth, input } = &block[nth];
            let why = reason(&error, &input.path);
            let at = format!("{:.3} s: {why}", rows[*nth].start_ms as f64 / 1000.0);
            asked.skipped.push(Skipped { path: input.name.clone(), reason: at });
            asked.answers[*nth].note = why;
        }
        warnings.extend(answers.warnings.into_iter().map(|(nth, text)| (block[nth].input.name.as_str(), text)));
    }
    warnings.dedup();
    asked.warnings = warnings.into_iter().map(|(name, text)| format!("{name}: {text}")).collect();
    Ok(asked)
}

/// Recordings as a whole: short ones together, at most `most`.
fn blocks(questions: &[Question], most: usize) -> Vec<&[Question]> {
    let mut blocks = Vec::new();
    let (mut start, mut end, mut n_recordings) = (0, 0, 0);
    for of_file in questions.chunk_by(|a, b| a.input.is_of_same_file(&b.input)) {
        if end > start && (end - start + of_file.len() > MOST_ROWS || n_recordings == most) {
            blocks.push(&questions[start..end]);
            (start, n_recordings) = (end, 0);
        }
        end += of_file.len();
        n_recordings += 1;
    }
    if end > start {
        blocks.push(&questions[start..end]);
    }
    blocks
}

/// One verdict for the windows of a detection: of several channels, that of the surest.
fn answer(predictor: &Predictor<'_>, windows: &[Judged]) -> Answer {
    let surest = |verdict: &Verdict| verdict.probability.iter().copied().fold(0.0, f32::max);
    let verdict =
        predictor.per_recording(windows).into_iter().reduce(|a, b| if surest(&b) > surest(&a) { b } else { a });
    Answer { note: verdict.as_ref().map(|verdict| verdict.note.clone()).unwrap_or_default(), verdict }
}

/// The detections whose recordings are there, by recording and time. The others get the reason.
fn questions(
    rows: &[TableDetection],
    recordings: &Recordings,
    asked: &mut Asked,
    job: &Job<'_>,
) -> Result<Vec<Question>> {
    let mut found = HashMap::<Option<&str>, Option<PathBuf>>::new();
    let mut lengths_s = BTreeMap::<PathBuf, Result<f64, String>>::new();
    let mut n_missing = BTreeMap::<(String, String), usize>::new();
    let mut questions = Vec::new();
    for (nth, row) in rows.iter().enumerate() {
        job.check("nothing was written")?;
        let name = row.path.as_deref();
        let path = match found.get(&name) {
            Some(path) => path.clone(),
            None => found.entry(name).or_insert(recordings.find(name)?).clone(),
        };
        let Some(path) = path else {
            asked.answers[nth].note = recordings.reason();
            *n_missing.entry((name.unwrap_or_default().to_owned(), recordings.reason())).or_default() += 1;
            continue;
        };
        match lengths_s.entry(path.clone()).or_insert_with(|| length_s(&path)) {
            Err(why) => {
                asked.answers[nth].note = why.clone();
                *n_missing.entry((path.to_string_lossy().into_owned(), why.clone())).or_default() += 1;
            }
            Ok(_) if row.start_ms == row.end_ms => {
                asked.answers[nth].note = "start and end are the same: there is no sound in it".to_owned();
            }
            Ok(length_s) => questions.push(Question { nth, input: input(path, row, *length_s) }),
        }
    }
    asked.skipped.extend(n_missing.into_iter().map(|((path, why), n)| {
        let detections = if n == 1 { "detection" } else { "detections" };
        Skipped { path, reason: format!("{why} ({n} {detections})") }
    }));
    questions.sort_by(|a, b| {
        let key = |question: &Question| (rows[question.nth].start_ms, rows[question.nth].end_ms, question.nth);
        (&a.input.path, key(a)).cmp(&(&b.input.path, key(b)))
    });
    Ok(questions)
}

/// The part of a recording that a detection is. Tools that cut recordings into windows of one length let the last one end
/// behind the recording: then it goes to the end.
fn input(path: PathBuf, row: &TableDetection, length_s: f64) -> Input {
    let (start_s, end_s) = (row.start_ms as f64 / 1000.0, row.end_ms as f64 / 1000.0);
    let part = Row {
        start_s: Some(start_s),
        end_s: Some(end_s).filter(|&end_s| end_s < length_s || start_s >= length_s),
        channel: row.channel,
        ..Row::default()
    };
    Input { row: part, ..Input::file(&path) }
}

/// Length of a recording by its header; where that does not say it, by decoding it. Or why it cannot be opened.
fn length_s(path: &Path) -> Result<f64, String> {
    let length_s = || -> audio_io::Result<f64> {
        let mut recording = Recording::open(path)?;
        let rate_hz = f64::from(recording.rate_hz().max(1));
        match recording.declared_frames() {
            Some(n_frames) => Ok(n_frames as f64 / rate_hz),
            None => Ok(recording.skip(ENDLESS)? as f64 / rate_hz),
        }
    };
    length_s().map_err(|error| reason(&error, path))
}
