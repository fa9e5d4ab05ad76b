//! What recorders write about their recordings: time, place, device.
//!
//! Of a file's header only the parts with texts are read, and at most 64 KiB of each. The start of a recording is taken from
//! GUANO metadata, else from the comment, else from the file's name; docs/recorders.md says which recorder writes what.

mod columns;
mod comment;
mod flac;
mod guano;
mod info;
mod name;
mod riff;
mod source;
mod texts;
mod time;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use crate::error::Error;
use crate::sniff::{Format, sniff};
use crate::source::{Memory, View};
pub use columns::{RECORDED, Recorded};
pub use info::{Place, RecorderInfo, Start, StartSource};
use source::{MAX_BODY_BYTES, Source};
use texts::Texts;
pub use time::LocalTime;

/// Sources that are so far apart contradict each other, in milliseconds.
const TOLERANCE_MS: u64 = 2000;

/// Characters of a file's text in a note.
const QUOTED: usize = 60;

/// Manufacturer of AudioMoth recorders, whose header names the model alone.
const AUDIOMOTH_MAKE: &str = "Open Acoustic Devices";

/// What a recorder wrote about a recording, into its header and its name. Only headers are read, whatever the length of the
/// file, of WAV, RF64, W64 and FLAC files; of other formats, the name alone.
///
/// It never fails: what cannot be read is not in the result, and [`RecorderInfo::notes`] says why.
pub fn recorder_info(path: &Path) -> RecorderInfo {
    info(Source::open(path), path)
}

/// The same of a file that is open already. `path` is the name that it had, and is not looked for.
pub fn recorder_info_of(file: File, path: &Path) -> RecorderInfo {
    info(Source::of(file, path), path)
}

fn info(source: Result<Source, String>, path: &Path) -> RecorderInfo {
    let mut texts = Texts::default();
    if let Err(problem) = source.and_then(|source| read(source, path, &mut texts)) {
        texts.notes.push(problem);
    }
    let mut notes = texts.notes;
    let guano = texts.guano.map_or_else(BTreeMap::new, |(bytes, is_cut)| guano::fields(&bytes, is_cut, &mut notes));
    let field = |key: &str| guano.get(key).filter(|value| !value.is_empty());
    let mut starts = Vec::new();

    if let Some(text) = field("Timestamp") {
        match LocalTime::parse(text) {
            Some(time) => starts.push(Start { time, source: StartSource::Guano }),
            None => {
                notes.push(format!("GUANO `Timestamp`: expected a date and time as ISO 8601, got `{}`", quote(text)))
            }
        }
    }
    let place = field("Loc Position").and_then(|text| {
        let place = Place::parse(text);
        if place.is_none() {
            notes.push(format!("GUANO `Loc Position`: expected latitude and longitude, got `{}`", quote(text)));
        }
        place
    });
    let comment = texts.comment.as_deref().unwrap_or_default();
    let stated = comment::start(comment).or_else(|| LocalTime::parse(texts.date.as_deref()?));
    starts.extend(stated.map(|time| Start { time, source: StartSource::Comment }));
    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let mut site = None;
    if let Some(found) = name::find(&stem) {
        site = name::prefix(&stem, &found).map(str::to_owned);
        starts.push(Start { time: found.time, source: StartSource::FileName });
        if found.is_gps {
            notes.push("the clock was synchronized by GPS: the file name has `$` before the time".into());
        }
        if found.is_triggered {
            notes.push(
                "the recording was triggered (`T` behind the time): where it has gaps, later times are too early"
                    .into(),
            );
        }
    }

    let audiomoth = comment::audiomoth(comment).or_else(|| comment::audiomoth(texts.artist.as_deref()?));
    RecorderInfo {
        start: choose(starts, &mut notes),
        place,
        make: field("Make").cloned().or_else(|| audiomoth.map(|_| AUDIOMOTH_MAKE.into())),
        model: field("Model").cloned().or_else(|| audiomoth.map(|_| "AudioMoth".into())),
        serial: field("Serial").cloned().or_else(|| audiomoth.map(Into::into)),
        site,
        deployment: comment::deployment(comment).map(Into::into),
        guano,
        notes,
    }
}

/// Reads the texts of a file's header. The error is a sentence.
fn read(mut source: Source, path: &Path, texts: &mut Texts) -> Result<(), String> {
    let head =
        source.read(0, MAX_BODY_BYTES).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    let done = match sniff(View::new(&Memory(&head)), path) {
        Ok((Format::Wav(container), start)) => riff::read(&mut source, container, start, texts),
        Ok((Format::Flac, start)) => flac::read(&mut source, start, texts),
        // That it cannot be decoded is no matter here.
        Ok(_) | Err(Error::Unsupported { .. }) => Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    done.map_err(|error| format!("{}: cannot be read: {error}", path.display()))
}

/// The most trusted of the sources, which are given in this order; a note for each that contradicts it.
fn choose(mut starts: Vec<Start>, notes: &mut Vec<String>) -> Option<Start> {
    starts.retain(|start| {
        let is_set = is_set(start.time);
        if !is_set {
            notes.push(format!("{}: the clock was not set, it shows {}", start.source, start.time));
        }
        is_set
    });
    let (best, others) = starts.split_first()?;
    for other in others.iter().filter(|other| !agree(best.time, other.time)) {
        let (time, source) = (best.time, best.source);
        notes.push(format!(
            "the start is {time} by the {source}, and {} by the {}: the {source} is used",
            other.time, other.source
        ));
    }
    Some(*best)
}

/// Whether a clock was set: without that, clocks begin with 1970 or 1980.
fn is_set(time: LocalTime) -> bool {
    let (year, month, _) = time.date();
    !(matches!(year, 1970 | 1980) && month == 1)
}

/// Whether two times are the same. One without an offset may be a local time or in UTC.
fn agree(a: LocalTime, b: LocalTime) -> bool {
    let near = |a: i64, b: i64| a.abs_diff(b) <= TOLERANCE_MS;
    match (a.unix_ms(), b.unix_ms()) {
        (Some(a), Some(b)) => near(a, b),
        (a_utc, b_utc) => {
            near(a.local_ms(), b.local_ms()) || near(a_utc.unwrap_or(a.local_ms()), b_utc.unwrap_or(b.local_ms()))
        }
    }
}

/// The beginning of a text on one line.
fn quote(text: &str) -> String {
    text.chars().take(QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
