//! The thread that calibrates, one model at a time.

use super::one::{Calibration, Seen, State};
use crate::models::Models;
use crate::options::{Ask, Limits};
use crate::worker::Worker;
use pipeline::calibrate::{self, FEWEST_GROUPS, Options, Refusal};
use pipeline::{Device, Error, Job};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// What calibrations need, and where their models go.
pub(super) struct Bench {
    pub(super) models: Arc<Models>,
    pub(super) ask: Ask,
    pub(super) limits: Limits,
    pub(super) device: Device,
}

/// Calibrates what comes, until no more can come.
pub(super) fn calibrate_all(of: &Receiver<Arc<Calibration>>, bench: &Bench) {
    for calibration in of {
        let begins = calibration.change(|seen| {
            // It may have been stopped while it waited.
            if seen.state == State::Waiting {
                seen.state = if calibration.cancel.is_cancelled() { State::Canceled } else { State::Running };
            }
            seen.state == State::Running
        });
        if !begins {
            continue;
        }
        let done = catch_unwind(AssertUnwindSafe(|| calibrate(&calibration, bench)));
        let done = done.unwrap_or_else(|_| Err(Error::Invalid("a fault of the program".into())));
        calibration.change(|seen| {
            seen.progress.rest();
            match done {
                Ok(name) => (seen.state, seen.model) = (State::Done, Some(name)),
                Err(Error::Cancelled { .. }) => seen.state = State::Canceled,
                Err(error) => fail(&calibration, seen, &error),
            }
        });
        // Without a record a later server does not show it, which is no reason to lose the model now.
        if let Err(error) = super::kept::write(&calibration) {
            tracing::warn!("{}", pipeline::one_line(&error));
        }
    }
}

/// Calibrates, and opens the model; gives its name.
fn calibrate(calibration: &Arc<Calibration>, bench: &Bench) -> pipeline::Result<String> {
    let answers = calibration.folder.join("answers.csv");
    storage::create_dir_all(&calibration.folder)?;
    storage::write(&answers, &calibration.csv)?;
    let options = Options::new(&calibration.of, vec![answers], calibration.run());
    let cancel = calibration.cancel.clone();
    let job = Job { device: bench.device.clone(), observer: &**calibration, cancel, ..Job::default() };
    calibrate::run(&options, &job)?;
    let name = calibration.seen().name;
    Ok(bench.models.add(Worker::start(&calibration.run(), &name, &bench.device, &bench.ask, &bench.limits)?))
}

fn fail(calibration: &Calibration, seen: &mut Seen, error: &Error) {
    match error {
        Error::Refused(refusal) => {
            let (why, advice) = refused(refusal, &seen.from);
            (seen.state, seen.error, seen.advice) = (State::Refused, Some(why), Some(advice));
        }
        error => {
            let text = pipeline::one_line(error);
            tracing::warn!("a calibration failed");
            tracing::debug!("{text}");
            (seen.state, seen.error) = (State::Failed, Some(calibration.for_client(&text)));
        }
    }
}

/// Why there is no model, and what to do, for a person at the page.
fn refused(refusal: &Refusal, from: &str) -> (String, String) {
    match refusal {
        Refusal::Few { n_groups, .. } => (
            format!(
                "Sounds of the model's classes were heard in {n_groups} recordings, and at least {FEWEST_GROUPS} are needed."
            ),
            "Answer detections of other recordings, and say which class is right.".into(),
        ),
        Refusal::OneClass { n_clips } => (
            format!(
                "The {n_clips} answers that name a class all name the same one, which says nothing of the line between classes."
            ),
            "Answer some detections of another class.".into(),
        ),
        Refusal::NoHelp { n_clips, before, after, .. } => (
            format!(
                "By these {n_clips} answers the model is as good here as it is: balanced accuracy of held-out answers {before:.2} \
                 before, {after:.2} after."
            ),
            format!("Use {from} as it is, or correct detections that it gets wrong and try again."),
        ),
        Refusal::Twice { .. } => {
            (format!("{from} is calibrated for a place already."), "Choose the model that it was made from.".into())
        }
        other => (format!("{from} is not calibrated: {other}."), "Answer more detections.".into()),
    }
}
