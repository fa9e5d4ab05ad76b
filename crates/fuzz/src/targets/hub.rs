//! Answers of a hub: whatever a server sends.

use crate::parts;
use crate::repair::{find, json_value};
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use hub::{Source, fetch_model};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Seconds after which a call is stopped, as a user would.
const PATIENCE: Duration = Duration::from_millis(600);

const CONFIG: &[u8] = b"{\"model_type\": \"vit\"}";
/// SHA-1 of git for it.
const CONFIG_SHA1: &str = "09906378791dc1e4b7285bfaaed5e2a73a9986f0";
const COMMIT: &str = "00000000000000000000000000000000000c0417";

/// The targets.
pub(super) const TARGETS: [Target; 1] = [Target {
    name: "hub",
    reads: "answers of a hub: status lines, headers, JSON, bodies, in the order of the requests (`fetch_model`)",
    seeds: answers,
    words: &[
        b"HTTP/1.1 302 Found\r\n",
        b"HTTP/1.1 206 Partial Content\r\n",
        b"HTTP/1.1 416 Range\r\n",
        b"HTTP/1.1 429 Slow\r\n",
        b"HTTP/1.1 304 Same\r\n",
        b"Content-Length: ",
        b"Content-Range: bytes 0-9/10\r\n",
        b"ETag: \"",
        b"X-Linked-Size: ",
        b"X-Linked-ETag: ",
        b"X-Repo-Commit: ",
        b"Location: /a/b/resolve/main/x\r\n",
        b"Retry-After: 9999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffffffffffff\r\n",
        b"X-Error-Code: EntryNotFound\r\n",
        b"../../x",
        b"\r\n\r\n",
        b"X-Xet-Hash: ",
        b"Content-Encoding: gzip\r\n",
        parts::BETWEEN,
    ],
    repair: lengths,
    run: fetch,
    memory: Memory { per_byte: 512, free: 32 << 20 },
}];

/// What a hub answers for a small model: the commit, then HEAD and GET of each file.
fn answers() -> Vec<Vec<u8>> {
    let answer = |status: &str, headers: &[String], body: &[u8]| {
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        headers.iter().for_each(|header| head += &format!("{header}\r\n"));
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let of_file = [format!("ETag: \"{CONFIG_SHA1}\""), format!("X-Repo-Commit: {COMMIT}")];
    let weights = [format!("ETag: \"{}\"", shard::sha256_hex(b"weights")), format!("X-Repo-Commit: {COMMIT}")];
    let commit = answer("200 OK", &[], format!("{{\"id\": \"a/b\", \"sha\": \"{COMMIT}\"}}").as_bytes());
    let config = answer("200 OK", &of_file, CONFIG);
    let whole = answer("200 OK", &weights, b"weights");
    let missing = answer("404 Not Found", &["X-Error-Code: EntryNotFound".to_owned()], b"");
    let index = answer("200 OK", &of_file, b"{\"weight_map\": {\"w\": \"model-00001-of-00001.safetensors\"}}");
    let moved = answer(
        "302 Found",
        &[weights.to_vec(), vec!["Location: /x/y/z".into(), "X-Linked-Size: 7".into()]].concat(),
        b"",
    );
    let join = |all: &[&Vec<u8>]| parts::join(&all.iter().map(|one| one.as_slice()).collect::<Vec<_>>());
    vec![
        join(&[&commit, &config, &config, &whole, &whole]),
        join(&[&commit, &config, &config, &missing, &index, &index, &whole, &whole]),
        join(&[&commit, &config, &config, &moved, &whole, &whole]),
    ]
}

/// Puts the length of each body right.
fn lengths(input: &mut Vec<u8>) {
    let mut all: Vec<Vec<u8>> = parts::split(input).iter().map(|part| part.to_vec()).collect();
    for answer in &mut all {
        let Some(end) = find(answer, b"\r\n\r\n") else { continue };
        let n_body = answer.len() - end - 4;
        let (head, body) = answer.split_at(end);
        let lines = head.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"Content-Length:"));
        let mut head = lines.collect::<Vec<_>>().join(&b'\n');
        if !head.ends_with(b"\r") {
            head.push(b'\r');
        }
        *answer = [&head[..], format!("\nContent-Length: {n_body}").as_bytes(), body].concat();
    }
    // Half of the commits are whole again.
    if let Some(first) = all.first_mut().filter(|first| first.len() % 2 == 0) {
        json_value(first, "sha", &format!("\"{COMMIT}\""));
    }
    *input = parts::join(&all.iter().map(Vec::as_slice).collect::<Vec<_>>());
}

/// A server of this process, and what it answers next.
struct Server {
    endpoint: String,
    answers: Mutex<Vec<Vec<u8>>>,
}

fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let found = SERVER.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").ok()?;
        let endpoint = format!("http://{}", listener.local_addr().ok()?);
        std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
        Some(Server { endpoint, answers: Mutex::default() })
    });
    found.as_ref()
}

/// Reads a request and sends the next answer; the last of them is sent again and again.
fn serve(mut stream: TcpStream) {
    let Some(server) = server() else { return };
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut request = Vec::new();
    let mut block = [0; 1024];
    while find(&request, b"\r\n\r\n").is_none() {
        match stream.read(&mut block) {
            Ok(n) if n > 0 => request.extend(&block[..n]),
            _ => return,
        }
    }
    let mut answers = server.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut answer = if answers.len() > 1 { answers.remove(0) } else { answers.first().cloned().unwrap_or_default() };
    drop(answers);
    if request.starts_with(b"HEAD")
        && let Some(end) = find(&answer, b"\r\n\r\n")
    {
        answer.truncate(end + 4);
    }
    // Whoever asks may be gone.
    let _ = stream.write_all(&answer);
}

fn fetch(input: &[u8]) -> Outcome {
    let Some(server) = server() else { return Outcome { signature: 0, is_read: false } };
    let all = parts::split(input).iter().map(|part| part.to_vec()).collect();
    *server.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = all;
    let cache = scratch().join("hub");
    let mut source = Source::new("a/b", &cache);
    source.endpoint = server.endpoint.clone();
    source.pause = Duration::from_millis(1);
    source.n_attempts = 2;
    let began = Instant::now();
    let fetched = fetch_model(&source, &|_| match began.elapsed() < PATIENCE {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    });
    let outcome = Outcome::of(fetched.map(|snapshot| about(snapshot.commit.len()).to_string()));
    let _ = std::fs::remove_dir_all(&cache);
    outcome
}
