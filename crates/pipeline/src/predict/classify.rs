//! Classifies what is not done yet, block by block.

use super::files::{Files, key};
use super::journal::Journal;
use super::meter::Meter;
use super::options::Outcome;
use super::outputs::Outputs;
use super::record::Record;
use crate::error::Result;
use crate::job::Job;
use inference::{Predictor, Watch};
use std::sync::mpsc::sync_channel;

/// What a stopped run leaves behind where it has a journal.
pub(super) const KEPT: &str = "the journal has what is done; --resume goes on";

/// Bytes after which a block ends: what is done is kept often, and long recordings are classified one by one anyway.
const BLOCK_BYTES: u64 = 64 << 20;

/// What becomes of a recording's verdicts at once.
pub(super) enum Keep<'a, 'b> {
    Journal(&'a mut Journal),
    /// A journal of recordings that may change while they are read: what has changed is left for later. The function is
    /// called whenever more is kept.
    Changing(&'a mut Journal, &'a mut dyn FnMut(&Files<'_>, &Journal) -> Result<()>),
    Tables(&'a mut Outputs<'b>),
}

/// Classifies what the journal does not have yet.
pub(super) fn classify(
    predictor: &Predictor<'_>,
    files: &Files<'_>,
    mut keep: Keep<'_, '_>,
    outcome: &mut Outcome,
    job: &Job<'_>,
) -> Result<()> {
    let is_known = |nth: &usize| match &keep {
        Keep::Journal(journal) => journal.has(files.key(*nth)),
        Keep::Changing(journal, _) => journal.has(files.key(*nth)),
        Keep::Tables(_) => false,
    };
    let todo: Vec<usize> = (0..files.len()).filter(|nth| !is_known(nth)).collect();
    let kept = if matches!(keep, Keep::Tables(_)) { "nothing was written" } else { KEPT };
    outcome.resumed = files.len() - todo.len();
    let meter = Meter::start(files, &todo, job);
    let watch = Watch { stop: &|| job.cancel.is_cancelled(), classified: &|seconds| meter.classified(seconds) };
    let watch = &watch;
    let (sender, receiver) = sync_channel(0);
    // Decodes the next block while the networks are asked about this one; without a receiver it ends.
    let decode = move |todo: &[usize]| {
        for block in blocks(todo, files, predictor.n_recordings()) {
            let inputs: Vec<_> = block.iter().flat_map(|&nth| files.rows(nth).iter().cloned()).collect();
            let prepared = predictor.prepare(&inputs, watch);
            if sender.send((block.to_vec(), inputs, prepared)).is_err() {
                break;
            }
        }
    };
    let classify = || -> Result<()> {
        for (block, inputs, prepared) in receiver {
            let answers = prepared.and_then(|prepared| predictor.answer(&inputs, 0, prepared, watch));
            job.check(kept)?;
            let records = Record::of_answers(answers?, block.iter().map(|&nth| files.rows(nth)));
            for (&nth, record) in block.iter().zip(records) {
                if matches!(keep, Keep::Changing(..)) && key(files.rows(nth)) != *files.key(nth) {
                    continue;
                }
                if let Some(warning) = &record.warning {
                    job.warn(format!("{}: {warning}", files.rows(nth)[0].name));
                }
                match &mut keep {
                    Keep::Journal(journal) => journal.append(files.key(nth), &record)?,
                    Keep::Changing(journal, _) => {
                        journal.append(files.key(nth), &record)?;
                        for (_, reason) in &record.failed {
                            job.warn(format!("{}: {reason}", files.rows(nth)[0].name));
                        }
                    }
                    Keep::Tables(outputs) => outputs.take(files.rows(nth), &record, outcome)?,
                }
                meter.finish(nth, &record);
            }
            match &mut keep {
                Keep::Journal(journal) => journal.sync_now_and_then()?,
                Keep::Changing(journal, more) => {
                    journal.sync()?;
                    more(files, journal)?;
                }
                Keep::Tables(_) => {}
            }
            meter.advance();
        }
        Ok(())
    };
    let mut classified = std::thread::scope(|scope| {
        let todo = &todo;
        scope.spawn(move || decode(todo));
        classify()
    });
    if let Keep::Journal(journal) = &mut keep {
        classified = classified.and(journal.sync());
    }
    meter.end(outcome);
    classified
}

/// Recordings that are classified at once.
fn blocks<'t>(todo: &'t [usize], files: &'t Files<'_>, most: usize) -> impl Iterator<Item = &'t [usize]> {
    let mut left = todo;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let n = left.iter().take(most).take_while(|&&nth| {
            let fits = bytes < BLOCK_BYTES;
            bytes += files.key(nth).bytes;
            fits
        });
        let (block, rest) = left.split_at(n.count());
        left = rest;
        (!block.is_empty()).then_some(block)
    })
}
