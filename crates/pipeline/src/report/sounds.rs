//! Spectrograms and sounds of recordings, for the page.

use crate::error::{Result, bail};
use crate::exhibit::{Exhibit, exhibit};
use audio_io::{Manifest, Row};
use detections::TableRow;
use inference::Chain;
use report::Example;

/// Reads recordings again.
pub(super) struct Sounds<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) chain: &'a Chain,
    pub(super) front_end: features::FrontEnd,
    /// Recordings that could not be read.
    pub(super) missing: Vec<String>,
}

impl Sounds<'_> {
    /// The group of a recording, or the recording itself where it has none.
    pub(super) fn group(&self, row: &TableRow) -> String {
        let known = self.manifest.rows.iter().find(|known| known.path == row.path);
        known.and_then(|known| known.group.clone()).unwrap_or_else(|| row.path.clone())
    }

    /// What a page shows of a row; none where the recording cannot be read.
    pub(super) fn example(&mut self, row: &TableRow) -> Option<Example> {
        match self.load(row) {
            Ok(example) => Some(example),
            Err(_) => {
                self.missing.push(row.path.clone());
                None
            }
        }
    }

    fn load(&self, row: &TableRow) -> Result<Example> {
        let Some(known) = self.manifest.rows.iter().find(|r| r.path == row.path) else {
            bail!("{}: not in the manifest", row.path);
        };
        let channel = row.channel.or(known.channel);
        let part = Row { start_s: Some(row.start_s), end_s: Some(row.end_s), channel, ..known.clone() };
        let part = if row.end_s > row.start_s { part } else { known.clone() };
        let title = format!("{} {:.1} s", row.path, row.start_s);
        let path = self.manifest.file(known);
        let Exhibit { png, wav } = exhibit(&path, &part, title, self.chain, &self.front_end, None)?;
        Ok(Example {
            path: row.path.clone(),
            span_s: (row.end_s > row.start_s).then_some([row.start_s, row.end_s]),
            channel: row.channel,
            truth: Some(row.truth.clone()),
            predicted: row.label.clone(),
            probability: row.probability,
            png,
            wav,
        })
    }
}
