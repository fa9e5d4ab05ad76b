//! One recording, classified in the model's thread: in bounded memory, for a bounded time, as long as somebody waits for it.

use super::asked::{Asked, Form};
use super::table;
use crate::answer::{About, Answered, Window, windows};
use crate::app::App;
use crate::problem::{Answer, Problem};
use crate::worker::{Opened, Worker};
use audio_io::recorder_info_of;
use detections::{EVENT_ALPHA, EventSettings, Format};
use inference::{Answers, Input, Judged, Predictor, Watch, reason};
use pipeline::predict::{Recorded, detections};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Largest overlap, as a share of the window: a recording of many more windows than seconds would take the server for long.
const MOST_OVERLAP: f64 = 0.9;

/// Told of windows and seconds of sound as they come; says whether anybody still listens.
pub(crate) type Tell = Box<dyn FnMut(Step) -> bool + Send>;

/// What comes before the end.
pub(crate) enum Step {
    /// More windows.
    Windows(Vec<Window>),
    /// Seconds of sound classified so far.
    Seconds(f64),
}

/// What a request gets.
pub(crate) enum Outcome {
    Json(Answered),
    /// A table and its format.
    Table(Vec<u8>, Format),
}

/// Stops the work once nobody waits for it.
pub(crate) struct StopOnDrop(pub(crate) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Waits for its turn, then classifies an uploaded recording. Dropping the future stops it.
pub(crate) async fn classify(
    app: Arc<App>,
    worker: Arc<Worker>,
    file: File,
    asked: Asked,
    form: Form,
    tell: Option<Tell>,
) -> Answer<Outcome> {
    let permit = app.turn(&app.jobs, app.options.limits.classify).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    worker.send(Box::new(move |opened| {
        let work = Work { app: &app, opened, asked: &asked, form, stop: &stop };
        let outcome = work.run(file, tell);
        match &outcome {
            Ok(_) => app.metrics.recordings.fetch_add(1, Relaxed),
            Err(_) => app.metrics.failed.fetch_add(1, Relaxed),
        };
        drop(sender.send(outcome));
        drop(permit);
    }));
    receiver.await.unwrap_or_else(|_| Err(Problem::internal("the model ended without an answer")))
}

struct Work<'a, 'm> {
    app: &'a App,
    opened: &'a Opened<'m>,
    asked: &'a Asked,
    form: Form,
    stop: &'a AtomicBool,
}

impl Work<'_, '_> {
    fn run(&self, file: File, tell: Option<Tell>) -> Answer<Outcome> {
        let own = self.predictor()?;
        let usual = if self.asked.events { &self.opened.events } else { &self.opened.windows };
        let predictor = own.as_ref().unwrap_or(usual);
        let name = self.asked.name();
        let info = file.try_clone().ok().map(|file| recorder_info_of(file, &PathBuf::from(name)));
        let file = Some(Arc::new(file));
        let input = Input { path: PathBuf::from(name), name: name.to_owned(), file, ..Input::default() };
        let (judged, answers) = self.ask(predictor, &input, tell)?;
        let seconds = answers.seconds.first().map_or(0.0, |(_, seconds)| *seconds);
        self.app.metrics.sound_ms.fetch_add((seconds * 1000.0) as u64, Relaxed);
        self.app.metrics.windows.fetch_add(judged.len() as u64, Relaxed);
        if let Some((_, error)) = answers.failed.first() {
            return Err(Problem::unusable(format!("{name}: {}", reason(error, &input.path))));
        }
        let of = Recorded {
            name,
            seconds: Some(seconds),
            start: info.as_ref().and_then(|info| info.start).map(|start| start.time),
            place: info.as_ref().and_then(|info| info.place).map(|place| (place.lat, place.lon)),
        };
        let settings = self.asked.events.then(EventSettings::default);
        let failed = |error: pipeline::Error| fault(name, &error);
        match self.form {
            Form::Table(format) => {
                let found = detections(predictor, settings.as_ref(), &judged, &of).map_err(failed)?;
                let table = table::bytes(format, predictor, self.asked, &judged, &found, &of);
                Ok(Outcome::Table(table.map_err(|error| fault(name, &error))?, format))
            }
            Form::Json | Form::Stream => {
                let found = settings.map(|settings| detections(predictor, Some(&settings), &judged, &of));
                let found = found.transpose().map_err(failed)?.unwrap_or_default();
                let warning = answers.warnings.first().map(|(_, text)| text.clone());
                Ok(Outcome::Json(Answered {
                    model: self.asked.model.clone().unwrap_or_default(),
                    model_sha256: predictor.model.sha256.clone(),
                    recording: About { name: name.to_owned(), seconds, warning },
                    classes: predictor.classes().to_vec(),
                    windows: (self.form == Form::Json).then(|| windows(predictor, &judged)),
                    detections: found.iter().map(Into::into).collect(),
                }))
            }
        }
    }

    /// A predictor with the overlap that was asked for, where it is not the usual one.
    fn predictor(&self) -> Answer<Option<Predictor<'_>>> {
        let Some(overlap_s) = self.asked.overlap else { return Ok(None) };
        let usual = &self.opened.windows;
        let window_s = usual.window_s().map_err(|error| fault(self.asked.name(), &error))?;
        if overlap_s > window_s * MOST_OVERLAP {
            let most = window_s * MOST_OVERLAP;
            return Err(Problem::bad_request(format!("overlap: expected at most {most} s, got {overlap_s}")));
        }
        let alpha = if self.asked.events { EVENT_ALPHA } else { inference::unknown::ALPHA };
        usual.again(overlap_s, self.opened.alpha, alpha).map(Some).map_err(|error| fault(self.asked.name(), &error))
    }

    fn ask(&self, predictor: &Predictor<'_>, input: &Input, tell: Option<Tell>) -> Answer<(Vec<Judged>, Answers)> {
        let limits = &self.app.options.limits;
        let (deadline, most_ms) = (Instant::now() + limits.classify, limits.seconds.saturating_mul(1000));
        let done_ms = AtomicU64::new(0);
        let is_long = || done_ms.load(Relaxed) > most_ms;
        let classified = |seconds: f64| {
            done_ms.fetch_add((seconds * 1000.0) as u64, Relaxed);
        };
        let stop = || self.stop.load(Relaxed) || is_long() || Instant::now() > deadline;
        let watch = Watch { stop: &stop, classified: &classified };
        let outcome = match tell {
            None => predictor.recordings(std::slice::from_ref(input), 0, &watch).map(|mut answers| {
                let judged = std::mem::take(&mut answers.judged);
                (judged, answers)
            }),
            Some(mut tell) => {
                let mut all = Vec::new();
                let mut take = |judged: Vec<Judged>| -> inference::Result<()> {
                    let seconds = Step::Seconds(done_ms.load(Relaxed) as f64 / 1000.0);
                    if !tell(Step::Windows(windows(predictor, &judged))) || !tell(seconds) {
                        return Err(inference::Error::Cancelled);
                    }
                    all.extend(judged);
                    Ok(())
                };
                let answers = predictor.live(input, &watch, &mut take);
                answers.map(|answers| (all, answers))
            }
        };
        let name = self.asked.name();
        let (judged, answers) = outcome.map_err(|error| match error {
            inference::Error::Cancelled if is_long() => too_long(name, limits.seconds),
            inference::Error::Cancelled if Instant::now() > deadline => {
                Problem::timeout(format!("{name}: took longer than {} s; send it in parts", limits.classify.as_secs()))
            }
            inference::Error::Cancelled => Problem::bad_request(format!("{name}: nobody waited for the answer")),
            error => fault(name, &error),
        })?;
        // A recording that has as many windows as are looked at at once is not stopped in the middle.
        match answers.seconds.first().is_some_and(|(_, seconds)| *seconds > limits.seconds as f64) {
            true => Err(too_long(name, limits.seconds)),
            false => Ok((judged, answers)),
        }
    }
}

fn too_long(name: &str, most: u64) -> Problem {
    Problem::too_large(format!("{name}: has more than the {most} s of sound that this server takes; cut it into parts"))
}

/// A fault of the server.
fn fault(name: &str, error: &dyn std::error::Error) -> Problem {
    let text = pipeline::one_line(error);
    tracing::error!("a recording cannot be classified");
    tracing::debug!("{name}: {text}");
    Problem::internal(format!("{name}: {text}"))
}
