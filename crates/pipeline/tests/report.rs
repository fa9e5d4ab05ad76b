//! The report of a run: what is clicked is what was measured.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use pipeline::evaluate::{self, Source};
use pipeline::report::{Options, run};
use pipeline::{Job, doctor};
use serde_json::Value;
use std::fs;

/// The data of the page's script.
fn payload(html: &str) -> Value {
    let (_, rest) = html.split_once("<script type=\"application/json\" class=\"payload\" data-run=\"run-1\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_clips_of_the_page_are_those_of_the_evaluation() {
    let folder = trained::trained();
    let path = |name: &str| folder.path().join(name);
    let job = Job::default();
    let source = Source::Recordings { manifests: vec![path("manifest.csv")], stress: true };
    let split = "train,val,test,ood-val,ood-test".to_owned();
    let options = evaluate::Options { run: path("run"), source, split, out: path("run/all") };
    let measured = evaluate::run(&options, &job).unwrap();
    let mut options = Options::new(vec![path("run")], path("report.html"));
    options.manifests = vec![path("manifest.csv")];
    options.clips = 9;
    run(&options, &job).unwrap();
    let html = fs::read_to_string(path("report.html")).unwrap();
    let payload = payload(&html);
    let of = &payload["evaluations"][0];
    let numbers =
        |name: &str| -> Vec<i64> { of[name].as_array().unwrap().iter().map(|value| value.as_i64().unwrap()).collect() };
    let (class, predicted) = (numbers("class"), numbers("predicted"));
    for (truth, row) in measured.metrics.confusion.iter().enumerate() {
        for (column, count) in row.iter().enumerate() {
            let both = class.iter().zip(&predicted).filter(|of| *of.0 == truth as i64 && *of.1 == column as i64);
            assert_eq!(both.count() as u64, *count, "{truth} {column}");
        }
    }
    let n_unknown = class.iter().filter(|class| **class < 0).count();
    assert!(n_unknown > 0 && n_unknown + measured.metrics.n == class.len());
    // As many clips as were asked for, each once, and every number is that of a card.
    assert_eq!((html.matches("<audio").count(), html.matches("data:audio/ogg;base64,T2dnUw").count()), (9, 9));
    let mut held: Vec<i64> = numbers("number").into_iter().filter(|number| *number > 0).collect();
    held.sort_unstable();
    assert_eq!(held, (1..=9).collect::<Vec<i64>>());
    assert!(held.iter().all(|number| html.contains(&format!("id=\"run-1-clip-{number}\""))));
    // All recordings are points, and those of the evaluation are known by the same numbers.
    let map = &payload["map"];
    assert_eq!(map["place"].as_array().unwrap().len(), class.len());
    let of_map = map["number"].as_array().unwrap().iter().filter(|number| number.as_i64().unwrap() > 0).count();
    assert_eq!((of_map, map["planes"].as_array().unwrap().len()), (9, 2));
    for text in
        ["What the model looked at: Grad-CAM for", "Recorder bias", "One bandwidth and one noise floor", "Not examined"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("Augmented views") && html.contains("spectrogram augmented"));
    assert!(html.contains(&shard::sha256_hex(&fs::read(path("run/model.safetensors")).unwrap())));
    // The same again gives the same bytes.
    run(&options, &job).unwrap();
    assert!(fs::read_to_string(path("report.html")).unwrap() == html, "another page");

    // A recording that is gone is named, and the rest is shown; the doctor's findings are found where they are said to be.
    doctor::run(&doctor::Options::new(path("manifest.csv"), path("doctor")), &job).unwrap();
    let place = of["place"][0].as_str().unwrap().split(',').next().unwrap().to_owned();
    fs::remove_file(path("").join(&place)).unwrap();
    options.doctor = Some(path("doctor"));
    options.clips = 1000;
    run(&options, &job).unwrap();
    let html = fs::read_to_string(path("report.html")).unwrap();
    assert!(html.contains("Recordings that could not be read") && html.contains(&place));
    assert_eq!(html.matches("<audio").count(), class.len() - 1);
    assert!(!html.contains("Not examined") && html.contains("alone separates"));
}
