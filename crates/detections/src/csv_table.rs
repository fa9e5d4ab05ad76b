//! The CSV table of `predict` and `evaluate`: a row a window.
//!
//! Columns: `path`, `start`, `end` (seconds, three decimals), `channel` (empty where channels are mixed), `label`,
//! `probability`, `outlier_p` (empty without a detector), one `p_CLASS` a class (six decimals), `truth`, `note`. A
//! recording that could not be used has a row with its path and the reason in `note` alone.
//!
//! Before `truth` come the columns that were asked for ([`Columns`]): `set`, classes joined with `|`, and `evidence`, such as
//! `Bark 0.82; Crow 0.11`.

use crate::{Error, Result, Thresholds, Verdict};
use std::io::{Read, Write};

/// Columns before those of the classes.
const FIRST: [&str; 7] = ["path", "start", "end", "channel", "label", "probability", "outlier_p"];
/// Columns after those of the classes.
const LAST: [&str; 2] = ["truth", "note"];

/// Columns that are written only where they are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Columns {
    /// [`Verdict::set`].
    pub set: bool,
    /// [`Verdict::evidence`].
    pub evidence: bool,
}

impl Columns {
    /// Their names.
    fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.set, "set"), (self.evidence, "evidence")].into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name)
    }
}

/// Writes verdicts row by row.
pub struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
    classes: Vec<String>,
    thresholds: Thresholds,
    columns: Columns,
}

impl<W: Write> CsvWriter<W> {
    /// Writes the header of the usual columns.
    ///
    /// # Errors
    /// A destination that cannot be written to; so for the other methods.
    pub fn new(out: W, classes: &[String], thresholds: Thresholds) -> Result<Self> {
        Self::with_columns(out, classes, thresholds, Columns::default())
    }

    /// Writes the header of the usual columns and of others.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_columns(out: W, classes: &[String], thresholds: Thresholds, columns: Columns) -> Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        let of_classes = classes.iter().map(|class| format!("p_{class}"));
        let last = columns.names().chain(LAST).map(str::to_owned);
        writer.write_record(FIRST.iter().map(ToString::to_string).chain(of_classes).chain(last))?;
        Ok(Self { writer, classes: classes.to_vec(), thresholds, columns })
    }

    /// One window.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn write(&mut self, verdict: &Verdict) -> Result<()> {
        let (label, probability) = verdict.label(&self.classes, self.thresholds);
        let optional = |value: Option<String>| value.unwrap_or_default();
        let mut record = vec![
            verdict.path.clone(),
            format!("{:.3}", verdict.start_s),
            format!("{:.3}", verdict.end_s),
            optional(verdict.channel.map(|channel| channel.to_string())),
            label.to_owned(),
            format!("{probability:.6}"),
            optional(verdict.outlier_p.map(|p| format!("{p:.6}"))),
        ];
        record.extend(verdict.probability.iter().map(|p| format!("{p:.6}")));
        if self.columns.set {
            record.push(optional(verdict.set_names(&self.classes).map(|names| names.join("|"))));
        }
        if self.columns.evidence {
            let of_all = |all: &Vec<(String, f32)>| {
                all.iter().map(|(name, p)| format!("{name} {p:.2}")).collect::<Vec<_>>().join("; ")
            };
            record.push(optional(verdict.evidence.as_ref().map(of_all)));
        }
        record.push(verdict.truth.clone().unwrap_or_default());
        record.push(verdict.note.clone());
        Ok(self.writer.write_record(&record)?)
    }

    /// A recording that could not be used, and why.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn skip(&mut self, path: &str, reason: &str) -> Result<()> {
        let mut record = vec![""; FIRST.len() + self.classes.len() + self.columns.names().count() + LAST.len()];
        record[0] = path;
        if let Some(note) = record.last_mut() {
            *note = reason;
        }
        Ok(self.writer.write_record(&record)?)
    }

    /// Writes what is still buffered.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(Error::Write)
    }

    /// Writes what is still buffered, and gives the destination back.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn finish(self) -> Result<W> {
        self.writer.into_inner().map_err(|error| Error::Write(error.into_error()))
    }
}

/// A row that was read back.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// The recording.
    pub path: String,
    /// Start of the window, in seconds.
    pub start_s: f64,
    /// End of its sound, in seconds.
    pub end_s: f64,
    /// The channel; none where channels are mixed, and in tables of version 0.1.
    pub channel: Option<u16>,
    /// The class, `neither` or `unsure`.
    pub label: String,
    /// Probability of the most likely class.
    pub probability: f64,
    /// Probability of each class, in the order of the columns.
    pub probabilities: Vec<f64>,
    /// The p-value of being a known sound; none without a detector.
    pub outlier_p: Option<f64>,
    /// The true label; empty where none is known.
    pub truth: String,
}

/// A table that [`CsvWriter`] wrote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CsvTable {
    /// The classes, in the order of their columns.
    pub classes: Vec<String>,
    /// The rows.
    pub rows: Vec<TableRow>,
}

/// Reads a table that [`CsvWriter`] wrote, of this version or of 0.1. Rows of recordings that could not be used are left
/// out.
///
/// # Errors
/// A table without the columns, or with a cell that is no number.
pub fn read_csv(input: impl Read) -> Result<CsvTable> {
    let mut reader = csv::Reader::from_reader(input);
    let headers = reader.headers()?.clone();
    let find = |name: &str| headers.iter().position(|header| header == name);
    let column = |missing: &'static str| {
        let found = || headers.iter().collect::<Vec<_>>().join(", ");
        find(missing).ok_or_else(|| Error::Column { missing, found: found() })
    };
    let [path, start, end] = [column("path")?, column("start")?, column("end")?];
    let [label, probability, truth] = [column("label")?, column("probability")?, column("truth")?];
    let (channel, outlier_p) = (find("channel"), find("outlier_p"));
    let of_classes = headers.iter().enumerate().filter_map(|(at, header)| Some((at, header.strip_prefix("p_")?)));
    let (columns, classes): (Vec<usize>, Vec<String>) = of_classes.map(|(at, class)| (at, class.to_owned())).unzip();
    let mut rows = Vec::new();
    for (nth, record) in reader.records().enumerate() {
        let record = record?;
        if record[label].is_empty() {
            continue;
        }
        let number = |at: usize, column: &'static str| -> Result<f64> {
            let got = &record[at];
            got.parse().map_err(|_| Error::Number { line: nth + 2, column, got: got.to_owned() })
        };
        rows.push(TableRow {
            path: record[path].to_owned(),
            start_s: number(start, "start")?,
            end_s: number(end, "end")?,
            channel: channel.and_then(|at| record[at].parse().ok()),
            label: record[label].to_owned(),
            probability: number(probability, "probability")?,
            probabilities: columns.iter().map(|&at| number(at, "p_...")).collect::<Result<_>>()?,
            outlier_p: outlier_p.and_then(|at| record[at].parse().ok()),
            truth: record[truth].to_owned(),
        });
    }
    tracing::debug!(rows = rows.len(), "predictions read");
    Ok(CsvTable { classes, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> String {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let thresholds = Thresholds { unsure_below: 0.6, alpha: 0.02 };
        let sure = Verdict {
            path: "a, b.wav".into(),
            start_s: 0.5,
            end_s: 5.5,
            probability: vec![0.75, 0.25],
            truth: Some("dog".into()),
            ..Verdict::default()
        };
        let right = Verdict { channel: Some(1), note: "cut short".into(), ..sure.clone() };
        let torn = Verdict { probability: vec![0.5, 0.5], outlier_p: Some(0.03), truth: None, ..sure.clone() };
        let mut writer = CsvWriter::new(Vec::new(), &classes, thresholds).unwrap();
        for verdict in [sure, right, torn] {
            writer.write(&verdict).unwrap();
        }
        writer.skip("broken.wav", "not a sound file").unwrap();
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    #[test]
    fn columns_and_values() {
        let expected = "path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,truth,note\n\
            \"a, b.wav\",0.500,5.500,,bird,0.750000,,0.750000,0.250000,dog,\n\
            \"a, b.wav\",0.500,5.500,1,bird,0.750000,,0.750000,0.250000,dog,cut short\n\
            \"a, b.wav\",0.500,5.500,,unsure,0.500000,0.030000,0.500000,0.500000,,\n\
            broken.wav,,,,,,,,,,not a sound file\n";
        assert_eq!(table(), expected);
    }

    #[test]
    fn columns_that_are_asked_for_come_before_the_truth() {
        let classes = ["bird".to_owned(), "dog".to_owned()];
        let columns = Columns { set: true, evidence: true };
        let mut writer = CsvWriter::with_columns(Vec::new(), &classes, Thresholds::default(), columns).unwrap();
        let both = Verdict {
            path: "a.wav".into(),
            probability: vec![0.5, 0.5],
            set: Some(vec![0, 1]),
            evidence: Some(vec![("Bark".into(), 0.821), ("Crow".into(), 0.1)]),
            ..Verdict::default()
        };
        writer.write(&both).unwrap();
        writer.write(&Verdict { set: Some(Vec::new()), evidence: None, silent: true, ..both }).unwrap();
        writer.skip("broken.wav", "not a sound file").unwrap();
        let table = String::from_utf8(writer.finish().unwrap()).unwrap();
        let expected = "path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,set,evidence,truth,note\n\
            a.wav,0.000,0.000,,bird,0.500000,,0.500000,0.500000,bird|dog,Bark 0.82; Crow 0.10,,\n\
            a.wav,0.000,0.000,,neither,0.500000,,0.500000,0.500000,,,,\n\
            broken.wav,,,,,,,,,,,,not a sound file\n";
        assert_eq!(table, expected);
        assert_eq!(read_csv(table.as_bytes()).unwrap().rows.len(), 2);
    }

    #[test]
    fn a_table_reads_back_and_one_of_version_0_1_too() {
        let CsvTable { classes, rows } = read_csv(table().as_bytes()).unwrap();
        assert_eq!((rows.len(), classes.len()), (3, 2));
        assert_eq!((&rows[1].probabilities[..], rows[1].outlier_p), (&[0.75, 0.25][..], None));
        assert_eq!((rows[1].channel, rows[1].start_s, rows[1].truth.as_str()), (Some(1), 0.5, "dog"));
        let old = "path,start,end,label,probability,outlier_p,p_a,truth\nx.wav,0.000,1.000,a,0.900000,,0.900000,a\n";
        assert_eq!(read_csv(old.as_bytes()).unwrap().rows[0].channel, None);
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        let message = read_csv("path,start\n".as_bytes()).unwrap_err().to_string();
        assert!(message.contains("no column `end`") && message.contains("path, start"), "{message}");
        let wrong = "path,start,end,label,probability,truth\nx,soon,1,a,0.5,a\n";
        let message = read_csv(wrong.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("`soon`"), "{message}");
    }
}
