//! The address of a broker.

use crate::error::Error;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// A broker: `mqtt://HOST`, `mqtts://USER:PASSWORD@HOST:PORT`.
#[derive(Clone, PartialEq, Eq)]
pub struct Broker {
    /// Name or address of the machine.
    pub host: String,
    /// Its port: 1883, or 8883 where the connection is encrypted.
    pub port: u16,
    /// Whether the connection is encrypted, with the certificates of this machine.
    pub is_encrypted: bool,
    /// User and password, where they are needed.
    pub login: Option<(String, String)>,
}

impl FromStr for Broker {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = |why: &str| Error::Invalid(format!("expected mqtt://HOST or mqtts://USER@HOST:PORT: {why}"));
        let url = Url::parse(text).map_err(|error| fail(&error.to_string()))?;
        let is_encrypted = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            other => return Err(fail(&format!("got {other}://"))),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| fail("there is no host"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(fail("nothing can follow the host and port; topics have a flag of their own"));
        }
        let text = |part: &str| {
            let decoded = percent_decode_str(part).decode_utf8();
            decoded.map(Cow::into_owned).map_err(|_| fail("user and password: not UTF-8"))
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((text(user)?, text(password.unwrap_or_default())?)),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port().unwrap_or(if is_encrypted { 8883 } else { 1883 }), is_encrypted, login })
    }
}

impl fmt::Display for Broker {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |text: &str| Broker::from_str(text).map_err(|error| error.to_string());
        let plain = of("mqtt://nas.local").unwrap();
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.is_encrypted, &plain.login),
            ("nas.local", 1883, false, &None)
        );
        let full = of("mqtts://me:p%40ss@10.0.0.2:9000/").unwrap();
        assert_eq!((full.port, full.login.clone()), (9000, Some(("me".into(), "p@ss".into()))));
        assert_eq!(format!("{full:?}"), "mqtts://10.0.0.2:9000");
        assert_eq!(of("mqtts://[::1]").map(|broker| (broker.host, broker.port)), Ok(("::1".into(), 8883)));
        for wrong in ["nas.local", "http://nas", "mqtt://", "mqtt://nas/topic", "mqtt://nas:x"] {
            assert!(of(wrong).unwrap_err().contains("expected mqtt://HOST"), "{wrong}");
        }
    }
}
