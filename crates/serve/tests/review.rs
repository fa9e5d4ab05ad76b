//! The queue, the sound of its detections, and answers.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{get, post_json, send};
use common::{Running, tone, wav};
use serde_json::json;
use serve::ReviewTable;
use std::fs;

#[test]
fn detections_are_heard_and_answered() {
    let cards = tempfile::tempdir().unwrap();
    fs::create_dir(cards.path().join("b")).unwrap();
    fs::write(cards.path().join("b/night.wav"), wav(&tone(10.0, 8_000), 8_000)).unwrap();
    let table = cards.path().join("detections.csv");
    let rows = "b/night.wav,1.0,2.0,,dog,0.9,0.5\nb/night.wav,3.0,4.0,,dog,0.55,\nb/night.wav,5.0,6.0,,bird,0.7,\ngone.wav,0.0,1.0,,bird,0.8,\n";
    fs::write(&table, format!("path,start,end,channel,label,score,outlier_p\n{rows}")).unwrap();
    let server = Running::start(|options| options.review = Some(ReviewTable { detections: table, recordings: None }));
    assert_eq!(get(server.addr, "/api/models").json()["review"], json!({"table": "detections.csv", "n": 4}));

    let queue = get(server.addr, "/api/queue").json();
    let ids = |queue: &serde_json::Value| -> Vec<u64> {
        queue["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
    };
    assert_eq!((ids(&queue), &queue["total"], &queue["answered"]), (vec![1, 2, 3, 0], &json!(4), &json!(0)));
    assert_eq!(queue["items"][3]["outlier_p"], 0.5);
    assert_eq!(ids(&get(server.addr, "/api/queue?order=score&class=bird&n=1").json()), [3]);
    assert_eq!(get(server.addr, "/api/queue?order=best").code(), "bad_request");

    let sound = get(server.addr, "/api/queue/1/sound?context=0.5");
    assert_eq!((sound.status, sound.header("x-start"), sound.body.len()), (200, Some("2.500"), 44 + 2 * 8_000 * 2));
    assert_eq!(sound.header("content-type"), Some("audio/wav"));
    assert_eq!(get(server.addr, "/api/queue/3/sound").status, 404, "a recording that is not there");
    assert_eq!(get(server.addr, "/api/queue/9/sound").status, 404);
    assert_eq!(get(server.addr, "/api/queue/0/sound?context=1e9").status, 400);

    let header = get(server.addr, "/api/reviews").text();
    assert_eq!(header, "path,start,end,channel,label,reviewer,time,model,predicted,score,outlier_p\n");
    let review = |start: f64, label: &str| {
        json!({"path": "b/night.wav", "start": start, "end": start + 1.0, "channel": null, "label": label, "reviewer": "me, too",
            "model": "run", "predicted": "dog", "score": 0.9, "outlier_p": null})
    };
    assert_eq!(post_json(server.addr, "/api/reviews", &review(1.0, "dog")).status, 204);
    assert_eq!(
        post_json(server.addr, "/api/reviews", &json!([review(3.0, "-dog"), review(5.0, "neither")])).status,
        204
    );
    let queue = get(server.addr, "/api/queue").json();
    assert_eq!((ids(&queue), &queue["answered"]), (vec![3], &json!(3)));
    assert_eq!(post_json(server.addr, "/api/reviews", &review(3.0, "")).status, 204);
    assert_eq!(ids(&get(server.addr, "/api/queue").json()), [1, 3], "an answer was taken back");
    assert_eq!(post_json(server.addr, "/api/reviews", &json!({"path": "x"})).code(), "bad_request");
    let plain = send(server.addr, "POST", "/api/reviews", &[("content-type", "text/plain")], b"{}");
    assert_eq!(plain.status, 415, "a form of another site cannot answer");

    let file = fs::read(server.folder.path().join("reviews.csv")).unwrap();
    let reviews = detections::review::read(&file[..], "reviews.csv").unwrap();
    let labels: Vec<&str> = reviews.iter().map(|review| review.label.as_str()).collect();
    assert_eq!(labels, ["dog", "-dog", "neither", ""]);
    assert!(reviews.iter().all(|review| review.reviewer == "me, too" && review.time.ends_with('Z')));
    assert_eq!(get(server.addr, "/api/reviews").body, file);
    // The bird of 5 s was answered as a dog: of another table.
    let of_table = get(server.addr, "/api/reviews?table=true");
    let of_table = detections::review::read(&of_table.body[..], "reviews.csv").unwrap();
    assert_eq!(of_table.iter().map(|review| (review.start, review.label.as_str())).collect::<Vec<_>>(), [(1.0, "dog")]);
    let queue = get(server.addr, "/api/queue?order=spread").json();
    assert_eq!((ids(&queue).len(), &queue["counts"]), (2, &json!({"bird": 2, "dog": 2})));
}
