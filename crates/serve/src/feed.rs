//! Events that are kept for a while, so that who comes late or again misses none.

use axum::response::sse;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};

/// Events that are kept.
const KEPT: usize = 2000;

/// A list that grows at its end until it is closed.
pub(crate) struct Feed {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Number of the first event that is kept.
    first: usize,
    events: VecDeque<(&'static str, String)>,
    closed: bool,
}

impl Default for Feed {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Feed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event: its name, and JSON.
    pub(crate) fn push(&self, name: &'static str, data: &impl serde::Serialize) {
        let mut state = self.state();
        state.events.push_back((name, serde_json::to_string(data).unwrap_or_default()));
        if state.events.len() > KEPT {
            state.events.pop_front();
            state.first += 1;
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// No more events come.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.send_replace(());
    }

    /// Events from a number on, and whether there will be more.
    fn since(&self, next: usize) -> (Vec<(usize, &'static str, String)>, bool) {
        let state = self.state();
        let skipped = next.saturating_sub(state.first);
        let numbers = (state.first + skipped)..;
        let events = state.events.iter().skip(skipped);
        let events = numbers.zip(events).map(|(number, (name, data))| (number, *name, data.clone())).collect();
        (events, !state.closed)
    }

    /// Sends events from a number on, as they come, until it is closed or nobody takes them.
    pub(crate) async fn send_all(self: Arc<Self>, first: usize, to: mpsc::Sender<sse::Event>) {
        let (mut next, mut changed) = (first, self.changed.subscribe());
        loop {
            changed.mark_unchanged();
            let (events, more) = self.since(next);
            for (number, name, data) in events {
                next = number + 1;
                let event = sse::Event::default().id(number.to_string()).event(name).data(data);
                if to.send(event).await.is_err() {
                    return;
                }
            }
            if !more {
                return;
            }
            let told = std::pin::pin!(changed.changed());
            let left = std::pin::pin!(to.closed());
            if let futures::future::Either::Right(_) = futures::future::select(told, left).await {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_gets_what_is_kept() {
        let feed = Feed::default();
        for n in 0..KEPT + 5 {
            feed.push("window", &n);
        }
        let (events, more) = feed.since(0);
        assert_eq!((events.len(), events[0].0, events[0].2.as_str(), more), (KEPT, 5, "5", true));
        let (events, _) = feed.since(KEPT + 4);
        assert_eq!(events[0].2, (KEPT + 4).to_string());
        feed.close();
        assert_eq!(feed.since(KEPT + 5), (Vec::new(), false));
    }
}
