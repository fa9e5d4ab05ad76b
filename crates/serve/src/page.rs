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
const INDEX: &[u8] = include_bytes!("../page/index.html");

/// Pairs of name and content of files in a folder.
macro_rules! files {
    ($folder:literal: $($name:literal)*) => { &[$(($name, include_bytes!(concat!($folder, $name)).as_slice())),*] };
}

/// Files that are the page's own.
const OWN: &[(&str, &[u8])] = files!("../page/": "activity.js" "api.js" "app.js" "calibrate.js" "decode.js" "files.js" "folders.js" "live.js" "microphone.js" "models.js" "recording.js" "recordings.js" "review.js" "style.css" "train.js" "verdict.js" "wav.js" "worklet.js");

/// Files that it shares with the static page of a review.
const SHARED: &[(&str, &[u8])] = files!("../../report/review/": "csv.js" "dom.js" "fft.js" "precision.js" "queue.js" "review.css" "reviewer.js" "sound.js" "spectrogram.js" "viewer.js");

/// Colors and type of the report.
const STYLE: (&str, &[u8]) = ("report.css", include_bytes!("../../report/templates/style.css"));

fn assets() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    OWN.iter().chain(SHARED).copied().chain([STYLE])
}

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
    let found = assets().find(|(own, _)| *own == name);
    found.map(|(name, bytes)| file(name, bytes)).ok_or_else(|| Problem::not_found("no such file of the page"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn all_files_are_there_and_loaded() {
        let in_folder = |folder: &str, other: &str| -> BTreeSet<String> {
            let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name != other).collect()
        };
        let named = |of: &[(&str, &[u8])]| of.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(named(OWN), in_folder("page", "index.html"));
        assert_eq!(named(SHARED), in_folder("../report/review", "review-file.js"));
        let page = String::from_utf8_lossy(INDEX);
        // A script of the audio thread is loaded by another script.
        for (name, _) in assets().filter(|(name, _)| *name != "worklet.js") {
            assert!(page.contains(&format!("/assets/{name}\"")), "{name}");
        }
        assert!(assets().all(|(name, _)| kind(name) != "application/octet-stream"));
    }
}
