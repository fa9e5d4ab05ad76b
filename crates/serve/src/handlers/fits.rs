//! The requests about trainings.

use super::Created;
use crate::app::App;
use crate::events::{event, sse_of};
use crate::fits::{Fit, Inner, NewClip, Seen, State, add, keep};
use crate::guard::is_same;
use crate::names::clean_name;
use crate::problem::{Answer, Problem};
use crate::upload;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State as Of};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::sse;
use axum::response::{IntoResponse, Response};
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// Characters of a training's name, at most.
const MOST_NAME: usize = 100;

/// Minutes of a training, at most, and where nothing is asked for.
const MOST_MINUTES: f64 = 24.0 * 60.0;

/// How often a client is told of changes, at most.
const TELL: Duration = Duration::from_millis(250);

/// What the report may do: run its own scripts, in a box of its own.
const REPORT_POLICY: &str = "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; \
     style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; frame-ancestors 'none'";

type Id = Result<Path<String>, PathRejection>;

/// The body of `POST /api/fits`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFit {
    /// What the model is called.
    pub name: String,
    /// Minutes that it may take, about.
    #[serde(default = "usual_minutes")]
    pub minutes: f64,
}

fn usual_minutes() -> f64 {
    pipeline::fit::MINUTES
}

impl NewFit {
    /// Of a body.
    ///
    /// # Errors
    /// What is no such JSON, a name that cannot be one, and minutes out of range.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let fit: Self = upload::parse(body)?;
        let name = parse_name(&fit.name)?;
        match fit.minutes > 0.0 && fit.minutes <= MOST_MINUTES {
            true => Ok(Self { name, ..fit }),
            false => Err(Problem::bad_request(format!(
                "minutes: expected more than 0, at most {MOST_MINUTES}, got {}",
                fit.minutes
            ))),
        }
    }
}

/// The name of a model that is made.
pub(super) fn parse_name(given: &str) -> Answer<String> {
    let name = clean_name(given);
    match name.is_empty() || name.chars().count() > MOST_NAME {
        true => Err(Problem::bad_request(format!("name: expected 1 to {MOST_NAME} characters"))),
        false => Ok(name),
    }
}

/// The body of `GET /api/fits`.
#[derive(Serialize)]
pub(crate) struct List {
    fits: Vec<Seen>,
}

/// `GET /api/fits`.
pub(crate) async fn list(Of(app): Of<Arc<App>>) -> Json<List> {
    Json(List { fits: app.fits.all().iter().map(|fit| fit.seen()).collect() })
}

/// `POST /api/fits`.
pub(crate) async fn create(Of(app): Of<Arc<App>>, request: Request) -> Answer<(StatusCode, Json<Created>)> {
    let body = upload::json(request, &app.options.limits).await?;
    let NewFit { name, minutes } = NewFit::parse(&body)?;
    let fit = app.fits.create(name, minutes, app.options.limits.n_fits)?;
    Ok((StatusCode::CREATED, Json(Created { id: fit.seen().id })))
}

/// `GET /api/fits/ID`.
pub(crate) async fn one(Of(app): Of<Arc<App>>, id: Id) -> Answer<Json<Seen>> {
    Ok(Json(app.fits.get(&id?.0)?.seen()))
}

/// `PUT /api/fits/ID/clips`.
pub(crate) async fn clip(Of(app): Of<Arc<App>>, id: Id, request: Request) -> Answer<StatusCode> {
    let (parts, body) = request.into_parts();
    let checked = || -> Answer<(Arc<Fit>, NewClip)> {
        let fit = app.fits.get(&id?.0)?;
        upload::check_sound_type(&parts.headers)?;
        Ok((fit, NewClip::parse(&parts.uri)?))
    };
    let (fit, clip) = match checked() {
        Ok(checked) => checked,
        Err(problem) => {
            upload::drain(body).await;
            return Err(problem);
        }
    };
    let _permit = app.turn(&app.uploads, app.options.limits.wait).await?;
    add(&fit, clip, &parts.headers, body, &app.options.limits).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/fits/ID/start`.
pub(crate) async fn start(Of(app): Of<Arc<App>>, id: Id) -> Answer<StatusCode> {
    let fit = app.fits.get(&id?.0)?;
    fit.change(|Inner { seen, n_coming, .. }| match seen.state {
        State::Uploading if *n_coming > 0 => {
            Err(Problem::conflict("clips are still coming; start it once they are there"))
        }
        State::Uploading if seen.classes.keys().filter(|class| *class != "neither").count() < 2 => {
            Err(Problem::conflict(format!("expected clips of at least 2 classes, got {}", seen.classes.len())))
        }
        State::Uploading | State::Canceled | State::Failed => {
            (seen.state, seen.error) = (State::Waiting, None);
            Ok(())
        }
        State::Waiting | State::Running | State::Done => Err(Problem::conflict("the training was started already")),
    })?;
    fit.renew();
    if let Err(error) = keep(&fit) {
        tracing::error!("{}", pipeline::one_line(&error));
        fit.change(|inner| inner.seen.state = State::Failed);
        return Err(Problem::internal("the server cannot write the training's folder; its log says why"));
    }
    app.fits.queue(&fit)?;
    Ok(StatusCode::ACCEPTED)
}

/// `GET /api/fits/ID/events`.
pub(crate) async fn events(Of(app): Of<Arc<App>>, id: Id) -> Answer<Response> {
    let fit = app.fits.get(&id?.0)?;
    let (sender, receiver) = mpsc::channel(1);
    let mut stopped = app.stopped();
    tokio::spawn(async move {
        let tell = pin!(tell(&fit, &sender));
        select(tell, pin!(stopped.wait())).await;
    });
    Ok(sse_of(receiver))
}

/// Tells of changes until nothing more changes by itself, or nobody listens.
async fn tell(fit: &Fit, to: &mpsc::Sender<sse::Event>) {
    let mut changed = fit.changed.subscribe();
    loop {
        changed.mark_unchanged();
        let seen = fit.seen();
        let is_over = seen.state.is_over();
        if to.send(event("state", &seen)).await.is_err() || is_over {
            return;
        }
        tokio::time::sleep(TELL).await;
        if let Either::Right(_) = select(pin!(changed.changed()), pin!(to.closed())).await {
            return;
        }
    }
}

/// `DELETE /api/fits/ID`: stops a training that runs or waits, and removes another.
pub(crate) async fn remove(Of(app): Of<Arc<App>>, id: Id) -> Answer<StatusCode> {
    let fit = app.fits.get(&id?.0)?;
    match fit.state() {
        State::Running => fit.cancel().cancel(),
        State::Waiting => fit.change(|inner| inner.seen.state = State::Canceled),
        State::Uploading if fit.look(|inner| inner.n_coming > 0) => {
            return Err(Problem::conflict("clips are still coming; remove it once they are there"));
        }
        State::Uploading | State::Done | State::Failed | State::Canceled => {
            let from = Arc::clone(&app);
            drop(spawn_blocking(move || from.fits.remove(&fit, &from.models)).await);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whether an address has the key of its training: links cannot bring the token.
pub(crate) fn has_key(app: &App, uri: &Uri) -> bool {
    let id = uri.path().split('/').nth(3).unwrap_or_default();
    let key = uri.query().and_then(|query| query.strip_prefix("key="));
    app.fits.get(id).is_ok_and(|fit| key.is_some_and(|key| is_same(key, &fit.key)))
}

/// `GET /api/fits/ID/report`.
pub(crate) async fn report(Of(app): Of<Arc<App>>, id: Id) -> Answer<Response> {
    let fit = app.fits.get(&id?.0)?;
    if fit.state() != State::Done {
        return Err(Problem::not_found("the training has no report yet"));
    }
    let read = spawn_blocking(move || storage::read(fit.report())).await;
    let page = read.ok().and_then(Result::ok).ok_or_else(|| Problem::not_found("the report is not there any more"))?;
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
    Ok(response)
}
