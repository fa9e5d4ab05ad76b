//! Pages for runs with much, little and hostile content.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use report::{
    Axes, ClassMetrics, ClipPlace, EmbeddingMap, Epoch, Evaluation, Example, Gallery, LookedAt, MapPoint, Metrics,
    Prediction, RunReport, Section, Table, render, spectrogram_png,
};

const NASTY: &str = "<script>alert('x')</script>\"&";

fn epoch(i: u64) -> Epoch {
    let loss = 1.0 / (i + 1) as f64;
    Epoch {
        epoch: i + 1,
        step: 8 * (i + 1),
        lr: 1e-3,
        train_loss: loss,
        train_loss_eval: Some(loss),
        val_loss: Some(loss + 0.05),
        val_accuracy: Some(0.8),
        val_balanced_accuracy: Some(0.75),
        seconds: 1.0,
    }
}

fn metrics(classes: [&str; 2]) -> Metrics {
    let class = |recall| ClassMetrics { recall, precision: 0.8, f1: 0.8, support: 10, auroc: None };
    Metrics {
        split: "test".into(),
        n: 20,
        n_groups: 9,
        accuracy: 0.8,
        balanced_accuracy: 0.8,
        per_class: classes.map(|name| (name.to_owned(), class(0.8))).into(),
        classes: classes.map(str::to_owned).to_vec(),
        confusion: vec![vec![9, 1], vec![3, 7]],
        intervals: [("balanced_accuracy".to_owned(), [0.6, 0.95]), (format!("recall_{}", classes[0]), [0.71, 0.99])]
            .into(),
        ..Metrics::default()
    }
}

fn place(class: &str) -> ClipPlace {
    ClipPlace { path: format!("{class}/a.wav"), span_s: Some([0.0, 5.0]), channel: Some(1) }
}

fn example(class: &str, predicted: &str) -> Example {
    let axes = Axes { seconds: 1.0, band_hz: vec![], title: class.into(), unit: "band".into() };
    let png = spectrogram_png(&[0.0, 1.0, 2.0, 3.0], 2, 2, &axes).unwrap();
    Example {
        clip: place(class),
        truth: Some(class.into()),
        predicted: predicted.into(),
        probability: 0.9,
        note: format!("a note on {class}"),
        looked_at: vec![LookedAt { method: format!("Grad-CAM of {predicted}"), png: png.clone() }],
        png,
        sound: b"RIFF".to_vec(),
    }
}

fn evaluation(classes: [&str; 2]) -> Evaluation {
    let clip = |class: usize, p: f64| Prediction {
        clip: place(classes[class]),
        group: format!("group {}", classes[0]),
        set: "test".into(),
        truth: classes[class].into(),
        class: Some(class),
        probability: vec![1.0 - p, p],
        outlier_p: Some(0.4),
    };
    let predictions = vec![clip(0, 0.1), clip(0, 0.7), clip(1, 0.9), clip(1, 0.6)];
    Evaluation { metrics: metrics(classes), predictions, temperature: Some(1.5) }
}

fn run(classes: [&str; 2]) -> RunReport {
    let [a, b] = classes;
    let gallery = |title: &str, examples| Gallery {
        title: format!("{title} of {a}"),
        text: b.into(),
        parts: vec![(a.into(), examples)],
        is_folded: title == "Examples",
    };
    let point =
        MapPoint { clip: place(a), label: a.into(), predicted: b.into(), is_known: true, ..MapPoint::default() };
    let map = EmbeddingMap { text: vec![a.into()], planes: vec![(a.into(), vec![[1.0, 2.0]])], points: vec![point] };
    let section = Section { title: "Stress tests".into(), table: Some(stress_tests(a)), ..Section::default() };
    RunReport {
        name: format!("run of {a}"),
        classes: vec![a.into(), b.into()],
        n_parameters: 12_345,
        n_backbone_parameters: Some(3_200_000),
        facts: vec![(format!("fact {a}"), b.into())],
        epochs: (0..12).map(epoch).collect(),
        evaluations: vec![evaluation(classes)],
        detector: vec![format!("chosen for {a}")],
        map: Some(map),
        galleries: vec![gallery("Errors", vec![example(a, b)]), gallery("Examples", vec![example(b, b)])],
        commands: vec![format!("barkbird train cnn --features {a}")],
        skipped: vec![(format!("{a}.wav"), format!("not sound: {b}"))],
        sentences: Vec::new(),
        sections: vec![section],
        data_sections: vec![Section { title: format!("Data of {a}"), ..Section::default() }],
        warnings: vec![format!("beware of {a}")],
    }
}

fn stress_tests(caption: &str) -> Table {
    let rows = vec![vec!["rate_8k".into(), "0.831".into()]];
    Table { caption: caption.into(), columns: vec!["condition".into(), "balanced accuracy".into()], rows }
}

/// The page, after a check that its tags match.
fn page(runs: &[RunReport]) -> String {
    let html = render("A report", runs).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    for tag in ["table", "figure", "section", "article", "div", "details", "svg", "tr", "p"] {
        let (opened, closed) = (html.matches(&format!("<{tag}")).count(), html.matches(&format!("</{tag}>")).count());
        // `<p` is also the start of `<path`, `<polyline` and the like.
        assert!(tag == "p" || tag == "tr" || opened == closed, "{tag}: {opened} opened, {closed} closed");
    }
    html
}

#[test]
fn a_complete_run() {
    let html = page(&[run(["bird", "dog"])]);
    for text in [
        "On 20\u{a0}clips in 9\u{a0}groups of the split test the balanced accuracy is 0.800",
        "Most common error: dog classified as bird (3 of 10).",
        "12,345 parameters",
        "detector of unknown sounds has 3,200,000",
        "0.710 to 0.990",
        "barkbird train cnn --features bird",
        "Stress tests",
        "rate_8k",
        "0.831",
        "not sound: dog",
        "beware of bird",
        "<svg class=\"chart\"",
        "data:image/png;base64,iVBOR",
        "data:audio/wav;base64,UklGRg==",
        "alt=\"Spectrogram of bird/a.wav, channel 1, 0.0 to 5.0\u{a0}s\"",
        "preload=\"none\"",
        "labeled bird; a note on bird",
        "What the model looked at: Grad-CAM of dog",
        "id=\"run-1-clip-1\"",
        "data-truth=\"1\" data-predicted=\"0\"",
        "ROC curve",
        "AUROC 0.750",
        "Reliability diagram",
        "before calibration",
        "href=\"#run-1-map\"",
        "script-src 'unsafe-inline'",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
    // Three learning curves, ROC, precision-recall, reliability.
    assert_eq!(html.matches("<svg").count(), 6);
    // One run needs no table of runs.
    assert!(!html.contains("Comparison of runs"));
}

#[test]
fn the_page_loads_nothing() {
    let html = page(&[run(["bird", "dog"])]);
    for outside in
        ["https:", "\"//", "src=\"http", "@import", "url(", "<script src", "<link", "<iframe", "fetch(", "XMLHttp"]
    {
        let found = html.match_indices(outside).find(|(at, _)| !in_data_uri(&html, *at));
        assert!(found.is_none(), "{outside}: {:?}", found.map(|(at, _)| &html[at..(at + 60).min(html.len())]));
    }
    assert!(html.contains("default-src 'none'"));
}

/// Base64 may spell anything.
fn in_data_uri(html: &str, at: usize) -> bool {
    html[..at]
        .rfind("=\"")
        .is_some_and(|start| html[start + 2..at].starts_with("data:") && !html[start + 2..at].contains('"'))
}

#[test]
fn hostile_names_stay_text() {
    let html = page(&[run([NASTY, "dog"]), run(["bird", NASTY])]);
    // Those of the page itself: the data of two runs, and the script.
    assert_eq!(html.matches("<script").count(), 3, "a tag got through");
    assert_eq!(html.matches("</script").count(), 3, "an end got through");
    assert!(html.contains("\\u003cscript"));
    assert!(html.contains("&#60;script&#62;"));
    let html = render(NASTY, &[]).unwrap();
    assert!(!html.contains("<script"));
}

#[test]
fn several_runs_are_compared_with_links_that_work() {
    let html = page(&[run(["bird", "dog"]), RunReport { name: "empty".into(), ..RunReport::default() }]);
    assert!(html.contains("Comparison of runs"));
    for id in ["run-1", "run-2"] {
        assert!(html.contains(&format!("href=\"#{id}\"")) && html.contains(&format!("id=\"{id}\"")), "{id}");
    }
    let mut ids: Vec<_> =
        html.match_indices(" id=\"").map(|(at, _)| html[at + 5..].split('"').next().unwrap()).collect();
    let n = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n, "an id is there twice");
}

#[test]
fn runs_with_little_to_show() {
    let empty = page(&[RunReport::default()]);
    assert!(empty.contains("Learning curves: not recorded") && empty.contains("no record of its epochs"));
    assert!(empty.contains("has not been evaluated") && !empty.contains("detector of unknown sounds"));
    assert!(!empty.contains("<svg") && !empty.contains("<table"));

    let one = page(&[RunReport { epochs: vec![epoch(0)], ..run(["bird", "dog"]) }]);
    assert!(one.contains("One epoch is too few"), "{one}");
    assert_eq!(one.matches("<svg").count(), 6);

    let blind = Epoch { val_loss: None, val_accuracy: None, val_balanced_accuracy: None, ..epoch(0) };
    let blind = page(&[RunReport { epochs: vec![blind; 5], evaluations: vec![], ..run(["bird", "dog"]) }]);
    assert_eq!(blind.matches("<svg").count(), 2);
}

#[test]
fn numbers_that_are_not_finite() {
    let lost =
        Epoch { train_loss: f64::NAN, train_loss_eval: Some(f64::INFINITY), val_loss: Some(f64::NAN), ..epoch(3) };
    let constant = Epoch { lr: 0.0, ..epoch(0) };
    let metrics =
        Metrics { balanced_accuracy: f64::NAN, confusion: vec![vec![1]], ece: f64::NAN, ..metrics(["a", "b"]) };
    let mut epochs = vec![constant; 3];
    epochs.push(lost);
    let html = page(&[RunReport { epochs, evaluations: vec![metrics.into()], ..run(["a", "b"]) }]);
    assert!(html.contains("Diverged"));
    assert!(html.match_indices("NaN").all(|(at, _)| in_data_uri(&html, at)) && !html.contains(">inf<"));
}

#[test]
fn equal_input_gives_equal_pages() {
    assert_eq!(page(&[run(["bird", "dog"])]), page(&[run(["bird", "dog"])]));
}

#[test]
fn long_runs_and_many_classes_stay_readable() {
    let classes: Vec<String> = (0..50).map(|i| format!("class {i}")).collect();
    let confusion = (0..50).map(|i| (0..50).map(|k| u64::from(i == k) * 8).collect()).collect();
    let evaluation = Metrics { classes: classes.clone(), confusion, ..metrics(["bird", "dog"]) };
    let epochs = (0..1000).map(epoch).collect();
    let html = page(&[RunReport { classes, epochs, evaluations: vec![evaluation.into()], ..RunReport::default() }]);
    assert!(html.contains("201 of 1000 epochs") || html.contains("200 of 1000 epochs"));
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
}
