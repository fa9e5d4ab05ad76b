//! The formats of tables, and how their files are named.

use crate::Error;
use std::fmt;
use std::str::FromStr;

/// A format that tables of detections are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own CSV, with everything that a [`Detection`](crate::Detection) has.
    Csv,
    /// The same as JSON, an object a line.
    JsonLines,
    /// A selection table of Raven Pro.
    Raven,
    /// A label track of Audacity, for one recording.
    Audacity,
    /// The `id.csv` of Kaleidoscope.
    Kaleidoscope,
    /// The CSV of BirdNET-Analyzer.
    Birdnet,
    /// The selection table of BirdNET-Analyzer.
    BirdnetTable,
    /// Apache Parquet, with everything that a [`Detection`](crate::Detection) has.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Csv,
        Self::JsonLines,
        Self::Raven,
        Self::Audacity,
        Self::Kaleidoscope,
        Self::Birdnet,
        Self::BirdnetTable,
        Self::Parquet,
    ];

    /// The name that it is asked for by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Raven => "raven",
            Self::Audacity => "audacity",
            Self::Kaleidoscope => "kaleidoscope",
            Self::Birdnet => "birdnet",
            Self::BirdnetTable => "birdnet-table",
            Self::Parquet => "parquet",
        }
    }

    /// What stands after a recording's name without its extension, in the name of a table of this recording alone.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Csv => ".csv",
            Self::JsonLines => ".jsonl",
            Self::Raven => ".selections.txt",
            Self::Audacity => ".txt",
            Self::Kaleidoscope => ".id.csv",
            Self::Birdnet => ".BirdNET.results.csv",
            Self::BirdnetTable => ".BirdNET.selection.table.txt",
            Self::Parquet => ".parquet",
        }
    }

    /// The name of a table of one recording, from the recording's name without its extension.
    pub fn file_name(self, stem: &str) -> String {
        format!("{stem}{}", self.suffix())
    }

    /// The usual name of one table of several recordings; none where the format has room for one recording only.
    pub fn combined_name(self) -> Option<&'static str> {
        match self {
            Self::Csv => Some("detections.csv"),
            Self::JsonLines => Some("detections.jsonl"),
            Self::Raven => Some("detections.selections.txt"),
            Self::Audacity => None,
            Self::Kaleidoscope => Some("id.csv"),
            Self::Birdnet => Some("BirdNET_CombinedTable.csv"),
            Self::BirdnetTable => Some("BirdNET_SelectionTable.txt"),
            Self::Parquet => Some("detections.parquet"),
        }
    }

    /// Whether a table of this format holds its [`Provenance`](crate::Provenance); others need a file beside them.
    pub fn has_provenance(self) -> bool {
        matches!(self, Self::Csv | Self::JsonLines | Self::Raven | Self::Parquet)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    /// By [`name`](Format::name).
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| Error::Format { expected: Self::ALL.map(Self::name).join(", "), got: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_are_errors() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert_eq!(Format::Raven.file_name("night 1.2"), "night 1.2.selections.txt");
        assert_eq!(
            "xlsx".parse::<Format>().unwrap_err().to_string(),
            "format of a table: expected one of csv, jsonl, raven, audacity, kaleidoscope, birdnet, birdnet-table, parquet, got \
             `xlsx`"
        );
    }
}
