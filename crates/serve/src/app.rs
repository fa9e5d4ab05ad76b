//! What all requests share.

use crate::calibrations::Calibrations;
use crate::fits::Fits;
use crate::guard::Guard;
use crate::live::Lives;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::options::Options;
use crate::problem::{Answer, Problem};
use crate::review::{Queue, Reviews};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

/// The state of a server.
pub(crate) struct App {
    pub(crate) options: Options,
    pub(crate) guard: Guard,
    pub(crate) models: Arc<Models>,
    pub(crate) metrics: Arc<Metrics>,
    /// Recordings that may be received or classified.
    pub(crate) uploads: Arc<Semaphore>,
    /// Recordings that may be classified.
    pub(crate) jobs: Arc<Semaphore>,
    pub(crate) lives: Lives,
    pub(crate) fits: Fits,
    pub(crate) calibrations: Calibrations,
    pub(crate) queue: Option<Queue>,
    pub(crate) reviews: Reviews,
    pub(crate) started: Instant,
    stopping: watch::Sender<bool>,
}

/// What an [`App`] is made of.
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) guard: Guard,
    pub(crate) models: Models,
    pub(crate) fits: Fits,
    pub(crate) calibrations: Calibrations,
    pub(crate) queue: Option<Queue>,
    pub(crate) reviews: Reviews,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { options, guard, models, fits, calibrations, queue, reviews } = parts;
        let limits = &options.limits;
        Self {
            uploads: Arc::new(Semaphore::new(limits.n_uploads.max(1))),
            jobs: Arc::new(Semaphore::new(limits.n_jobs.max(1))),
            options,
            guard,
            models: Arc::new(models),
            metrics: Arc::default(),
            lives: Lives::default(),
            fits,
            calibrations,
            queue,
            reviews,
            started: Instant::now(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// A turn that does not come in time.
    pub(crate) async fn turn(&self, of: &Arc<Semaphore>, wait: Duration) -> Answer<OwnedSemaphorePermit> {
        let permit = timeout(wait, Arc::clone(of).acquire_owned()).await;
        permit
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| Problem::busy(format!("the server was busy for {} s; ask again later", wait.as_secs())))
    }

    /// Takes nothing new from now on.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
        self.lives.end_all();
        self.fits.stop();
        self.calibrations.stop();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Told once the server stops.
    pub(crate) fn stopped(&self) -> Stopped {
        Stopped(self.stopping.subscribe())
    }
}

/// Waits for the end.
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stopped {
    pub(crate) async fn wait(&mut self) {
        // Without a sender there is no server any more.
        drop(self.0.wait_for(|stopping| *stopping).await);
    }
}
