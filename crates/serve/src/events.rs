//! Server-sent events.

use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::convert::Infallible;
use tokio::sync::mpsc;

/// An event with JSON as its data.
pub(crate) fn event(name: &str, data: &impl Serialize) -> sse::Event {
    sse::Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

/// Events as they come.
pub(crate) fn sse_of(receiver: mpsc::Receiver<sse::Event>) -> Response {
    let events = futures::stream::unfold(receiver, |mut receiver| async move {
        let event = receiver.recv().await?;
        Some((Ok::<_, Infallible>(event), receiver))
    });
    Sse::new(events).keep_alive(sse::KeepAlive::default()).into_response()
}
