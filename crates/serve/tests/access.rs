//! Who may ask, and what every answer has.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;

use common::Running;
use common::client::{begin, finish, get, send};
use pipeline::Job;
use serve::{Options, Server};

#[test]
fn other_sites_and_other_names_are_refused() {
    let server = Running::start(|_| {});
    let health = get(server.addr, "/api/health");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    let page = get(server.addr, "/");
    assert!(page.status == 200 && page.text().contains("barkbird"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let json = ("content-type", "application/json");
    let post = |headers: &[(&str, &str)]| send(server.addr, "POST", "/api/fits", headers, b"{\"name\":\"x\"}");
    let own = format!("http://{}", server.addr);
    assert_eq!(post(&[json, ("origin", &own)]).status, 201);
    assert_eq!(post(&[json]).status, 201);
    for foreign in [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let answer = post(&[json, foreign]);
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden"), "{foreign:?}");
    }
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
        assert_eq!(finish(begin(server.addr, "GET", "/api/models", &[("host", host)])).status, 403, "{host}");
    }
    // What is not there, and what cannot be done, has the same kind of body.
    assert_eq!(
        (get(server.addr, "/nothing").code().as_str(), get(server.addr, "/api/predict").code().as_str()),
        ("not_found", "method_not_allowed")
    );
    for path in [
        "/assets/..%2f..%2fCargo.toml",
        "/assets/../openapi.json",
        "/api/queue",
        "/api/queue/0/sound",
        "/api/fits/x",
        "/api/live/x/events",
        "/api/fits/x/report",
        "/api/calibrations/x",
    ] {
        let answer = get(server.addr, path);
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[test]
fn elsewhere_only_with_the_token() {
    let token = "a-token-of-20-letters";
    let server = Running::start(|options| options.token = Some(token.into()));
    for open in ["/", "/openapi.json", "/api/health"] {
        assert_eq!(get(server.addr, open).status, 200, "{open}");
    }
    for closed in ["/api/models", "/metrics", "/api/reviews", "/api/fits", "/api/calibrations", "/nothing"] {
        let answer = get(server.addr, closed);
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{closed}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let with = |value: &str| finish(begin(server.addr, "GET", "/api/models", &[("authorization", value)])).status;
    assert_eq!((with("Bearer a-token-of-20-letters"), with("Bearer another-token-of-24-ltrs")), (200, 401));
    let everywhere = Options { addr: ([0, 0, 0, 0], 0).into(), ..Options::new(Vec::new()) };
    let error = Server::bind(everywhere, &Job::default()).err().unwrap().to_string();
    assert!(error.contains("--token"), "{error}");
}
