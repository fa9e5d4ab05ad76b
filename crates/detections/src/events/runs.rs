//! Slots become events, a class at a time: hysteresis, then merging, then the shortest length.

use super::slots::{Seen, Slot};
use std::sync::Arc;

/// What is added up over slots, and over windows.
#[derive(Debug, Default)]
struct Tally {
    /// Sum over slots of score times length, in milliseconds.
    score_ms: f64,
    /// Sum of the slots' lengths, in milliseconds.
    covered_ms: u64,
    windows: u32,
    /// Windows whose own label is the class.
    labeled: u32,
    p_sum: f64,
    p_count: u32,
    /// Each different note once.
    notes: Vec<Arc<str>>,
}

impl Tally {
    fn slot(&mut self, slot: &Slot, score: f64, class: usize) {
        let length_ms = slot.end_ms - slot.start_ms;
        self.score_ms += score * length_ms as f64;
        self.covered_ms += length_ms;
        self.windows(&slot.covering[slot.covering.len() - slot.n_new..], class);
    }

    fn windows(&mut self, windows: &[Seen], class: usize) {
        for seen in windows {
            self.windows += 1;
            self.labeled += u32::from(seen.class == Some(class));
            if let Some(p) = seen.outlier_p {
                self.p_sum += p;
                self.p_count += 1;
            }
            seen.note.iter().for_each(|note| self.note(note));
        }
    }

    fn note(&mut self, note: &Arc<str>) {
        if !self.notes.contains(note) {
            self.notes.push(note.clone());
        }
    }

    fn add(&mut self, other: Self) {
        self.score_ms += other.score_ms;
        self.covered_ms += other.covered_ms;
        self.windows += other.windows;
        self.labeled += other.labeled;
        self.p_sum += other.p_sum;
        self.p_count += other.p_count;
        other.notes.iter().for_each(|note| self.note(note));
    }
}

/// Slots of one class that follow each other, none below the low threshold; or several of these that were merged.
#[derive(Debug)]
struct Run {
    start_ms: u64,
    end_ms: u64,
    peak: f64,
    /// Its slots, and the windows that start in them.
    inside: Tally,
    /// The windows that started before it and reach into it.
    before: Tally,
}

/// An event of a class, in numbers.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) class: usize,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) peak: f32,
    pub(super) mean: f32,
    pub(super) outlier_p: Option<f64>,
    pub(super) windows: u32,
    pub(super) share: f64,
    pub(super) note: String,
}

impl Run {
    fn into_found(mut self, class: usize) -> Found {
        // Notes in the order of time.
        self.before.add(self.inside);
        let all = self.before;
        Found {
            class,
            start_ms: self.start_ms,
            end_ms: self.end_ms,
            peak: self.peak as f32,
            mean: (all.score_ms / all.covered_ms as f64) as f32,
            outlier_p: combined_p(all.p_sum, all.p_count),
            windows: all.windows,
            share: f64::from(all.labeled) / f64::from(all.windows),
            note: all.notes.join("; "),
        }
    }
}

/// Twice the mean of p-values, at most 1: a p-value itself, whatever the dependence between them. One alone stays as it is.
fn combined_p(sum: f64, count: u32) -> Option<f64> {
    match count {
        0 => None,
        1 => Some(sum),
        _ => Some((2.0 * sum / f64::from(count)).min(1.0)),
    }
}

/// When an event of a class begins and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) threshold: f64,
    pub(super) low: f64,
    pub(super) max_gap_ms: u64,
    pub(super) min_ms: u64,
    pub(super) max_ms: u64,
}

/// The events of one class in one channel of a recording.
#[derive(Debug)]
pub(super) struct Runs {
    class: usize,
    limits: Limits,
    /// The run that the present slot continues.
    open: Option<Run>,
    /// An event that a later one may still be merged into; never too far from `open`.
    held: Option<Run>,
    /// What came after `held` and before `open`.
    between: Tally,
}

impl Runs {
    pub(super) fn new(class: usize, limits: Limits) -> Self {
        Self { class, limits, open: None, held: None, between: Tally::default() }
    }

    /// The slot that comes next, and its score for the class.
    pub(super) fn slot(&mut self, slot: &Slot, score: f64, found: &mut Vec<Found>) {
        if score < self.limits.low {
            self.close();
            self.release_before(slot.end_ms, found);
            if self.held.is_some() {
                self.between.slot(slot, score, self.class);
            }
            return;
        }
        if self.open.is_none() {
            self.release_before(slot.start_ms, found);
        }
        let run = self.open.get_or_insert_with(|| {
            let mut before = Tally::default();
            before.windows(&slot.covering[..slot.covering.len() - slot.n_new], self.class);
            Run { start_ms: slot.start_ms, end_ms: 0, peak: 0.0, inside: Tally::default(), before }
        });
        run.end_ms = slot.end_ms;
        run.peak = run.peak.max(score);
        run.inside.slot(slot, score, self.class);
        let start_ms = self.held.as_ref().unwrap_or(run).start_ms;
        if slot.end_ms - start_ms >= self.limits.max_ms {
            self.close();
            self.release(found);
        }
    }

    /// Ends the open run: it becomes an event or a part of one, or is nothing where it did not reach the threshold.
    pub(super) fn close(&mut self) {
        let Some(run) = self.open.take() else { return };
        let counts = run.peak >= self.limits.threshold;
        match &mut self.held {
            Some(held) if counts => {
                // The windows before the run started in `held`, before it, or in between: they are counted.
                held.inside.add(std::mem::take(&mut self.between));
                held.inside.add(run.inside);
                held.end_ms = run.end_ms;
                held.peak = held.peak.max(run.peak);
            }
            Some(_) => self.between.add(run.inside),
            None if counts => self.held = Some(run),
            None => {}
        }
    }

    /// Passes on the event that is held, where no run that starts at `start_ms` or later can be merged into it.
    fn release_before(&mut self, start_ms: u64, found: &mut Vec<Found>) {
        if self.held.as_ref().is_some_and(|held| start_ms - held.end_ms > self.limits.max_gap_ms) {
            self.release(found);
        }
    }

    fn release(&mut self, found: &mut Vec<Found>) {
        self.between = Tally::default();
        if let Some(run) = self.held.take()
            && run.end_ms - run.start_ms >= self.limits.min_ms
        {
            found.push(run.into_found(self.class));
        }
    }

    /// What is left at the end of the recording.
    pub(super) fn finish(&mut self, found: &mut Vec<Found>) {
        self.close();
        self.release(found);
    }
}
