//! What is known of a recording as columns of a manifest, and the session that it belongs to.

use serde::{Deserialize, Serialize};

use super::info::{RecorderInfo, Start, StartSource};
use super::time::LocalTime;

/// The columns that a scan writes where some recording has what they hold: a date and time (ISO 8601) of the row's start, degrees
/// (WGS 84), the prefix of the file's name, and the recorder.
pub const RECORDED: [&str; 5] = ["recorded", "latitude", "longitude", "site", "device"];

/// Half a day: a night is one session.
const NOON_MS: i64 = 43_200_000;

/// When, where and with what a recording was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The start by the recorder's clock, as ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Where that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_source: Option<String>,
    /// Latitude and longitude in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<[f64; 2]>,
    /// What the file's name has before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Model and serial number of the recorder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Recorded {
    /// Of what a recorder wrote; none where it wrote nothing of this.
    pub fn of(info: &RecorderInfo) -> Option<Self> {
        let device: Vec<&str> = [&info.model, &info.serial].into_iter().flatten().map(String::as_str).collect();
        let recorded = Recorded {
            start: info.start.map(|start| start.at(0)),
            start_source: info.start.map(|start| start.source.to_string()),
            place: info.place.map(|place| [place.lat, place.lon]),
            site: info.site.clone(),
            device: (!device.is_empty()).then(|| device.join(" ")),
        };
        (recorded != Recorded::default()).then_some(recorded)
    }

    /// The fields of [`RECORDED`] for a part that begins so many seconds into the recording; empty where not known.
    pub fn fields(&self, start_s: f64) -> [String; RECORDED.len()] {
        let start = self.start.as_deref().and_then(LocalTime::parse);
        // The source does not matter for the sum.
        let at = |time| Start { time, source: StartSource::FileName }.at((start_s * 1000.0).round() as u64);
        let degrees = |nth: usize| self.place.map(|place| place[nth].to_string()).unwrap_or_default();
        [
            start.map(at).unwrap_or_default(),
            degrees(0),
            degrees(1),
            self.site.clone().unwrap_or_default(),
            self.device.clone().unwrap_or_default(),
        ]
    }

    /// What was recorded at one place from noon to noon: `folder` stands for a place that is not known. None without a time.
    pub fn session(&self, folder: &str) -> Option<String> {
        let start = self.start.as_deref().and_then(LocalTime::parse)?;
        let place = self.site.as_deref().or(self.device.as_deref()).unwrap_or(folder);
        let (year, month, day) = start.earlier_by_ms(NOON_MS).date();
        Some(format!("{place} {year:04}-{month:02}-{day:02}").trim_start().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Place;

    #[test]
    fn a_row_has_its_own_time_and_a_night_is_one_session() {
        let time = LocalTime::parse("2024-03-01T23:59:00+02:00").unwrap();
        let info = RecorderInfo {
            start: Some(Start { time, source: StartSource::Guano }),
            place: Some(Place { lat: -26.5, lon: 31.9 }),
            model: Some("AudioMoth".into()),
            serial: Some("24F3".into()),
            ..RecorderInfo::default()
        };
        let recorded = Recorded::of(&info).unwrap();
        let expected = ["2024-03-02T00:00:30.500+02:00", "-26.5", "31.9", "", "AudioMoth 24F3"];
        assert_eq!(recorded.fields(90.5), expected);
        let at = |start: &str| Recorded { start: Some(start.into()), ..Recorded::default() };
        let session = |start: &str| at(start).session("pond").unwrap();
        assert_eq!(session("2024-03-01T20:00:00"), "pond 2024-03-01");
        assert_eq!(session("2024-03-02T04:00:00"), "pond 2024-03-01");
        assert_eq!(session("2024-03-02T12:00:00"), "pond 2024-03-02");
        assert_eq!(Recorded { device: None, ..recorded.clone() }.session("").unwrap(), "2024-03-01");
        assert_eq!(recorded.session("pond").unwrap(), "AudioMoth 24F3 2024-03-01");
        assert_eq!(Recorded::of(&RecorderInfo::default()), None);
        assert_eq!(Recorded { start: None, ..recorded }.session("pond"), None);
    }
}
