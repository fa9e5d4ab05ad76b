//! Training over HTTP: folders of clips in, a model out that can be asked.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{begin, finish, get, post_json, upload};
use common::{Running, sounds};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The name of a recording's folder.
fn class(path: &Path) -> &str {
    path.parent().unwrap().file_name().unwrap().to_str().unwrap()
}

#[test]
fn clips_become_a_model() {
    let mut server = Running::start(|options| options.runs.clear());
    let addr = server.addr;
    assert_eq!(upload(addr, "POST", "/api/predict", b"RIFF").status, 404, "there is no model yet");
    let created = post_json(addr, "/api/fits", &json!({"name": "garden", "minutes": 1.0}));
    let fit = format!("/api/fits/{}", created.json()["id"].as_str().unwrap());
    for path in sounds() {
        let class = class(&path);
        let name = path.file_name().unwrap().to_string_lossy();
        let answer = upload(
            addr,
            "PUT",
            &format!("{fit}/clips?class={class}&name=..%2F{name}%2F{name}"),
            &fs::read(&path).unwrap(),
        );
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    assert_eq!(upload(addr, "PUT", &format!("{fit}/clips?class=dog&name=a.wav"), b"").status, 422);
    // Of a clip that is cut off nothing is left.
    let headers = [("content-type", "audio/wav"), ("content-length", "100000")];
    let cut = begin(addr, "PUT", &format!("{fit}/clips?class=dog&name=cut.wav"), &headers);
    drop(cut);
    std::thread::sleep(Duration::from_millis(300));
    let clips = server.folder.path().join("work").join(fit.replace("/api/", "")).join("clips/00");
    assert_eq!(fs::read_dir(clips).unwrap().count(), sounds().len());
    let seen = get(addr, &fit).json();
    let n_dogs = sounds().iter().filter(|path| class(path) == "dog").count() as u64;
    assert_eq!((seen["state"].as_str(), seen["classes"]["dog"].as_u64()), (Some("uploading"), Some(n_dogs)));

    assert_eq!(finish(begin(addr, "POST", &format!("{fit}/start"), &[])).status, 202);
    assert_eq!(finish(begin(addr, "POST", &format!("{fit}/start"), &[])).status, 409);
    assert_eq!(upload(addr, "PUT", &format!("{fit}/clips?class=dog&name=a.wav"), b"late").status, 409);
    let events = get(addr, &format!("{fit}/events")).events();
    let last = &events.last().unwrap().1;
    assert_eq!(last["state"], "done", "{last}");
    assert!(events.len() > 2 && events.iter().any(|(_, seen)| seen["task"].is_string()), "{} events", events.len());
    let report = get(addr, last["report"].as_str().unwrap());
    assert!(report.status == 200 && report.text().contains("<html"));
    assert!(report.header("content-security-policy").unwrap().starts_with("sandbox allow-scripts"));
    let answer = upload(addr, "POST", "/api/predict?model=garden", &fs::read(&sounds()[0]).unwrap());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(get(addr, "/api/models").json()["models"][0]["classes"], json!(["bird", "dog"]));
    server.stop();
}

#[test]
fn a_training_is_stopped_and_removed() {
    let server = Running::start(|_| {});
    let addr = server.addr;
    let id = post_json(addr, "/api/fits", &json!({"name": "x"})).json()["id"].as_str().unwrap().to_owned();
    let fit = format!("/api/fits/{id}");
    assert_eq!(finish(begin(addr, "POST", &format!("{fit}/start"), &[])).code(), "conflict", "without clips");
    for path in sounds() {
        let class = class(&path);
        let name = path.file_name().unwrap().to_string_lossy();
        upload(addr, "PUT", &format!("{fit}/clips?class={class}&name={name}"), &fs::read(&path).unwrap());
    }
    assert_eq!(finish(begin(addr, "POST", &format!("{fit}/start"), &[])).status, 202);
    while get(addr, &fit).json()["state"] != "running" {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(finish(begin(addr, "DELETE", &fit, &[])).status, 204);
    assert_eq!(get(addr, &format!("{fit}/events")).events().last().unwrap().1["state"], "canceled");
    assert_eq!(finish(begin(addr, "DELETE", &fit, &[])).status, 204);
    assert_eq!(get(addr, &fit).status, 404);
    assert!(!server.folder.path().join("work/fits").join(id).exists());
    assert_eq!(get(addr, "/api/fits").json(), json!({"fits": []}));
}
