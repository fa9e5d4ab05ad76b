//! Sound that somebody sends while it is recorded, and what is heard in it.

use super::pcm::{Listen, Sound};
use crate::answer::{Event, windows};
use crate::feed::Feed;
use crate::metrics::{Gauge, Metrics};
use crate::options::Limits;
use crate::problem::{Answer, Problem};
use crate::worker::{Opened, Worker};
use axum::body::Bytes;
use detections::{Detection, EventFinder, EventSettings, Thresholds};
use inference::{Input, Judged, Stream, Watch};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests whose sound waits for the model, at most.
const WAITING: usize = 8;

/// How long the events of a session that has ended can still be read.
const KEPT: Duration = Duration::from_secs(60);

/// The sessions, by their ids.
#[derive(Default)]
pub(crate) struct Lives(Mutex<HashMap<String, Arc<Session>>>);

/// One session.
pub(crate) struct Session {
    pub(crate) listen: Listen,
    pub(crate) feed: Arc<Feed>,
    /// None once no more sound is taken.
    sound: Mutex<Option<SyncSender<Bytes>>>,
    /// When it ended.
    ended: Mutex<Option<Instant>>,
}

impl Session {
    /// Takes some sound.
    ///
    /// # Errors
    /// More than the model can follow, and a session that has ended.
    pub(crate) fn send(&self, sound: Bytes) -> Answer<()> {
        let sender = self.sound.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = &*sender else { return Err(Problem::conflict("the session has ended; start another")) };
        sender.try_send(sound).map_err(|error| match error {
            TrySendError::Full(_) => {
                Problem::too_fast("sound comes faster than the model can follow; send it again later")
            }
            TrySendError::Disconnected(_) => Problem::conflict("the session has ended; start another"),
        })
    }

    /// Takes no more sound; what has come is still listened to.
    pub(crate) fn end(&self) {
        self.sound.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_over(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at.elapsed() > KEPT)
    }

    fn is_running(&self) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl Lives {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session; gives its id.
    ///
    /// # Errors
    /// As many sessions as there may be.
    pub(crate) fn start(
        &self,
        worker: &Worker,
        listen: Listen,
        metrics: &Arc<Metrics>,
        limits: &Limits,
    ) -> Answer<String> {
        let mut all = self.all();
        all.retain(|_, session| !session.is_over());
        if all.values().filter(|session| session.is_running()).count() >= limits.n_live {
            return Err(Problem::too_fast("as many listen already as this server takes; try again later"));
        }
        let id = format!("{:016x}", rand::random::<u64>());
        let (sender, receiver) = sync_channel(WAITING);
        let sound = Sound::new(&listen, receiver, limits.live_idle);
        let session = Arc::new(Session {
            listen,
            feed: Arc::default(),
            sound: Mutex::new(Some(sender)),
            ended: Mutex::new(None),
        });
        all.insert(id.clone(), Arc::clone(&session));
        drop(all);
        let metrics = Arc::clone(metrics);
        // Dropped with the task, whatever becomes of it.
        let ending = Ending(session);
        worker.send(Box::new(move |opened| {
            let _live = Gauge::of(&metrics.live);
            let feed = &ending.0.feed;
            if let Err(error) = listen_to(opened, sound, feed, &metrics) {
                tracing::debug!("a live session ended: {}", pipeline::one_line(&error));
                let problem = Problem::internal("the sound could not be classified");
                feed.push("error", &json!({"error": {"code": problem.code, "message": problem.message}}));
            }
        }));
        Ok(id)
    }

    /// # Errors
    /// No such session.
    pub(crate) fn get(&self, id: &str) -> Answer<Arc<Session>> {
        self.all().get(id).cloned().ok_or_else(|| Problem::not_found("no such session; it ends where no sound comes"))
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&self) {
        self.all().values().for_each(|session| session.end());
    }
}

/// Marks the end of a session.
struct Ending(Arc<Session>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
        self.0.feed.push("end", &json!({}));
        self.0.feed.close();
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// Classifies sound as it comes, until it ends.
fn listen_to(opened: &Opened<'_>, sound: Sound, feed: &Feed, metrics: &Metrics) -> pipeline::Result<()> {
    let predictor = &opened.windows;
    let thresholds = Thresholds { alpha: opened.events.thresholds().alpha, ..predictor.thresholds() };
    let mut finder = EventFinder::new(&EventSettings::default(), predictor.classes(), thresholds)?;
    let input = Input { stream: Some(Arc::new(Stream::new(Box::new(sound)))), ..Input::default() };
    let tell = |event: detections::Event| feed.push("event", &Event::from(&Detection::from(event)));
    let mut take = |judged: Vec<Judged>| -> pipeline::Result<()> {
        metrics.windows.fetch_add(judged.len() as u64, Relaxed);
        for (judged, window) in judged.iter().zip(windows(predictor, &judged)) {
            feed.push("window", &window);
            finder.push(&judged.verdict)?.into_iter().for_each(tell);
        }
        Ok(())
    };
    let answers = predictor.live(&input, &Watch::default(), &mut take)?;
    finder.finish().into_iter().for_each(tell);
    let seconds = answers.seconds.first().map_or(0.0, |(_, seconds)| *seconds);
    metrics.sound_ms.fetch_add((seconds * 1000.0) as u64, Relaxed);
    Ok(())
}
