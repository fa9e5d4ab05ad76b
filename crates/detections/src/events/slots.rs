//! Windows that overlap become slots of time that do not.
//!
//! Every start and every end of a window bounds a slot. A slot's score for a class is the mean over the windows that cover it and
//! have scores; 0 where none has.
//! Windows come in the order of their starts, so a slot is complete once a window starts at its end or later.

use std::collections::VecDeque;
use std::sync::Arc;

/// What an event keeps of a window, apart from its scores.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) outlier_p: Option<f64>,
    /// The class that is the window's own label.
    pub(super) class: Option<usize>,
    /// What is noted of it.
    pub(super) note: Option<Arc<str>>,
}

/// A window with a length above 0.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// A score a class; none where it says nothing of the classes.
    pub(super) scores: Option<Vec<f32>>,
    pub(super) seen: Seen,
}

/// A part of time that the same windows cover from start to end.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// The mean over the windows that cover it and have scores, a class each.
    scores: Vec<f64>,
    /// The windows that cover it, in the order of their starts.
    pub(super) covering: Vec<Seen>,
    /// How many of these, the last ones, start where the slot starts.
    pub(super) n_new: usize,
}

/// What comes next in time.
pub(super) enum Step<'a> {
    /// A slot, and its smoothed score for each class.
    Slot(&'a Slot, &'a [f64]),
    /// Time that no window covers, or the end.
    Gap,
}

/// Makes slots out of windows. Holds the windows that cover the present, and as many slots as are averaged.
#[derive(Debug)]
pub(super) struct Slots {
    n_classes: usize,
    /// How many slots on either side are averaged.
    half: usize,
    /// Windows that started and have not ended, in the order of their starts.
    active: Vec<Window>,
    /// The time up to which there are slots, in milliseconds.
    now_ms: u64,
    /// Slots without a gap between them: `half` that are done, and those that are not.
    recent: VecDeque<Slot>,
    /// The first in `recent` that is not done.
    next: usize,
}

impl Slots {
    pub(super) fn new(n_classes: usize, smooth: usize) -> Self {
        Self { n_classes, half: smooth / 2, active: Vec::new(), now_ms: 0, recent: VecDeque::new(), next: 0 }
    }

    /// A window that does not start before those that came before it.
    pub(super) fn push(&mut self, window: Window, each: &mut impl FnMut(Step)) {
        self.advance(window.start_ms, each);
        self.active.push(window);
    }

    /// What is left; afterwards there are no windows.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Step)) {
        self.advance(u64::MAX, each);
    }

    /// How many windows and slots are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.active.len(), self.recent.len())
    }

    fn advance(&mut self, to_ms: u64, each: &mut impl FnMut(Step)) {
        while self.now_ms < to_ms
            && let Some(first_end) = self.active.iter().map(|window| window.end_ms).min()
        {
            let end_ms = first_end.min(to_ms);
            self.recent.push_back(self.slot(end_ms));
            if self.recent.len() - self.next > self.half {
                self.emit(each);
            }
            self.active.retain(|window| window.end_ms > end_ms);
            self.now_ms = end_ms;
        }
        if self.now_ms < to_ms {
            self.now_ms = to_ms;
            while self.next < self.recent.len() {
                self.emit(each);
            }
            self.recent.clear();
            self.next = 0;
            each(Step::Gap);
        }
    }

    /// From now to `end_ms`.
    fn slot(&self, end_ms: u64) -> Slot {
        let (mut scores, mut n_scored) = (vec![0.0; self.n_classes], 0_u32);
        for of_window in self.active.iter().filter_map(|window| window.scores.as_ref()) {
            n_scored += 1;
            for (sum, &score) in scores.iter_mut().zip(of_window) {
                *sum += f64::from(score);
            }
        }
        scores.iter_mut().for_each(|sum| *sum /= f64::from(n_scored.max(1)));
        Slot {
            start_ms: self.now_ms,
            end_ms,
            scores,
            covering: self.active.iter().map(|window| window.seen.clone()).collect(),
            n_new: self.active.iter().filter(|window| window.start_ms == self.now_ms).count(),
        }
    }

    /// Passes on the first slot that is not done, averaged with those beside it; each weighs as much as it is long.
    fn emit(&mut self, each: &mut impl FnMut(Step)) {
        let slot = &self.recent[self.next];
        let from = self.next.saturating_sub(self.half);
        let to = (self.next + self.half + 1).min(self.recent.len());
        if to - from == 1 {
            each(Step::Slot(slot, &slot.scores));
        } else {
            let mut scores = vec![0.0; self.n_classes];
            let mut total_ms = 0.0;
            for slot in self.recent.range(from..to) {
                let length_ms = (slot.end_ms - slot.start_ms) as f64;
                total_ms += length_ms;
                for (sum, score) in scores.iter_mut().zip(&slot.scores) {
                    *sum += score * length_ms;
                }
            }
            scores.iter_mut().for_each(|sum| *sum /= total_ms);
            each(Step::Slot(slot, &scores));
        }
        self.next += 1;
        if self.next > self.half {
            self.recent.pop_front();
            self.next -= 1;
        }
    }
}
