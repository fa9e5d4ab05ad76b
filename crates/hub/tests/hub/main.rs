//! Files from a hub and from a server on 127.0.0.1: what is downloaded, what is verified, and the errors; and hostile archives.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod archives;
mod cached;
mod cancelled;
mod faults;
mod files;
mod model;
mod refusals;
mod repository;
mod resume;
mod test_hub;
mod unpack;
mod web;
mod web_server;

use hub::{Error, Progress, Source};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Fetches one file and keeps the events, a line each.
fn fetch(source: &Source, file: &str) -> (Result<PathBuf, Error>, Vec<String>) {
    let events = RefCell::new(Vec::new());
    let result = hub::fetch(source, file, &|progress| {
        events.borrow_mut().extend(line(&progress));
        ControlFlow::Continue(())
    });
    (result, events.into_inner())
}

/// An event, without those that depend on the machine.
fn line(progress: &Progress<'_>) -> Option<String> {
    Some(match progress {
        Progress::Resuming { n_bytes, size, .. } => format!("resuming at {n_bytes} of {size}"),
        Progress::Retrying { reason, .. } => format!("retrying: {reason}"),
        Progress::Damaged { reason, .. } => format!("damaged: {reason}"),
        Progress::Ready { n_bytes, cached: false, .. } => format!("fetched {n_bytes}"),
        Progress::Ready { n_bytes, cached: true, .. } => format!("cached {n_bytes}"),
        _ => return None,
    })
}

/// Fetches one file that is expected to be there.
fn fetched(source: &Source, file: &str) -> Vec<u8> {
    std::fs::read(fetch(source, file).0.unwrap()).unwrap()
}

/// The error and its causes.
fn refusal(source: &Source, file: &str) -> String {
    test_hub::chain(&fetch(source, file).0.unwrap_err())
}
