//! Spectrograms that are read while others are computed with, by threads that do nothing else: a thread that computes
//! never waits for a disk.

use crate::{Error, Result};
use shard::Clips;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// Threads that read. Each has one batch on the way and one that is read.
const READERS: usize = 4;

/// The batches of [`read_ahead`], in order.
pub(crate) struct Batches {
    /// Batch `n` comes from receiver `n` modulo their number.
    readers: Vec<Receiver<Result<Vec<f32>>>>,
    next: usize,
}

/// Reads batches of clips, of which `rows` says which they are, in threads of their own. Dropping what is returned ends them.
pub(crate) fn read_ahead<'scope, R>(
    scope: &'scope Scope<'scope, '_>,
    clips: &'scope Clips,
    n_batches: usize,
    rows: impl Fn(usize) -> R + Copy + Send + 'scope,
) -> Batches
where
    R: Iterator<Item = usize> + ExactSizeIterator,
{
    let reader = |first: usize| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for batch in (first..n_batches).step_by(READERS) {
                if sender.send(read(clips, rows(batch))).is_err() {
                    return;
                }
            }
        });
        receiver
    };
    Batches { readers: (0..READERS.min(n_batches)).map(reader).collect(), next: 0 }
}

/// The spectrograms of clips one after the other, `[B, M, T]`.
fn read(clips: &Clips, rows: impl ExactSizeIterator<Item = usize>) -> Result<Vec<f32>> {
    let n_cells = clips.n_cells();
    let mut mel = vec![0.0; rows.len() * n_cells];
    for (row, cells) in rows.zip(mel.chunks_exact_mut(n_cells)) {
        clips.read(row, cells)?;
    }
    Ok(mel)
}

impl Batches {
    /// The spectrograms of the next batch, `[B, M, T]`.
    ///
    /// # Errors
    /// A shard that cannot be read.
    pub(crate) fn next(&mut self) -> Result<Vec<f32>> {
        let reader = &self.readers[self.next % self.readers.len()];
        self.next += 1;
        reader.recv().map_err(|_| Error::Worker)?
    }
}
