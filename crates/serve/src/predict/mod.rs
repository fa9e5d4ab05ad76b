//! `POST /api/predict`: a recording in, its windows and events out.

mod asked;
mod classify;
mod table;

pub use asked::Asked;

use crate::answer::Window;
use crate::app::App;
use crate::events::{event, sse_of};
use crate::names::attachment;
use crate::problem::{Answer, Problem};
use crate::upload::{check_length, check_sound_type, drain, receive};
use crate::worker::Worker;
use asked::Form;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::sse;
use axum::response::{IntoResponse, Response};
use classify::{Outcome, Step, Tell, classify};
use futures::future::{Either, select};
use serde::Serialize;
use serde_json::json;
use std::fs::File;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc;

/// Events that wait for a client that reads slowly.
const WAITING: usize = 16;

/// `POST /api/predict`.
pub(crate) async fn predict(State(app): State<Arc<App>>, request: Request) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let (worker, mut asked, form) = match check(&app, &parts) {
        Ok(checked) => checked,
        Err(problem) => {
            drain(body).await;
            return Err(problem);
        }
    };
    asked.model = Some(worker.about.name.clone());
    let permit = app.turn(&app.uploads, app.options.limits.wait).await?;
    let file = spool(&app, body, asked.name()).await?;
    if form == Form::Stream {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let _permit = permit;
            stream(app, worker, file, asked, sender).await;
        });
        return Ok(sse_of(receiver));
    }
    let name = asked.name().to_owned();
    let outcome = classify(app, worker, file, asked, form, None).await;
    drop(permit);
    Ok(match outcome? {
        Outcome::Json(answered) => Json(answered).into_response(),
        Outcome::Table(bytes, format) => {
            let mut response = bytes.into_response();
            response.headers_mut().insert(header::CONTENT_TYPE, table::media_type(format));
            let disposition = attachment(&table::file_name(format, &name));
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
            response
        }
    })
}

/// What can be said before the body is read.
fn check(app: &App, parts: &Parts) -> Answer<(Arc<Worker>, Asked, Form)> {
    let asked = Asked::parse(&parts.uri)?;
    let form = asked.form(&parts.headers)?;
    check_sound_type(&parts.headers)?;
    let worker = app.models.get(asked.model.as_deref())?;
    check_length(&parts.headers, app.options.limits.upload_bytes, asked.name())?;
    Ok((worker, asked, form))
}

/// Puts the body into a file without a name, of which nothing is left once it is closed.
async fn spool(app: &App, body: Body, name: &str) -> Answer<File> {
    let limits = &app.options.limits;
    let file = tempfile::tempfile().map_err(|error| {
        tracing::error!("no temporary file can be made: {error}");
        Problem::internal("no temporary file can be made on the server")
    })?;
    let (file, n_bytes) = receive(body, file, limits.upload_bytes, limits, name).await?;
    app.metrics.uploaded_bytes.fetch_add(n_bytes, Relaxed);
    match n_bytes {
        0 => Err(Problem::unusable(format!("{name}: the body is empty; expected the bytes of a recording"))),
        _ => Ok(file),
    }
}

/// The data of an event `windows`.
#[derive(Serialize)]
struct Batch {
    windows: Vec<Window>,
}

/// Sends what comes of a recording until it ends or the client has gone.
async fn stream(app: Arc<App>, worker: Arc<Worker>, file: File, asked: Asked, sender: mpsc::Sender<sse::Event>) {
    let begin = event("recording", &json!({"name": asked.name()}));
    if sender.send(begin).await.is_err() {
        return;
    }
    let steps = sender.clone();
    let tell: Tell = Box::new(move |step| {
        let event = match step {
            Step::Windows(windows) => event("windows", &Batch { windows }),
            Step::Seconds(seconds) => event("progress", &json!({"seconds": seconds})),
        };
        steps.blocking_send(event).is_ok()
    });
    let work = pin!(classify(app, worker, file, asked, Form::Stream, Some(tell)));
    let last = match select(work, pin!(sender.closed())).await {
        Either::Left((Ok(Outcome::Json(answered)), _)) => event("result", &answered),
        Either::Left((Ok(Outcome::Table(..)), _)) | Either::Right(_) => return,
        Either::Left((Err(problem), _)) => sse::Event::default().event("error").data(problem.json()),
    };
    drop(sender.send(last).await);
}
