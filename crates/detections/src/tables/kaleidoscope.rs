//! The `id.csv` of Kaleidoscope: `INDIR`, `FOLDER`, `IN FILE`, `OFFSET`, `DURATION` (seconds), `TOP1MATCH`, `TOP1DIST`.
//!
//! A path `a/b/c.wav` is folder `b` in `a`. `TOP1DIST` is a distance, so it is 1 minus the score: 0 is the best match. There is
//! no room for channels, for where the table comes from, or for recordings that could not be used.

use super::text::{folder_and_name, length, out_of_csv, printable};
use super::writer::TableWriter;
use crate::time::seconds;
use crate::{Detection, Result};
use std::io::Write;

pub(super) struct Kaleidoscope<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> Kaleidoscope<W> {
    pub(super) fn new(out: W) -> Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH", "TOP1DIST"])?;
        Ok(Self { writer })
    }
}

impl<W: Write> TableWriter<W> for Kaleidoscope<W> {
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()> {
        length(path, seconds).map(|_| ())
    }

    fn write(&mut self, detection: &Detection) -> Result<()> {
        let path = printable(&detection.path);
        let (folders, name) = folder_and_name(&path);
        let (parent, folder) = folder_and_name(folders);
        // The best distance is 0 and not -0.
        let distance = (1.0 - f64::from(detection.score)).max(0.0);
        self.writer.write_record([
            parent,
            folder,
            name,
            &seconds(detection.start_ms),
            &seconds(detection.end_ms.saturating_sub(detection.start_ms)),
            &printable(&detection.label),
            &format!("{distance:.4}"),
        ])?;
        Ok(())
    }

    fn skip(&mut self, _path: &str, _reason: &str) -> Result<bool> {
        Ok(false)
    }

    fn finish(self: Box<Self>) -> Result<W> {
        out_of_csv(self.writer)
    }
}
