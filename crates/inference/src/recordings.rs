//! Several recordings: short ones together, a long one while it is decoded.

use crate::batch::{n_batch, n_full};
use crate::error::{Error, Result};
use crate::input::Input;
use crate::predictor::{Answers, Judged, Predictor};
use crate::recording::for_each;
use crate::watch::Watch;
use crate::window_stream::{Closed, WindowStream};
use crate::windows::{Window, Windowed, warning};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::mpsc::sync_channel;

/// Windows that a recording may always have before it counts as long.
const FEW: usize = 8;

/// Share of a limit of memory that goes to windows that are classified, and again to those that are made meanwhile; the rest is for what
/// networks compute of them, and for sound.
const WINDOWS_SHARE: u64 = 8;

/// Recordings of which the short ones are decoded, for [`Predictor::answer`].
pub struct Prepared(Vec<(Range<usize>, Option<OfRows>)>);

/// The windows of each row of a recording, or why it cannot be used.
type OfRows = Vec<Result<Windowed>>;

impl Predictor<'_> {
    /// Limits the memory that windows and networks take, in bytes, about. Results do not depend on it.
    pub fn limit_memory(&mut self, n_bytes: u64) {
        let n = n_bytes / WINDOWS_SHARE / self.windows.n_bytes().max(1);
        self.max_windows = (n as usize).clamp(FEW, 1 << 16);
    }

    /// Recordings that [`recordings`](Self::recordings) is best given at once.
    pub fn n_recordings(&self) -> usize {
        (self.max_windows / FEW).clamp(1, n_batch(&self.model.device))
    }

    /// Several recordings. Short ones are decoded in parallel and classified together; a long one is classified while it is
    /// decoded, and is never in memory as a whole. Rows of one recording that follow each other are decoded together.
    /// `first` is the number of the first among all inputs.
    ///
    /// # Errors
    /// A model whose outputs are not finite, and [`Error::Cancelled`] once it is stopped.
    pub fn recordings(&self, inputs: &[Input], first: usize, watch: &Watch<'_>) -> Result<Answers> {
        self.answer(inputs, first, self.prepare(inputs, watch)?, watch)
    }

    /// The first half of [`recordings`](Self::recordings), without the networks: decodes short recordings. So the next ones can be
    /// decoded while these are classified.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once it is stopped.
    pub fn prepare(&self, inputs: &[Input], watch: &Watch<'_>) -> Result<Prepared> {
        let files = files(inputs);
        let most = (self.max_windows / files.len().max(1)).max(FEW);
        let few = |rows: &Range<usize>| match (watch.stop)() {
            true => Err(Error::Cancelled),
            // A stream can be read once, and may be of any length.
            false if inputs[rows.start].stream.is_some() => Ok(None),
            false => Ok(self.windows.few_of_rows(rows.start, &inputs[rows.clone()], most)),
        };
        let few: Vec<Option<OfRows>> = files.par_iter().map(few).collect::<Result<_>>()?;
        Ok(Prepared(files.into_iter().zip(few).collect()))
    }

    /// The second half: asks the networks about short recordings together, and decodes and classifies the long ones. The inputs are
    /// those that were [prepared](Self::prepare).
    ///
    /// # Errors
    /// As for [`recordings`](Self::recordings).
    pub fn answer(&self, inputs: &[Input], first: usize, prepared: Prepared, watch: &Watch<'_>) -> Result<Answers> {
        let (mut answers, mut windowed, mut long) = (Answers::default(), Vec::new(), Vec::new());
        let mut short_s = 0.0;
        for (rows, of_file) in prepared.0 {
            let Some(of_file) = of_file else {
                long.push(rows);
                continue;
            };
            short_s += of_file.iter().flatten().map(|of_row| of_row.seconds).fold(0.0, f64::max);
            for (nth, of_row) in rows.zip(of_file) {
                match of_row {
                    Ok(of_row) => {
                        answers.warnings.extend(of_row.warning().map(|warning| (first + nth, warning)));
                        answers.seconds.push((first + nth, of_row.seconds));
                        windowed.push(of_row);
                    }
                    Err(error) => answers.failed.push((first + nth, error)),
                }
            }
        }
        answers.judged = self.judge(inputs, first, &windowed)?;
        drop(windowed);
        (watch.classified)(short_s);
        for rows in long {
            let more = self.long(inputs, rows, first, watch)?;
            answers.judged.extend(more.judged);
            answers.failed.extend(more.failed);
            answers.warnings.extend(more.warnings);
            answers.seconds.extend(more.seconds);
        }
        answers.judged.sort_by_key(|judged| judged.input);
        answers.failed.sort_by_key(|(input, _)| *input);
        answers.warnings.sort_by_key(|(input, _)| *input);
        answers.seconds.sort_by_key(|(input, _)| *input);
        Ok(answers)
    }

    fn judge(&self, inputs: &[Input], first: usize, windowed: &[Windowed]) -> Result<Vec<Judged>> {
        let windows: Vec<&Window> = windowed.iter().flat_map(|of| &of.windows).collect();
        let mut judged = self.judge_full(inputs, first, &windows)?;
        let damage = windowed.iter().flat_map(|of| of.windows.iter().map(|_| of.damage.as_str()));
        judged.iter_mut().zip(damage).for_each(|(judged, damage)| judged.note(damage));
        Ok(judged)
    }

    /// The verdicts of windows, in full batches.
    pub(crate) fn judge_full(&self, inputs: &[Input], first: usize, windows: &[&Window]) -> Result<Vec<Judged>> {
        let Some(last) = windows.last() else { return Ok(Vec::new()) };
        let mut full = windows.to_vec();
        full.resize(n_full(windows.len(), &self.model.device), last);
        let mut judged = self.judge_windows(inputs, first, &full)?;
        judged.truncate(windows.len());
        Ok(judged)
    }

    /// Windows of a long recording that are classified at once: a multiple of what every network takes at once, so that each
    /// window is in the same batch however much is decoded at a time.
    pub(crate) fn n_at_once(&self) -> usize {
        2 * n_batch(&self.model.device)
    }

    /// A long recording: one thread decodes and makes windows while another asks the networks.
    fn long(&self, inputs: &[Input], rows: Range<usize>, first: usize, watch: &Watch<'_>) -> Result<Answers> {
        let mut answers = Answers::default();
        let stream = match self.windows.stream(rows.start, &inputs[rows.clone()]) {
            Ok(stream) => stream,
            Err(error) => {
                let errors = for_each::<()>(error, rows.len()).into_iter().filter_map(Result::err);
                answers.failed = rows.map(|nth| first + nth).zip(errors).collect();
                return Ok(answers);
            }
        };
        let Closed { damage, seconds, failed } = self.classify(inputs, stream, first, &mut answers.judged, watch)?;
        answers.seconds = rows.map(|nth| (first + nth, seconds)).collect();
        answers.judged.sort_by_key(|judged| judged.input);
        answers.judged.retain(|judged| failed.iter().all(|(nth, _)| first + nth != judged.input));
        answers.judged.iter_mut().for_each(|judged| judged.note(&damage));
        for windows in answers.judged.chunk_by(|a, b| a.input == b.input) {
            let n_silent = windows.iter().filter(|judged| judged.verdict.silent).count();
            answers.warnings.extend(warning(n_silent, windows.len(), &damage).map(|text| (windows[0].input, text)));
        }
        answers.failed = failed.into_iter().map(|(nth, error)| (first + nth, error)).collect();
        Ok(answers)
    }

    fn classify(
        &self,
        inputs: &[Input],
        stream: WindowStream<'_>,
        first: usize,
        judged: &mut Vec<Judged>,
        watch: &Watch<'_>,
    ) -> Result<Closed> {
        let (sender, receiver) = sync_channel::<(Vec<Window>, f64)>(1);
        std::thread::scope(|scope| {
            let decoding = scope.spawn(move || stream.send_all(&sender, watch.stop));
            let classify = || {
                let mut held = Vec::new();
                for (windows, seconds) in receiver {
                    held.extend(windows);
                    while held.len() >= self.n_at_once() {
                        let batch: Vec<Window> = held.drain(..self.n_at_once()).collect();
                        judged.extend(self.judge_windows(inputs, first, &batch.iter().collect::<Vec<_>>())?);
                    }
                    (watch.classified)(seconds);
                }
                judged.extend(self.judge_full(inputs, first, &held.iter().collect::<Vec<_>>())?);
                Ok(())
            };
            // Without a receiver the other thread ends.
            let outcome = classify();
            let closed = decoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome.and(if (watch.stop)() { Err(Error::Cancelled) } else { Ok(closed) })
        })
    }
}

/// The rows of each file.
pub(crate) fn files(inputs: &[Input]) -> Vec<Range<usize>> {
    let lengths = inputs.chunk_by(Input::is_of_same_file).map(<[Input]>::len);
    lengths.scan(0, |next, n| Some(std::mem::replace(next, *next + n)..*next)).collect()
}
