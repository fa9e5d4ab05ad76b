//! Accepts connections until it is asked to stop, and finishes what was begun.

use crate::app::{App, Parts};
use crate::calibrations::Calibrations;
use crate::error::{Error, Result};
use crate::fits::Fits;
use crate::guard::Guard;
use crate::metrics::Gauge;
use crate::models::{Models, name_of};
use crate::options::Options;
use crate::review::{Queue, Reviews};
use crate::routes::router;
use crate::worker::Worker;
use axum::Router;
use futures::future::{Either, select};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use pipeline::{CancelToken, Job};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// How long connections without a request stay open after that.
const GRACE: Duration = Duration::from_secs(1);

/// How long the head of a request may take, and a connection be without one.
const HEAD: Duration = Duration::from_secs(30);

/// Bytes of the head of a request, at most.
const HEAD_BYTES: usize = 32 << 10;

/// Threads that answer; what computes has threads of its own.
const N_THREADS: usize = 2;

/// A server whose models are open and whose address is its own, before it answers.
pub struct Server {
    app: Arc<App>,
    listener: std::net::TcpListener,
    addr: SocketAddr,
    cancel: CancelToken,
}

impl Server {
    /// Opens models, tables and the address.
    ///
    /// # Errors
    /// What cannot be opened, and an address that others can reach without a token.
    pub fn bind(options: Options, job: &Job<'_>) -> Result<Self> {
        let guard = Guard::new(&options)?;
        if options.runs.is_empty() && options.review.is_none() && options.fit.is_none() {
            return Err(Error::Nothing);
        }
        let models = Models::default();
        for run in &options.runs {
            let worker = Worker::start(run, &name_of(run), &job.device, &options.ask, &options.limits);
            models.add(worker.map_err(|source| Error::Model { run: run.clone(), source: Box::new(source) })?);
        }
        let queue = options.review.as_ref().map(|table| Queue::open(table, &job.cancel)).transpose()?;
        let reviews = Reviews::open(&options.reviews)?;
        let fits = Fits::open(&options, &job.device, &models)?;
        let calibrations = Calibrations::open(&options, &job.device, &models)?;
        let failed = |source| Error::Bind { addr: options.addr, source };
        let listener = std::net::TcpListener::bind(options.addr).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        let app = Arc::new(App::new(Parts { options, guard, models, fits, calibrations, queue, reviews }));
        Ok(Self { app, listener, addr, cancel: job.cancel.clone() })
    }

    /// Where connections are accepted.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What the operator should know, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let models = self.app.models.len();
        let mut notes = vec![format!("{models} models at http://{}/", self.addr)];
        notes.extend(
            self.app.queue.as_ref().map(|queue| format!("{} detections of {} to review", queue.len(), queue.name)),
        );
        notes.extend(self.app.guard.wants_token().then(|| "open the page as /#token=TOKEN".to_owned()));
        notes
    }

    /// The paths, for tests that ask without a connection.
    pub fn router(&self) -> Router {
        router(Arc::clone(&self.app))
    }

    /// Answers until it is cancelled; then takes nothing new, finishes what was begun, and returns.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn run(self) -> Result<()> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(N_THREADS).thread_name("serve").enable_io().enable_time();
        let runtime = runtime.build().map_err(Error::Start)?;
        let app = Arc::clone(&self.app);
        runtime.block_on(async {
            let trainings = app.fits.run(&app.models, &app.options)?;
            let calibrating = app.calibrations.run(&app.models, &app.options)?;
            let outcome = self.accept().await;
            // A training stops at the next step, and keeps what it has; a calibration stops with nothing.
            let ends = move || {
                trainings.join();
                calibrating.map(JoinHandle::join)
            };
            drop(tokio::task::spawn_blocking(ends).await);
            outcome
        })
    }

    async fn accept(self) -> Result<()> {
        let listener = TcpListener::from_std(self.listener).map_err(Error::Start)?;
        let router = router(Arc::clone(&self.app));
        let connections = Arc::new(Semaphore::new(self.app.options.limits.n_connections.max(1)));
        loop {
            if self.cancel.is_cancelled() && !self.app.is_stopping() {
                tracing::info!("stopping: what was begun is finished");
                self.app.stop();
            }
            let permit = timeout(LOOK, Arc::clone(&connections).acquire_owned()).await;
            let Ok(Ok(permit)) = permit else { continue };
            match timeout(LOOK, listener.accept()).await {
                Ok(Ok((stream, _))) => {
                    drop(tokio::spawn(connection(Arc::clone(&self.app), router.clone(), stream, permit)))
                }
                // Such as too many open files: later there are fewer.
                Ok(Err(error)) => {
                    tracing::warn!("a connection cannot be accepted: {error}");
                    sleep(LOOK).await;
                }
                // While something is finished, others are told that nothing new is taken.
                Err(_) if self.app.is_stopping() && self.app.metrics.connections.load(Relaxed) == 0 => return Ok(()),
                Err(_) => {}
            }
        }
    }
}

/// Answers the requests of a connection.
async fn connection(app: Arc<App>, router: Router, stream: TcpStream, permit: OwnedSemaphorePermit) {
    let open = Gauge::of(&app.metrics.connections);
    // Small answers are not held back; where that cannot be had they are only slower.
    drop(stream.set_nodelay(true));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).keep_alive(!app.is_stopping());
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let mut stopped = app.stopped();
    let outcome = match select(serving.as_mut(), pin!(stopped.wait())).await {
        Either::Left((outcome, _)) => outcome,
        // A request may be on its way over a connection that was just opened: it is told that nothing new is taken.
        Either::Right(((), _)) => match timeout(GRACE, serving.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        },
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended: {error}");
    }
    drop(open);
    drop(permit);
}

/// Serves until it is cancelled. Says where, in sentences for people.
///
/// # Errors
/// As for [`Server::bind`] and [`Server::run`].
pub fn run(options: Options, job: &Job<'_>) -> Result<()> {
    let server = Server::bind(options, job)?;
    for note in server.notes() {
        job.observer.event(pipeline::Event::Message(&note));
    }
    server.run()
}
