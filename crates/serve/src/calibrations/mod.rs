//! Models for a place, from answers about the table: `pipeline::calibrate` in the background.

mod kept;
mod one;
mod work;

pub(crate) use one::{Calibration, Seen, State};

use crate::error::{Error, Result};
use crate::folder::{folder, names_in, remove};
use crate::line::Line;
use crate::models::Models;
use crate::options::Options;
use crate::problem::{Answer, Problem};
use crate::progress::Progress;
use crate::review::Answers;
use crate::worker::Worker;
use pipeline::Device;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};
use std::thread::{self, JoinHandle};
use tempfile::TempDir;
use work::{Bench, calibrate_all};

/// All calibrations.
pub(crate) struct Calibrations {
    device: Device,
    folder: PathBuf,
    /// Removed at the end, where no folder was named.
    _temporary: Option<TempDir>,
    line: Line<Calibration>,
}

impl Calibrations {
    /// Makes the folder, or looks for what an earlier server has left there: its models can be asked again.
    ///
    /// # Errors
    /// A folder that cannot be made or read.
    pub(crate) fn open(options: &Options, device: &Device, models: &Models) -> Result<Self> {
        let (folder, temporary) = folder(options, "calibrations")?;
        let mut all = Vec::new();
        if options.fit.is_some() {
            let names = names_in(&folder)?;
            all.extend(names.iter().filter_map(|name| kept::read(&folder.join(name), name)).map(Arc::new));
            all.iter().for_each(|calibration| reopen(calibration, options, device, models));
        }
        Ok(Self { device: device.clone(), folder, _temporary: temporary, line: Line::new(all) })
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<Arc<Calibration>>> {
        self.line.all()
    }

    /// Starts the thread that calibrates.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub(crate) fn run(&self, models: &Arc<Models>, options: &Options) -> Result<Option<JoinHandle<()>>> {
        let Some(receiver) = self.line.begin() else { return Ok(None) };
        let (ask, limits) = (options.ask.clone(), options.limits.clone());
        let bench = Bench { models: Arc::clone(models), ask, limits, device: self.device.clone() };
        let thread = thread::Builder::new().name("calibration".into());
        Ok(Some(thread.spawn(move || calibrate_all(&receiver, &bench)).map_err(Error::Start)?))
    }

    /// Begins nothing more, and stops what runs.
    pub(crate) fn stop(&self) {
        self.line.close();
        self.all().iter().for_each(|calibration| calibration.cancel.cancel());
    }

    /// Puts a calibration of a model into the row of those that wait; gives its id.
    pub(crate) fn begin(&self, name: String, of: &Worker, answers: Answers, most: usize) -> Answer<String> {
        let mut all = self.all();
        if all.len() >= most {
            return Err(Problem::conflict(format!("there are {most} calibrations already; remove one first")));
        }
        let id = format!("{:016x}", rand::random::<u64>());
        let seen = Seen {
            id: id.clone(),
            name,
            from: of.about.name.clone(),
            state: State::Waiting,
            answers: answers.n,
            progress: Progress { messages: answers.notes.iter().cloned().collect(), ..Progress::default() },
            error: None,
            advice: None,
            model: None,
        };
        let calibration = Arc::new(Calibration::new(seen, self.folder.join(&id), of.run.clone(), answers));
        self.line.push(&calibration)?;
        all.push(calibration);
        Ok(id)
    }

    pub(crate) fn get(&self, id: &str) -> Answer<Arc<Calibration>> {
        let found = self.all().iter().find(|calibration| calibration.seen().id == id).cloned();
        found.ok_or_else(|| Problem::not_found("no such calibration; GET /api/calibrations lists them"))
    }

    /// Stops a calibration that runs or waits; forgets another, with its folder and its model.
    pub(crate) fn end(&self, calibration: &Arc<Calibration>, models: &Models) {
        calibration.cancel.cancel();
        let seen = calibration.change(|seen| {
            let before = seen.clone();
            if seen.state == State::Waiting {
                seen.state = State::Canceled;
            }
            before
        });
        if !seen.state.is_over() {
            return;
        }
        self.all().retain(|other| !Arc::ptr_eq(other, calibration));
        if let Some(name) = seen.model {
            models.remove(&name);
        }
        remove(&calibration.folder, "calibration");
    }
}

/// Opens the model of a calibration that an earlier server has finished; one that cannot be opened has failed.
fn reopen(calibration: &Arc<Calibration>, options: &Options, device: &Device, models: &Models) {
    let seen = calibration.seen();
    if seen.state != State::Done {
        return;
    }
    let name = seen.model.as_deref().unwrap_or(&seen.name);
    let opened = Worker::start(&calibration.run(), name, device, &options.ask, &options.limits);
    calibration.change(|seen| match opened {
        Ok(worker) => seen.model = Some(models.add(worker)),
        Err(error) => {
            (seen.state, seen.model) = (State::Failed, None);
            seen.error = Some(calibration.for_client(&pipeline::one_line(&error)));
        }
    });
}
