//! Label tracks of Audacity: start, end and label, separated by tabs, without a header.
//!
//! The label has the score after it: `dog 0.93`. Where a band is known, a second line that begins with a backslash has it. There
//! is room for one recording, and neither for channels nor for where the table comes from.

use super::text::{into_inner, length, printable};
use super::writer::TableWriter;
use crate::time::seconds;
use crate::{Detection, Error, Result};
use std::io::{BufWriter, Write};

pub(super) struct Audacity<W: Write> {
    out: BufWriter<W>,
    /// The one recording.
    path: Option<String>,
}

impl<W: Write> Audacity<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: BufWriter::new(out), path: None }
    }

    fn only(&mut self, path: &str) -> Result<()> {
        match &self.path {
            None => self.path = Some(path.to_owned()),
            Some(only) if only == path => {}
            Some(only) => {
                let expected = format!("one recording a table, {only}");
                return Err(Error::Order { format: "audacity", expected, got: path.to_owned() });
            }
        }
        Ok(())
    }
}

impl<W: Write> TableWriter<W> for Audacity<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        length(path, seconds)?;
        self.only(path)
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        self.only(&detection.path)?;
        let (start, end) = (seconds(detection.start_ms), seconds(detection.end_ms));
        writeln!(self.out, "{start}\t{end}\t{} {:.2}", printable(&detection.label), detection.score)?;
        if let (Some(low), Some(high)) = (detection.low_hz, detection.high_hz) {
            writeln!(self.out, "\\\t{low}\t{high}")?;
        }
        Ok(())
    }

    fn skip(&mut self, _path: &str, _reason: &str) -> Result<bool> {
        Ok(false)
    }

    fn finish(self: Box<Self>) -> Result<W> {
        into_inner(self.out)
    }
}
