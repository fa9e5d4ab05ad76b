//! Requests of live sessions.

use super::Created;
use crate::app::App;
use crate::events::sse_of;
use crate::live::{Listen, checked};
use crate::problem::Answer;
use crate::upload;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events that wait for a client that reads slowly.
const WAITING: usize = 16;

/// `POST /api/live`.
pub(crate) async fn start(State(app): State<Arc<App>>, request: Request) -> Answer<(StatusCode, Json<Created>)> {
    let body = upload::json(request, &app.options.limits).await?;
    let listen = Listen::parse(&body)?;
    let worker = app.models.get(listen.model.as_deref())?;
    let id = app.lives.start(&worker, listen, &app.metrics, &app.options.limits)?;
    Ok((StatusCode::CREATED, Json(Created { id })))
}

/// `POST /api/live/ID/sound`.
pub(crate) async fn sound(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer<StatusCode> {
    let (Path(id), (parts, body)) = (id?, request.into_parts());
    upload::check_sound_type(&parts.headers)?;
    let session = app.lives.get(&id)?;
    let sound = upload::bytes(body, session.listen.most_bytes(), &app.options.limits, "the sound").await?;
    session.send(checked(&session.listen, sound)?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/live/ID/events`.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Answer<Response> {
    let Path(id) = id?;
    let session = app.lives.get(&id)?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(Arc::clone(&session.feed).send_all(last.map_or(0, |last| last.saturating_add(1)), sender));
    Ok(sse_of(receiver))
}

/// `DELETE /api/live/ID`.
pub(crate) async fn end(State(app): State<Arc<App>>, id: Result<Path<String>, PathRejection>) -> Answer<StatusCode> {
    let Path(id) = id?;
    app.lives.get(&id)?.end();
    Ok(StatusCode::NO_CONTENT)
}
