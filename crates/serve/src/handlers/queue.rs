//! The queue of detections, and their sound by their numbers: no path of a request is looked for.

use crate::app::App;
use crate::problem::{Answer, Problem};
use crate::review::{List, Queue, Wanted as Listed};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use pipeline::clips::{Excerpt, Span, excerpt};
use serde::Deserialize;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Sound before and after a detection, in seconds, at most.
const MOST_CONTEXT_S: f64 = 60.0;

/// Bytes of sound, at most.
const MOST_BYTES: u64 = 64 << 20;

/// The queue of the server.
pub(super) fn of(app: &App) -> Answer<&Queue> {
    app.queue
        .as_ref()
        .ok_or_else(|| Problem::not_found("the server was started without a table to review (--review DETECTIONS)"))
}

/// `GET /api/queue`.
pub(crate) async fn queue(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Listed>, QueryRejection>,
) -> Answer<Json<List>> {
    let Query(wanted) = wanted?;
    let answered = app.reviews.answered();
    Ok(Json(of(&app)?.list(&wanted, |place| answered.contains(place))))
}

/// The query of `GET /api/queue/ID/sound`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    context: Option<f64>,
}

/// `GET /api/queue/ID/sound`.
pub(crate) async fn sound(
    State(app): State<Arc<App>>,
    id: Result<Path<usize>, PathRejection>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<Response> {
    let (Path(id), Query(wanted)) = (id?, wanted?);
    let context_s = wanted.context.unwrap_or(0.0);
    if !(0.0..=MOST_CONTEXT_S).contains(&context_s) {
        return Err(Problem::bad_request(format!("context: expected 0 to {MOST_CONTEXT_S} s, got {context_s}")));
    }
    of(&app)?.get(id)?;
    let permit = app.turn(&app.uploads, app.options.limits.wait).await?;
    let cut = spawn_blocking(move || {
        let _permit = permit;
        cut(&app, id, context_s)
    });
    let Excerpt { wav, start_s } = cut.await.map_err(|_| Problem::internal("the sound could not be cut"))??;
    let mut response = wav.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("audio/wav"));
    if let Ok(start) = HeaderValue::from_str(&format!("{start_s:.3}")) {
        headers.insert(HeaderName::from_static("x-start"), start);
    }
    Ok(response)
}

fn cut(app: &App, id: usize, context_s: f64) -> Answer<Excerpt> {
    let queue = of(app)?;
    let row = queue.get(id)?;
    let name = row.path.as_deref().unwrap_or("the recording");
    let unusable = |error: pipeline::Error| Problem::unusable(pipeline::one_line(&error));
    let found = queue.recordings.find(row.path.as_deref()).map_err(unusable)?;
    let Some(path) = found else {
        return Err(Problem::not_found(format!("{name}: {}", queue.recordings.reason())));
    };
    let span = Span { start_ms: row.start_ms, end_ms: row.end_ms, channel: row.channel, context_s };
    excerpt(&path, &span, MOST_BYTES).map_err(unusable)
}
