//! One row of a table that was read.

/// A row of a table that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableDetection {
    /// The recording, as in the table; none where the table does not say it, as in Audacity's.
    pub path: Option<String>,
    /// Start in the recording, in milliseconds.
    pub start_ms: u64,
    /// End in the recording, in milliseconds.
    pub end_ms: u64,
    /// The channel, counted from 0; none where the table does not say it.
    pub channel: Option<u16>,
    /// The label; empty for a selection of Raven that nobody labeled.
    pub label: String,
    /// The score, from 0 to 1 in tables of classifiers; none in annotations.
    pub score: Option<f64>,
    /// p-value of "this is a known sound"; none in tables of other tools.
    pub outlier_p: Option<f64>,
    /// Lower end of the band, in Hz.
    pub low_hz: Option<f64>,
    /// Upper end of the band, in Hz.
    pub high_hz: Option<f64>,
}
