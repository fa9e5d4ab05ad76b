//! A hub on 127.0.0.1 that answers as Hugging Face does, and misbehaves on demand.

pub(crate) mod http;
mod isolation;

use http::{Request, Response};
use hub::{Error, Source};
pub(crate) use isolation::{is_clean_or_rerun, rerun};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(crate) const REPO: &str = "acme/tiny-vit";
/// For faults: the question which commit a revision is.
pub(crate) const COMMIT: &str = "commit";
pub(crate) const ALWAYS: usize = usize::MAX;

/// What goes wrong with a file.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// The hub answers a HEAD with this status.
    Head(u16),
    /// Whoever has the bytes answers a GET with this status and a page.
    Get(u16),
    /// The body has so many bytes less, and its header agrees.
    Short(usize),
    /// One bit of the byte here is another.
    Flip(usize),
    /// Nothing more is sent after so many bytes of the body, but the connection stays open.
    Stall(usize),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The whole is sent where a part is asked for.
    IgnoreRange,
    /// The ETag is no checksum.
    OtherEtag,
}

/// A hub with one repository, a second address for the large files, and a cache folder.
pub(crate) struct TestHub {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

struct Shared {
    hub: SocketAddr,
    cdn: SocketAddr,
    closed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commits: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    revisions: BTreeMap<String, String>,
    token: Option<String>,
    faults: Vec<(String, Fault, usize)>,
    requests: Vec<String>,
}

/// Runs `test` with a hub of its own. When it is over, every blob in the cache has to be what its name says.
pub(crate) fn with_hub(test: impl FnOnce(&TestHub)) {
    if is_clean_or_rerun(&test) {
        let hub = TestHub::start();
        test(&hub);
        hub.assert_no_bad_blob();
    }
}

impl TestHub {
    pub(crate) fn start() -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [hub, cdn] = [0, 1].map(|i| listeners[i].local_addr().unwrap());
        let shared = Arc::new(Shared { hub, cdn, closed: AtomicBool::new(false), state: Mutex::default() });
        let serve = |listener: TcpListener| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let at_hub = listener.local_addr().unwrap() == shared.hub;
                for stream in listener.incoming() {
                    if shared.closed.load(Ordering::SeqCst) {
                        break;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || http::answer(stream.unwrap(), |request| shared.respond(request, at_hub)));
                }
            })
        };
        let threads = listeners.into_iter().map(serve).collect();
        Self { shared, threads, folder: tempfile::tempdir().unwrap() }
    }

    /// Its address, an URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.shared.hub)
    }

    /// A source that asks this hub, into the cache of this test.
    pub(crate) fn source(&self) -> Source {
        let mut source = Source::new(REPO, self.cache());
        source.endpoint = self.endpoint();
        source.pause = Duration::from_millis(1);
        source
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Makes a commit of these files and lets a branch or tag name it.
    pub(crate) fn publish(&self, revision: &str, files: &[(&str, &[u8])]) -> String {
        let mut state = self.shared.state.lock().unwrap();
        let commit = format!("{:040x}", 0xc0_4417 + state.commits.len());
        let files = files.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect();
        state.commits.insert(commit.clone(), files);
        state.revisions.insert(revision.into(), commit.clone());
        commit
    }

    /// Only this token may read from now on.
    pub(crate) fn require_token(&self, token: &str) {
        self.shared.state.lock().unwrap().token = Some(token.into());
    }

    /// Lets the next `n_times` answers about a file go wrong.
    pub(crate) fn fault(&self, file: &str, fault: Fault, n_times: usize) {
        self.shared.state.lock().unwrap().faults.push((file.into(), fault, n_times));
    }

    /// What was asked since the last call, a line each: who, method, file, and the headers that matter.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state.lock().unwrap().requests)
    }

    /// The files in the cache that have a final name.
    pub(crate) fn blobs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.cache().join("models--acme--tiny-vit/blobs")) else { return Vec::new() };
        let mut blobs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        blobs.retain(|path| path.extension().is_none());
        blobs
    }

    pub(crate) fn assert_no_bad_blob(&self) {
        for blob in self.blobs() {
            let bytes = fs::read(&blob).unwrap();
            let name = blob.file_name().unwrap().to_str().unwrap();
            assert!(name == sha256(&bytes) || name == git_sha1(&bytes), "a bad blob remains: {name}");
        }
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        for address in [self.shared.hub, self.shared.cdn] {
            // Wakes the thread that accepts, so that it sees that it is over.
            let _ = TcpStream::connect(address);
        }
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Shared {
    fn respond(&self, request: &Request, at_hub: bool) -> Response {
        let mut state = self.state.lock().unwrap();
        let file = request.path.rsplit('/').next().unwrap().to_string();
        let mut line = format!("{} {} {file}", if at_hub { "hub" } else { "cdn" }, request.method);
        for name in ["if-none-match", "range", "authorization"] {
            if let Some(value) = request.header(name) {
                line += &format!(" {name}={value}");
            }
        }
        state.requests.push(line);
        if at_hub { state.resolve(request, self.cdn) } else { state.bytes(request) }
    }
}

impl State {
    /// `/{owner}/{name}/resolve/{revision}/{file}`, `/api/models/{owner}/{name}/revision/{revision}`, or the same with
    /// `tree`; for data sets `/datasets/{owner}/...` and `/api/datasets/...`.
    fn resolve(&mut self, request: &Request, cdn: SocketAddr) -> Response {
        let path = request.path.split('?').next().unwrap();
        let path = path.trim_start_matches('/').trim_start_matches("datasets/");
        let parts: Vec<&str> = path.splitn(6, '/').collect();
        let (owner, name, revision, file) = match parts[..] {
            ["api", "models" | "datasets", owner, name, "revision" | "tree", revision] => (owner, name, revision, None),
            [owner, name, "resolve", revision, ..] => (owner, name, revision, Some(parts[4..].join("/"))),
            _ => return Response::error(404, None),
        };
        if let Some(token) = &self.token {
            match request.header("authorization") {
                None => return Response::error(401, Some("GatedRepo")),
                Some(sent) if sent != format!("Bearer {token}") => return Response::error(403, Some("GatedRepo")),
                Some(_) => {}
            }
        }
        if format!("{owner}/{name}") != REPO {
            return Response::error(404, Some("RepoNotFound"));
        }
        let commit = self.revisions.get(revision).map_or(revision, String::as_str).to_string();
        let Some(files) = self.commits.get(&commit) else { return Response::error(404, Some("RevisionNotFound")) };
        if parts[4] == "tree" && file.is_none() {
            let entry = |(name, bytes): (&String, &Vec<u8>)| {
                format!(
                    r#"{{"type": "file", "oid": "{}", "size": {}, "path": "{name}"}}"#,
                    git_sha1(bytes),
                    bytes.len()
                )
            };
            let entries: Vec<String> = files.iter().map(entry).collect();
            return Response::new(200).of(format!("[{}]", entries.join(", ")).into_bytes());
        }
        let Some(file) = file.as_deref() else {
            let fault = self.take(COMMIT, |fault| matches!(fault, Fault::Get(_)));
            return match fault {
                Some(Fault::Get(status)) => Response::error(status, None),
                _ => Response::new(200).of(format!("{{\"id\": \"{REPO}\", \"sha\": \"{commit}\"}}").into_bytes()),
            };
        };
        let Some(bytes) = files.get(file).cloned() else {
            return Response::error(404, Some("EntryNotFound")).with("X-Repo-Commit", commit);
        };
        if request.method == "HEAD"
            && let Some(Fault::Head(status)) = self.take(file, |fault| matches!(fault, Fault::Head(_)))
        {
            return Response::error(status, None);
        }
        let large = is_large(file);
        let mut etag = if large { sha256(&bytes) } else { git_sha1(&bytes) };
        if self.take(file, |fault| fault == Fault::OtherEtag).is_some() {
            etag = "5d41402abc4b2a76".into();
        }
        let etag = format!("\"{etag}\"");
        if request.header("if-none-match") == Some(&etag) {
            return Response::new(304).with("ETag", etag).with("X-Repo-Commit", commit);
        }
        if large {
            return Response::new(302)
                .with("X-Repo-Commit", &commit)
                .with("X-Linked-ETag", etag)
                .with("X-Linked-Size", bytes.len())
                .with("Location", format!("http://{cdn}/{commit}/{file}"));
        }
        self.body(request, file, bytes).with("X-Repo-Commit", commit).with("ETag", etag)
    }

    /// `/{commit}/{file}`, where large files are.
    fn bytes(&mut self, request: &Request) -> Response {
        let (commit, file) = request.path.trim_start_matches('/').split_once('/').unwrap();
        let bytes = self.commits[commit][file].clone();
        self.body(request, file, bytes)
    }

    fn body(&mut self, request: &Request, file: &str, mut bytes: Vec<u8>) -> Response {
        if request.method == "HEAD" {
            return Response::new(200).of(bytes);
        }
        if let Some(Fault::Get(status)) = self.take(file, |fault| matches!(fault, Fault::Get(_))) {
            return Response::error(status, None);
        }
        if let Some(Fault::Flip(at)) = self.take(file, |fault| matches!(fault, Fault::Flip(_))) {
            bytes[at] ^= 1;
        }
        let mut response = match request.range() {
            Some(range) if range.start >= bytes.len() => return Response::error(416, None),
            Some(range) if self.take(file, |fault| fault == Fault::IgnoreRange).is_none() => {
                let end = range.end.min(bytes.len());
                let content = format!("bytes {}-{}/{}", range.start, end - 1, bytes.len());
                Response::new(206).of(bytes[range.start..end].to_vec()).with("Content-Range", content)
            }
            _ => Response::new(200).of(bytes),
        };
        if let Some(Fault::Short(by)) = self.take(file, |fault| matches!(fault, Fault::Short(_))) {
            response.body.truncate(response.body.len() - by);
        }
        if let Some(Fault::Cut(after)) = self.take(file, |fault| matches!(fault, Fault::Cut(_))) {
            response.cut = Some(after);
        }
        if let Some(Fault::Stall(after)) = self.take(file, |fault| matches!(fault, Fault::Stall(_))) {
            (response.cut, response.stalls) = (Some(after), true);
        }
        response
    }

    /// A fault of a file that is still to happen.
    fn take(&mut self, file: &str, is_it: impl Fn(Fault) -> bool) -> Option<Fault> {
        let found = self.faults.iter_mut().find(|(of, fault, left)| of == file && *left > 0 && is_it(*fault))?;
        found.2 -= 1;
        Some(found.1)
    }
}

/// Whether a hub keeps a file outside of git.
fn is_large(file: &str) -> bool {
    [".safetensors", ".bin"].iter().any(|end| file.ends_with(end))
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn git_sha1(bytes: &[u8]) -> String {
    hex(&Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that look like weights: none repeats soon.
pub(crate) fn weights(n_bytes: usize) -> Vec<u8> {
    (0..n_bytes as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// The error's message and those of its causes, one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    assert_eq!(text.lines().count(), 1, "more than one line: {text}");
    text
}

/// Puts copies where there are links, as some programs that copy a cache do.
pub(crate) fn replace_link_by_copy(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}
