//! Recordings over HTTP: the right ones are answered as `barkbird predict` answers, the others with what is wrong with them.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::client::{begin, finish, get, send, upload};
use common::{Running, sounds, tone, trained, wav};
use inference::{Input, Model, PredictorOptions, Watch};
use std::io::Write;
use std::time::{Duration, Instant};

const SOUND: (&str, &str) = ("content-type", "audio/wav");

#[test]
fn an_answer_is_what_predict_says() {
    let server = Running::start(|_| {});
    let sound = std::fs::read(&sounds()[0]).unwrap();
    let model = Model::open(trained().join("run")).unwrap();
    let predictor = model.predictor(&PredictorOptions::default()).unwrap();
    let input = Input { name: "a b.wav".into(), bytes: Some(sound.clone().into()), ..Input::default() };
    let expected = predictor.recordings(&[input], 0, &Watch::default()).unwrap();

    let answer = upload(server.addr, "POST", "/api/predict?name=a%20b.wav", &sound);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["model_sha256"], model.sha256.as_str());
    assert_eq!(json["recording"]["name"], "a b.wav");
    let windows = json["windows"].as_array().unwrap();
    assert!(!windows.is_empty() && windows.len() == expected.judged.len());
    for (window, judged) in windows.iter().zip(&expected.judged) {
        let verdict = &judged.verdict;
        assert_eq!(window["start"].as_f64(), Some(verdict.start_s));
        assert_eq!(window["label"], verdict.label(predictor.classes(), predictor.thresholds()).0);
        let probabilities: Vec<f32> = serde_json::from_value(window["probabilities"].clone()).unwrap();
        assert_eq!(probabilities, verdict.probability);
    }

    // The same as events while it is classified, and as tables.
    let headers = [SOUND, ("accept", "text/event-stream")];
    let long: Vec<u8> = wav(&tone(400.0, 16_000), 16_000);
    let whole = upload(server.addr, "POST", "/api/predict", &long).json();
    let stream = send(server.addr, "POST", "/api/predict?events=false", &headers, &long).events();
    assert_eq!((stream[0].0.as_str(), stream.last().unwrap().0.as_str()), ("recording", "result"));
    assert!(stream.last().unwrap().1.get("windows").is_none());
    let of_windows = stream.iter().filter(|(name, _)| name == "windows");
    let streamed: Vec<_> = of_windows.flat_map(|(_, data)| data["windows"].as_array().unwrap().clone()).collect();
    assert!(stream.len() > 4 && streamed == *whole["windows"].as_array().unwrap(), "{} events", stream.len());
    assert!((whole["recording"]["seconds"].as_f64().unwrap() - 400.0).abs() < 0.01);

    let events = upload(server.addr, "POST", "/api/predict?events=true", &sound).json();
    let table = upload(server.addr, "POST", "/api/predict?events=true&format=raven&name=x.wav", &sound);
    assert_eq!(
        table.header("content-disposition"),
        Some("attachment; filename=\"x.selections.txt\"; filename*=UTF-8''x.selections.txt")
    );
    assert_eq!(table.text().lines().count(), 1 + events["detections"].as_array().unwrap().len());
    let csv = upload(server.addr, "POST", "/api/predict?format=csv", &sound).text();
    assert!(csv.starts_with("path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,truth,note\n"), "{csv}");
    assert_eq!(csv.lines().count(), 1 + windows.len());
    let overlap = predictor.window_s().unwrap() / 2.0;
    let more = upload(server.addr, "POST", &format!("/api/predict?overlap={overlap}"), &long).json();
    assert!(more["windows"].as_array().unwrap().len() > streamed.len() * 3 / 2);
}

#[test]
fn what_is_no_recording_is_an_error_with_a_reason() {
    let server = Running::start(|options| {
        options.limits.upload_bytes = 1 << 20;
        options.limits.seconds = 20;
    });
    let expect = |path: &str, body: &[u8], status: u16, code: &str| {
        let answer = upload(server.addr, "POST", path, body);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {}", answer.text());
        answer.json()["error"]["message"].as_str().unwrap().to_owned()
    };
    let good = std::fs::read(&sounds()[0]).unwrap();
    assert!(expect("/api/predict?name=n.wav", b"no sound at all", 422, "unsupported").contains("n.wav"));
    expect("/api/predict", b"", 422, "unsupported");
    expect("/api/predict", &good[..30], 422, "unsupported");
    expect("/api/predict", &vec![7; 2 << 20], 413, "too_large");
    // A header may say less than there is: what counts is what was decoded.
    assert!(expect("/api/predict", &wav(&tone(30.0, 8_000), 8_000), 413, "too_large").contains("20 s"));
    expect("/api/predict?model=nobody", &good, 404, "not_found");
    expect("/api/predict?overlap=100", &good, 400, "bad_request");
    expect("/api/predict?format=xlsx", &good, 400, "bad_request");
    expect("/api/predict?path=%2Fetc%2Fpasswd", &good, 400, "bad_request");
    let form = send(server.addr, "POST", "/api/predict", &[("content-type", "text/plain")], &good);
    assert_eq!((form.status, form.code().as_str()), (415, "unsupported"));
    let chunked = [SOUND, ("transfer-encoding", "chunked")];
    let mut stream = begin(server.addr, "POST", "/api/predict", &chunked);
    for _ in 0..40 {
        drop(stream.write_all(format!("{:x}\r\n", 1 << 16).as_bytes()));
        drop(stream.write_all(&vec![0; 1 << 16]));
        drop(stream.write_all(b"\r\n"));
    }
    drop(stream.write_all(b"0\r\n\r\n"));
    assert_eq!(finish(stream).status, 413, "without a length it is what comes that counts");
    let hostile = "../../../../etc/passwd%00%0d%0aset-cookie:%20a=b";
    let answer = upload(server.addr, "POST", &format!("/api/predict?format=csv&name={hostile}"), &good);
    assert!(answer.status == 200 && answer.header("set-cookie").is_none(), "{}", answer.text());
    assert_eq!(upload(server.addr, "POST", "/api/predict", &good).status, 200, "the server goes on");
    let metrics = get(server.addr, "/metrics").text();
    assert!(metrics.contains("barkbird_recordings_failed_total ") && metrics.contains("status=\"413\""), "{metrics}");
}

#[test]
fn slow_and_cut_uploads_end_and_leave_nothing() {
    let server = Running::start(|options| options.limits.idle = Duration::from_millis(300));
    let headers = [SOUND, ("content-length", "100000")];
    let mut slow = begin(server.addr, "POST", "/api/predict", &headers);
    slow.write_all(&[0; 1000]).unwrap();
    let began = Instant::now();
    let answer = finish(slow);
    assert_eq!((answer.status, answer.code().as_str()), (408, "timeout"));
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut cut = begin(server.addr, "POST", "/api/predict", &headers);
    cut.write_all(&[0; 1000]).unwrap();
    drop(cut);
    // Nobody waits for this one: it is stopped.
    let long = wav(&tone(3000.0, 8_000), 8_000);
    let length = long.len().to_string();
    let mut gone = begin(server.addr, "POST", "/api/predict", &[SOUND, ("content-length", &length)]);
    gone.write_all(&long).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(gone);
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let metrics = get(server.addr, "/metrics").text();
        if metrics.contains("barkbird_requests_in_flight 1\n") && metrics.contains("barkbird_connections 1\n") {
            break;
        }
        assert!(Instant::now() < until, "{metrics}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let answer = upload(server.addr, "POST", "/api/predict", &std::fs::read(&sounds()[0]).unwrap());
    assert_eq!(answer.status, 200, "the turn was given back: {}", answer.text());
}

#[test]
fn a_busy_server_says_so() {
    let server = Running::start(|options| {
        options.limits.n_uploads = 1;
        options.limits.wait = Duration::from_millis(200);
    });
    let mut slow = begin(server.addr, "POST", "/api/predict", &[SOUND, ("content-length", "100000")]);
    slow.write_all(&[0; 1000]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let answer = upload(server.addr, "POST", "/api/predict", &std::fs::read(&sounds()[0]).unwrap());
    assert_eq!((answer.status, answer.code().as_str(), answer.header("retry-after")), (503, "busy", Some("5")));
}
