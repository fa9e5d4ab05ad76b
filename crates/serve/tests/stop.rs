//! The end: what was begun is finished, and nothing new is taken.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{begin, finish, get};
use common::{Running, tone, wav};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn a_recording_that_is_coming_is_still_answered() {
    let mut server = Running::start(|_| {});
    let sound = wav(&tone(60.0, 16_000), 16_000);
    let length = sound.len().to_string();
    let headers = [("content-type", "audio/wav"), ("content-length", length.as_str())];
    let mut stream = begin(server.addr, "POST", "/api/predict", &headers);
    stream.write_all(&sound[..1000]).unwrap();
    let addr = server.addr;
    while !get(addr, "/metrics").text().contains("barkbird_requests_in_flight 2\n") {
        std::thread::sleep(Duration::from_millis(10));
    }
    server.cancel.cancel();
    while get(addr, "/api/health").json()["status"] != "stopping" {
        std::thread::sleep(Duration::from_millis(10));
    }
    let refused = get(addr, "/api/models");
    assert_eq!((refused.status, refused.code().as_str()), (503, "busy"));
    assert!(refused.text().contains("stopping"));
    stream.write_all(&sound[1000..]).unwrap();
    let answer = finish(stream);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!answer.json()["windows"].as_array().unwrap().is_empty());
    server.stop();
    assert!(TcpStream::connect(addr).is_err(), "the address is free");
}
