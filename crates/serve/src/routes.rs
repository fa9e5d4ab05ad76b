//! Paths and methods, and what every request passes on its way to them.

use crate::app::App;
use crate::handlers::{calibrations, fits, live, models, queue, reviews};
use crate::metrics::Gauge;
use crate::problem::Problem;
use crate::{openapi, page, predict};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// The page of a finished training.
pub(crate) const REPORT: &str = "/api/fits/{id}/report";

/// Whether a path can be asked for without a token: what a browser loads before anybody can have given it one.
fn is_open(path: &str) -> bool {
    matches!(path, "/" | "/openapi.json" | "/api/health") || path.starts_with("/assets/")
}

/// All paths and methods; openapi.json has the same, which a test compares.
pub(crate) fn router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/", get(page::index))
        .route("/assets/{name}", get(page::asset))
        .route("/openapi.json", get(openapi::openapi))
        .route("/metrics", get(models::metrics))
        .route("/api/health", get(models::health))
        .route("/api/models", get(models::models))
        .route("/api/predict", post(predict::predict))
        .route("/api/live", post(live::start))
        .route("/api/live/{id}", axum::routing::delete(live::end))
        .route("/api/live/{id}/sound", post(live::sound))
        .route("/api/live/{id}/events", get(live::events))
        .route("/api/fits", get(fits::list).post(fits::create))
        .route("/api/fits/{id}", get(fits::one).delete(fits::remove))
        .route("/api/fits/{id}/clips", put(fits::clip))
        .route("/api/fits/{id}/start", post(fits::start))
        .route("/api/fits/{id}/events", get(fits::events))
        .route(REPORT, get(fits::report))
        .route("/api/calibrations", get(calibrations::list).post(calibrations::create))
        .route("/api/calibrations/{id}", get(calibrations::one).delete(calibrations::remove))
        .route("/api/queue", get(queue::queue))
        .route("/api/queue/{id}/sound", get(queue::sound))
        .route("/api/reviews", get(reviews::download).post(reviews::add));
    routes
        .fallback(|| async { Problem::not_found("no such path; /openapi.json describes those that there are") })
        .method_not_allowed_fallback(|| async {
            Problem::not_allowed("the path has no such method; /openapi.json describes those that there are")
        })
        .layer(from_fn_with_state(Arc::clone(&app), pass))
        .with_state(app)
}

/// Looks at every request before its handler does, and at every answer after it.
async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let in_flight = Gauge::of(&app.metrics.in_flight);
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = matched.unwrap_or_else(|| "other".to_owned());
    let method = request.method().clone();
    let checked = check(&app, &request, &route);
    let mut response = match checked {
        Err(problem) => problem.into_response(),
        Ok(()) => match AssertUnwindSafe(next.run(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => {
                tracing::error!("{method} {route}: a fault of the program");
                Problem::internal("a fault of the program; the server goes on").into_response()
            }
        },
    };
    secure(&mut response);
    app.metrics.answered(&route, method.as_str(), response.status().as_u16(), began.elapsed());
    drop(in_flight);
    response
}

fn check(app: &App, request: &Request, route: &str) -> Result<(), Problem> {
    let (headers, uri) = (request.headers(), request.uri());
    app.guard.check_site(request.method(), headers, uri.authority().map(|authority| authority.as_str()))?;
    let has_key = route == REPORT && fits::has_key(app, uri);
    if !is_open(uri.path()) && !has_key {
        app.guard.check_token(headers)?;
    }
    if app.is_stopping() && !is_open(uri.path()) && route != "/metrics" {
        return Err(Problem::stopping());
    }
    Ok(())
}

/// Headers that keep browsers from doing more with an answer than it is for.
fn secure(response: &mut Response) {
    let headers = response.headers_mut();
    let mut add = |name: HeaderName, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    add(header::CONTENT_SECURITY_POLICY, page::POLICY);
    add(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    add(header::REFERRER_POLICY, "no-referrer");
    add(header::X_FRAME_OPTIONS, "DENY");
    add(header::CACHE_CONTROL, "no-store");
    add(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    add(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    add(HeaderName::from_static("permissions-policy"), "microphone=(self), camera=(), geolocation=()");
}
