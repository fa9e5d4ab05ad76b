//! What is served: models, state, counters.

use crate::app::App;
use crate::review::Queue;
use crate::worker::{About, Worker};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// The body of `GET /api/models`.
#[derive(Serialize)]
pub(crate) struct List {
    models: Vec<About>,
    limits: ListLimits,
    can_fit: bool,
    review: Option<ListReview>,
}

#[derive(Serialize)]
struct ListLimits {
    upload_bytes: u64,
    seconds: u64,
    fit_bytes: u64,
}

#[derive(Serialize)]
struct ListReview {
    table: String,
    n: usize,
    /// SHA-256 of the model that made the table.
    model_sha256: Option<String>,
    /// Its name, where it is one of the models.
    model: Option<String>,
    /// Its classes; without it, those of the table.
    classes: Vec<String>,
}

impl ListReview {
    fn of(queue: &Queue, models: &[Arc<Worker>]) -> Self {
        let of_table = |worker: &&Arc<Worker>| Some(&worker.about.sha256) == queue.model_sha256.as_ref();
        let model = models.iter().find(of_table).map(|worker| &worker.about);
        Self {
            table: queue.name.clone(),
            n: queue.len(),
            model_sha256: queue.model_sha256.clone(),
            model: model.map(|about| about.name.clone()),
            classes: model.map_or_else(|| queue.classes(), |about| about.classes.clone()),
        }
    }
}

/// `GET /api/models`.
pub(crate) async fn models(State(app): State<Arc<App>>) -> Json<List> {
    let (limits, models) = (&app.options.limits, app.models.all());
    Json(List {
        models: models.iter().map(|worker| worker.about.clone()).collect(),
        limits: ListLimits { upload_bytes: limits.upload_bytes, seconds: limits.seconds, fit_bytes: limits.fit_bytes },
        can_fit: app.options.fit.is_some(),
        review: app.queue.as_ref().map(|queue| ListReview::of(queue, &models)),
    })
}

/// The body of `GET /api/health`.
#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
    models: usize,
    uptime_s: f64,
}

/// `GET /api/health`.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Json<Health> {
    Json(Health {
        status: if app.is_stopping() { "stopping" } else { "ok" },
        version: env!("CARGO_PKG_VERSION"),
        models: app.models.len(),
        uptime_s: app.started.elapsed().as_secs_f64(),
    })
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let text = app.metrics.text(app.models.len(), app.started.elapsed().as_secs_f64());
    let mut response = text.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}
