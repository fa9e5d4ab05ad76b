//! What commands are given: recordings, folders of recordings, manifests, features, runs; and what is said where one is
//! given in the place of another.

pub(crate) mod found;
pub(crate) mod kind;
pub(crate) mod table;

pub use found::Recordings;
pub use kind::{Expected, Kind, expect, what_is};
pub use table::detections;
pub(crate) use table::open_table;

use crate::error::{Context, Result, bail};
use crate::import;
use crate::job::Job;
use crate::observer::CancelToken;
use crate::origin;
use crate::output::refuse_other_text;
use audio_io::{Fields, Manifest, Row};
use classifier::ModelFile;
use inference::{Input, Model, Stream};
use shard::Skipped;
use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The argument that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// Reads a manifest as shards name its recordings: where it has absolute paths, relative to itself, since no absolute
/// path goes into a result that others compare or pass on.
///
/// # Errors
/// What is no manifest, and a manifest that cannot be read.
pub fn manifest(path: &Path) -> Result<Manifest> {
    let manifest = open_manifest(path, &CancelToken::default())?;
    if manifest.rows.iter().any(|row| Path::new(&row.path).is_absolute()) {
        let root = manifest.root.clone();
        return Ok(manifest.rebased(&root)?);
    }
    Ok(manifest)
}

/// Data of any layout, as they are.
pub(crate) fn open_manifest(path: &Path, cancel: &CancelToken) -> Result<Manifest> {
    Ok(import::open(path, &import::Options::default(), cancel)?.manifest)
}

/// The model of a run, on the device of the job: a folder, a model file, or a repository of the hub (`owner/name`,
/// `owner/name@revision`, `hf:owner/name`), which is fetched.
///
/// # Errors
/// What is no run, and a model that cannot be fetched or opened.
pub fn open_model(run: &Path, job: &Job<'_>) -> Result<Model> {
    Ok(Model::open_on(&locate(run, job)?, &job.device)?)
}

/// The file of a run's model, and where it is; a run as for [`open_model`].
pub(crate) fn read_model(run: &Path, job: &Job<'_>) -> Result<(PathBuf, ModelFile)> {
    Ok(inference::read_model(&locate(run, job)?)?)
}

/// The folder or the file of a run.
pub(crate) fn locate(run: &Path, job: &Job<'_>) -> Result<PathBuf> {
    expect(run, Expected::Run)?;
    origin::of_run(run, job)
}

/// Copies a stream, such as standard input, to a temporary file without a name: a night has no place in memory.
///
/// # Errors
/// A stream that cannot be read, and a temporary file that cannot be written.
pub fn spool(stream: &mut dyn Read) -> Result<Arc<File>> {
    let mut file = tempfile::tempfile().context("-: no temporary file can be made")?;
    std::io::copy(stream, &mut file)
        .context("-: cannot be read, or there is no room for it in the temporary folder")?;
    file.rewind()?;
    Ok(Arc::new(file))
}

/// A recording from standard input.
#[derive(Debug, Clone)]
pub enum StandardInput {
    /// All of it, in a file without a name.
    File(Arc<File>),
    /// Decoded while it comes.
    Stream(Arc<Stream>),
}

impl StandardInput {
    /// Looks at the beginning of a stream: what can be decoded from a pipe is decoded while it comes; what is short, or has a
    /// format that needs another order, is copied to a temporary file first.
    ///
    /// # Errors
    /// As for [`spool`].
    pub fn new(mut stream: Box<dyn Read + Send>) -> Result<Self> {
        let mut head = Vec::new();
        stream.by_ref().take(audio_io::HEAD_BYTES as u64).read_to_end(&mut head).context("-: cannot be read")?;
        let is_whole = head.len() < audio_io::HEAD_BYTES;
        let is_streamed = !is_whole && audio_io::can_stream(&head);
        let mut all = Cursor::new(head).chain(stream);
        Ok(match is_streamed {
            true => Self::Stream(Arc::new(Stream::new(Box::new(all)))),
            false => Self::File(spool(&mut all)?),
        })
    }
}

/// Everything that arguments name.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// Recordings and rows of manifests, in order.
    pub inputs: Vec<Input>,
    /// What could not be taken, and why.
    pub skipped: Vec<Skipped>,
}

/// Everything that the arguments name, in order. [`STANDARD_INPUT`] is the recording `standard_input`.
///
/// # Errors
/// A folder without a recording, a manifest that cannot be read, things that are no recordings, and a stop that was asked
/// for.
pub fn collect(
    arguments: &[PathBuf],
    standard_input: Option<&StandardInput>,
    cancel: &CancelToken,
) -> Result<Collected> {
    let mut all = Collected::default();
    for argument in arguments {
        cancel.check("nothing was written")?;
        if argument.as_os_str() == STANDARD_INPUT {
            let given = standard_input.context("-: this command does not read a recording from standard input")?;
            let input = Input::file(argument);
            all.inputs.push(match given {
                StandardInput::File(file) => Input { file: Some(Arc::clone(file)), ..input },
                StandardInput::Stream(stream) => Input { stream: Some(Arc::clone(stream)), ..input },
            });
            continue;
        }
        refuse_other_text(argument)?;
        expect(argument, Expected::Recordings)?;
        if storage::is_dir(argument) {
            let walk = audio_io::walk(argument, &|| cancel.is_cancelled());
            cancel.check("nothing was written")?;
            let audio_io::Walk { files, skipped, .. } = walk?;
            let sounds = files.iter().filter(|file| audio_io::is_sound(&file.path));
            let recordings: Vec<Input> = sounds.map(|file| Input::file(&file.path)).collect();
            if recordings.is_empty() && skipped.is_empty() {
                bail!("{}: holds no recording", argument.display());
            }
            all.inputs.extend(recordings);
            let in_folder = |s: audio_io::Skipped| Skipped {
                path: argument.join(s.name).to_string_lossy().into_owned(),
                reason: s.reason,
            };
            all.skipped.extend(skipped.into_iter().map(in_folder));
        } else if kind::is_table(argument) {
            let manifest = Manifest::read_csv_unlabeled(argument)?;
            let (root, rows) = (manifest.root, manifest.rows);
            let rows = rows.into_iter().map(|row| {
                let path = storage::join(&root, &row.path);
                let row = Row { extra: Fields::default(), ..row };
                Input { name: path.to_string_lossy().into_owned(), path, row, ..Input::default() }
            });
            all.inputs.extend(rows);
        } else {
            all.inputs.push(Input::file(argument));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_a_recording_where_its_bytes_are_given() {
        let (cancel, arguments) = (CancelToken::default(), ["-".into()]);
        let file = StandardInput::File(Arc::new(tempfile::tempfile().unwrap()));
        let all = collect(&arguments, Some(&file), &cancel).unwrap();
        assert!(all.inputs[0].name == "-" && all.inputs[0].file.is_some());
        assert!(collect(&arguments, None, &cancel).is_err());
        cancel.cancel();
        assert!(matches!(collect(&arguments, Some(&file), &cancel), Err(crate::Error::Cancelled { .. })));
    }
}
