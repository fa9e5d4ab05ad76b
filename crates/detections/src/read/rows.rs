//! Tables with a header: which columns of each format are what.

use super::cells::{Column, Header, Row};
use super::detection::TableDetection;
use super::raw::{Record, Rows, trimmed};
use crate::{Error, Result};
use csv::StringRecord;
use std::collections::HashMap;

/// Columns of a label in selection tables, the first that is there.
const LABELS: [&str; 5] = ["Label", "Species", "Annotation", "Class", "Common Name"];

/// What stands before a label that a sound has not: `-dog` is no dog.
pub const NOT: char = '-';

/// How an end is said.
enum End {
    At(Column),
    Length(Column),
}

/// How a recording is said.
enum Source {
    /// By this column, where there is one.
    Path(Option<Column>),
    /// By a folder, a folder in it, and a name.
    Parts([Column; 3]),
}

/// How a score is said.
enum Score {
    Itself(Option<Column>),
    /// 1 minus it.
    Distance(Option<Column>),
}

/// What makes two rows of a selection table views of one selection, and the time in the file.
struct Selection {
    offset: Option<Column>,
    selection: Option<Column>,
}

/// What the views of one selection have in common: number, start, end and file.
type View = (String, u64, u64, Option<String>);

/// The columns of a format.
pub(super) struct Layout {
    start: Column,
    end: End,
    source: Source,
    label: Column,
    score: Score,
    channel: Option<Column>,
    first_channel: u16,
    outlier_p: Option<Column>,
    low_hz: Option<Column>,
    high_hz: Option<Column>,
    selection: Option<Selection>,
    /// Whether a label is right, wrong or uncertain.
    verdict: Option<Column>,
    /// Whether a row without a label is a recording without a detection.
    skips_unlabeled: bool,
}

impl Layout {
    /// The layout that a header is of; none for no format that is understood.
    pub(super) fn of(header: &Header, label: Option<&str>) -> Result<Option<Self>> {
        // A column that the caller names has to be there.
        let labels = |usual: &[&str]| match label {
            Some(name) => header.need(&[name]),
            None => header.need(usual),
        };
        let of = |start: Column, end: End, source: Source, label: Column, score: Score| Self {
            start,
            end,
            source,
            label,
            score,
            channel: None,
            first_channel: 0,
            outlier_p: None,
            low_hz: None,
            high_hz: None,
            selection: None,
            verdict: None,
            skips_unlabeled: false,
        };
        if let Some(start) = header.find("Begin Time (s)") {
            let end = End::At(header.need(&["End Time (s)"])?);
            let source = Source::Path(header.first(&["Begin Path", "Begin File"]));
            let score = Score::Itself(header.first(&["Score", "Confidence"]));
            return Ok(Some(Self {
                channel: header.find("Channel"),
                first_channel: 1,
                low_hz: header.find("Low Freq (Hz)"),
                high_hz: header.find("High Freq (Hz)"),
                selection: Some(Selection {
                    offset: header.find("File Offset (s)"),
                    selection: header.find("View").and_then(|_| header.find("Selection")),
                }),
                ..of(start, end, source, labels(&LABELS)?, score)
            }));
        }
        if let Some(start) = header.find("Start (s)") {
            let end = End::At(header.need(&["End (s)"])?);
            let source = Source::Path(header.find("File"));
            let score = Score::Itself(header.find("Confidence"));
            return Ok(Some(of(start, end, source, labels(&["Common name", "Scientific name"])?, score)));
        }
        if let Some(name) = header.find("IN FILE") {
            let source = Source::Parts([header.need(&["INDIR"])?, header.need(&["FOLDER"])?, name]);
            let distance = header.find("TOP1DIST");
            let score = match header.find("scientific_name") {
                Some(_) => Score::Itself(distance),
                None => Score::Distance(distance),
            };
            let end = End::Length(header.need(&["DURATION"])?);
            return Ok(Some(of(header.need(&["OFFSET"])?, end, source, labels(&["TOP1MATCH"])?, score)));
        }
        if let Some(species) = header.find("species_name") {
            let end = End::At(header.need(&["end_time"])?);
            let source = Source::Path(Some(header.need(&["input"])?));
            let label = if label.is_some() { labels(&[])? } else { species };
            let score = Score::Itself(header.find("confidence"));
            return Ok(Some(of(header.need(&["start_time"])?, end, source, label, score)));
        }
        if let Some(start) = header.find("start_offset_s") {
            let end = End::At(header.need(&["end_offset_s"])?);
            let source = Source::Path(Some(header.need(&["recording", "filename"])?));
            return Ok(Some(Self {
                verdict: header.find("label_type"),
                ..of(start, end, source, labels(&["label"])?, Score::Itself(None))
            }));
        }
        if let (Some(path), Some(start), Some(end)) = (header.find("path"), header.find("start"), header.find("end")) {
            return Ok(Some(Self {
                channel: header.find("channel"),
                outlier_p: header.find("outlier_p"),
                low_hz: header.find("low_hz"),
                high_hz: header.find("high_hz"),
                skips_unlabeled: true,
                ..of(
                    start,
                    End::At(end),
                    Source::Path(Some(path)),
                    labels(&["label"])?,
                    Score::Itself(header.first(&["score", "probability"])),
                )
            }));
        }
        Ok(None)
    }

    /// All rows of a table, which is `text`.
    pub(super) fn read(
        &self,
        records: impl Iterator<Item = csv::Result<StringRecord>>,
        header: &Header,
        text: &str,
    ) -> Result<Rows> {
        let mut all = Rows::default();
        let mut seen = HashMap::new();
        for record in records {
            let record = record?;
            let start = record.position().map_or(0, csv::Position::byte) as usize;
            let detection = self.of_record(&record, header, &mut all.detections, &mut seen)?;
            all.records.push(Record { bytes: start..start, n_cells: record.len(), detection });
        }
        let mut end = text.len();
        for record in all.records.iter_mut().rev() {
            let next = record.bytes.start;
            record.bytes = trimmed(text, next..end);
            end = next;
        }
        Ok(all)
    }

    /// The number of a record's detection, which is a new one, but for further views of one selection; none where it has none.
    fn of_record(
        &self,
        record: &StringRecord,
        header: &Header,
        rows: &mut Vec<TableDetection>,
        seen: &mut HashMap<View, usize>,
    ) -> Result<Option<usize>> {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(None);
        }
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { record, table: header.table(), line };
        let label = row.text(&self.label)?;
        if self.skips_unlabeled && label.is_empty() {
            return Ok(None);
        }
        let detection = self.detection(&row, label)?;
        if let Some(selection) = &self.selection {
            let other = rows.first().filter(|first| first.path != detection.path);
            if let (None, Some(other)) = (&selection.offset, other) {
                return Err(Error::SeveralFiles {
                    table: row.table.to_owned(),
                    line: row.line,
                    files: [other, &detection].map(|d| d.path.clone().unwrap_or_default()).join(" and "),
                });
            }
            if let Some(number) = &selection.selection {
                let key = (row.text(number)?.to_owned(), detection.start_ms, detection.end_ms, detection.path.clone());
                let first = *seen.entry(key).or_insert(rows.len());
                if first < rows.len() {
                    return Ok(Some(first));
                }
            }
        }
        rows.push(detection);
        Ok(Some(rows.len() - 1))
    }

    fn detection(&self, row: &Row, label: &str) -> Result<TableDetection> {
        let (start_ms, end_ms) = self.bounds(row)?;
        let path = match &self.source {
            Source::Path(None) => None,
            Source::Path(Some(column)) => Some(row.text(column)?.to_owned()),
            Source::Parts(parts) => Some(join(parts.each_ref().map(|part| row.text(part)))?),
        };
        let score = match &self.score {
            Score::Itself(column) => row.optional(column.as_ref())?,
            Score::Distance(column) => row.optional(column.as_ref())?.map(|distance| 1.0 - distance),
        };
        Ok(TableDetection {
            path: path.filter(|path| !path.is_empty()),
            start_ms,
            end_ms,
            channel: row.channel(self.channel.as_ref(), self.first_channel)?,
            label: self.judged(row, label)?,
            score,
            outlier_p: row.optional(self.outlier_p.as_ref())?,
            low_hz: row.optional(self.low_hz.as_ref())?,
            high_hz: row.optional(self.high_hz.as_ref())?,
        })
    }

    /// The label where it is right, `-LABEL` where it is wrong, and none where that is uncertain.
    fn judged(&self, row: &Row, label: &str) -> Result<String> {
        let Some(column) = &self.verdict else { return Ok(label.to_owned()) };
        let verdict = row.text(column)?;
        match verdict.trim().to_lowercase().as_str() {
            "positive" | "1" | "" => Ok(label.to_owned()),
            "negative" | "0" => Ok(format!("{NOT}{label}")),
            "uncertain" | "unsure" => Ok(String::new()),
            _ => Err(row.error(column, "positive, negative or uncertain", verdict)),
        }
    }

    /// Start and end in the file, in milliseconds.
    fn bounds(&self, row: &Row) -> Result<(u64, u64)> {
        let start_ms = row.time(&self.start)?;
        let (start_ms, end_ms) = match &self.end {
            End::Length(column) => (start_ms, start_ms + row.time(column)?),
            End::At(column) => {
                let end_ms = row.time(column)?;
                if end_ms < start_ms {
                    return Err(row.error(column, "a time that is not before the start", row.text(column)?));
                }
                (start_ms, end_ms)
            }
        };
        match self.selection.as_ref().and_then(|selection| selection.offset.as_ref()) {
            Some(offset) => {
                let offset_ms = row.time(offset)?;
                Ok((offset_ms, offset_ms + end_ms - start_ms))
            }
            None => Ok((start_ms, end_ms)),
        }
    }
}

/// A path of its parts; empty ones have no separator.
fn join(parts: [Result<&str>; 3]) -> Result<String> {
    let mut path = String::new();
    for part in parts {
        let part = part?;
        if !path.is_empty() && !path.ends_with(['/', '\\']) && !part.is_empty() {
            path.push(if path.contains('\\') && !path.contains('/') { '\\' } else { '/' });
        }
        path.push_str(part);
    }
    Ok(path)
}
