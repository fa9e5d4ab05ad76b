//! One request for a file or its rest. Nothing is retried or verified here.

use super::error::WebError;
use super::partial::Note;
use crate::client::Background;
use crate::client::TICK;
use crate::progress::{OnProgress, Progress};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

/// How long a connection may take, and how long nothing may arrive.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const MOST_REDIRECTS: usize = 10;

/// The HTTP client, which obeys the variables of the proxy, and the callback for events.
pub(super) struct Connection<'a> {
    client: Client,
    runtime: Background,
    address: Url,
    /// The address as messages show it.
    pub(super) url: String,
    /// The file's name, as events show it.
    pub(super) name: String,
    /// The incomplete file.
    partial: &'a Path,
    progress: &'a OnProgress<'a>,
}

/// What a server sends: the file, or its rest where `goes_on`.
pub(super) struct Body {
    pub(super) response: Response,
    pub(super) note: Note,
    pub(super) goes_on: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        url: &str,
        name: String,
        partial: &'a Path,
        progress: &'a OnProgress<'a>,
    ) -> Result<Self, WebError> {
        let address = parsed(url)?;
        let client = Client::builder()
            .user_agent(concat!("barkbird/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(Policy::custom(|attempt| {
                let was_safe = attempt.previous().iter().any(|url| url.scheme() == "https");
                if attempt.previous().len() > MOST_REDIRECTS {
                    attempt.error("too many redirects")
                } else if was_safe && attempt.url().scheme() != "https" {
                    attempt.error("redirected from https to http")
                } else {
                    attempt.follow()
                }
            }))
            .build();
        let url = shown(&address);
        let client = client.map_err(|error| WebError::Client { url: url.clone(), source: Box::new(error) })?;
        let runtime = Background::start().map_err(WebError::io("start a thread for", partial))?;
        Ok(Self { client, runtime, address, url, name, partial, progress })
    }

    /// Asks for the file, or for what follows `from` bytes of it; none where these bytes are all, or belong to another file.
    pub(super) fn ask(&self, from: Option<&(u64, Note)>) -> Result<Option<Body>, WebError> {
        let mut request = self.client.get(self.address.clone()).header(ACCEPT_ENCODING, "identity");
        if let Some((n_bytes, note)) = from {
            request = request.header(RANGE, format!("bytes={n_bytes}-"));
            if let Some(validator) = note.validator() {
                request = request.header(IF_RANGE, validator);
            }
        }
        // Its timers belong to the runtime, so it is sent in there.
        let response = self.wait(async { request.send().await })?.map_err(|error| self.error_of(error, None))?;
        let note = self.note(&response);
        match (response.status(), from) {
            (StatusCode::OK, _) => Ok(Some(Body { response, note, goes_on: false })),
            (StatusCode::PARTIAL_CONTENT, Some((n_bytes, of))) => {
                let starts = content_range(response.headers()).is_some_and(|(start, _)| start == *n_bytes);
                match starts && of.may_be(&note) {
                    true => Ok(Some(Body { response, note, goes_on: true })),
                    false => Ok(None),
                }
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(_)) => Ok(None),
            (status, _) => {
                let retry_after =
                    response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let retry_after = retry_after.map(Duration::from_secs);
                Err(WebError::Answer { url: self.url.clone(), status: status.as_u16(), retry_after })
            }
        }
    }

    /// The next bytes of a body; `None` at its end. `n_bytes` had arrived.
    pub(super) fn next(&self, response: &mut Response, n_bytes: u64) -> Result<Option<impl AsRef<[u8]>>, WebError> {
        self.wait(response.chunk())?.map_err(|error| self.error_of(error, Some(n_bytes)))
    }

    /// What the server says of the file.
    fn note(&self, response: &Response) -> Note {
        let text =
            |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let size = match content_range(response.headers()) {
            Some((_, total)) => total,
            None => response.content_length(),
        };
        Note { url: self.url.clone(), etag: text(ETAG), last_modified: text(LAST_MODIFIED), size }
    }

    /// Waits for what a server does, and asks every [`TICK`] whether to go on.
    fn wait<F: Future>(&self, future: F) -> Result<F::Output, WebError> {
        let mut future = pin!(future);
        self.runtime.get().block_on(async {
            loop {
                match tokio::time::timeout(TICK, future.as_mut()).await {
                    Ok(output) => return Ok(output),
                    Err(_) => self.report(Progress::Idle { file: &self.name })?,
                }
            }
        })
    }

    /// Sleeps, and can be cancelled meanwhile.
    pub(super) fn sleep(&self, pause: Duration) -> Result<(), WebError> {
        // The timer belongs to the runtime.
        self.runtime.get().block_on(async {
            let mut sleep = pin!(tokio::time::sleep(pause));
            while tokio::time::timeout(TICK, sleep.as_mut()).await.is_err() {
                self.report(Progress::Idle { file: &self.name })?;
            }
            Ok(())
        })
    }

    /// Reports an event.
    ///
    /// # Errors
    /// [`WebError::Cancelled`] if the caller asks to stop.
    pub(super) fn report(&self, progress: Progress<'_>) -> Result<(), WebError> {
        match (self.progress)(progress) {
            std::ops::ControlFlow::Continue(()) => Ok(()),
            std::ops::ControlFlow::Break(()) => {
                Err(WebError::Cancelled { url: self.url.clone(), partial: self.partial.into() })
            }
        }
    }

    /// `n_bytes` of the body had arrived, if it had begun. The address is left out: a server that redirects may sign it.
    fn error_of(&self, error: reqwest::Error, n_bytes: Option<u64>) -> WebError {
        let url = self.url.clone();
        let source = Box::new(error.without_url());
        match n_bytes {
            Some(n_bytes) => WebError::Interrupted { url, n_bytes, source },
            None if source.is_redirect() || source.is_builder() => WebError::Client { url, source },
            None => WebError::Unreachable { url, source },
        }
    }
}

/// An address that can be asked.
pub(super) fn parsed(url: &str) -> Result<Url, WebError> {
    let address = Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    address.ok_or_else(|| WebError::Invalid {
        what: "address",
        expected: "an URL such as https://example.org/archive.zip",
        got: format!("{url:?}"),
    })
}

/// An address without a password and without what can be a signature.
pub(super) fn shown(address: &Url) -> String {
    let mut address = address.clone();
    // Fails where there can be none.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    address.set_query(None);
    address.set_fragment(None);
    address.into()
}

/// Where a part begins, and the length of the whole, if it is known.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (part, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = part.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_secrets() {
        let shown = |url: &str| shown(&parsed(url).unwrap());
        assert_eq!(shown("https://me:secret@a.org/b.zip?token=secret#c"), "https://a.org/b.zip");
        for wrong in ["", "a.zip", "file:///etc/passwd", "ftp://a/b", "http://"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges_are_read() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, text.parse().unwrap());
            content_range(&headers)
        };
        assert_eq!(of("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(of("bytes 5-9/*"), Some((5, None)));
        for wrong in ["", "bytes */10", "bytes 5/10", "lines 1-2/3", "bytes a-b/c"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
