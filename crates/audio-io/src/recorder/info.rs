//! What is known about a recording besides its sound.

use std::collections::BTreeMap;
use std::fmt;

use super::time::LocalTime;

/// What a recorder wrote about a recording: when, where and with what. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecorderInfo {
    /// When the recording starts.
    pub start: Option<Start>,
    /// Where it was made.
    pub place: Option<Place>,
    /// Manufacturer of the recorder.
    pub make: Option<String>,
    /// Model of the recorder.
    pub model: Option<String>,
    /// Serial number of the recorder.
    pub serial: Option<String>,
    /// What the file's name has before its time: the site, or the recorder's number, as people set it.
    pub site: Option<String>,
    /// Identifier of the deployment, where the recorder was given one.
    pub deployment: Option<String>,
    /// All fields of the GUANO metadata as they are in the file, by their keys, such as `Temperature Int` and
    /// `OAD|Recording Settings`.
    pub guano: BTreeMap<String, String>,
    /// What could not be read, what contradicts itself, and what else a reader should know; one sentence each.
    pub notes: Vec<String>,
}

/// When a recording starts, and where that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The time on the recorder's clock.
    pub time: LocalTime,
    /// Where it was found.
    pub source: StartSource,
}

impl Start {
    /// The time on the recorder's clock so many milliseconds into the recording, as ISO 8601: with milliseconds where they
    /// are not zero, with the offset from UTC where it is known. The clock is not put forward or back within a recording.
    pub fn at(&self, offset_ms: u64) -> String {
        self.time.plus_ms(offset_ms).to_string()
    }
}

/// Where the start of a recording is written, the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartSource {
    /// `Timestamp` of the GUANO metadata.
    Guano,
    /// The comment that the recorder wrote, or another text field of the header.
    Comment,
    /// The file's name.
    FileName,
}

impl fmt::Display for StartSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StartSource::Guano => "GUANO",
            StartSource::Comment => "comment",
            StartSource::FileName => "file name",
        })
    }
}

/// A place on Earth (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Latitude in degrees, from -90 (south) to 90.
    pub lat: f64,
    /// Longitude in degrees, from -180 (west) to 180.
    pub lon: f64,
}

impl Place {
    /// Reads latitude and longitude in degrees, with white space or a comma between them; `None` for what is no place.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty());
        let (lat, lon): (f64, f64) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        let is_place = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) && numbers.next().is_none();
        is_place.then_some(Place { lat, lon })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_on_earth() {
        assert_eq!(Place::parse("37.1878016 -86.1057312"), Some(Place { lat: 37.1878016, lon: -86.1057312 }));
        assert_eq!(Place::parse(" -26.5,\t31.9 "), Some(Place { lat: -26.5, lon: 31.9 }));
        for text in ["", "37.2", "91 0", "0 181", "nan nan", "1 2 3", "N37 W86", "inf 0"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_detection_has_a_time_of_day() {
        let start = Start { time: LocalTime::parse("2024-02-29T23:59:00+02:00").unwrap(), source: StartSource::Guano };
        assert_eq!(start.at(0), "2024-02-29T23:59:00+02:00");
        assert_eq!(start.at(60_250), "2024-03-01T00:00:00.250+02:00");
        assert_eq!(start.source.to_string(), "GUANO");
    }
}
