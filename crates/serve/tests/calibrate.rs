//! A model for a place from answers: what it brings, what is refused, and how it is stopped.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{Response, begin, finish, get, post_json, upload};
use common::{Running, sounds, trained};
use serde_json::{Value, json};
use serve::ReviewTable;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// What the table calls a recording, and how long it is, in whole milliseconds.
fn recordings() -> Vec<(String, u64)> {
    let of = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        let rate_hz = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
        let length_ms = (bytes.len() as u64 - 44) / 2 * 1000 / u64::from(rate_hz);
        (format!("cards/{}", path.file_name().unwrap().to_string_lossy()), length_ms)
    };
    sounds().iter().map(of).collect()
}

/// Start and end of the parts of a recording, in seconds: all of it, or several that overlap.
fn parts(length_ms: u64, n: u64) -> Vec<(f64, f64)> {
    let seconds = |ms: u64| ms as f64 / 1000.0;
    let last = length_ms - 1000;
    match n {
        1 => vec![(0.0, seconds(length_ms))],
        n => (0..n).map(|part| (seconds(last * part / n), seconds(last * part / n + 1000))).collect(),
    }
}

/// A table of all recordings, `n` detections each, in a folder of its own: recordings are below `--recordings`.
fn table(folder: &Path, n: u64) -> ReviewTable {
    let mut rows = "path,start,end,label,score\n".to_owned();
    for (name, length_ms) in recordings() {
        parts(length_ms, n).iter().for_each(|(start, end)| rows += &format!("{name},{start:.3},{end:.3},dog,0.6\n"));
    }
    fs::write(folder.join("detections.csv"), rows).unwrap();
    ReviewTable { detections: folder.join("detections.csv"), recordings: Some(trained().join("sounds")) }
}

/// The probability of a dog in each recording, by its name in the table.
fn dogs(addr: SocketAddr) -> Vec<(String, f64)> {
    let of = |path: &std::path::PathBuf| {
        let answer = upload(addr, "POST", "/api/predict", &fs::read(path).unwrap()).json();
        let dog = answer["classes"].as_array().unwrap().iter().position(|class| class == "dog").unwrap();
        let name = format!("cards/{}", path.file_name().unwrap().to_string_lossy());
        (name, answer["windows"][0]["probabilities"][dog].as_f64().unwrap())
    };
    sounds().iter().map(of).collect()
}

fn review(path: &str, (start, end): (f64, f64), label: &str) -> Value {
    json!({"path": path, "start": start, "end": end, "channel": null, "label": label, "reviewer": "me", "model": "run",
        "predicted": "dog", "score": 0.6, "outlier_p": null})
}

/// An answer about all of a recording.
fn of_all(path: &str, label: &str) -> Value {
    let length_ms = recordings().into_iter().find(|(name, _)| name == path).unwrap().1;
    review(path, parts(length_ms, 1)[0], label)
}

fn answer(addr: SocketAddr, reviews: &[Value]) {
    assert_eq!(post_json(addr, "/api/reviews", &json!(reviews)).status, 204);
}

fn calibrate(addr: SocketAddr, model: &str, name: &str) -> Response {
    post_json(addr, "/api/calibrations", &json!({"model": model, "name": name}))
}

/// The path of a calibration that has begun.
fn begun(answer: &Response) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    format!("/api/calibrations/{}", answer.json()["id"].as_str().unwrap())
}

/// Waits for its end.
fn over(addr: SocketAddr, path: &str) -> Value {
    loop {
        let seen = get(addr, path).json();
        if seen["state"] != "waiting" && seen["state"] != "running" {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn answers_move_the_line_between_classes() {
    let cards = tempfile::tempdir().unwrap();
    let review_table = table(cards.path(), 1);
    let of_queue = review_table.clone();
    let mut server = Running::start(|options| options.review = Some(of_queue));
    let addr = server.addr;
    assert_eq!(calibrate(addr, "run", "here").code(), "conflict", "without an answer");
    assert_eq!(calibrate(addr, "none", "here").code(), "not_found");
    assert_eq!(calibrate(addr, "run", "\n").code(), "bad_request");

    // The model ranks the sounds of the place well, and draws the line between dogs and birds in the wrong spot.
    let mut dogs = dogs(addr);
    dogs.sort_by(|a, b| b.1.total_cmp(&a.1));
    let n = dogs.len();
    let n_above = dogs.iter().filter(|(_, p)| *p > 0.5).count();
    let n_dogs = if n_above * 2 > n { n / 4 } else { 3 * n / 4 };
    let label = |nth: usize| if nth < n_dogs { "dog" } else { "bird" };
    let mut reviews: Vec<Value> = dogs.iter().enumerate().map(|(nth, (path, _))| of_all(path, label(nth))).collect();
    // What is not about the table is left out, whatever it is called.
    reviews.push(review("../../etc/passwd", (0.0, 1.0), "dog"));
    answer(addr, &reviews);

    let path = begun(&calibrate(addr, "run", "here"));
    let seen = over(addr, &path);
    assert_eq!((&seen["state"], &seen["model"]), (&json!("done"), &json!("here")), "{seen}");
    assert_eq!((&seen["answers"], &seen["from"]), (&json!(n), &json!("run")));
    let messages = seen["messages"].to_string();
    assert!(messages.contains("answers about other detections than the table's, left out: 1"), "{messages}");
    assert!(messages.contains("class biases: bird"), "{messages}");
    let models = get(addr, "/api/models").json();
    assert_eq!(models["models"][1]["name"], "here");

    // The new model has the line of the place.
    let right = |model: &str| {
        let of = |(nth, (name, _)): (usize, &(String, f64))| {
            let path = sounds().into_iter().find(|path| name.ends_with(&*path.file_name().unwrap().to_string_lossy()));
            let sound = fs::read(path.unwrap()).unwrap();
            let answer = upload(addr, "POST", &format!("/api/predict?model={model}"), &sound).json();
            answer["windows"][0]["label"] == label(nth)
        };
        dogs.iter().enumerate().filter(|of_clip| of(*of_clip)).count()
    };
    let (before, after) = (right("run"), right("here"));
    assert!(after > before, "{before} {after} of {n}");

    // Nothing of this machine's folders is told, and a model of a place is not calibrated again.
    let again = over(addr, &begun(&calibrate(addr, "here", "here")));
    assert_eq!((&again["state"], &again["model"]), (&json!("refused"), &json!(null)));
    assert_eq!(again["error"], "here is calibrated for a place already.");
    let all = get(addr, "/api/calibrations").text();
    for folder in [trained(), cards.path(), server.folder.path()] {
        assert!(!all.contains(folder.to_str().unwrap()), "{all}");
    }

    // A later server with the same folder has the model.
    server.stop();
    let (work, reviews) = (server.folder.path().join("work"), server.folder.path().join("reviews.csv"));
    let later = Running::start(|options| {
        (options.work, options.reviews) = (Some(work.clone()), reviews);
        options.review = Some(review_table);
    });
    assert_eq!(get(later.addr, "/api/models").json()["models"][1]["name"], "here");
    assert_eq!(finish(begin(later.addr, "DELETE", &path, &[])).status, 204);
    assert_eq!(get(later.addr, &path).status, 404);
    assert_eq!(get(later.addr, "/api/models").json()["models"].as_array().unwrap().len(), 1);
    assert!(!work.join(path.replace("/api/", "")).exists());
}

#[test]
fn what_does_not_help_is_refused_with_the_reason_and_what_to_do() {
    let cards = tempfile::tempdir().unwrap();
    let server = Running::start(|options| options.review = Some(table(cards.path(), 1)));
    let addr = server.addr;
    let dogs = dogs(addr);
    let try_with = |reviews: &[Value]| {
        answer(addr, reviews);
        let seen = over(addr, &begun(&calibrate(addr, "run", "here")));
        assert_eq!(seen["state"], "refused", "{seen}");
        (seen["error"].as_str().unwrap().to_owned(), seen["advice"].as_str().unwrap().to_owned())
    };
    let as_dog: Vec<Value> = dogs.iter().map(|(path, _)| of_all(path, "dog")).collect();
    let (why, advice) = try_with(&as_dog[..3]);
    assert!(why.contains("in 3 recordings, and at least 4 are needed"), "{why}");
    assert!(advice.contains("other recordings"), "{advice}");
    let (why, _) = try_with(&as_dog);
    assert!(why.contains("all name the same one"), "{why}");
    // As the model says itself, as far as it says both.
    let own = |(path, p): &(String, f64)| of_all(path, if *p > 0.5 { "dog" } else { "bird" });
    if dogs.iter().any(|(_, p)| *p > 0.5) && dogs.iter().any(|(_, p)| *p < 0.5) {
        let (why, advice) = try_with(&dogs.iter().map(own).collect::<Vec<_>>());
        assert!(why.contains("is as good here as it is"), "{why}");
        assert!(advice.starts_with("Use run as it is"), "{advice}");
    }
    assert_eq!(get(addr, "/api/models").json()["models"].as_array().unwrap().len(), 1);
}

#[test]
fn one_at_a_time_and_each_can_be_stopped() {
    let cards = tempfile::tempdir().unwrap();
    let mut server = Running::start(|options| options.review = Some(table(cards.path(), 40)));
    let addr = server.addr;
    for (nth, (name, length_ms)) in recordings().iter().enumerate() {
        let label = if nth % 2 == 0 { "dog" } else { "bird" };
        let about = |part: &(f64, f64)| review(name, *part, label);
        answer(addr, &parts(*length_ms, 40).iter().map(about).collect::<Vec<_>>());
    }
    let (first, second) = (begun(&calibrate(addr, "run", "a")), begun(&calibrate(addr, "run", "b")));
    assert_eq!(finish(begin(addr, "DELETE", &second, &[])).status, 204);
    assert_eq!(get(addr, &second).json()["state"], "canceled");
    assert_eq!(finish(begin(addr, "DELETE", &first, &[])).status, 204);
    let seen = over(addr, &first);
    assert_eq!((&seen["state"], &seen["model"]), (&json!("canceled"), &json!(null)), "{seen}");
    assert_eq!(finish(begin(addr, "DELETE", &first, &[])).status, 204);
    assert_eq!(get(addr, &first).code(), "not_found");
    // A server that ends stops what runs.
    begun(&calibrate(addr, "run", "c"));
    server.stop();
    assert!(
        !server
            .folder
            .path()
            .join("work/calibrations")
            .read_dir()
            .unwrap()
            .any(|entry| { entry.unwrap().path().join("run/model.safetensors").exists() })
    );
}

#[test]
fn only_with_a_table_and_where_training_is_allowed() {
    let server = Running::start(|_| {});
    let message = calibrate(server.addr, "run", "x");
    assert!(message.status == 404 && message.text().contains("--review"), "{}", message.text());
    let cards = tempfile::tempdir().unwrap();
    let server = Running::start(|options| {
        (options.fit, options.review) = (None, Some(table(cards.path(), 1)));
    });
    let message = calibrate(server.addr, "run", "x");
    assert!(message.status == 404 && message.text().contains("without training"), "{}", message.text());
    assert_eq!(get(server.addr, "/api/calibrations").json(), json!({"calibrations": []}));
}
