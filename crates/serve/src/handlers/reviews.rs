//! What reviewers say: requests that add to the CSV, and give it.

use crate::app::App;
use crate::handlers::queue;
use crate::names::attachment;
use crate::problem::{Answer, Problem};
use crate::upload;
use audio_io::LocalTime;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use detections::review::Review;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::task::spawn_blocking;

/// Answers in one request, at most.
const MOST: usize = 1000;

/// One answer, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Given {
    One(Box<Review>),
    Several(Vec<Review>),
}

/// The answers of a body of `POST /api/reviews`, as they are written, but for the time.
///
/// # Errors
/// What is no JSON of answers, and values that a row cannot hold.
pub fn parse(body: &[u8]) -> Result<Vec<Review>, Problem> {
    let reviews = match upload::parse(body)? {
        Given::One(review) => vec![*review],
        Given::Several(reviews) => reviews,
    };
    if reviews.is_empty() || reviews.len() > MOST {
        return Err(Problem::bad_request(format!("expected 1 to {MOST} answers, got {}", reviews.len())));
    }
    match reviews.iter().find_map(Review::refusal) {
        Some(refusal) => Err(Problem::bad_request(refusal)),
        None => Ok(reviews),
    }
}

/// Now, in UTC.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = LocalTime::from_unix_s(u32::try_from(seconds).unwrap_or(u32::MAX));
    time.with_offset(0).unwrap_or(time).to_string()
}

/// `POST /api/reviews`.
pub(crate) async fn add(State(app): State<Arc<App>>, request: Request) -> Answer<StatusCode> {
    let body = upload::json(request, &app.options.limits).await?;
    let mut reviews = parse(&body)?;
    let time = now();
    reviews.iter_mut().for_each(|review| review.time.clone_from(&time));
    let n = reviews.len() as u64;
    let to = Arc::clone(&app);
    let appended = spawn_blocking(move || to.reviews.append(&reviews)).await;
    appended.map_err(|_| Problem::internal("the answers could not be written"))?.map_err(|error| {
        tracing::error!("{}", pipeline::one_line(&error));
        Problem::internal("the answers could not be written; the server's log says why")
    })?;
    app.metrics.reviews.fetch_add(n, Relaxed);
    Ok(StatusCode::NO_CONTENT)
}

/// The query of `GET /api/reviews`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Only the last answers about detections of the table.
    #[serde(default)]
    table: bool,
}

/// `GET /api/reviews`.
pub(crate) async fn download(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer<Response> {
    let Query(Wanted { table }) = wanted?;
    if table {
        // Without a table there is nothing that they could be about.
        queue::of(&app)?;
    }
    let from = Arc::clone(&app);
    let read = spawn_blocking(move || if table { of_table(&from) } else { from.reviews.bytes().ok() }).await;
    let bytes = read.ok().flatten().ok_or_else(|| Problem::internal("the answers cannot be read"))?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let name = app.options.reviews.file_name().unwrap_or_default().to_string_lossy();
    headers.insert(header::CONTENT_DISPOSITION, attachment(&name));
    Ok(response)
}

/// Answers about detections of the table, as CSV.
fn of_table(app: &App) -> Option<Vec<u8>> {
    let queue = app.queue.as_ref()?;
    let rows = app.reviews.rows().ok()?;
    let mut bytes = detections::review::header().into_bytes();
    for review in queue.answers(&rows) {
        bytes.extend(review.to_csv().ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        let one = r#"{"path":"a.wav","start":0,"end":1.5,"channel":null,"label":"dog","reviewer":"me","model":"m",
            "predicted":"dog","score":0.5,"outlier_p":null}"#;
        assert_eq!(parse(one.as_bytes()).unwrap()[0].end, 1.5);
        assert_eq!(parse(format!("[{one},{one}]").as_bytes()).unwrap().len(), 2);
        for wrong in
            ["", "[]", "{}", "[1]", &one.replace("1.5", "-1"), &one.replace("a.wav", ""), &one.replace("me", "a\\nb")]
        {
            assert_eq!(parse(wrong.as_bytes()).unwrap_err().code, "bad_request", "{wrong}");
        }
        assert!(now().ends_with('Z') && now().starts_with("20"));
    }
}
