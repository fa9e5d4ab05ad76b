//! The thread that trains: one training at a time, each with what it has kept where it was stopped.

use super::clips::manifest;
use super::one::{Fit, Inner, State, without_folder};
use crate::models::Models;
use crate::options::{Ask, FitSettings, Limits};
use crate::worker::Worker;
use pipeline::fit::{self, Options, Start};
use pipeline::{Device, Error, Job};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// What trainings need, and where their models go.
pub(super) struct Workshop {
    pub(super) models: Arc<Models>,
    pub(super) settings: FitSettings,
    pub(super) ask: Ask,
    pub(super) limits: Limits,
    pub(super) device: Device,
}

/// Trains what comes, until no more can come.
pub(super) fn train_all(of: &Receiver<Arc<Fit>>, workshop: &Workshop) {
    for fit in of {
        let begins = fit.change(|Inner { seen, .. }| {
            // It may have been stopped, and even started again, while it waited.
            if seen.state == State::Waiting {
                seen.state = if fit.cancel().is_cancelled() { State::Canceled } else { State::Running };
                return seen.state == State::Running;
            }
            false
        });
        if !begins {
            continue;
        }
        let trained = catch_unwind(AssertUnwindSafe(|| train(&fit, workshop)));
        let trained = trained.unwrap_or_else(|_| Err(Error::Invalid("a fault of the program".into())));
        fit.change(|Inner { seen, .. }| {
            seen.progress.rest();
            match trained {
                Ok(name) => {
                    seen.state = State::Done;
                    seen.report = Some(format!("/api/fits/{}/report?key={}", seen.id, fit.key));
                    seen.model = Some(name);
                }
                Err(Error::Cancelled { .. }) => seen.state = State::Canceled,
                Err(error) => {
                    seen.state = State::Failed;
                    let text = pipeline::one_line(&error);
                    tracing::warn!("a training failed");
                    tracing::debug!("{text}");
                    seen.error = Some(without_folder(&text, &fit.folder));
                }
            }
        });
        // Without a record a later server does not show it, which is no reason to lose the model now.
        if let Err(error) = super::kept::write(&fit) {
            tracing::warn!("{}", pipeline::one_line(&error));
        }
    }
}

/// Trains, and opens the model; gives its name.
fn train(fit: &Arc<Fit>, workshop: &Workshop) -> pipeline::Result<String> {
    let data = fit.folder.join("manifest.csv");
    if !storage::exists(&data) {
        storage::write(&data, &fit.look(|inner| manifest(&inner.clips))?)?;
    }
    let (name, minutes) = fit.look(|inner| (inner.seen.name.clone(), inner.seen.minutes));
    let has_begun = storage::exists(fit.run());
    let options = Options {
        backbone: workshop.settings.backbone.clone(),
        usual_backbones: workshop.settings.usual_backbones.clone(),
        minutes,
        start: if has_begun { Start::Resume } else { Start::Fresh },
        ..Options::new(&data, fit.run())
    };
    let job = Job { device: workshop.device.clone(), observer: &**fit, cancel: fit.cancel(), ..Job::default() };
    fit::run(&options, &job)?;
    let worker = Worker::start(&fit.run(), &name, &workshop.device, &workshop.ask, &workshop.limits)?;
    Ok(workshop.models.add(worker))
}
