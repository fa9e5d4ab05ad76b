//! Events: windows that follow each other in one channel of a recording, joined.
//!
//! 1. Times are rounded to whole milliseconds, so nothing adds up.
//! 2. All starts and ends of windows cut time into slots. A slot's score for a class is the mean of the probabilities of the
//!    windows that cover it. A silent window counts 0 for every class; one that the detector rejects (`outlier_p` at most alpha)
//!    does not count, and a slot of which every window is rejected has 0. Where windows overlap this both localizes and smooths.
//! 3. With `smooth` above 1, a slot's score is the mean over that many slots around it, each as heavy as it is long. It does not
//!    reach across time without windows.
//! 4. For each class by itself, an event goes on while the score is at least `low` times the threshold, and counts only where
//!    some slot reaches the threshold. Time without windows ends it.
//! 5. Events of a class that are at most `max_gap_s` apart are merged; then those shorter than `min_s` are dropped.
//!
//! # The p-value of an event
//! [`Event::outlier_p`] is twice the mean of its windows' p-values, at most 1 (one window: its own). Windows overlap and follow
//! each other, so their p-values depend on each other in an unknown way; twice the mean is a p-value whatever the dependence is
//! (V. Vovk, R. Wang, "Combining p-values via averaging", Biometrika 2020). It answers "are all windows of this event known
//! sounds?". Its limits: it is conservative; one unusual window among many usual ones does not make it small; and it is proved
//! for windows that were chosen without looking at them, while an event consists of windows with a high score, most of which
//! were not rejected. Take it as a measure to sort by, and alpha as a guide.

mod runs;
mod settings;
mod slots;

pub use settings::{EVENT_ALPHA, EventSettings};

use crate::time::milliseconds;
use crate::{Error, Result, Thresholds, Verdict};
use runs::{Found, Limits, Runs};
use slots::{Seen, Slots, Step, Window};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stretch of one channel of a recording in which a class sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The recording, as in its verdicts.
    pub path: String,
    /// Start in the recording, in milliseconds.
    pub start_ms: u64,
    /// End in the recording, in milliseconds.
    pub end_ms: u64,
    /// The channel, counted from 0; none where channels are mixed.
    pub channel: Option<u16>,
    /// The class.
    pub class: String,
    /// The highest score of its slots.
    pub score: f32,
    /// The mean score of its slots, each as heavy as it is long; of merged events also of the slots between them.
    pub mean: f32,
    /// A p-value of "all of its windows are known sounds"; none without a detector. See the module's documentation.
    pub outlier_p: Option<f64>,
    /// How many windows overlap it.
    pub windows: u32,
    /// Share of these whose own label is the class, from 0 to 1.
    pub share: f64,
    /// The different notes of these windows, joined with `; `.
    pub note: String,
}

/// Finds events in verdicts that come one by one. Memory does not grow with the length of a recording.
///
/// Verdicts of a recording follow each other; those of its channels may alternate or follow each other. In a channel, windows
/// come in the order of their starts. A verdict with another path ends the recording.
///
/// An event is given out once nothing that follows can change it: in one channel, the events of a class come in the order of
/// time, and those of different classes about in the order of their ends.
///
/// ```
/// use detections::{EventFinder, EventSettings, Thresholds, Verdict};
///
/// let classes = ["bird".to_owned(), "dog".to_owned()];
/// let mut finder = EventFinder::new(&EventSettings::default(), &classes, Thresholds::default())?;
/// let mut events = Vec::new();
/// for (start_s, p_dog) in [(0.0, 0.9), (1.0, 0.8), (2.0, 0.1)] {
///     let probability = vec![1.0 - p_dog, p_dog];
///     let verdict = Verdict { path: "a.wav".into(), start_s, end_s: start_s + 1.0, probability, ..Verdict::default() };
///     events.extend(finder.push(&verdict)?);
/// }
/// events.extend(finder.finish());
/// let bounds: Vec<_> = events.iter().map(|e| (e.class.as_str(), e.start_ms, e.end_ms)).collect();
/// assert_eq!(bounds, [("dog", 0, 2000), ("bird", 2000, 3000)]);
/// # Ok::<(), detections::Error>(())
/// ```
#[derive(Debug)]
pub struct EventFinder {
    classes: Vec<String>,
    limits: Vec<Limits>,
    smooth: usize,
    thresholds: Thresholds,
    path: String,
    channels: BTreeMap<Option<u16>, Channel>,
}

/// What is going on in one channel.
#[derive(Debug)]
struct Channel {
    slots: Slots,
    runs: Vec<Runs>,
    last_start_ms: u64,
    last_note: Option<Arc<str>>,
}

impl Channel {
    fn note(&mut self, note: &str) -> Option<Arc<str>> {
        if note.is_empty() {
            return None;
        }
        if self.last_note.as_deref() != Some(note) {
            self.last_note = Some(note.into());
        }
        self.last_note.clone()
    }

    /// A window, or the end.
    fn advance(&mut self, window: Option<Window>) -> Vec<Found> {
        let mut found = Vec::new();
        let runs = &mut self.runs;
        let mut each = |step: Step| match step {
            Step::Slot(slot, scores) => {
                runs.iter_mut().zip(scores).for_each(|(runs, &score)| runs.slot(slot, score, &mut found));
            }
            Step::Gap => runs.iter_mut().for_each(Runs::close),
        };
        match window {
            Some(window) => self.slots.push(window, &mut each),
            None => {
                self.slots.finish(&mut each);
                self.runs.iter_mut().for_each(|runs| runs.finish(&mut found));
            }
        }
        found
    }
}

impl EventFinder {
    /// A finder for verdicts over these classes, in this order. `thresholds` decide which windows are rejected, and what a
    /// window's own label is.
    ///
    /// # Errors
    /// As for [`EventSettings::validate`].
    pub fn new(settings: &EventSettings, classes: &[String], thresholds: Thresholds) -> Result<Self> {
        settings.validate(classes)?;
        let limits = |class: &String| {
            let threshold = f64::from(settings.threshold_of(class));
            Limits {
                threshold,
                low: f64::from(settings.low) * threshold,
                max_gap_ms: milliseconds(settings.max_gap_s).unwrap_or_default(),
                min_ms: milliseconds(settings.min_s).unwrap_or_default(),
                max_ms: settings.max_s.and_then(milliseconds).unwrap_or(u64::MAX),
            }
        };
        Ok(Self {
            classes: classes.to_vec(),
            limits: classes.iter().map(limits).collect(),
            smooth: settings.smooth,
            thresholds,
            path: String::new(),
            channels: BTreeMap::new(),
        })
    }

    /// One window; gives out the events that are complete. A window without length has no effect.
    ///
    /// # Errors
    /// A window that starts before the one before it in its channel, that ends before it starts, whose probabilities are not one
    /// finite number a class, or whose `outlier_p` is not from 0 to 1. It has no effect then.
    pub fn push(&mut self, verdict: &Verdict) -> Result<Vec<Event>> {
        let (start_ms, end_ms) = self.check(verdict)?;
        let events = if verdict.path == self.path { Vec::new() } else { self.end_recording() };
        if self.path != verdict.path {
            self.path.clone_from(&verdict.path);
        }
        if start_ms == end_ms {
            return Ok(events);
        }
        let (limits, smooth) = (&self.limits, self.smooth);
        let channel = self.channels.entry(verdict.channel).or_insert_with(|| Channel {
            slots: Slots::new(limits.len(), smooth),
            runs: limits.iter().enumerate().map(|(class, &limits)| Runs::new(class, limits)).collect(),
            last_start_ms: 0,
            last_note: None,
        });
        channel.last_start_ms = start_ms;
        let seen = Seen {
            outlier_p: verdict.outlier_p,
            class: verdict.decided(self.thresholds),
            note: channel.note(&verdict.note),
        };
        let scores = match verdict.silent {
            true => Some(vec![0.0; limits.len()]),
            false => (!verdict.is_rejected(self.thresholds)).then(|| verdict.probability.clone()),
        };
        let found = channel.advance(Some(Window { start_ms, end_ms, scores, seen }));
        Ok(self.named(events, verdict.channel, found))
    }

    /// Start and end in milliseconds of a window that is as it should be.
    fn check(&self, verdict: &Verdict) -> Result<(u64, u64)> {
        let fail = |what: &'static str, expected: String, got: String| {
            Err(Error::Window { path: verdict.path.clone(), start_s: verdict.start_s, what, expected, got })
        };
        let expected = self.classes.len();
        if verdict.probability.len() != expected {
            return fail("probabilities", format!("{expected}, one a class"), verdict.probability.len().to_string());
        }
        if let Some(odd) = verdict.probability.iter().find(|p| !p.is_finite()) {
            return fail("probabilities", "finite numbers".into(), odd.to_string());
        }
        if let Some(odd) = verdict.outlier_p.filter(|p| !(0.0..=1.0).contains(p)) {
            return fail("outlier_p", "a number from 0 to 1".into(), odd.to_string());
        }
        let (start_ms, end_ms) = verdict.bounds_ms()?;
        match self.channels.get(&verdict.channel) {
            Some(channel) if verdict.path == self.path && start_ms < channel.last_start_ms => {
                let last = crate::time::seconds(channel.last_start_ms);
                fail("start", format!("{last} s or later, since windows come in order"), verdict.start_s.to_string())
            }
            _ => Ok((start_ms, end_ms)),
        }
    }

    /// Ends the recording: gives out its last events, in the order of their starts. Needed only where two recordings with one
    /// path follow each other.
    pub fn end_recording(&mut self) -> Vec<Event> {
        let channels = std::mem::take(&mut self.channels);
        channels.into_iter().fold(Vec::new(), |events, (number, mut channel)| {
            let found = channel.advance(None);
            self.named(events, number, found)
        })
    }

    /// Ends the last recording, and gives out its last events.
    pub fn finish(mut self) -> Vec<Event> {
        self.end_recording()
    }

    /// Adds events with their names, and puts all in the order of their starts.
    fn named(&self, mut events: Vec<Event>, channel: Option<u16>, found: Vec<Found>) -> Vec<Event> {
        if found.is_empty() {
            return events;
        }
        events.extend(found.into_iter().map(|found| Event {
            path: self.path.clone(),
            start_ms: found.start_ms,
            end_ms: found.end_ms,
            channel,
            class: self.classes[found.class].clone(),
            score: found.peak,
            mean: found.mean,
            outlier_p: found.outlier_p,
            windows: found.windows,
            share: found.share,
            note: found.note,
        }));
        // Stable: of one start, in the order of channels and classes.
        events.sort_by_key(|event| (event.start_ms, event.end_ms));
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_does_not_grow_with_the_recording() {
        let settings = EventSettings { smooth: 5, max_gap_s: 2.0, ..EventSettings::default() };
        let mut finder = EventFinder::new(&settings, &["dog".to_owned()], Thresholds::default()).unwrap();
        for nth in 0..10_000 {
            // One event from start to end.
            let (start_s, probability) = (f64::from(nth), vec![if nth % 3 == 0 { 0.0 } else { 0.9 }]);
            let verdict =
                Verdict { start_s, end_s: start_s + 3.0, probability, note: "far".into(), ..Verdict::default() };
            assert_eq!(finder.push(&verdict).unwrap(), []);
            let held = finder.channels[&None].slots.held();
            assert!(held.0 <= 4 && held.1 <= 5, "{held:?}");
        }
        let events = finder.finish();
        assert_eq!((events.len(), events[0].windows, events[0].note.as_str()), (1, 10_000, "far"));
    }
}
