//! As much of HTTP/1.1 as a hub needs: one request a connection.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

/// Longer than any test waits.
const STALL: Duration = Duration::from_secs(30);

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
}

impl Request {
    /// `None` if the connection ends first.
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let line = lines.next()?;
        let mut words = line.split(' ').map(String::from);
        let (method, path) = (words.next()?, words.next()?);
        let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_string()))
        });
        Some(Self { method, path, headers: headers.collect() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Which bytes are asked for.
    pub(crate) fn range(&self) -> Option<Range<usize>> {
        let (start, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let end = if last.is_empty() { usize::MAX } else { last.parse::<usize>().unwrap() + 1 };
        Some(start.parse().unwrap()..end)
    }
}

pub(crate) struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Close the connection after so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// Keep the connection open for [`STALL`] after that.
    pub(crate) stalls: bool,
    /// Do not say how long the body is: it ends with the connection.
    pub(crate) is_endless: bool,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut: None, stalls: false, is_endless: false }
    }

    /// A page that says what went wrong, and the hub's code for it.
    pub(crate) fn error(status: u16, code: Option<&'static str>) -> Self {
        let response = Self::new(status).of(format!("<html>error {status}</html>").into_bytes());
        match code {
            Some(code) => response.with("X-Error-Code", code),
            None => response,
        }
    }

    pub(crate) fn of(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn write(&self, mut stream: &TcpStream, method: &str) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.is_endless {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        stream.write_all(head.as_bytes())?;
        if method != "HEAD" && self.status != 304 {
            stream.write_all(&self.body[..self.cut.unwrap_or(self.body.len())])?;
        }
        stream.flush()?;
        if self.stalls {
            std::thread::sleep(STALL);
        }
        Ok(())
    }
}

/// Reads one request and answers it. A client may close the connection before the end.
pub(crate) fn answer(stream: TcpStream, respond: impl FnOnce(&Request) -> Response) {
    if let Some(request) = Request::read(&stream) {
        let _ = respond(&request).write(&stream, &request.method);
    }
}
