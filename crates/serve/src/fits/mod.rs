//! Trainings from the page: clips in, a model out.

mod clips;
mod kept;
mod one;
mod work;

pub use clips::NewClip;
pub(crate) use clips::add;
pub(crate) use kept::write as keep;
pub(crate) use one::{Fit, Inner, Seen, State};

use crate::error::{Error, Result};
use crate::folder::{folder, names_in, remove};
use crate::line::Line;
use crate::models::Models;
use crate::options::{FitSettings, Options};
use crate::problem::{Answer, Problem};
use crate::worker::Worker;
use pipeline::Device;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::thread;
use tempfile::TempDir;
use work::{Workshop, train_all};

/// All trainings.
pub(crate) struct Fits {
    settings: Option<FitSettings>,
    device: Device,
    folder: PathBuf,
    /// Removed at the end, where no folder was named.
    _temporary: Option<TempDir>,
    line: Line<Fit>,
}

impl Fits {
    /// Makes the folder, or looks for what an earlier server has left there: models that were done can be asked again.
    ///
    /// # Errors
    /// A folder that cannot be made or read.
    pub(crate) fn open(options: &Options, device: &Device, models: &Models) -> Result<Self> {
        let (folder, temporary) = folder(options, "fits")?;
        let mut all = Vec::new();
        if options.fit.is_some() {
            all.extend(names_in(&folder)?.iter().filter_map(|name| kept::read(&folder.join(name), name)).map(Arc::new));
            for fit in &all {
                reopen(fit, options, device, models);
            }
        }
        Ok(Self {
            settings: options.fit.clone(),
            device: device.clone(),
            folder,
            _temporary: temporary,
            line: Line::new(all),
        })
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<Arc<Fit>>> {
        self.line.all()
    }

    /// Starts the thread that trains.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(crate) fn run(&self, models: &Arc<Models>, options: &Options) -> Result<Trainings> {
        let Some((receiver, settings)) = self.line.begin().zip(self.settings.clone()) else {
            return Ok(Trainings(None));
        };
        let (ask, limits) = (options.ask.clone(), options.limits.clone());
        let workshop = Workshop { models: Arc::clone(models), settings, ask, limits, device: self.device.clone() };
        let thread = thread::Builder::new().name("training".into());
        let started = thread.spawn(move || train_all(&receiver, &workshop));
        Ok(Trainings(Some(started.map_err(Error::Start)?)))
    }

    /// Begins nothing more, and stops what runs.
    pub(crate) fn stop(&self) {
        self.line.close();
        self.all().iter().for_each(|fit| fit.cancel().cancel());
    }

    /// Makes a training without clips.
    pub(crate) fn create(&self, name: String, minutes: f64, most: usize) -> Answer<Arc<Fit>> {
        if self.settings.is_none() {
            return Err(Problem::not_found("the server was started without training"));
        }
        let mut all = self.all();
        if all.len() >= most {
            return Err(Problem::conflict(format!("there are {most} trainings already; remove one first")));
        }
        let id = format!("{:016x}", rand::random::<u64>());
        let fit = Arc::new(Fit::new(id.clone(), name, minutes, self.folder.join(id)));
        all.push(Arc::clone(&fit));
        Ok(fit)
    }

    pub(crate) fn get(&self, id: &str) -> Answer<Arc<Fit>> {
        let found = self.all().iter().find(|fit| fit.look(|inner| inner.seen.id == id)).cloned();
        found.ok_or_else(|| Problem::not_found("no such training; GET /api/fits lists them"))
    }

    /// Puts a training into the row of those that wait.
    pub(crate) fn queue(&self, fit: &Arc<Fit>) -> Answer<()> {
        self.line.push(fit)
    }

    /// Forgets a training, and removes its folder and its model.
    pub(crate) fn remove(&self, fit: &Arc<Fit>, models: &Models) {
        self.all().retain(|other| !Arc::ptr_eq(other, fit));
        if let Some(name) = fit.seen().model {
            models.remove(&name);
        }
        // Nothing was uploaded yet, or a clip is just coming: the rest goes with the temporary folder.
        remove(&fit.folder, "training");
    }
}

/// Opens the model of a training that an earlier server has finished; one that cannot be opened has failed.
fn reopen(fit: &Arc<Fit>, options: &Options, device: &Device, models: &Models) {
    let seen = fit.seen();
    if seen.state != State::Done {
        return;
    }
    let name = seen.model.as_deref().unwrap_or(&seen.name);
    let opened = Worker::start(&fit.run(), name, device, &options.ask, &options.limits);
    fit.change(|inner| match opened {
        Ok(worker) => {
            inner.seen.model = Some(models.add(worker));
        }
        Err(error) => {
            (inner.seen.state, inner.seen.model) = (State::Failed, None);
            inner.seen.error = Some(pipeline::one_line(&error));
        }
    });
}

/// The thread that trains.
pub(crate) struct Trainings(Option<thread::JoinHandle<()>>);

impl Trainings {
    /// Waits for its end.
    pub(crate) fn join(self) {
        if let Some(thread) = self.0 {
            // It has told of its fault by itself.
            drop(thread.join());
        }
    }
}
