//! A recording's results as a file of a table.

use super::asked::Asked;
use axum::http::HeaderValue;
use detections::{CsvWriter, Detection, Format, Provenance, Result, table_writer};
use inference::{Judged, Predictor};
use pipeline::predict::Recorded;
use std::collections::BTreeMap;

/// The bytes of a table: as `barkbird predict` writes it.
pub(super) fn bytes(
    format: Format,
    predictor: &Predictor<'_>,
    asked: &Asked,
    judged: &[Judged],
    found: &[Detection],
    of: &Recorded<'_>,
) -> Result<Vec<u8>> {
    if format == Format::Csv && !asked.events {
        let mut writer = CsvWriter::new(Vec::new(), predictor.classes(), predictor.thresholds())?;
        judged.iter().try_for_each(|judged| writer.write(&judged.verdict))?;
        return writer.finish();
    }
    let mut writer = table_writer(format, Vec::new(), &provenance(predictor, asked))?;
    writer.recording(of.name, of.seconds.unwrap_or(0.0))?;
    found.iter().try_for_each(|detection| writer.write(detection))?;
    writer.finish()
}

fn provenance(predictor: &Predictor<'_>, asked: &Asked) -> Provenance {
    let thresholds = predictor.thresholds();
    let method = predictor.detector().map(|detector| detector.fitted.method.name.clone());
    let settings = [
        ("alpha", thresholds.alpha.to_string()),
        ("unsure_below", thresholds.unsure_below.to_string()),
        ("reject", method.unwrap_or_else(|| "none".into())),
        ("events", asked.events.to_string()),
    ];
    Provenance {
        program: concat!("barkbird ", env!("CARGO_PKG_VERSION")).to_owned(),
        model: asked.model.clone().unwrap_or_default(),
        model_sha256: predictor.model.sha256.clone(),
        settings: settings.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<BTreeMap<_, _>>(),
    }
}

/// The media type of a format.
pub(super) fn media_type(format: Format) -> HeaderValue {
    HeaderValue::from_static(match format {
        Format::Csv | Format::Kaleidoscope | Format::Birdnet => "text/csv; charset=utf-8",
        Format::JsonLines => "application/x-ndjson",
        Format::Raven | Format::Audacity | Format::BirdnetTable => "text/tab-separated-values; charset=utf-8",
        Format::Parquet => "application/vnd.apache.parquet",
    })
}

/// The header by which a browser keeps a body as a file of a name.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in last.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            true => encoded.push(byte as char),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    let text = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// The name of a table of a recording.
pub(super) fn file_name(format: Format, recording: &str) -> String {
    let last = recording.rsplit(['/', '\\']).next().unwrap_or_default();
    format.file_name(last.rsplit_once('.').map_or(last, |(stem, _)| stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_cannot_leave_their_header() {
        assert_eq!(file_name(Format::Raven, "cards/night.1.wav"), "night.1.selections.txt");
        let header = attachment("../no\"cte\u{e9}.csv");
        assert_eq!(
            header.to_str().unwrap(),
            "attachment; filename=\"no_cte_.csv\"; filename*=UTF-8''no%22cte%C3%A9.csv"
        );
    }
}
