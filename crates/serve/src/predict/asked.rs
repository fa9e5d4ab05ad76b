//! What a request wants to know of a recording.

use crate::names::clean_name;
use crate::problem::{Answer, Problem};
use axum::extract::Query;
use axum::http::{HeaderMap, Uri, header};
use detections::Format;
use serde::Deserialize;

/// The query of `POST /api/predict`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Name of the model; the first where there is none.
    pub model: Option<String>,
    /// How the results name the recording; it is never a path on the server.
    pub name: Option<String>,
    /// Whether events are made of the windows.
    #[serde(default)]
    pub events: bool,
    /// Seconds by which windows overlap.
    pub overlap: Option<f64>,
    /// `json`, or the name of a format of tables.
    pub format: Option<String>,
}

/// How a recording's results are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One object.
    Json,
    /// Events, as they come.
    Stream,
    /// A table, as a file.
    Table(Format),
}

impl Asked {
    /// Of the address of a request.
    ///
    /// # Errors
    /// Keys that there are not, and values of other kinds.
    pub fn parse(uri: &Uri) -> Result<Self, Problem> {
        let Query(asked) = Query::<Self>::try_from_uri(uri)?;
        let name = asked.name.as_deref().map(clean_name).filter(|name| !name.is_empty());
        if let Some(overlap) = asked.overlap.filter(|overlap| !overlap.is_finite() || *overlap < 0.0) {
            return Err(Problem::bad_request(format!("overlap: expected seconds, 0 or more, got {overlap}")));
        }
        asked.table()?;
        Ok(Self { name, ..asked })
    }

    /// The format of a table; none for JSON.
    fn table(&self) -> Answer<Option<Format>> {
        match self.format.as_deref() {
            None | Some("json") => Ok(None),
            Some(name) => name.parse().map(Some).map_err(|_| {
                let names = Format::ALL.map(Format::name).join(", ");
                Problem::bad_request(format!("format: expected one of json, {names}"))
            }),
        }
    }

    /// How the answer is sent.
    pub(crate) fn form(&self, headers: &HeaderMap) -> Answer<Form> {
        let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wants_stream = accepts.split(',').any(|kind| kind.trim().starts_with("text/event-stream"));
        Ok(match self.table()? {
            Some(format) => Form::Table(format),
            None if wants_stream => Form::Stream,
            None => Form::Json,
        })
    }

    /// How results name the recording.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("recording")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Asked, Problem> {
        Asked::parse(&format!("/api/predict?{query}").parse().unwrap())
    }

    #[test]
    fn queries() {
        let all = asked("model=garden&name=a%0Ab%2F..%2Fnight.wav&events=true&overlap=1.5&format=raven").unwrap();
        assert_eq!((all.name(), all.events, all.overlap), ("ab/../night.wav", true, Some(1.5)));
        assert_eq!(all.form(&HeaderMap::new()).unwrap(), Form::Table(Format::Raven));
        assert_eq!((asked("").unwrap().name(), asked("name=%00").unwrap().name()), ("recording", "recording"));
        for wrong in
            ["format=xlsx", "overlap=-1", "overlap=NaN", "events=perhaps", "path=/etc/passwd", "overlap=1&overlap=2"]
        {
            assert_eq!(asked(wrong).unwrap_err().code, "bad_request", "{wrong}");
        }
        let headers = HeaderMap::from_iter([(header::ACCEPT, "text/event-stream".parse().unwrap())]);
        assert_eq!(asked("format=json").unwrap().form(&headers).unwrap(), Form::Stream);
    }
}
