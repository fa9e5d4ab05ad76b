//! Classifies recordings, window by window, and writes windows or events as tables.

mod files;
mod journal;
mod json;
mod live;
mod options;
mod outputs;
mod record;
mod sink;

pub use detections::{EventSettings, Format};
pub use files::Part;
pub use inference::{PredictorOptions, Reject, ShowEvidence};
pub use options::{Options, Outcome};
pub use outputs::{Output, Table, To};

use crate::error::{Result, bail};
use crate::inputs;
use crate::inputs::Collected;
use crate::job::Job;
use files::Files;
use inference::{Predictor, Watch};
use journal::Journal;
use outputs::Outputs;
use record::Record;
use sink::Context;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Classifies recordings and writes tables. Memory does not grow with their number or length, except for
/// [`Table::Json`]. Where a table goes to a file, a journal beside it keeps what is done, and an interrupted run
/// [goes on](Options::resume) to the same bytes.
///
/// # Errors
/// A model that cannot be opened or lacks the detector, inputs that are not there, no usable recording, a table that
/// cannot be written, or a journal of another model or of other settings.
#[tracing::instrument(level = "info", name = "predict", skip_all)]
pub fn run(options: &Options, outputs: Vec<Output>, job: &Job<'_>) -> Result<Outcome> {
    let began = Instant::now();
    let place = outputs::prepare(&outputs)?;
    let model = inputs::open_model(&options.run, job)?;
    let mut asked = options.predictor.clone();
    if options.half_overlap {
        asked.overlap_s = model.chain()?.clip.window.seconds / 2.0;
    }
    let mut predictor = model.predictor(&asked)?;
    if let Some(mib) = options.memory_mib {
        predictor.limit_memory(mib << 20);
    }
    let predictor = predictor;
    predictor.notes.iter().for_each(|note| job.say(note));
    let Collected { inputs, skipped } = inputs::collect(&options.inputs, options.standard_input.as_ref(), &job.cancel)?;
    let files = Files::new(&inputs, options.part)?;
    let context = Context::new(&asked, options.events.as_ref(), &predictor)?;
    let mut outcome = Outcome { recordings: inputs.len(), skipped, ..Outcome::default() };
    match place {
        Some(path) => {
            let mut journal = Journal::open(&path, &context.header, options, job)?;
            classify(&predictor, &files, Keep::Journal(&mut journal), &mut outcome, job)?;
            if options.part.is_none() {
                let mut outputs = Outputs::new(outputs, &context)?;
                for nth in 0..files.len() {
                    job.check(KEPT)?;
                    outputs.take(files.rows(nth), &journal.record(files.key(nth))?, &mut outcome)?;
                }
                let finished = finish(outputs, &mut outcome, job);
                // Where nothing could be used, there is nothing to go on with.
                if finished.is_ok() || outcome.windows == 0 {
                    journal.remove()?;
                }
                finished?;
            }
        }
        None if options.part.is_some() => {
            bail!("--part: expected --out FILE, beside which each part keeps what it did")
        }
        None => {
            let is_live = live::is_live(&files, &outputs, options, job);
            let mut outputs = Outputs::new(outputs, &context)?;
            match is_live {
                true => live::classify(&predictor, &files, &mut outputs, &mut outcome, job)?,
                false => classify(&predictor, &files, Keep::Tables(&mut outputs), &mut outcome, job)?,
            }
            finish(outputs, &mut outcome, job)?;
        }
    }
    outcome.seconds = began.elapsed().as_secs_f64();
    Ok(outcome)
}

/// What a stopped run leaves behind where it has a journal.
const KEPT: &str = "the journal has what is done; --resume goes on";

/// What becomes of a recording's verdicts at once.
enum Keep<'a, 'b> {
    Journal(&'a mut Journal),
    Tables(&'a mut Outputs<'b>),
}

/// Classifies what the journal does not have yet, block by block.
fn classify(
    predictor: &Predictor<'_>,
    files: &Files<'_>,
    mut keep: Keep<'_, '_>,
    outcome: &mut Outcome,
    job: &Job<'_>,
) -> Result<()> {
    let (kept, known): (_, Box<dyn Fn(usize) -> bool + '_>) = match &keep {
        Keep::Journal(journal) => (KEPT, Box::new(|nth| journal.has(files.key(nth)))),
        Keep::Tables(_) => ("nothing was written", Box::new(|_| false)),
    };
    let todo: Vec<usize> = (0..files.len()).filter(|&nth| !known(nth)).collect();
    drop(known);
    outcome.resumed = files.len() - todo.len();
    let todo: Vec<usize> = todo.into_iter().filter(|&nth| files.is_in_part(nth)).collect();
    let progress = job.progress("predict", todo.len());
    let classified_ms = AtomicU64::new(0);
    let classified = |seconds: f64| {
        classified_ms.fetch_add((seconds * 1000.0) as u64, Ordering::Relaxed);
    };
    let watch = Watch { stop: &|| job.cancel.is_cancelled(), classified: &classified };
    for block in todo.chunks(predictor.n_recordings()) {
        let inputs: Vec<_> = block.iter().flat_map(|&nth| files.rows(nth).iter().cloned()).collect();
        let answers = predictor.recordings(&inputs, 0, &watch);
        job.check(kept)?;
        let records = Record::of_answers(answers?, block.iter().map(|&nth| files.rows(nth)));
        for (&nth, record) in block.iter().zip(records) {
            if let Some(warning) = &record.warning {
                job.warn(format!("{}: {warning}", files.rows(nth)[0].name));
            }
            match &mut keep {
                Keep::Journal(journal) => journal.append(files.key(nth), &record)?,
                Keep::Tables(outputs) => outputs.take(files.rows(nth), &record, outcome)?,
            }
        }
        if let Keep::Journal(journal) = &keep {
            journal.sync()?;
        }
        progress.inc(block.len());
    }
    outcome.classified_s = classified_ms.into_inner() as f64 / 1000.0;
    Ok(())
}

/// Ends the tables, and says what could not be used.
fn finish(outputs: Outputs<'_>, outcome: &mut Outcome, job: &Job<'_>) -> Result<()> {
    for skipped in &outcome.skipped {
        job.warn(format!("{}: {}", skipped.path, skipped.reason));
    }
    if outcome.windows == 0 {
        bail!("none of the {} recordings could be used; the reasons are above", outcome.recordings);
    }
    outcome.files = outputs.finish(&outcome.skipped)?;
    Ok(())
}
