//! JSON lines of ours.

use super::detection::TableDetection;
use crate::time::milliseconds;
use crate::{Error, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    path: Option<String>,
    start: Option<f64>,
    end: Option<f64>,
    channel: Option<u16>,
    label: Option<String>,
    #[serde(alias = "probability")]
    score: Option<f64>,
    outlier_p: Option<f64>,
    low_hz: Option<f64>,
    high_hz: Option<f64>,
}

pub(super) fn read(text: &str, table: &str) -> Result<Vec<TableDetection>> {
    let mut rows = Vec::new();
    for (text, line) in text.lines().zip(1..) {
        if text.trim().is_empty() {
            continue;
        }
        let error = |column: &str, expected: &'static str, got: String| {
            Err(Error::Cell { table: table.to_owned(), line, column: column.to_owned(), expected, got })
        };
        let object: Line = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(problem) => return error("object", "a JSON object of a detection", problem.to_string()),
        };
        let Some(label) = object.label else { continue };
        let print = |seconds: Option<f64>| seconds.map_or("nothing".to_owned(), |seconds| seconds.to_string());
        let Some(start_ms) = object.start.and_then(milliseconds) else {
            return error("start", "a number of seconds, 0 or more", print(object.start));
        };
        let end_ms = match object.end.and_then(milliseconds) {
            Some(end_ms) if end_ms >= start_ms => end_ms,
            _ => return error("end", "a time that is not before the start", print(object.end)),
        };
        rows.push(TableDetection {
            path: object.path,
            start_ms,
            end_ms,
            channel: object.channel,
            label,
            score: object.score,
            outlier_p: object.outlier_p,
            low_hz: object.low_hz,
            high_hz: object.high_hz,
        });
    }
    Ok(rows)
}
