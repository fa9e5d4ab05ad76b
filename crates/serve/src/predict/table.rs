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

/// The name of a table of a recording.
pub(super) fn file_name(format: Format, recording: &str) -> String {
    let last = recording.rsplit(['/', '\\']).next().unwrap_or_default();
    format.file_name(last.rsplit_once('.').map_or(last, |(stem, _)| stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_called_as_its_recording() {
        assert_eq!(file_name(Format::Raven, "cards/night.1.wav"), "night.1.selections.txt");
    }
}
