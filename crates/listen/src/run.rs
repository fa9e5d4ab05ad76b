//! Listens until the sound ends, or somebody asks to stop.

use crate::clips::Clips;
use crate::error::Result;
use crate::feed::Feed;
#[cfg(feature = "mqtt")]
use crate::mqtt::Mqtt;
use crate::options::Options;
use crate::sound::Sound;
use crate::told::{Event, Finished, Started, Told, Window};
use detections::{Detection, EVENT_ALPHA, EventFinder, Provenance, Thresholds};
use inference::{Input, Judged, Predictor, PredictorOptions, Stream, Watch};
use pipeline::Job;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds of sound that may wait for the model, beside two windows.
const BEHIND_S: f64 = 30.0;

/// Seconds of sound that are remembered beside the longest event, what may wait, and what is around a clip.
const REMEMBERED_S: f64 = 15.0;

/// Length of an event that can be kept whole, where events are of any length; in seconds.
const KEPT_S: f64 = 120.0;

/// Listens, and passes on what is heard. Ends with the sound, or once it is asked to stop: then what has come is still classified,
/// the last events are told, and clips are written.
///
/// # Errors
/// What is no run, settings that do not fit the model, a folder of clips that cannot be written, sound that breaks off with an
/// error, and what `tell` gives.
pub fn run(
    options: &Options,
    sound: Sound,
    job: &Job<'_>,
    tell: &mut dyn FnMut(&Told) -> Result<()>,
) -> Result<Finished> {
    let model = pipeline::inputs::open_model(&options.run, job)?;
    let asked = &options.predictor;
    let windows = model.predictor(&PredictorOptions { overlap_s: 0.0, ..asked.clone() })?;
    let predictor = windows.again(windows.window_s()? / 2.0, asked.alpha, EVENT_ALPHA)?;
    let finder = EventFinder::new(&options.events, predictor.classes(), predictor.thresholds())?;
    let source = sound.name.clone();
    let behind_s = BEHIND_S + 2.0 * windows.window_s()?;
    let remembered_s = options.events.max_s.unwrap_or(KEPT_S)
        + REMEMBERED_S
        + behind_s
        + options.clips.as_ref().map_or(0.0, |clips| 2.0 * clips.around_s);
    let provenance = provenance(options, &predictor);
    let clips = options.clips.as_ref();
    let rate_hz = sound.source.rate_hz();
    let clips = clips.map(|clips| Clips::open(clips, &options.name, rate_hz, provenance.clone())).transpose()?;
    #[cfg(feature = "mqtt")]
    let mqtt = options.mqtt.as_ref().map(|mqtt| Mqtt::start(mqtt, &options.name, &provenance, predictor.classes()));
    let (feed, stream) = Feed::start(sound, [remembered_s, behind_s], job.cancel.clone())?;
    let mut session = Session {
        options,
        predictor: &predictor,
        feed: &feed,
        finder: Some(finder),
        clips,
        #[cfg(feature = "mqtt")]
        mqtt: mqtt.transpose()?,
        n_detections: 0,
        tell,
    };
    session.begin(source, provenance)?;
    let input = Input { stream: Some(Arc::new(Stream::new(Box::new(stream)))), ..Input::file("-".as_ref()) };
    let watch = Watch { classified: &|seconds| feed.classified(seconds), ..Watch::default() };
    let answers = predictor.live(&input, &watch, &mut |judged: Vec<Judged>| session.take(&judged))?;
    if let Some((_, error)) = answers.failed.into_iter().next() {
        session.end(0.0)?;
        return Err(feed.failure().unwrap_or_else(|| error.into()));
    }
    let finished = session.end(answers.seconds.first().map_or(0.0, |(_, seconds)| *seconds))?;
    feed.failure().map_or(Ok(finished), Err)
}

fn provenance(options: &Options, predictor: &Predictor<'_>) -> Provenance {
    let alpha = predictor.detector().map(|_| predictor.thresholds().alpha);
    let method = predictor.detector().map(|detector| detector.fitted.method.name.clone());
    let mut settings = BTreeMap::from([
        ("place".to_owned(), options.name.clone()),
        ("threshold".to_owned(), options.events.threshold.to_string()),
    ]);
    settings.extend(alpha.map(|alpha| ("alpha".to_owned(), alpha.to_string())));
    settings.extend(method.map(|method| ("reject".to_owned(), method)));
    Provenance {
        program: format!("barkbird {}", env!("CARGO_PKG_VERSION")),
        model: options.run.display().to_string(),
        model_sha256: predictor.model.sha256.clone(),
        settings,
    }
}

/// What goes on while it is listened.
struct Session<'s, 'm> {
    options: &'s Options,
    predictor: &'s Predictor<'m>,
    feed: &'s Feed,
    /// None at the end.
    finder: Option<EventFinder>,
    clips: Option<Clips>,
    #[cfg(feature = "mqtt")]
    mqtt: Option<Mqtt>,
    n_detections: u64,
    tell: &'s mut dyn FnMut(&Told) -> Result<()>,
}

impl Session<'_, '_> {
    fn thresholds(&self) -> Thresholds {
        self.predictor.thresholds()
    }

    fn begin(&mut self, source: String, provenance: Provenance) -> Result<()> {
        let started = Started {
            time: self.feed.state().clock.now().to_string(),
            name: self.options.name.clone(),
            source,
            rate_hz: self.feed.rate_hz,
            channels: self.feed.n_channels,
            program: provenance.program,
            model: provenance.model,
            model_sha256: provenance.model_sha256,
            classes: self.predictor.classes().to_vec(),
            window_s: self.predictor.window_s()?,
            alpha: self.predictor.detector().map(|_| self.thresholds().alpha),
        };
        (self.tell)(&Told::Started(started))
    }

    /// Windows that were classified.
    fn take(&mut self, judged: &[Judged]) -> Result<()> {
        for Judged { verdict, .. } in judged {
            if self.options.windows {
                let start_ms = (verdict.start_s * 1000.0).round() as u64;
                let recorded = self.feed.state().clock.time(start_ms).to_string();
                let window = Window::of(verdict, self.predictor.classes(), self.thresholds(), recorded);
                (self.tell)(&Told::Window(window))?;
            }
            let Some(finder) = &mut self.finder else { continue };
            for event in finder.push(verdict)? {
                self.heard(&Detection::from(event))?;
            }
        }
        self.settle(false)
    }

    /// An event that is over.
    fn heard(&mut self, detection: &Detection) -> Result<()> {
        let recorded = self.feed.state().clock.time(detection.start_ms);
        let clip = self.clips.as_mut().map(|clips| clips.add(detection, recorded));
        let event = Event::of(detection, recorded.to_string(), clip);
        self.n_detections += 1;
        #[cfg(feature = "mqtt")]
        if let Some(mqtt) = &mut self.mqtt {
            mqtt.send(&event);
        }
        (self.tell)(&Told::Detection(event))
    }

    /// Writes what has become ready, and tells what somebody should know.
    fn settle(&mut self, is_over: bool) -> Result<()> {
        let mut state = self.feed.state();
        if let Some(clips) = &mut self.clips {
            clips.write(&mut state, is_over);
        }
        let mut warnings = std::mem::take(&mut state.warnings);
        let time = state.clock.now().to_string();
        drop(state);
        #[cfg(feature = "mqtt")]
        warnings.extend(self.mqtt.as_mut().into_iter().flat_map(Mqtt::news));
        warnings.drain(..).try_for_each(|message| (self.tell)(&Told::Warning { time: time.clone(), message }))
    }

    /// The last events, and what became of it all.
    fn end(mut self, seconds: f64) -> Result<Finished> {
        for event in self.finder.take().map(EventFinder::finish).unwrap_or_default() {
            self.heard(&Detection::from(event))?;
        }
        self.settle(true)?;
        #[cfg(feature = "mqtt")]
        let messages_lost = self.mqtt.take().map_or(0, Mqtt::finish);
        #[cfg(not(feature = "mqtt"))]
        let messages_lost = 0;
        let finished = Finished {
            time: self.feed.state().clock.now().to_string(),
            seconds,
            detections: self.n_detections,
            clips: self.clips.as_ref().map_or(0, |clips| clips.n_written),
            messages_lost,
        };
        (self.tell)(&Told::Finished(finished.clone()))?;
        Ok(finished)
    }
}
