//! A server of files on 127.0.0.1 that misbehaves on demand. Asked as a proxy, it answers for any host.

use crate::test_hub::http::{Request, Response, answer};
use crate::test_hub::is_clean_or_rerun;
use hub::WebFile;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What goes wrong with the next answer.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// This status and a page.
    Status(u16),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// Nothing more is sent after so many bytes of the body, but the connection stays open.
    Stall(usize),
    /// One bit of the byte here is another.
    Flip(usize),
    /// The whole is sent where a part is asked for.
    IgnoreRange,
    /// A part is sent although the file has changed.
    IgnoreIfRange,
    /// The length is not stated.
    Endless,
    /// To another path.
    Redirect,
}

struct Published {
    bytes: Vec<u8>,
    etag: Option<String>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, Published>,
    faults: Vec<Fault>,
    requests: Vec<String>,
}

pub(crate) struct WebServer {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

/// Runs `test` with a server of its own, in a process without a proxy.
pub(crate) fn with_server(test: impl FnOnce(&WebServer)) {
    if is_clean_or_rerun(&test) {
        test(&WebServer::start());
    }
}

impl WebServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (closed, state) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(State::default())));
        let (is_closed, shared) = (Arc::clone(&closed), Arc::clone(&state));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if is_closed.load(Ordering::SeqCst) {
                    break;
                }
                let state = Arc::clone(&shared);
                thread::spawn(move || answer(stream.unwrap(), |request| state.lock().unwrap().respond(request)));
            }
        });
        Self { address, closed, state, thread: Some(thread), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts a file under a path; `etag` without quotes.
    pub(crate) fn publish(&self, path: &str, bytes: &[u8], etag: Option<&str>) {
        let published = Published { bytes: bytes.to_vec(), etag: etag.map(|etag| format!("\"{etag}\"")) };
        self.state.lock().unwrap().files.insert(path.into(), published);
    }

    /// Lets the next answers go wrong, one each.
    pub(crate) fn faults(&self, faults: &[Fault]) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    /// What was asked since the last call, a line each.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// The file at a path, with short pauses.
    pub(crate) fn file(&self, path: &str, sha256: &[&str]) -> WebFile {
        let sha256 = sha256.iter().map(|hex| (*hex).to_owned()).collect();
        let mut file = WebFile::new(format!("{}{path}", self.address()), sha256, 10 << 20);
        file.pause = Duration::from_millis(1);
        file
    }

    /// Where the test puts it.
    pub(crate) fn to(&self) -> PathBuf {
        self.folder.path().join("file.zip")
    }

    /// The names of what is in the test's folder.
    pub(crate) fn here(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl State {
    fn respond(&mut self, request: &Request) -> Response {
        let mut line = request.path.clone();
        for name in ["range", "if-range", "accept-encoding", "proxy-authorization"] {
            if let Some(value) = request.header(name).filter(|value| *value != "identity") {
                line += &format!(" {name}={value}");
            }
        }
        self.requests.push(line);
        // A proxy is asked for a whole address.
        let path =
            request.path.strip_prefix("http://").map_or(request.path.as_str(), |rest| &rest[rest.find('/').unwrap()..]);
        let path = path.split('?').next().unwrap();
        let fault = (!self.faults.is_empty()).then(|| self.faults.remove(0));
        match fault {
            Some(Fault::Status(status)) => return Response::error(status, None).with("Retry-After", 0),
            Some(Fault::Redirect) => return Response::new(302).with("Location", format!("{path}?signed=secret")),
            _ => {}
        }
        let Some(published) = self.files.get(path) else { return Response::error(404, None) };
        let mut bytes = published.bytes.clone();
        if let Some(Fault::Flip(at)) = fault {
            bytes[at] ^= 1;
        }
        let is_same = request.header("if-range").is_none_or(|validator| Some(validator) == published.etag.as_deref());
        let sends_part = fault != Some(Fault::IgnoreRange) && (is_same || fault == Some(Fault::IgnoreIfRange));
        let mut response = match request.range().filter(|_| sends_part) {
            Some(range) if range.start >= bytes.len() => return Response::error(416, None),
            Some(range) => {
                let end = range.end.min(bytes.len());
                let content = format!("bytes {}-{}/{}", range.start, end - 1, bytes.len());
                Response::new(206).of(bytes[range.start..end].to_vec()).with("Content-Range", content)
            }
            None => Response::new(200).of(bytes),
        };
        if let Some(etag) = &published.etag {
            response = response.with("ETag", etag);
        }
        match fault {
            Some(Fault::Cut(after)) => response.cut = Some(after),
            Some(Fault::Stall(after)) => (response.cut, response.stalls) = (Some(after), true),
            Some(Fault::Endless) => response.is_endless = true,
            _ => {}
        }
        response
    }
}
