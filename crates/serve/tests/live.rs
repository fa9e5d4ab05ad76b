//! Sound that is sent while it is recorded.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{begin, finish, get, post_json, send, upload};
use common::{Running, tone};
use serde_json::json;
use std::time::Duration;

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[test]
fn windows_come_while_sound_is_sent() {
    let server = Running::start(|options| {
        options.limits.live_idle = Duration::from_secs(5);
        options.limits.n_live = 1;
    });
    let created = post_json(server.addr, "/api/live", &json!({"sample_rate_hz": 16_000, "channels": 1}));
    assert_eq!(created.status, 201, "{}", created.text());
    let live = format!("/api/live/{}", created.json()["id"].as_str().unwrap());
    let events = begin(server.addr, "GET", &format!("{live}/events"), &[]);
    let another = post_json(server.addr, "/api/live", &json!({"sample_rate_hz": 16_000}));
    assert_eq!((another.status, another.code().as_str()), (429, "busy"));
    let sound = tone(12.0, 16_000);
    for part in sound.chunks(16_000) {
        while upload(server.addr, "POST", &format!("{live}/sound"), &pcm(part)).status == 429 {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    assert_eq!(upload(server.addr, "POST", &format!("{live}/sound"), &[1]).status, 400, "half a sample");
    assert_eq!(upload(server.addr, "POST", &format!("{live}/sound"), &vec![0; 1 << 20]).status, 413);
    assert_eq!(finish(begin(server.addr, "DELETE", &live, &[])).status, 204);
    let events = finish(events).events();
    let windows: Vec<_> = events.iter().filter(|(name, _)| name == "window").collect();
    let seconds = windows.last().unwrap().1["end"].as_f64().unwrap();
    assert!(windows.len() > 1 && seconds > 9.0 && seconds < 12.1, "{} windows, {seconds} s", windows.len());
    assert!(windows.windows(2).all(|two| two[0].1["end"].as_f64() <= two[1].1["end"].as_f64()));
    assert_eq!(events.last().unwrap().0, "end");
    // Who comes late still gets all of it; no more sound is taken.
    assert_eq!(get(server.addr, &format!("{live}/events")).events(), events);
    assert_eq!(upload(server.addr, "POST", &format!("{live}/sound"), &[0, 0]).status, 409);
    assert_eq!(
        post_json(server.addr, "/api/live", &json!({"sample_rate_hz": 16_000})).status,
        201,
        "there is room again"
    );
}

#[test]
fn a_session_without_sound_ends_and_wrong_ones_do_not_begin() {
    let server = Running::start(|options| options.limits.live_idle = Duration::from_millis(200));
    let id = post_json(server.addr, "/api/live", &json!({"sample_rate_hz": 48_000})).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let events = get(server.addr, &format!("/api/live/{id}/events")).events();
    assert_eq!(events.last().unwrap().0, "end");
    for wrong in [json!({}), json!({"sample_rate_hz": 1}), json!({"sample_rate_hz": 48_000, "channels": 99}), json!([])]
    {
        assert_eq!(post_json(server.addr, "/api/live", &wrong).code(), "bad_request", "{wrong}");
    }
    assert_eq!(send(server.addr, "POST", "/api/live", &[], b"{}").status, 415);
    assert_eq!(post_json(server.addr, "/api/live", &json!({"sample_rate_hz": 48_000, "model": "x"})).status, 404);
}
