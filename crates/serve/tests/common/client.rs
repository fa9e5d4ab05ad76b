//! HTTP over a socket: one request a connection, so that a test sees what a slow or broken client would.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)).is_some();
        self.head.lines().find(|line| of(line)).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Server-sent events: name and data.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let text = self.text();
        let parts = text.split("\n\n").filter(|part| part.contains("data:"));
        let field = |part: &str, name: &str| {
            part.lines()
                .find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
                .unwrap_or_default()
        };
        parts.map(|part| (field(part, "event:"), serde_json::from_str(&field(part, "data:")).unwrap())).collect()
    }
}

/// Begins a request: the head, without a body.
pub(crate) fn begin(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += &format!("host: {addr}\r\n");
    }
    headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream
}

/// Reads the answer of a request to its end.
pub(crate) fn finish(stream: TcpStream) -> Response {
    let mut reader = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        head += &line;
        line.clear();
    }
    let status = head.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {head}")).parse().unwrap();
    let mut response = Response { status, head, body: Vec::new() };
    if response.header("transfer-encoding") == Some("chunked") {
        loop {
            line.clear();
            // A server that goes away ends the body.
            if reader.read_line(&mut line).unwrap() == 0 {
                break;
            }
            let n = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; n + 2];
            reader.read_exact(&mut chunk).unwrap();
            if n == 0 {
                break;
            }
            response.body.extend(&chunk[..n]);
        }
    } else {
        reader.read_to_end(&mut response.body).unwrap();
    }
    response
}

/// One request with a body.
pub(crate) fn send(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let length = body.len().to_string();
    let mut all = vec![("content-length", length.as_str())];
    all.extend(headers);
    let mut stream = begin(addr, method, path, &all);
    // A server that refuses may have gone before all is sent.
    drop(stream.write_all(body));
    finish(stream)
}

pub(crate) fn get(addr: SocketAddr, path: &str) -> Response {
    finish(begin(addr, "GET", path, &[]))
}

/// Sends sound.
pub(crate) fn upload(addr: SocketAddr, method: &str, path: &str, sound: &[u8]) -> Response {
    send(addr, method, path, &[("content-type", "application/octet-stream")], sound)
}

pub(crate) fn post_json(addr: SocketAddr, path: &str, body: &Value) -> Response {
    send(addr, "POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
}
