//! What a request that fails is answered: a status and one JSON body, whatever went wrong.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt;

/// Seconds after which a busy server may be asked again.
const RETRY_S: u32 = 5;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// The body of such an answer.
#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'static str,
    message: &'a str,
}

/// A function for each kind of problem.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal;)*) => {
        impl Problem {
            $($(#[$doc])* pub(crate) fn $name(message: impl Into<String>) -> Self {
                Self { status: StatusCode::$status, code: $code, message: message.into() }
            })*
        }
    };
}

kinds! {
    /// A request that cannot be understood.
    bad_request = BAD_REQUEST, "bad_request";
    /// No token, or a wrong one.
    unauthorized = UNAUTHORIZED, "unauthorized";
    /// From a page of another site, or by another name.
    forbidden = FORBIDDEN, "forbidden";
    /// No such thing.
    not_found = NOT_FOUND, "not_found";
    /// A method that the path has not.
    not_allowed = METHOD_NOT_ALLOWED, "method_not_allowed";
    /// Not in this state.
    conflict = CONFLICT, "conflict";
    /// More bytes or seconds than allowed.
    too_large = PAYLOAD_TOO_LARGE, "too_large";
    /// A body of another kind.
    media_type = UNSUPPORTED_MEDIA_TYPE, "unsupported";
    /// A body that holds no sound, or values that are not allowed.
    unusable = UNPROCESSABLE_ENTITY, "unsupported";
    /// Too much at a time by one client.
    too_fast = TOO_MANY_REQUESTS, "busy";
    /// Too much at a time, or no more at all.
    busy = SERVICE_UNAVAILABLE, "busy";
    /// A body that came too slowly.
    timeout = REQUEST_TIMEOUT, "timeout";
    /// A fault of the server.
    internal = INTERNAL_SERVER_ERROR, "internal";
}

impl Problem {
    /// The server ends.
    pub(crate) fn stopping() -> Self {
        Self::busy("stopping: the server finishes what it has begun, and takes nothing new; ask again later")
    }

    /// As the JSON of an answer.
    pub(crate) fn json(&self) -> String {
        let body = Body { error: Inner { code: self.code, message: &self.message } };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(Body { error: Inner { code: self.code, message: &self.message } });
        let mut response = (self.status, body).into_response();
        if self.code == "busy" {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_S));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A result of a handler.
pub(crate) type Answer<T> = std::result::Result<T, Problem>;

/// Problems of the parts that parse requests for us.
macro_rules! rejections {
    ($($name:ident),*) => {
        $(impl From<axum::extract::rejection::$name> for Problem {
            fn from(rejection: axum::extract::rejection::$name) -> Self {
                Self::bad_request(rejection.body_text())
            }
        })*
    };
}

rejections!(QueryRejection, PathRejection);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_body_for_all_and_a_time_to_ask_again() {
        let problem = Problem::too_large("night.wav: \"large\"");
        assert_eq!(problem.json(), r#"{"error":{"code":"too_large","message":"night.wav: \"large\""}}"#);
        assert_eq!(problem.into_response().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let busy = Problem::stopping().into_response();
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(busy.headers()[header::RETRY_AFTER], "5");
    }
}
