//! The tables that verdicts are written to, recording by recording.

use super::json::Json;
use super::options::Outcome;
use super::record::Record;
use super::sink::{Before, Context, Sink, Taken, Target};
use crate::error::{Context as _, Result, bail};
use crate::output;
use detections::{CsvWriter, Detection, Format, Provenance, TableWriter, table_writer};
use inference::Input;
use shard::Skipped;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A kind of table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// CSV: a row a window, with the probability of every class.
    Windows,
    /// CSV: a row a recording.
    Recordings,
    /// An object with everything, made in memory.
    Json,
    /// Windows or events in a format of [`detections`].
    Detections(Format),
}

/// Where a table goes.
pub enum To {
    /// One file.
    File(PathBuf),
    /// A file for each recording, in a folder with the folders of the recordings.
    Folder(PathBuf),
    /// A stream, which is given row by row.
    Stream(Box<dyn Write + Send>),
}

impl To {
    /// The same place again; none for a stream.
    pub(super) fn again(&self) -> Option<Self> {
        match self {
            Self::File(path) => Some(Self::File(path.clone())),
            Self::Folder(path) => Some(Self::Folder(path.clone())),
            Self::Stream(_) => None,
        }
    }
}

/// A table and where it goes.
pub struct Output {
    /// What is written.
    pub table: Table,
    /// Where.
    pub to: To,
}

/// Makes sure that tables can be written. Gives the path of the journal, where a table goes to a file.
pub(super) fn prepare(outputs: &[Output]) -> Result<Option<PathBuf>> {
    let mut journal = None;
    for Output { to, .. } in outputs {
        match to {
            To::Stream(_) => {}
            To::Folder(folder) => {
                output::shared_folder(folder)?;
                journal.get_or_insert(folder.join("predict.journal"));
            }
            To::File(path) => {
                output::file(path)?;
                let mut name = path.as_os_str().to_owned();
                name.push(".journal");
                journal.get_or_insert(PathBuf::from(name));
            }
        }
    }
    Ok(journal)
}

/// All tables of a run.
pub(super) struct Outputs<'a> {
    context: &'a Context<'a>,
    sinks: Vec<Box<dyn Sink + 'a>>,
    /// Whether some table has rows of [`detections`].
    wants_detections: bool,
}

impl<'a> Outputs<'a> {
    /// Begins the tables, which were [prepared](prepare).
    pub(super) fn new(outputs: Vec<Output>, context: &'a Context<'a>) -> Result<Self> {
        let wants_detections = outputs.iter().any(|output| matches!(output.table, Table::Detections(_)));
        let sink = |Output { table, to }| -> Result<Box<dyn Sink + 'a>> {
            match to {
                To::Folder(folder) => Ok(Box::new(Separate { table, folder, context })),
                To::File(path) => one(table, Target::file(&path)?, context),
                To::Stream(stream) => one(table, Target::Stream(stream), context),
            }
        };
        let sinks = outputs.into_iter().map(sink).collect::<Result<_>>()?;
        Ok(Self { context, sinks, wants_detections })
    }

    /// Writes a recording's rows.
    pub(super) fn take(&mut self, rows: &[Input], record: &Record, outcome: &mut Outcome) -> Result<()> {
        self.take_again(rows, record, Before::NotWritten, outcome)
    }

    /// The same, where an earlier pass may have written it.
    pub(super) fn take_again(
        &mut self,
        rows: &[Input],
        record: &Record,
        before: Before,
        outcome: &mut Outcome,
    ) -> Result<()> {
        outcome.windows += record.judged.len();
        outcome.sound_s += record.seconds;
        let skipped =
            record.failed.iter().map(|(nth, reason)| Skipped { path: rows[*nth].name.clone(), reason: reason.clone() });
        outcome.skipped.extend(skipped);
        let by_hour = outcome.activity.is_some();
        let detections = match self.wants_detections || by_hour || self.context.events.is_some() {
            true => self.context.detections(rows, record)?,
            false => Vec::new(),
        };
        if let Some(activity) = &mut outcome.activity {
            activity.take(record, &detections);
        }
        let mut count = |label: &str| *outcome.labels.entry(label.to_owned()).or_default() += 1;
        if self.context.events.is_some() {
            detections.iter().for_each(|detection| count(&detection.label));
        } else {
            let (classes, thresholds) = (self.context.predictor.classes(), self.context.predictor.thresholds());
            record.judged.iter().for_each(|judged| count(judged.verdict.label(classes, thresholds).0));
        }
        let taken = Taken { rows, record, detections: &detections, before };
        self.sinks.iter_mut().try_for_each(|sink| sink.take(&taken))
    }

    /// Passes on what was written so far.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.sinks.iter_mut().try_for_each(|sink| sink.flush())
    }

    /// Ends all tables and gives their paths.
    pub(super) fn finish(self, skipped: &[Skipped]) -> Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for sink in self.sinks {
            paths.extend(sink.finish(skipped)?);
        }
        Ok(paths)
    }
}

/// One table in one place.
fn one<'a>(table: Table, target: Target, context: &'a Context<'a>) -> Result<Box<dyn Sink + 'a>> {
    let classes = context.predictor.classes();
    Ok(match table {
        Table::Json => Box::new(Json::new(target, context)),
        Table::Windows | Table::Recordings => {
            let thresholds = context.predictor.thresholds();
            let writer = CsvWriter::with_columns(target, classes, thresholds, context.columns)?;
            Box::new(Rows { writer, of_recordings: table == Table::Recordings, context })
        }
        Table::Detections(format) => {
            Box::new(Formatted { format, writer: table_writer(format, target, &context.provenance)?, context })
        }
    })
}

/// Our CSV with the probability of every class.
struct Rows<'a> {
    writer: CsvWriter<Target>,
    of_recordings: bool,
    context: &'a Context<'a>,
}

impl Sink for Rows<'_> {
    fn take(&mut self, taken: &Taken<'_>) -> Result<()> {
        let judged = &taken.record.judged;
        if self.of_recordings {
            let verdicts = self.context.predictor.per_recording(judged);
            return verdicts.iter().try_for_each(|verdict| Ok(self.writer.write(verdict)?));
        }
        judged.iter().try_for_each(|judged| Ok(self.writer.write(&judged.verdict)?))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.writer.flush()?)
    }

    fn finish(mut self: Box<Self>, skipped: &[Skipped]) -> Result<Vec<PathBuf>> {
        skipped.iter().try_for_each(|of| self.writer.skip(&of.path, &of.reason))?;
        self.writer.finish()?.commit(Some(&self.context.provenance))
    }
}

/// A table in a format of [`detections`].
struct Formatted<'a> {
    format: Format,
    writer: Box<dyn TableWriter<Target> + Send>,
    context: &'a Context<'a>,
}

impl Sink for Formatted<'_> {
    fn take(&mut self, taken: &Taken<'_>) -> Result<()> {
        // Of a recording that still comes in, the length is known at the end.
        if taken.record.seconds > 0.0 || taken.record.judged.is_empty() {
            self.writer.recording(&taken.rows[0].name, taken.record.seconds)?;
        }
        let classes = self.context.predictor.classes();
        // Tables of other tools have a row for what was found; ours have all windows.
        let has_all = matches!(self.format, Format::Csv | Format::JsonLines | Format::Parquet);
        let is_row = |detection: &&Detection| has_all || classes.contains(&detection.label);
        taken.detections.iter().filter(is_row).try_for_each(|detection| Ok(self.writer.write(detection)?))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(self.writer.flush()?)
    }

    fn finish(mut self: Box<Self>, skipped: &[Skipped]) -> Result<Vec<PathBuf>> {
        for of in skipped {
            self.writer.skip(&of.path, &of.reason)?;
        }
        let beside = (!self.format.has_provenance()).then_some(&self.context.provenance);
        self.writer.finish()?.commit(beside)
    }
}

/// A table for each recording.
struct Separate<'a> {
    table: Table,
    folder: PathBuf,
    context: &'a Context<'a>,
}

impl Separate<'_> {
    /// The table of a recording: its own path under the folder, with the ending of the format.
    fn path(&self, recording: &str) -> Result<PathBuf> {
        let own: PathBuf =
            Path::new(recording).components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
        let name = |of: Option<&std::ffi::OsStr>| of.unwrap_or_default().to_string_lossy().into_owned();
        // Two recordings may differ in their extension alone.
        for stem in [name(own.file_stem()), name(own.file_name())] {
            let file = match self.table {
                Table::Windows | Table::Recordings => format!("{stem}.csv"),
                Table::Json => format!("{stem}.json"),
                Table::Detections(format) => format.file_name(&stem),
            };
            let path = self.folder.join(own.with_file_name(file));
            let mut names = self.context.names.borrow_mut();
            let user = names.entry(path.clone()).or_insert_with(|| recording.to_owned());
            if user == recording {
                return Ok(path);
            }
        }
        bail!("{recording}: its table would have the name of another recording's; write one table with --out FILE")
    }
}

impl Separate<'_> {
    fn write(&self, target: Target, taken: &Taken<'_>) -> Result<()> {
        let mut sink = one(self.table, target, self.context)?;
        sink.take(taken)?;
        let skipped = taken
            .record
            .failed
            .iter()
            .map(|(nth, reason)| Skipped { path: taken.rows[*nth].name.clone(), reason: reason.clone() });
        sink.finish(&skipped.collect::<Vec<_>>())?;
        Ok(())
    }

    /// Whether the table is there as it would be written, with what made it.
    fn is_there(&self, path: &Path, taken: &Taken<'_>) -> Result<bool> {
        let Ok(there) = storage::read(path) else { return Ok(false) };
        let written = Buffer::default();
        self.write(Target::Stream(Box::new(written.clone())), taken)?;
        let mut provenance = Vec::new();
        self.context.provenance.write_json(&mut provenance)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = storage::read(path.with_file_name(Provenance::file_name(&name)));
        Ok(written.0.lock().is_ok_and(|written| *written == there)
            && beside.map_or(true, |beside| beside == provenance))
    }
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sink for Separate<'_> {
    fn take(&mut self, taken: &Taken<'_>) -> Result<()> {
        let path = self.path(&taken.rows[0].name)?;
        if taken.before == Before::Written || (taken.before == Before::Unknown && self.is_there(&path, taken)?) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.folder);
        storage::create_dir_all(folder).with_context(|| format!("{}: cannot be created", folder.display()))?;
        self.write(Target::file(&path)?, taken)
    }

    fn finish(self: Box<Self>, _: &[Skipped]) -> Result<Vec<PathBuf>> {
        Ok(vec![self.folder])
    }
}
