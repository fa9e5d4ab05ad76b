//! What waits for a thread of its own, which does one after the other.

use crate::problem::{Answer, Problem};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything of a kind that is known, and the way to the thread that does it.
pub(crate) struct Line<T> {
    all: Mutex<Vec<Arc<T>>>,
    /// None once nothing more begins.
    sender: Mutex<Option<Sender<Arc<T>>>>,
    receiver: Mutex<Option<Receiver<Arc<T>>>>,
}

impl<T> Line<T> {
    /// With what is there already; nothing waits.
    pub(crate) fn new(all: Vec<Arc<T>>) -> Self {
        let (sender, receiver) = channel();
        Self { all: Mutex::new(all), sender: Mutex::new(Some(sender)), receiver: Mutex::new(Some(receiver)) }
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, Vec<Arc<T>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the thread gets them from; none the second time.
    pub(crate) fn begin(&self) -> Option<Receiver<Arc<T>>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Puts one at the end.
    ///
    /// # Errors
    /// A server that is stopping.
    pub(crate) fn push(&self, one: &Arc<T>) -> Answer<()> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = sender.as_ref().is_some_and(|sender| sender.send(Arc::clone(one)).is_ok());
        if sent { Ok(()) } else { Err(Problem::stopping()) }
    }

    /// Nothing more begins.
    pub(crate) fn close(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
