//! The windows of several recordings, a few at a time: they are never all in memory.

use crate::error::{Error, one_line};
use crate::input::Input;
use crate::predictor::Predictor;
use crate::recording::for_each;
use crate::recordings::files;
use crate::window_stream::Closed;
use crate::windows::{Window, Windowed, Windows, warning};
use rayon::prelude::*;
use std::ops::Range;
use std::result::Result;

/// Windows that are passed on together. A multiple of what every network takes at once, so that each window is in the same batch
/// however long the recordings are.
const BATCH: usize = 256;

/// Bytes of windows of short recordings that are made together, about.
const SHORT_BYTES: u64 = 64 << 20;

/// Windows that a recording may always have before it counts as long.
const FEW: usize = 8;

/// What is known of a row after its windows.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Its windows, and how many of them are silent.
    pub n_windows: usize,
    /// Those that are silent.
    pub n_silent: usize,
    /// What is wrong with the recording, in words; empty where nothing is.
    pub damage: String,
}

/// Says which windows are passed on.
type Keep<'a> = dyn Fn(&Window) -> bool + 'a;

/// Says whether to stop.
type Stop<'a> = dyn Fn() -> bool + Sync + 'a;

/// What is known of a row, or why it cannot be used.
pub type OfRow = Result<Seen, Error>;

impl Seen {
    /// What a reader should know of the recording: damage, and silence.
    pub fn warning(&self) -> Option<String> {
        warning(self.n_silent, self.n_windows, &self.damage)
    }
}

/// Takes windows whose number of input counts from the first of those that were given.
pub type Take<'a, E> = dyn FnMut(Vec<Window>) -> Result<(), E> + 'a;

impl Predictor<'_> {
    /// As [`Windows::each`].
    ///
    /// # Errors
    /// As there.
    pub fn each_window<E: From<Error>>(
        &self,
        inputs: &[Input],
        keep: &dyn Fn(&Window) -> bool,
        stop: &(dyn Fn() -> bool + Sync),
        take: &mut Take<'_, E>,
    ) -> Result<Vec<OfRow>, E> {
        self.windows.each(inputs, keep, stop, take)
    }
}

impl Windows {
    /// Passes on the windows of several recordings that `keep` says, in the order of the inputs, and gives what is known of each,
    /// or why it cannot be used. Short recordings are decoded in parallel, a long one by itself.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once `stop` is true; what `take` gives; a long recording that cannot be used further once windows of
    /// it were passed on.
    pub fn each<E: From<Error>>(
        &self,
        inputs: &[Input],
        keep: &dyn Fn(&Window) -> bool,
        stop: &(dyn Fn() -> bool + Sync),
        take: &mut Take<'_, E>,
    ) -> Result<Vec<OfRow>, E> {
        let files = files(inputs);
        let most = (SHORT_BYTES / self.n_bytes().max(1)) as usize / files.len().max(1);
        let few = |rows: &Range<usize>| match stop() {
            true => Err(Error::Cancelled),
            false => Ok(self.few_of_rows(rows.start, &inputs[rows.clone()], most.max(FEW))),
        };
        let few: Vec<Option<Vec<Result<Windowed, Error>>>> = files.par_iter().map(few).collect::<Result<_, Error>>()?;
        let (mut seen, mut held) = (Vec::with_capacity(inputs.len()), Vec::new());
        for (rows, of_file) in files.into_iter().zip(few) {
            match of_file {
                Some(of_file) => {
                    for of_row in of_file {
                        seen.push(of_row.map(|of_row| {
                            let Windowed { windows, damage, .. } = of_row;
                            let mut of_row = Seen { damage, ..Seen::default() };
                            held.extend(of_row.count(windows, keep));
                            of_row
                        }));
                    }
                    pass_on(&mut held, take)?;
                }
                // Row by row, since windows come in the order of the rows.
                None => {
                    for nth in rows {
                        seen.push(self.long(nth, &inputs[nth], (keep, stop), &mut held, take)?);
                    }
                }
            }
        }
        if !held.is_empty() {
            take(held)?;
        }
        Ok(seen)
    }

    fn long<E: From<Error>>(
        &self,
        nth: usize,
        input: &Input,
        (keep, stop): (&Keep<'_>, &Stop<'_>),
        held: &mut Vec<Window>,
        take: &mut Take<'_, E>,
    ) -> Result<OfRow, E> {
        let mut stream = match self.stream(nth, std::slice::from_ref(input)) {
            Ok(stream) => stream,
            Err(error) => return Ok(for_each(error, 1).swap_remove(0)),
        };
        let mut seen = Seen::default();
        while let Some(windows) = stream.next() {
            if stop() {
                return Err(Error::Cancelled.into());
            }
            held.extend(seen.count(windows, keep));
            pass_on(held, take)?;
        }
        let Closed { damage, mut failed, .. } = stream.close();
        match failed.pop() {
            None => Ok(Ok(Seen { damage, ..seen })),
            Some((_, error)) if seen.n_windows == 0 => Ok(Err(error)),
            Some((_, error)) => {
                let text = one_line(&error);
                let n = seen.n_windows;
                Err(Error::Invalid(format!("{text}, after {n} windows of it were used; leave it out")).into())
            }
        }
    }
}

impl Seen {
    /// Counts windows, and gives those that are kept.
    fn count(&mut self, windows: Vec<Window>, keep: &dyn Fn(&Window) -> bool) -> Vec<Window> {
        self.n_windows += windows.len();
        self.n_silent += windows.iter().filter(|window| window.clip.silence.is_some()).count();
        windows.into_iter().filter(keep).collect()
    }
}

/// Passes on as many as make full batches.
fn pass_on<E>(held: &mut Vec<Window>, take: &mut Take<'_, E>) -> Result<(), E> {
    while held.len() >= BATCH {
        take(held.drain(..BATCH).collect())?;
    }
    Ok(())
}
