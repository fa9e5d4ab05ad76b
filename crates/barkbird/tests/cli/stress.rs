//! `evaluate` from recordings.

use crate::common::Work;
use std::fs;

#[test]
fn stress_tests_end_with_the_worst_and_list_what_cannot_be_used() {
    let work = Work::new();
    work.sounds(40);
    work.ok(&["features", "manifest.csv", "--out", "features"]);
    work.ok(&["train", "cnn", "--features", "features", "--out", "run", "--epochs", "1", "--set", "cnn.channels=[8]"]);
    let manifest = fs::read_to_string(work.path("manifest.csv")).unwrap();
    let victim = manifest.lines().find(|line| line.contains(",test,")).unwrap().split(',').next().unwrap();
    fs::write(work.path(victim), b"RIFF this was a recording once").unwrap();

    let output =
        work.run(&["evaluate", "run", "manifest.csv", "--split", "val,test", "--stress", "--out", "e", "--json"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.contains("worst stress test: "), "{text}");
    assert!(text.contains("telephone") && text.contains("1 recordings could not be used"), "{text}");
    let metrics: serde_json::Value = serde_json::from_slice(&fs::read(work.path("e/metrics.json")).unwrap()).unwrap();
    assert_eq!(metrics, serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap());
    assert_eq!(metrics["skipped"][0]["path"], victim);
    let stress = &metrics["stress"];
    let worst = stress["worst"]["name"].as_str().unwrap();
    assert_eq!(stress["conditions"][worst]["balanced_accuracy"], stress["worst"]["balanced_accuracy"]);
    assert!(stress["conditions"]["rate_8k"]["recall"]["dog"].is_number(), "{stress}");
    let rows = fs::read_to_string(work.path("e/stress.csv")).unwrap();
    assert_eq!(rows.lines().count(), 14, "{rows}");

    // Exactly one of the two sources.
    for (arguments, expected) in [
        (&["evaluate", "run", "--out", "e"][..], "MANIFEST"),
        (&["evaluate", "run", "manifest.csv", "--features", "features", "--out", "e"], "cannot be used with"),
        (&["evaluate", "run", "--features", "features", "--stress", "--out", "e"], "cannot be used with"),
        (&["evaluate", "run", "manifest.csv", "--equalized", "--out", "e"], "cannot be used with"),
    ] {
        let output = work.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(expected), "{arguments:?}: {error}");
    }
    let message = work.fails(&["evaluate", "run", "manifest.csv", "--split", "tset", "--out", "e"]);
    assert!(message.contains("tset") && message.contains("test"), "{message}");
}
