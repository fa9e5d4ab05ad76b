//! Where each clip is from, for a spreadsheet and for Raven.

use super::cut::Clip;
use super::names::Names;
use super::options::Options;
use crate::error::Result;
use detections::{Detection, Format, Provenance, table_writer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Columns of the table.
const COLUMNS: [&str; 11] =
    ["clip", "path", "start", "end", "channel", "label", "score", "clip_start", "clip_end", "recorded", "time_source"];

/// The two tables.
pub(super) struct Tables {
    /// `clips.csv`.
    pub(super) clips: PathBuf,
    /// The selection table of Raven.
    pub(super) selections: PathBuf,
}

/// Milliseconds as seconds.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

impl Clip {
    fn ms(&self, frames: u64) -> u64 {
        (frames as f64 * 1000.0 / f64::from(self.rate_hz)).round() as u64
    }
}

impl Tables {
    /// Names of tables that are not there yet; both have the same number where they have one.
    pub(super) fn new(out: &Path, names: &mut Names<'_>) -> Self {
        let clips = out.join(names.free("clips", &["csv", "selections.txt"]));
        let selections = clips.with_extension("selections.txt");
        Self { clips, selections }
    }

    /// Writes both, the clips by their names.
    pub(super) fn write(&self, clips: &[Clip], options: &Options) -> Result<()> {
        shard::write_atomic(&self.clips, &csv(clips)?)?;
        let selections = selections(clips, options)?;
        Ok(shard::write_atomic(&self.selections, &selections)?)
    }
}

fn csv(clips: &[Clip]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for clip in clips {
        let (part, row) = (&clip.part, &clip.part.row);
        let (recorded, source) =
            part.recorded.as_ref().map(|(time, source)| (time.clone(), source.to_string())).unwrap_or_default();
        writer.write_record([
            part.name.clone(),
            part.path.clone(),
            seconds(row.start_ms),
            seconds(row.end_ms),
            row.channel.map(|channel| channel.to_string()).unwrap_or_default(),
            row.label.clone(),
            row.score.map(|score| score.to_string()).unwrap_or_default(),
            seconds(clip.ms(clip.first)),
            seconds(clip.ms(clip.first + clip.n_frames)),
            recorded,
            source,
        ])?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The detections as selections in the clips, which are named by their full paths: Raven opens them by these.
fn selections(clips: &[Clip], options: &Options) -> Result<Vec<u8>> {
    let settings = BTreeMap::from([
        ("detections".to_owned(), options.detections.display().to_string()),
        ("context_s".to_owned(), options.context_s.to_string()),
    ]);
    let program = concat!("barkbird ", env!("CARGO_PKG_VERSION")).to_owned();
    let provenance = Provenance { program, settings, ..Provenance::default() };
    let mut writer = table_writer(Format::Raven, Vec::new(), &provenance)?;
    let folder = storage::absolute(&options.out)?;
    for clip in clips {
        let row = &clip.part.row;
        let path = folder.join(&clip.part.name).to_string_lossy().into_owned();
        let (before_ms, length_ms) = (clip.ms(clip.first), clip.ms(clip.n_frames));
        writer.recording(&path, clip.n_frames as f64 / f64::from(clip.rate_hz))?;
        let within = |ms: u64| ms.saturating_sub(before_ms).min(length_ms);
        writer.write(&Detection {
            path,
            start_ms: within(row.start_ms),
            end_ms: within(row.end_ms),
            channel: row.channel,
            label: row.label.clone(),
            score: row.score.unwrap_or(0.0) as f32,
            low_hz: row.low_hz,
            high_hz: row.high_hz,
            recorded: clip.part.recorded.as_ref().map(|(time, _)| time.clone()),
            place: clip.part.place.map(|place| (place.lat, place.lon)),
            note: format!("from {}", clip.part.path),
            ..Detection::default()
        })?;
    }
    Ok(writer.finish()?)
}
