//! Requests to the server: addresses with queries, and bodies.

use crate::repair;
use crate::target::{Memory, Outcome, Target, about};
use serve::{Asked, Listen, NewCalibration, NewClip, NewFit, parse_reviews};

/// The targets.
pub(super) const TARGETS: [Target; 2] = [
    Target {
        name: "query",
        reads: "queries of requests to `serve`: of a recording, of a clip (`Asked`, `NewClip`)",
        seeds: || {
            let all = [
                "/api/predict?model=garden&name=a%2Fnight.wav&events=true&overlap=0.5&format=raven",
                "/api/predict?name=%C3%A4%00.wav&format=json",
                "/api/fits/1/clips?class=dog&name=rex%2F01.wav",
            ];
            all.map(|text| text.as_bytes().to_vec()).into()
        },
        words: &[
            b"&",
            b"=",
            b"%00",
            b"%2F",
            b"..",
            b"%ff",
            b"overlap=1e999",
            b"NaN",
            b"class=",
            b"name=",
            b"true",
            b"+",
        ],
        repair: repair::nothing,
        run: query,
        memory: Memory { per_byte: 256, free: 1 << 20 },
    },
    Target {
        name: "body",
        reads: "JSON bodies of requests to `serve`, and samples (`parse_reviews`, `Listen`, `NewFit`, `NewCalibration`)",
        seeds: || {
            let review = r#"{"path":"a.wav","start":0.5,"end":1,"channel":1,"label":"dog","reviewer":"me","model":"m","predicted":"dog","score":0.5,"outlier_p":null}"#;
            let live = r#"{"model":"m","sample_rate_hz":48000,"channels":2}"#;
            let fit = r#"{"name":"garden","minutes":2.5}"#;
            let calibration = r#"{"model":"garden","name":"here"}"#;
            let several = format!("[{review},{review}]");
            [review, live, fit, calibration, &several].map(|text| text.as_bytes().to_vec()).into()
        },
        words: &[
            b"null",
            b"1e999",
            b"-1",
            b"[",
            b"{",
            b"\\u0000",
            b"\\ud800",
            b"\"label\":\"\"",
            b"\"channels\":0",
            b"65536",
        ],
        repair: repair::nothing,
        run: body,
        memory: Memory { per_byte: 512, free: 1 << 20 },
    },
];

fn query(bytes: &[u8]) -> Outcome {
    // What is no address never comes this far.
    let uri = String::from_utf8_lossy(bytes).parse().unwrap_or_default();
    let asked = Asked::parse(&uri).map(|asked| format!("{} {}", asked.events, asked.name.is_some()));
    let clip = NewClip::parse(&uri).map(|clip| about(clip.group().len()).to_string());
    Outcome::all([Outcome::of(asked), Outcome::of(clip)])
}

fn body(bytes: &[u8]) -> Outcome {
    let reviews = parse_reviews(bytes).map(|reviews| {
        let written: usize = reviews.iter().filter_map(|review| review.to_csv().ok()).map(|row| row.len()).sum();
        format!("{} {}", about(reviews.len()), about(written))
    });
    let listen = Listen::parse(bytes).and_then(|listen| listen.check(bytes).map(|()| listen.channels.to_string()));
    let fit = NewFit::parse(bytes).map(|fit| about(fit.name.len()).to_string());
    let new = NewCalibration::parse(bytes).map(|new| about(new.name.len() + new.model.len()).to_string());
    Outcome::all([Outcome::of(reviews), Outcome::of(listen), Outcome::of(fit), Outcome::of(new)])
}
