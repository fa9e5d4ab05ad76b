//! Who may ask: the server's own names, its own pages, and where others can reach it, who knows the token.
//!
//! A page of another site can send requests to this machine, and can make its own name lead to it (DNS rebinding). The first is
//! told by `Origin` and `Sec-Fetch-Site`, the second by `Host`.

use crate::error::{Error, Result};
use crate::options::Options;
use crate::problem::{Answer, Problem};
use axum::http::{HeaderMap, Method, header};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// Characters of a token, at least.
const LEAST_TOKEN: usize = 16;

/// What requests are compared with.
pub(crate) struct Guard {
    token: Option<[u8; 32]>,
    hosts: Vec<String>,
}

/// What a token is compared by: a digest, so that the time that a comparison takes says nothing of the token.
fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl Guard {
    /// # Errors
    /// An address that others can reach, without a token; and a token that cannot be used.
    pub(crate) fn new(options: &Options) -> Result<Self> {
        match &options.token {
            None if !options.addr.ip().is_loopback() => return Err(Error::NoToken { addr: options.addr }),
            Some(token) if token.len() < LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(Error::Token { least: LEAST_TOKEN });
            }
            _ => {}
        }
        let hosts = options.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok(Self { token: options.token.as_deref().map(|token| digest(token.as_bytes())), hosts })
    }

    /// Whether requests need a token.
    pub(crate) fn wants_token(&self) -> bool {
        self.token.is_some()
    }

    /// # Errors
    /// A request by another name, and one that changes something and comes from another site.
    pub(crate) fn check_site(&self, method: &Method, headers: &HeaderMap, authority: Option<&str>) -> Answer<()> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let named = match headers.get_all(header::HOST).iter().count() {
            0 => authority,
            1 => text(header::HOST),
            _ => None,
        };
        let Some(host) = named.filter(|host| self.is_own(host)) else {
            return Err(Problem::forbidden(
                "Host: expected a name of this server, such as localhost or its IP address; the server is told further names \
                 with --allow-host",
            ));
        };
        if method.is_safe() {
            return Ok(());
        }
        let is_foreign = match headers.get(header::ORIGIN) {
            None => text(header::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site == "cross-site"),
            Some(origin) => !origin.to_str().is_ok_and(|origin| {
                let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
            }),
        };
        match is_foreign {
            true => Err(Problem::forbidden(
                "Origin: the request comes from a page of another site; expected the server's own",
            )),
            false => Ok(()),
        }
    }

    /// Whether a host, with or without a port, is a name of this server. Ports do not matter: they change in tunnels.
    fn is_own(&self, host: &str) -> bool {
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => (name, rest.strip_prefix(':').or(rest.is_empty().then_some("0"))),
            None => host.split_once(':').map_or((host, Some("0")), |(name, port)| (name, Some(port))),
        };
        if port.is_none_or(|port| port.parse::<u16>().is_err()) {
            return false;
        }
        match name.parse::<IpAddr>() {
            // Who has to know the token cannot be led here by a name that somebody else has made.
            Ok(ip) => ip.is_loopback() || self.wants_token() || self.hosts.iter().any(|own| own == name),
            Err(_) => {
                name.eq_ignore_ascii_case("localhost") || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        }
    }

    /// # Errors
    /// A request without the token, where there is one.
    pub(crate) fn check_token(&self, headers: &HeaderMap) -> Answer<()> {
        let Some(own) = &self.token else { return Ok(()) };
        let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let given = given
            .and_then(|value| value.split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "));
        match given {
            Some((_, token)) if is_equal(&digest(token), own) => Ok(()),
            _ => Err(Problem::unauthorized(
                "expected the header `Authorization: Bearer TOKEN` with the token that the server was started with",
            )),
        }
    }
}

/// Whether two secrets are the same; the time that it takes says nothing of them.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    is_equal(&digest(a.as_bytes()), &digest(b.as_bytes()))
}

/// Compares without ending at the first difference.
fn is_equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn guard(token: Option<&str>) -> Guard {
        let token = token.map(str::to_owned);
        Guard::new(&Options { token, hosts: vec!["garden.example".into()], ..Options::new(Vec::new()) }).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn names_of_the_server() {
        let (open, closed) = (guard(None), guard(Some("a-token-of-20-letters")));
        for own in ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:8080", "[::1]", "garden.example:80"] {
            assert!(open.is_own(own) && closed.is_own(own), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
            "[::1",
            "localhost:x",
            "a:1:2",
            "localhost:",
        ] {
            assert!(!open.is_own(other) && !closed.is_own(other), "{other}");
        }
        assert!(!open.is_own("192.168.1.2:8080") && closed.is_own("192.168.1.2:8080"));
    }

    #[test]
    fn pages_of_other_sites() {
        let guard = guard(None);
        let check = |method: Method, pairs: &[_]| guard.check_site(&method, &headers(pairs), None).is_ok();
        assert!(check(Method::POST, &[("host", "localhost:8080")]));
        assert!(check(Method::POST, &[("host", "localhost:8080"), ("origin", "http://localhost:8080")]));
        assert!(check(Method::POST, &[("host", "localhost:8080"), ("sec-fetch-site", "same-origin")]));
        for origin in
            ["http://evil.example", "null", "http://localhost:3000", "file://", "http://localhost:8080.evil.example"]
        {
            let pairs = [("host", "localhost:8080"), ("origin", origin)];
            assert!(
                !check(Method::POST, &pairs) && !check(Method::DELETE, &pairs) && check(Method::GET, &pairs),
                "{origin}"
            );
        }
        assert!(!check(Method::POST, &[("host", "localhost:8080"), ("sec-fetch-site", "cross-site")]));
        assert!(!check(Method::GET, &[("host", "evil.example")]) && !check(Method::GET, &[]));
    }

    #[test]
    fn tokens() {
        let guard_of = guard(Some("a-token-of-20-letters"));
        let check = |value| guard_of.check_token(&headers(&[("authorization", value)])).is_ok();
        assert!(check("Bearer a-token-of-20-letters") && check("bearer a-token-of-20-letters"));
        assert!(!check("Bearer a-token-of-20-letterz") && !check("Bearer ") && !check("Basic x") && !check("B"));
        assert!(guard_of.check_token(&HeaderMap::new()).is_err() && guard(None).check_token(&HeaderMap::new()).is_ok());
        let elsewhere = Options { addr: ([0, 0, 0, 0], 80).into(), ..Options::new(Vec::new()) };
        assert!(matches!(Guard::new(&elsewhere), Err(Error::NoToken { .. })));
        assert!(matches!(Guard::new(&Options { token: Some("short".into()), ..elsewhere }), Err(Error::Token { .. })));
    }
}
