//! Label tracks of Audacity.

use super::cells::time;
use super::detection::TableDetection;
use super::raw::{Record, Rows};
use crate::{Error, Result};

/// Whether a line begins with two times and has no header's names.
pub(super) fn is_label(line: &str) -> bool {
    let mut cells = line.split('\t');
    let mut is_time = || cells.next().is_some_and(|cell| cell.trim().parse::<f64>().is_ok());
    is_time() && is_time()
}

pub(super) fn read(text: &str, table: &str) -> Result<Rows> {
    let mut rows = Rows::default();
    let mut start = 0;
    for (whole, number) in text.split_inclusive('\n').zip(1..) {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let bytes = start..start + line.len();
        start += whole.len();
        if line.trim().is_empty() {
            continue;
        }
        let error = |column: &str, expected: &'static str, got: &str| {
            let (table, column, got) = (table.to_owned(), column.to_owned(), got.to_owned());
            Error::Cell { table, line: number, column, expected, got }
        };
        let mut cells = line.splitn(3, '\t');
        let [first, second] = [cells.next(), cells.next()].map(Option::unwrap_or_default);
        let third = cells.next();
        if first == "\\" {
            // The band of the label above; below 0 for an end that is open.
            let hz = |column: &str, text: &str| match text.trim().parse::<f64>() {
                Ok(hz) if hz.is_finite() => Ok((hz >= 0.0).then_some(hz)),
                _ => Err(error(column, "a frequency in Hz", text)),
            };
            let band = (hz("low frequency", second)?, hz("high frequency", third.unwrap_or_default())?);
            if let Some(row) = rows.detections.last_mut() {
                (row.low_hz, row.high_hz) = band;
            }
            continue;
        }
        let at = |column: &str, text: &str| {
            time(text.trim()).ok_or_else(|| error(column, "a number of seconds, 0 or more", text))
        };
        let (start_ms, end_ms) = (at("start", first)?, at("end", second)?);
        if end_ms < start_ms {
            return Err(error("end", "a time that is not before the start", second));
        }
        let (label, score) = label_and_score(third.unwrap_or_default());
        // The label is the third cell, whatever is in it.
        rows.records.push(Record {
            bytes,
            n_cells: line.splitn(3, '\t').count(),
            detection: Some(rows.detections.len()),
        });
        rows.detections.push(TableDetection {
            start_ms,
            end_ms,
            label: label.to_owned(),
            score,
            ..TableDetection::default()
        });
    }
    Ok(rows)
}

/// `dog 0.93` is a label and a score: a number from 0.00 to 1.00 with two decimals.
fn label_and_score(text: &str) -> (&str, Option<f64>) {
    let is_score = |score: &str| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        score.len() == 4 && score.split_once('.').is_some_and(|(one, two)| one.len() == 1 && digits(one) && digits(two))
    };
    match text.rsplit_once(' ') {
        Some((label, score)) if is_score(score) => match score.parse() {
            Ok(number) if number <= 1.0 => (label, Some(number)),
            _ => (text, None),
        },
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_taken_off_a_label_only_where_it_looks_like_ours() {
        assert_eq!(label_and_score("big dog 0.93"), ("big dog", Some(0.93)));
        assert_eq!(label_and_score("dog 1.00"), ("dog", Some(1.0)));
        for label in ["dog", "dog 2", "dog 0.5", "dog 7.25", "dog 0.933", "0.93", "dog +.93", ""] {
            assert_eq!(label_and_score(label), (label, None));
        }
    }
}
