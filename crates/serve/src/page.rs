//! The files of the page, which are in the program.

use crate::problem::{Answer, Problem};
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// What the page may load and do: its own files, sounds and pictures that its scripts make, and this server.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
     media-src 'self' blob:; connect-src 'self'; worker-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

/// The page itself.
const INDEX: &[u8] = include_bytes!("../page/minimal.html");

/// Files that the page loads: name, content.
const ASSETS: &[(&str, &[u8])] = &[];

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn file(name: &str, bytes: &'static [u8]) -> Response {
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    response
}

/// `GET /`.
pub(crate) async fn index() -> Response {
    file("index.html", INDEX)
}

/// `GET /assets/NAME`.
pub(crate) async fn asset(name: Result<Path<String>, PathRejection>) -> Answer<Response> {
    let Path(name) = name?;
    let found = ASSETS.iter().find(|(own, _)| *own == name);
    found.map(|(name, bytes)| file(name, bytes)).ok_or_else(|| Problem::not_found("no such file of the page"))
}
