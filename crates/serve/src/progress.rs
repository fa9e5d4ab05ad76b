//! How far something is that runs in the background.

use pipeline::Event;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Messages that are kept.
const MESSAGES: usize = 50;

/// What a client is told of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) task: Option<String>,
    pub(crate) done: u64,
    pub(crate) total: u64,
    pub(crate) messages: VecDeque<String>,
}

impl Progress {
    /// No task runs.
    pub(crate) fn rest(&mut self) {
        (self.task, self.done, self.total) = (None, 0, 0);
    }

    /// Adds a message; the oldest goes where there are many.
    pub(crate) fn say(&mut self, text: String) {
        self.messages.push_back(text);
        let surplus = self.messages.len().saturating_sub(MESSAGES);
        self.messages.drain(..surplus);
    }

    /// Takes what a stage tells; whether that changed anything.
    pub(crate) fn take(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Message(text) => self.say(text.trim().to_owned()),
            Event::Warning(text) => self.say(format!("warning: {text}")),
            Event::Started { task, total, .. } => {
                (self.task, self.done, self.total) = (Some((*task).to_owned()), 0, *total);
            }
            Event::Advanced { done, .. } => self.done = *done,
            Event::Finished { .. } => self.rest(),
            _ => return false,
        }
        true
    }
}
