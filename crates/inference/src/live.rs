//! A recording that is classified while it comes in.

use crate::error::{Error, Result};
use crate::input::Input;
use crate::predictor::{Answers, Judged, Predictor};
use crate::watch::Watch;
use crate::window_stream::Closed;
use crate::windows::{Window, warning};
use std::sync::mpsc::sync_channel;

/// Batches of windows that wait to be classified, at most: what comes in meanwhile is still taken from the stream.
const WAITING: usize = 256;

impl Predictor<'_> {
    /// Classifies one recording, and passes on verdicts as soon as there are any: without a note of damage, which is known at the
    /// end. Gives what is known then, without verdicts. Of a recording that cannot be used further, what came before counts.
    ///
    /// What comes through a stream is classified window by window. A file is decoded as fast as it is classified, in batches, and
    /// its verdicts are those of [`recordings`](Self::recordings).
    ///
    /// # Errors
    /// A model whose outputs are not finite, what `take` gives, and [`Error::Cancelled`] once it is stopped.
    pub fn live<E: From<Error>>(
        &self,
        input: &Input,
        watch: &Watch<'_>,
        take: &mut dyn FnMut(Vec<Judged>) -> std::result::Result<(), E>,
    ) -> std::result::Result<Answers, E> {
        let inputs = std::slice::from_ref(input);
        let mut answers = Answers::default();
        let stream = match self.windows.stream(0, inputs) {
            Ok(stream) => stream,
            Err(error) => {
                answers.failed.push((0, error));
                return Ok(answers);
            }
        };
        let (mut n_windows, mut n_silent) = (0, 0);
        let (n_batch, n_waiting) = if input.stream.is_some() { (1, WAITING) } else { (self.n_at_once(), 1) };
        let (sender, receiver) = sync_channel::<(Vec<Window>, f64)>(n_waiting);
        let closed = std::thread::scope(|scope| -> std::result::Result<Closed, E> {
            let decoding = scope.spawn(move || stream.send_all(&sender, watch.stop));
            let mut judge = |windows: &[Window]| -> std::result::Result<(), E> {
                let judged: Result<Vec<Judged>> = self.judge_windows(inputs, 0, &windows.iter().collect::<Vec<_>>());
                let mut judged = judged?;
                judged.iter_mut().for_each(|judged| judged.note(""));
                n_windows += judged.len();
                n_silent += judged.iter().filter(|judged| judged.verdict.silent).count();
                take(judged)
            };
            let classify = || -> std::result::Result<(), E> {
                let mut held = Vec::new();
                for (windows, seconds) in receiver {
                    held.extend(windows);
                    let n = held.len() / n_batch * n_batch;
                    for batch in held.drain(..n).collect::<Vec<_>>().chunks(n.clamp(1, self.n_at_once())) {
                        judge(batch)?;
                    }
                    (watch.classified)(seconds);
                }
                if held.is_empty() { Ok(()) } else { judge(&held) }
            };
            let outcome = classify();
            let closed = decoding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome.map(|()| closed)
        })?;
        if (watch.stop)() {
            return Err(Error::Cancelled.into());
        }
        answers.seconds.push((0, closed.seconds));
        answers.failed = closed.failed;
        answers.warnings.extend(warning(n_silent, n_windows, &closed.damage).map(|text| (0, text)));
        Ok(answers)
    }
}
