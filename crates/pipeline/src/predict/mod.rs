//! Classifies recordings, window by window, and writes windows or events as tables.

mod activity;
mod classify;
mod estimate;
pub(crate) mod files;
mod found;
mod journal;
mod json;
mod live;
mod meter;
mod options;
mod outputs;
mod record;
mod settings;
mod shares;
mod sink;
mod target;
mod watch;

pub use activity::{Activity, HOURS};
pub use detections::{EVENT_ALPHA, EventSettings, Format};
pub use files::Part;
pub use found::{Recorded, detections};
pub use inference::{PredictorOptions, Reject, ShowEvidence};
pub use options::{Options, Outcome};
pub use outputs::{Output, Table, To};
pub use settings::event_settings;

use crate::error::{Result, bail};
use crate::inputs;
use crate::inputs::Collected;
use crate::job::Job;
use crate::observer::Event;
use crate::run_events::{RunFinished, RunStarted};
use classify::{KEPT, Keep, classify};
use files::Files;
use inference::Predictor;
use journal::Journal;
use outputs::Outputs;
use sink::Context;
use std::path::Path;
use std::time::Instant;

/// Classifies recordings and writes tables. Memory does not grow with their number or length, except for
/// [`Table::Json`]. Where a table goes to a file, a journal beside it keeps what is done, and an interrupted run
/// [goes on](Options::resume) to the same bytes.
///
/// With [`Options::watch`] it goes on with recordings that come later, until it is cancelled: that ends it without an error,
/// with all tables written and the journal kept.
///
/// # Errors
/// A model that cannot be opened or lacks the detector, inputs that are not there, no usable recording, a table that
/// cannot be written, or a journal of another model or of other settings.
#[tracing::instrument(level = "info", name = "predict", skip_all)]
pub fn run(options: &Options, outputs: Vec<Output>, job: &Job<'_>) -> Result<Outcome> {
    let began = Instant::now();
    let place = outputs::prepare(&outputs)?;
    activity::prepare(&options.activity)?;
    watch::check(options, place.is_some())?;
    shares::check(options, place.as_deref(), job)?;
    let model = inputs::open_model(&options.run, job)?;
    let mut asked = options.predictor.clone();
    if options.events.is_some() {
        asked.usual_alpha = EVENT_ALPHA;
    }
    if options.half_overlap {
        asked.overlap_s = model.chain()?.clip.window.seconds / 2.0;
    }
    let mut predictor = model.predictor(&asked)?;
    if let Some(mib) = options.memory_mib {
        predictor.limit_memory(mib << 20);
    }
    let predictor = predictor;
    predictor.notes.iter().for_each(|note| job.say(note));
    let mut events = options.events.clone();
    if let (Some(settings), Some(precision)) = (&events, options.target_precision) {
        events = Some(target::with_precision(settings.clone(), precision, &predictor, job)?);
    }
    let context = Context::new(&asked, events.as_ref(), &predictor)?;
    let outcome = match (options.watch, place) {
        (Some(interval), Some(place)) => {
            started(0, &predictor, job);
            let mut journal = Journal::open(&place, &context.header, options, job)?;
            watch::run(options, interval, &outputs, &mut journal, &context, job)?
        }
        (_, place) => once(options, outputs, place.as_deref(), &context, job)?,
    };
    let outcome = Outcome { seconds: began.elapsed().as_secs_f64(), ..outcome };
    finished(&outcome, options.part.is_some(), job);
    Ok(outcome)
}

/// Classifies what is there.
fn once(
    options: &Options,
    outputs: Vec<Output>,
    place: Option<&Path>,
    context: &Context<'_>,
    job: &Job<'_>,
) -> Result<Outcome> {
    let predictor = context.predictor;
    let Collected { inputs, skipped } = inputs::collect(&options.inputs, options.standard_input.as_ref(), &job.cancel)?;
    let files = Files::new(&inputs, options.part)?;
    started(files.len(), predictor, job);
    let mut outcome = Outcome { recordings: inputs.len(), skipped, ..begun(options, context) };
    match place {
        Some(path) => {
            let mut journal = Journal::open(path, &context.header, options, job)?;
            let n_open = |journal: &Journal| (0..files.len()).filter(|&nth| !journal.has(files.key(nth))).count();
            let n = n_open(&journal);
            if let Some(workers) = job.workers.filter(|_| n > 0) {
                shares::classify(workers, n, &mut outcome, job)?;
                drop(journal);
                let gone_on = Options { resume: true, overwrite: false, ..options.clone() };
                journal = Journal::open(path, &context.header, &gone_on, job)?;
            }
            if job.workers.is_none() || n_open(&journal) > 0 {
                classify(predictor, &files, Keep::Journal(&mut journal), &mut outcome, job)?;
            }
            outcome.resumed = files.len() - n;
            if options.part.is_some() {
                outcome.recordings = (0..files.len()).map(|nth| files.rows(nth).len()).sum();
            } else {
                let mut outputs = Outputs::new(outputs, context)?;
                for nth in 0..files.len() {
                    job.check(KEPT)?;
                    outputs.take(files.rows(nth), &journal.record(files.key(nth))?, &mut outcome)?;
                }
                let finished = finish(outputs, options, &mut outcome, job);
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
            let mut outputs = Outputs::new(outputs, context)?;
            match is_live {
                true => live::classify(predictor, &files, &mut outputs, &mut outcome, job)?,
                false => classify(predictor, &files, Keep::Tables(&mut outputs), &mut outcome, job)?,
            }
            finish(outputs, options, &mut outcome, job)?;
        }
    }
    Ok(outcome)
}

/// An outcome in which nothing is counted yet.
fn begun(options: &Options, context: &Context<'_>) -> Outcome {
    let activity = || Activity::new(context.predictor.classes(), context.events.is_some());
    Outcome { activity: (!options.activity.is_empty()).then(activity), ..Outcome::default() }
}

/// Ends the tables, and says what could not be used.
fn finish(outputs: Outputs<'_>, options: &Options, outcome: &mut Outcome, job: &Job<'_>) -> Result<()> {
    for skipped in &outcome.skipped {
        job.warn(format!("{}: {}", skipped.path, skipped.reason));
    }
    if outcome.windows == 0 {
        bail!("none of the {} recordings could be used; the reasons are above", outcome.recordings);
    }
    write(outputs, options, outcome)?;
    outcome.activity.as_ref().and_then(activity::note).into_iter().for_each(|note| job.warn(note));
    Ok(())
}

/// Puts the tables under their names.
fn write(outputs: Outputs<'_>, options: &Options, outcome: &mut Outcome) -> Result<()> {
    outcome.files = outputs.finish(&outcome.skipped)?;
    if let Some(activity) = &outcome.activity {
        outcome.files.extend(activity::write(&options.activity, activity)?);
    }
    Ok(())
}

fn started(recordings: usize, predictor: &Predictor<'_>, job: &Job<'_>) {
    let (model, model_sha256) = (predictor.model.path.as_path(), predictor.model.sha256.as_str());
    job.observer.event(Event::RunStarted(&RunStarted { recordings, model, model_sha256 }));
}

fn finished(outcome: &Outcome, is_part: bool, job: &Job<'_>) {
    let Outcome { recordings, windows, labels, sound_s, classified_s, seconds, waited_s, files, .. } = outcome;
    job.observer.event(Event::RunFinished(&RunFinished {
        recordings: *recordings,
        failed: if is_part { outcome.failed } else { outcome.skipped.len() },
        windows: *windows,
        labels,
        sound_s: *sound_s,
        classified_s: *classified_s,
        seconds: *seconds,
        waited_s: *waited_s,
        files,
    }));
}
