//! Bodies of requests, within bounds of size and time. What is uploaded goes to a file, never into memory.

use crate::options::Limits;
use crate::problem::{Answer, Problem};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Bytes of a JSON body, at most.
const JSON_BYTES: u64 = 1 << 20;

/// Bytes that are held before they are written.
const BLOCK_BYTES: usize = 1 << 20;

/// What is still taken of a body whose request is refused, so that the client gets to read why.
const DRAIN_BYTES: usize = 64 << 20;
const DRAIN: Duration = Duration::from_secs(3);

/// Whether a body is sound: raw bytes, or audio of any kind.
///
/// # Errors
/// Another media type, or none.
pub(crate) fn check_sound_type(headers: &HeaderMap) -> Answer<()> {
    let kind = media_type(headers);
    match kind == "application/octet-stream" || kind.starts_with("audio/") {
        true => Ok(()),
        false => Err(Problem::media_type(
            "Content-Type: expected application/octet-stream or audio/*, with the bytes of a recording as the body",
        )),
    }
}

/// Whether a body may be as long as its header says.
///
/// # Errors
/// More bytes than allowed, by the name of what is sent.
pub(crate) fn check_length(headers: &HeaderMap, most: u64, name: &str) -> Answer<()> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > most => Err(too_large(name, most)),
        _ => Ok(()),
    }
}

fn too_large(name: &str, most: u64) -> Problem {
    Problem::too_large(format!("{name}: has more than the {most} bytes that this server takes; cut it into parts"))
}

/// The next bytes of a body; none at its end.
async fn next(body: &mut Body, idle: Duration, name: &str) -> Answer<Option<Bytes>> {
    loop {
        let frame = match timeout(idle, body.frame()).await {
            Err(_) => {
                return Err(Problem::timeout(format!("{name}: nothing came for {} s; send it again", idle.as_secs())));
            }
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => {
                return Err(Problem::bad_request(format!("{name}: the body ended before its length was reached")));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers are no data.
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
}

/// Writes a body to `out`, which comes back with the number of bytes.
///
/// # Errors
/// More than `most` bytes, a body that comes too slowly or ends early, and what cannot be written.
pub(crate) async fn receive<W: Write + Send + 'static>(
    mut body: Body,
    out: W,
    most: u64,
    limits: &Limits,
    name: &str,
) -> Answer<(W, u64)> {
    let began = Instant::now();
    let (mut out, mut held, mut n_bytes) = (out, Vec::new(), 0_u64);
    loop {
        let bytes = next(&mut body, limits.idle, name).await?;
        if began.elapsed() > limits.receive {
            let seconds = limits.receive.as_secs();
            return Err(Problem::timeout(format!("{name}: was not there after {seconds} s; send it in parts")));
        }
        let is_end = bytes.is_none();
        let bytes = bytes.unwrap_or_default();
        n_bytes += bytes.len() as u64;
        if n_bytes > most {
            drain(body).await;
            return Err(too_large(name, most));
        }
        held.extend_from_slice(&bytes);
        if held.len() >= BLOCK_BYTES || (is_end && !held.is_empty()) {
            let block = std::mem::take(&mut held);
            let write = move || out.write_all(&block).map(|()| out);
            let written = tokio::task::spawn_blocking(write).await;
            out = written.map_err(|_| Problem::internal("the body could not be written"))?.map_err(|error| {
                tracing::error!("an upload cannot be written: {error}");
                Problem::internal(format!("{name}: the server has no room for it: {error}"))
            })?;
        }
        if is_end {
            return Ok((out, n_bytes));
        }
    }
}

/// A small body, in memory.
///
/// # Errors
/// As for [`receive`].
pub(crate) async fn bytes(mut body: Body, most: u64, limits: &Limits, name: &str) -> Answer<Vec<u8>> {
    let (mut all, began) = (Vec::new(), Instant::now());
    while let Some(bytes) = next(&mut body, limits.idle, name).await? {
        if (all.len() + bytes.len()) as u64 > most {
            drain(body).await;
            return Err(too_large(name, most));
        }
        if began.elapsed() > limits.receive {
            return Err(Problem::timeout(format!("{name}: came too slowly; send it again")));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// Whether a body is JSON. Pages of other sites cannot send that without being asked first.
///
/// # Errors
/// Another media type, or none.
fn check_json_type(headers: &HeaderMap) -> Answer<()> {
    match media_type(headers) == "application/json" {
        true => Ok(()),
        false => Err(Problem::media_type("Content-Type: expected application/json")),
    }
}

/// The media type of a body, in lower case and without parameters; empty where there is none.
fn media_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The bytes of a JSON body.
///
/// # Errors
/// Another media type, and a body that is too large or slow.
pub(crate) async fn json(request: Request, limits: &Limits) -> Answer<Vec<u8>> {
    let (parts, body) = request.into_parts();
    check_json_type(&parts.headers)?;
    bytes(body, JSON_BYTES, limits, "the body").await
}

/// A JSON text.
///
/// # Errors
/// What is no JSON, has other keys or values of other kinds.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8]) -> Answer<T> {
    serde_json::from_slice(text)
        .map_err(|error| Problem::bad_request(format!("the body is not what is expected: {error}")))
}

/// Takes some of a body that nobody wants: a client that is still sending would not read the answer.
pub(crate) async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES;
    let take = async {
        while let Some(Ok(frame)) = body.frame().await {
            let n = frame.data_ref().map_or(0, Bytes::len);
            if n > left {
                return;
            }
            left -= n;
        }
    };
    drop(timeout(DRAIN, take).await);
}
