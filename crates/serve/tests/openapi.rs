//! The description and the handlers say the same: paths, methods, and what is answered.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{Response, begin, finish, get, post_json, upload};
use common::{Running, sounds, tone, wav};
use serde_json::{Value, json};
use serve::{OPENAPI, ReviewTable};
use std::collections::BTreeSet;
use std::fs;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// What is wrong with a value by a schema; the words of OpenAPI that the description uses.
fn wrong(value: &Value, schema: &Value, document: &Value, place: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name}"));
        return wrong(value, schema, document, place);
    }
    if let Some(any) = schema.get("anyOf") {
        let all = any.as_array().unwrap();
        return all.iter().all(|one| wrong(value, one, document, place).is_some()).then(|| format!("{place}: {value}"));
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => return None,
        one => vec![one.clone()],
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.iter().any(|wanted| wanted == kind || (wanted == "number" && kind == "integer")) {
        return Some(format!("{place}: expected {kinds:?}, got {value}"));
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        return Some(format!("{place}: expected one of {allowed:?}, got {value}"));
    }
    let outside = |number: f64| {
        schema["minimum"].as_f64().is_some_and(|least| number < least)
            || schema["maximum"].as_f64().is_some_and(|most| number > most)
    };
    if value.as_f64().is_some_and(outside) {
        return Some(format!("{place}: {value} is out of range"));
    }
    if let Some(items) = value.as_array() {
        return items
            .iter()
            .enumerate()
            .find_map(|(nth, item)| wrong(item, &schema["items"], document, &format!("{place}[{nth}]")));
    }
    let object = value.as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|key| !object.contains_key(*key)) {
        return Some(format!("{place}: `{missing}` is missing"));
    }
    let known = &schema["properties"];
    object.iter().find_map(|(key, value)| match (known.get(key), schema.get("additionalProperties")) {
        (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => {
            wrong(value, schema, document, &format!("{place}.{key}"))
        }
        (None, _) => Some(format!("{place}: `{key}` is not described")),
    })
}

/// Compares an answer with what the description says of it.
fn check(document: &Value, path: &str, method: &str, answer: &Response) {
    let operation = &document["paths"][path][method.to_lowercase()];
    assert!(operation.is_object(), "{method} {path} is not described");
    let mut described = &operation["responses"][answer.status.to_string()];
    if let Some(name) = described["$ref"].as_str() {
        described = document.pointer(name.trim_start_matches('#')).unwrap();
    }
    assert!(described.is_object(), "{method} {path}: {} is not described: {}", answer.status, answer.text());
    let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap().to_owned();
    let Some(content) = described.get("content") else {
        assert!(answer.body.is_empty(), "{method} {path}: a body that is not described");
        return;
    };
    assert!(content.get(&kind).is_some(), "{method} {path}: {kind} is not described");
    let schema = &content[&kind]["schema"];
    if !schema.is_null() {
        let problem = wrong(&answer.json(), schema, document, "body");
        assert_eq!(problem, None, "{method} {path}: {}", answer.text());
    }
}

#[test]
fn every_path_and_method_is_described_and_there() {
    let server = Running::start(|options| options.runs.clear());
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    for (path, operations) in paths {
        let described: BTreeSet<String> =
            operations.as_object().unwrap().keys().map(|key| key.to_uppercase()).collect();
        let asked = path.replace("{id}", "0").replace("{name}", "app.js");
        for method in METHODS {
            let answer = finish(begin(server.addr, method, &asked, &[("content-length", "0")]));
            let is_there = answer.status != 405 && !answer.text().contains("no such path");
            assert_eq!(is_there, described.contains(method), "{method} {path}: {}", answer.text());
            if is_there {
                check(&document, path, method, &answer);
            }
        }
    }
    // Each route of the source is described.
    let source = fs::read_to_string("src/routes.rs").unwrap().replace("REPORT, get", "\"/api/fits/{id}/report\", get");
    let routes: BTreeSet<&str> =
        source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(routes, paths.keys().map(String::as_str).collect::<BTreeSet<_>>());
    let codes = document.pointer("/components/schemas/Error/properties/error/properties/code/enum").unwrap();
    let source = fs::read_to_string("src/problem.rs").unwrap();
    for code in codes.as_array().unwrap() {
        assert!(source.contains(&format!("{code};")), "{code}");
    }
}

#[test]
fn answers_are_as_described() {
    let cards = tempfile::tempdir().unwrap();
    fs::write(cards.path().join("night.wav"), wav(&tone(4.0, 8_000), 8_000)).unwrap();
    let table = cards.path().join("detections.csv");
    fs::write(&table, "path,start,end,label,score,outlier_p\nnight.wav,1.0,2.0,dog,0.9,0.5\n").unwrap();
    let server = Running::start(|options| options.review = Some(ReviewTable { detections: table, recordings: None }));
    let (addr, document) = (server.addr, document());
    let sound = fs::read(&sounds()[0]).unwrap();
    let check = |path: &str, method: &str, status: u16, answer: Response| {
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        check(&document, path, method, &answer);
        answer
    };
    for path in
        ["/", "/openapi.json", "/metrics", "/api/health", "/api/models", "/api/fits", "/api/queue", "/api/reviews"]
    {
        check(path, "GET", 200, get(addr, path));
    }
    check("/assets/{name}", "GET", 200, get(addr, "/assets/app.js"));
    check("/assets/{name}", "GET", 200, get(addr, "/assets/report.css"));
    for query in [
        "",
        "?events=true&name=a.wav",
        "?format=csv",
        "?format=jsonl",
        "?format=raven",
        "?format=parquet",
        "?format=kaleidoscope",
    ] {
        check("/api/predict", "POST", 200, upload(addr, "POST", &format!("/api/predict{query}"), &sound));
    }
    for (query, status) in [("?format=x", 400), ("?model=x", 404)] {
        check("/api/predict", "POST", status, upload(addr, "POST", &format!("/api/predict{query}"), &sound));
    }
    check("/api/queue/{id}/sound", "GET", 200, get(addr, "/api/queue/0/sound?context=0.1"));
    let review = json!({"path": "night.wav", "start": 1.0, "end": 2.0, "label": "dog", "reviewer": "", "model": "", "predicted": "dog"});
    check("/api/reviews", "POST", 204, post_json(addr, "/api/reviews", &review));
    check("/api/reviews", "GET", 200, get(addr, "/api/reviews?table=true"));
    check("/api/reviews", "GET", 400, get(addr, "/api/reviews?table=x"));
    check("/api/reviews", "POST", 400, post_json(addr, "/api/reviews", &json!([])));
    let live = check("/api/live", "POST", 201, post_json(addr, "/api/live", &json!({"sample_rate_hz": 8000}))).json();
    let live = live["id"].as_str().unwrap();
    check("/api/live/{id}/sound", "POST", 204, upload(addr, "POST", &format!("/api/live/{live}/sound"), &[0, 0]));
    check("/api/live/{id}", "DELETE", 204, finish(begin(addr, "DELETE", &format!("/api/live/{live}"), &[])));
    check("/api/live/{id}/events", "GET", 200, get(addr, &format!("/api/live/{live}/events")));
    let fit = check("/api/fits", "POST", 201, post_json(addr, "/api/fits", &json!({"name": "x"}))).json();
    let fit = fit["id"].as_str().unwrap();
    let clip = format!("/api/fits/{fit}/clips?class=dog&name=a.wav");
    check("/api/fits/{id}/clips", "PUT", 204, upload(addr, "PUT", &clip, &sound));
    check("/api/fits/{id}", "GET", 200, get(addr, &format!("/api/fits/{fit}")));
    check("/api/fits/{id}/start", "POST", 409, finish(begin(addr, "POST", &format!("/api/fits/{fit}/start"), &[])));
    check("/api/fits/{id}/report", "GET", 404, get(addr, &format!("/api/fits/{fit}/report")));
    check("/api/fits/{id}", "DELETE", 204, finish(begin(addr, "DELETE", &format!("/api/fits/{fit}"), &[])));
}
