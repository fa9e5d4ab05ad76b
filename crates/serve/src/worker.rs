//! A model, open in a thread of its own: it is asked by tasks that are sent to it.

use crate::options::{Ask, Limits};
use detections::EVENT_ALPHA;
use inference::{Model, Predictor, PredictorOptions};
use pipeline::{Device, Job};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// Training clips that each answer is compared with.
const N_NEAREST: usize = 3;

/// A model with its detectors, opened once.
pub(crate) struct Opened<'m> {
    /// For windows.
    pub(crate) windows: Predictor<'m>,
    /// For windows that events are made of: they overlap by half, and fewer are rejected.
    pub(crate) events: Predictor<'m>,
    /// A maximum false-rejection rate that the operator asked for.
    pub(crate) alpha: Option<f64>,
}

impl<'m> Opened<'m> {
    fn new(model: &'m Model, ask: &Ask, limits: &Limits) -> pipeline::Result<Self> {
        let options = PredictorOptions {
            unsure_below: ask.unsure_below,
            alpha: ask.alpha,
            reject: ask.reject.clone(),
            n_nearest: N_NEAREST,
            ..PredictorOptions::default()
        };
        let mut windows = model.predictor(&options)?;
        windows.limit_memory(limits.memory_bytes / limits.n_jobs.max(1) as u64);
        let events = windows.again(windows.window_s()? / 2.0, ask.alpha, EVENT_ALPHA)?;
        Ok(Self { windows, events, alpha: ask.alpha })
    }

    fn about(&self, name: &str) -> pipeline::Result<About> {
        let model = self.windows.model;
        let chain = model.chain()?;
        let kind = model.members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join("+");
        Ok(About {
            name: name.to_owned(),
            kind,
            classes: self.windows.classes().to_vec(),
            sha256: model.sha256.clone(),
            window_s: chain.clip.window.seconds,
            sample_rate_hz: chain.clip.sample_rate_hz,
            detector: self.windows.detector().map(|detector| Detector {
                method: detector.fitted.method.name.clone(),
                alpha: self.windows.thresholds().alpha,
                alpha_events: self.events.thresholds().alpha,
            }),
            unsure_below: self.windows.thresholds().unsure_below,
        })
    }
}

/// What is said of a model.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) classes: Vec<String>,
    pub(crate) sha256: String,
    pub(crate) window_s: f64,
    pub(crate) sample_rate_hz: u32,
    pub(crate) detector: Option<Detector>,
    pub(crate) unsure_below: f32,
}

/// A detector of unknown sounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Detector {
    pub(crate) method: String,
    pub(crate) alpha: f64,
    pub(crate) alpha_events: f64,
}

/// What a model is asked. Each task runs in a thread; how many there are at a time is for who sends them to bound.
pub(crate) type Task = Box<dyn FnOnce(&Opened<'_>) + Send>;

/// The way to a model. The model is closed once this is dropped and all tasks are done.
pub(crate) struct Worker {
    pub(crate) about: About,
    /// Folder of its run, or its file.
    pub(crate) run: PathBuf,
    sender: Sender<Task>,
}

impl Worker {
    /// Opens a model; returns once it is open.
    ///
    /// # Errors
    /// What is no run, and a model that cannot be opened.
    pub(crate) fn start(run: &Path, name: &str, device: &Device, ask: &Ask, limits: &Limits) -> pipeline::Result<Self> {
        let (sender, tasks) = channel::<Task>();
        let (tell, told) = channel::<pipeline::Result<About>>();
        let of_thread = (run.to_owned(), name.to_owned(), device.clone(), ask.clone(), limits.clone());
        thread::Builder::new().name(format!("model {name}")).spawn(move || {
            let (run, name, device, ask, limits): (PathBuf, String, Device, Ask, Limits) = of_thread;
            let opened = pipeline::inputs::open_model(&run, &Job { device, ..Job::default() });
            let model = match opened {
                Ok(model) => model,
                Err(error) => return drop(tell.send(Err(error))),
            };
            let opened = Opened::new(&model, &ask, &limits).and_then(|opened| Ok((opened.about(&name)?, opened)));
            let opened = match opened {
                Ok((about, opened)) => {
                    drop(tell.send(Ok(about)));
                    opened
                }
                Err(error) => return drop(tell.send(Err(error))),
            };
            thread::scope(|scope| {
                for task in tasks {
                    // Who waits for the task sees that it ended without an answer; the model goes on.
                    let guarded = || drop(catch_unwind(AssertUnwindSafe(|| task(&opened))));
                    let spawned = thread::Builder::new().name("classify".into()).spawn_scoped(scope, guarded);
                    if let Err(error) = spawned {
                        tracing::error!("no thread can be started: {error}");
                    }
                }
            });
        })?;
        let about = told.recv().map_err(|_| {
            pipeline::Error::Invalid(format!("{}: the model ended while it was opened", run.display()))
        })??;
        Ok(Self { about, run: run.to_owned(), sender })
    }

    /// Sends a task; it is dropped where the model has gone.
    pub(crate) fn send(&self, task: Task) {
        drop(self.sender.send(task));
    }
}
