//! Windows or events of one recording, as the rows of tables.

use crate::error::Result;
use audio_io::LocalTime;
use detections::{Detection, EventFinder, EventSettings};
use inference::{Judged, Predictor};

/// What is known of a recording beside its windows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recorded<'a> {
    /// How results name it.
    pub name: &'a str,
    /// Its length, in seconds; none where it is not known.
    pub seconds: Option<f64>,
    /// When the recorder started.
    pub start: Option<LocalTime>,
    /// Latitude and longitude of the recorder, in degrees.
    pub place: Option<(f64, f64)>,
}

/// Windows, or with settings events, of a recording, in the order of time.
///
/// # Errors
/// Windows that are no part of a recording or are not in the order of time, and a model's header that cannot be read.
pub fn detections(
    predictor: &Predictor<'_>,
    events: Option<&EventSettings>,
    judged: &[Judged],
    of: &Recorded<'_>,
) -> Result<Vec<Detection>> {
    let (classes, thresholds) = (predictor.classes(), predictor.thresholds());
    let mut found: Vec<Detection> = match events {
        None => {
            let window = |judged: &Judged| Detection::of_window(&judged.verdict, classes, thresholds);
            judged.iter().map(window).collect::<detections::Result<_>>()?
        }
        Some(settings) => {
            let mut events = Vec::new();
            // A row of a manifest is a recording of its own.
            for of_row in judged.chunk_by(|a, b| a.input == b.input) {
                let mut finder = EventFinder::new(settings, classes, thresholds)?;
                for judged in of_row {
                    events.extend(finder.push(&judged.verdict)?);
                }
                events.extend(finder.finish());
            }
            events.sort_by(|a, b| (a.start_ms, a.channel, &a.class).cmp(&(b.start_ms, b.channel, &b.class)));
            events.into_iter().map(Detection::from).collect()
        }
    };
    let high_hz = f64::from(predictor.model.chain()?.clip.sample_rate_hz) / 2.0;
    for detection in &mut found {
        detection.path = of.name.to_owned();
        detection.recording_ms = of.seconds.map(|seconds| (seconds * 1000.0).round() as u64);
        (detection.low_hz, detection.high_hz) = (Some(0.0), Some(high_hz));
        detection.recorded = of.start.map(|start| start.plus_ms(detection.start_ms).to_string());
        detection.place = of.place;
    }
    Ok(found)
}
