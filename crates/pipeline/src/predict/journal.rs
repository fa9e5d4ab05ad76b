//! What is done already, in a file beside the table: a line a recording, so that a run that was killed goes on where it was
//! and ends with the same bytes.

use super::files::{Key, Part};
use super::options::Options;
use super::record::Record;
use crate::error::{Context, Result, bail};
use crate::job::Job;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use storage::{AppendFile, StoredFile};

/// Changes whenever a line is read in another way.
const SCHEMA: &str = "journal/3";

/// A power cut takes the work of so long at most.
const SYNC_EVERY: Duration = Duration::from_secs(2);

/// The first line: whose results these are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    schema: String,
    version: String,
    model_sha256: String,
    /// What decides the verdicts, beside the model.
    settings: serde_json::Value,
}

impl Header {
    pub(super) fn new(model_sha256: String, settings: serde_json::Value) -> Self {
        Self { schema: SCHEMA.into(), version: env!("CARGO_PKG_VERSION").into(), model_sha256, settings }
    }

    /// Which of another header's fields differ, in words.
    fn difference(&self, other: &Self) -> Option<String> {
        let pairs = [
            ("schema", &self.schema, &other.schema),
            ("version", &self.version, &other.version),
            ("model (SHA-256)", &self.model_sha256, &other.model_sha256),
        ];
        let differs = pairs.into_iter().find(|(_, a, b)| a != b);
        let words = |(name, expected, got)| format!("{name}: expected {expected}, got {got}");
        let settings = || format!("settings: expected {}, got {}", self.settings, other.settings);
        differs.map(words).or_else(|| (self.settings != other.settings).then(settings))
    }
}

/// A line after the first.
#[derive(Serialize)]
struct NewLine<'a> {
    key: &'a Key,
    record: &'a Record,
}

/// A line of which the key is read.
#[derive(Deserialize)]
struct Keyed {
    key: Key,
    #[serde(rename = "record")]
    _record: IgnoredAny,
}

/// A line that is read.
#[derive(Deserialize)]
struct Line {
    key: Key,
    record: Record,
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
struct Place {
    file: usize,
    at: u64,
    n_bytes: usize,
}

/// The journal of this run, and those of its parts.
pub(super) struct Journal {
    own: (PathBuf, RefCell<AppendFile>),
    /// Those of parts.
    parts: Vec<(PathBuf, RefCell<StoredFile>)>,
    found: Found,
    /// Bytes of this run's.
    end: u64,
    /// When what was appended was last made sure of.
    synced: Instant,
}

/// What the lines are about.
#[derive(Default)]
struct Found {
    /// By a hash of the key: there may be a million, and the line has the key.
    places: HashMap<u64, Place>,
    /// The last key of each path, for who watches folders.
    latest: Option<BTreeMap<String, Key>>,
}

impl Journal {
    /// Opens or begins the journal of the tables that `path` is beside.
    pub(super) fn open(path: &Path, header: &Header, options: &Options, job: &Job<'_>) -> Result<Self> {
        let own = options.part.map_or_else(|| path.to_owned(), |part| of_part(path, part));
        if options.overwrite {
            remove(&own)?;
            if options.part.is_none() {
                parts(path)?.iter().try_for_each(|part| remove(part))?;
            }
        } else if storage::exists(&own) && !options.resume {
            bail!(
                "{}: an earlier run was broken off; --resume goes on with it, --overwrite begins again",
                own.display()
            );
        }
        let mut file = match AppendFile::open(&own) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("{}: another process writes to it; wait for it, or name another table with --out", own.display())
            }
            file => file.with_context(|| format!("{}: cannot be written", own.display()))?,
        };
        let mut found = Found { latest: options.watch.map(|_| BTreeMap::new()), ..Found::default() };
        let mut end = found.index(&mut file, 0, &own, header)?;
        if end == 0 {
            let mut line = Vec::new();
            storage::push_line(&mut line, &serde_json::to_vec(header)?);
            end = line.len() as u64;
            file.write_from(0, &line).with_context(full(&own))?;
        }
        // A line that was cut off by a kill is written again.
        file.write_from(end, &[]).with_context(full(&own))?;
        let mut of_parts = Vec::new();
        // What a run without parts has done, which waits for its parts now, or was broken off.
        if options.part.is_some()
            && options.resume
            && let Ok(mut file) = storage::open(path)
        {
            found.index(&mut file, 1, path, header)?;
            of_parts.push((path.to_owned(), RefCell::new(file)));
        }
        if options.part.is_none() {
            for part in parts(path)? {
                let mut file = storage::open(&part).with_context(|| format!("{}: cannot be read", part.display()))?;
                found.index(&mut file, of_parts.len() + 1, &part, header)?;
                job.say(format!("{}: taken", part.display()));
                of_parts.push((part, RefCell::new(file)));
            }
        }
        Ok(Self { own: (own, RefCell::new(file)), parts: of_parts, found, end, synced: Instant::now() })
    }

    /// The recordings that are done, each as it was last, in the order of their paths; of a run that watches folders.
    pub(super) fn latest(&self) -> &BTreeMap<String, Key> {
        const NONE: &BTreeMap<String, Key> = &BTreeMap::new();
        self.found.latest.as_ref().unwrap_or(NONE)
    }

    /// Whether a recording is done; one that has changed since is not.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.found.places.contains_key(&hash(key))
    }

    /// Appends what became of a recording.
    pub(super) fn append(&mut self, key: &Key, record: &Record) -> Result<()> {
        let mut line = Vec::new();
        storage::push_line(&mut line, &serde_json::to_vec(&NewLine { key, record })?);
        let (path, file) = &self.own;
        file.borrow_mut().write_from(self.end, &line).with_context(full(path))?;
        self.found.note(key, Place { file: 0, at: self.end, n_bytes: line.len() });
        self.end += line.len() as u64;
        Ok(())
    }

    /// Makes sure that what was appended survives a power cut, where that was long ago: a disk may take longer for it than a block of
    /// short recordings takes.
    pub(super) fn sync_now_and_then(&mut self) -> Result<()> {
        if self.synced.elapsed() < SYNC_EVERY { Ok(()) } else { self.sync() }
    }

    /// Makes sure that what was appended survives a power cut.
    pub(super) fn sync(&mut self) -> Result<()> {
        let (path, file) = &self.own;
        file.borrow_mut().sync().with_context(full(path))?;
        self.synced = Instant::now();
        Ok(())
    }

    /// What became of a recording.
    pub(super) fn record(&self, key: &Key) -> Result<Record> {
        let place = self.found.places.get(&hash(key)).with_context(|| format!("{}: not in the journal", key.path))?;
        let mut line = vec![0; place.n_bytes];
        let mut read = |file: &mut dyn ReadSeek| {
            file.seek(SeekFrom::Start(place.at))?;
            file.read_exact(&mut line)
        };
        let (path, done) = match place.file.checked_sub(1) {
            None => (&self.own.0, read(&mut *self.own.1.borrow_mut())),
            Some(nth) => (&self.parts[nth].0, read(&mut *self.parts[nth].1.borrow_mut())),
        };
        let unreadable = || format!("{}: cannot be read", path.display());
        done.with_context(unreadable)?;
        let text = storage::line_text(&line).with_context(|| {
            format!(
                "{}: the line of {} has changed since it was written: --overwrite begins again",
                path.display(),
                key.path
            )
        })?;
        let Line { key: found, record } = serde_json::from_slice(text).with_context(unreadable)?;
        if found != *key {
            bail!("{}: expected the line of {}, got that of {}", path.display(), key.path, found.path);
        }
        Ok(record)
    }

    /// Removes the journals once all tables are written.
    pub(super) fn remove(self) -> Result<()> {
        let (own, file) = self.own;
        drop(file);
        remove(&own)?;
        self.parts.into_iter().try_for_each(|(path, file)| {
            drop(file);
            remove(&path)
        })
    }
}

/// Either kind of journal.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Found {
    /// Finds the lines of the `nth` file; gives the end of the last whole line.
    fn index(&mut self, file: &mut impl Read, nth: usize, path: &Path, header: &Header) -> Result<u64> {
        let unreadable = || format!("{}: cannot be read", path.display());
        let mut reader = BufReader::new(file);
        let (mut at, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let n_bytes = reader.read_until(b'\n', &mut line).with_context(unreadable)?;
            if line.last() != Some(&b'\n') {
                return Ok(at);
            }
            if at == 0 {
                let found = storage::line_text(&line).and_then(|text| serde_json::from_slice(text).ok());
                let found: Header = found.with_context(|| {
                    let path = path.display();
                    format!("{path}: no journal of this version of `barkbird predict`: --overwrite begins again")
                })?;
                if let Some(difference) = header.difference(&found) {
                    bail!(
                        "{}: the journal of another run: {difference}; use these again, or --overwrite to begin again",
                        path.display()
                    );
                }
            } else {
                // What a power cut left of a line ends the journal.
                let text = storage::line_text(&line).and_then(|text| serde_json::from_slice(text).ok());
                let Some(Keyed { key, .. }) = text else { return Ok(at) };
                self.note(&key, Place { file: nth, at, n_bytes });
            }
            at += n_bytes as u64;
        }
    }

    fn note(&mut self, key: &Key, place: Place) {
        if let Some(latest) = &mut self.latest {
            latest.insert(key.path.clone(), key.clone());
        }
        self.places.insert(hash(key), place);
    }
}

/// Of a key, for this process alone. Of a million recordings, two have the same with a probability of 1 in 40 million; the
/// line of the other is then refused.
fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

fn full(path: &Path) -> impl Fn() -> String {
    let path = path.display().to_string();
    move || format!("{path}: cannot be written; what is in it is kept: make room and go on with --resume")
}

fn remove(path: &Path) -> Result<()> {
    match storage::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// The journal of one part: `table.csv.journal` becomes `table.csv.part-1-of-4.journal`.
fn of_part(path: &Path, Part { index, count }: Part) -> PathBuf {
    path.with_extension(format!("part-{index}-of-{count}.journal"))
}

/// Journals of parts that are there, in order.
fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let is_part = |name: &str| {
        let rest = name.strip_prefix(&stem).and_then(|rest| rest.strip_prefix(".part-"));
        rest.and_then(|rest| rest.strip_suffix(".journal")).is_some_and(|rest| rest.contains("-of-"))
    };
    let entries = storage::list(folder).with_context(|| format!("{}: cannot be read", folder.display()))?;
    let names = entries.into_iter().filter_map(|entry| entry.name.into_string().ok()).filter(|name| is_part(name));
    let mut found: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    found.sort();
    Ok(found)
}
