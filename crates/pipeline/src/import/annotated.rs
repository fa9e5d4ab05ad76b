//! Recordings with tables of annotations: of Raven, Audacity, BirdNET-Analyzer, Kaleidoscope, birdnet, Hoplite, or ours.

use super::cut::{Cut, Mark, Rule, cut};
use super::names::Head;
use super::options::{Imported, Layout, Options};
use crate::error::{Context, Error, Result, bail};
use crate::inputs::found::Recordings;
use crate::inputs::table::detections;
use crate::observer::CancelToken;
use audio_io::labels::{self, NEITHER};
use audio_io::{Fields, Found, Manifest, Recording, Row, Skipped, Walk, is_sound};
use detections::{NOT, TableDetection};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Tables beside recordings that are longer are no annotations.
const MOST_BYTES: u64 = 64 << 20;

/// Length of a clip of time without annotation, in seconds, where none is asked for.
const BACKGROUND_S: f64 = 5.0;

/// Frames that are decoded at once where a header does not say how long a recording is.
const BLOCK_FRAMES: usize = 1 << 16;

/// What was read of tables.
#[derive(Default)]
struct Tables {
    /// Annotations of each recording, by its path.
    of: BTreeMap<PathBuf, Vec<Mark>>,
    skipped: Vec<Skipped>,
    tools: BTreeSet<&'static str>,
    n_tables: usize,
    n_rows: usize,
    /// Rows that are left out, by the reason.
    left: BTreeMap<&'static str, usize>,
    has_scores: bool,
}

/// Whether a folder holds recordings with tables of annotations.
pub(super) fn is_there(root: &Path, walk: &Walk, options: &Options, cancel: &CancelToken) -> Result<bool> {
    let by_stem = by_stem(walk);
    let sounds = walk.files.iter().filter(|file| is_sound(&file.path));
    let names: HashSet<&str> = sounds.map(|file| last(&file.name)).collect();
    for Candidate { file, .. } in candidates(walk) {
        cancel.check("nothing was written")?;
        let Ok(rows) = rows(&file.path, options) else { continue };
        let is_of = |row: &TableDetection| match &row.path {
            Some(path) => names.contains(last(path)),
            None => of_name(&file.name, &by_stem).is_some(),
        };
        if rows.first().is_some_and(is_of) {
            tracing::debug!(table = file.name, root = %root.display(), "annotations");
            return Ok(true);
        }
    }
    Ok(false)
}

/// A folder of recordings with their tables, or one table.
pub(super) fn read(path: &Path, options: &Options, cancel: &CancelToken) -> Result<Imported> {
    let is_folder = storage::is_dir(path);
    let parent = || path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root =
        if is_folder { path } else { options.recordings.as_deref().filter(|p| storage::is_dir(p)).unwrap_or(parent()) };
    let mut tables = Tables::default();
    let mut manifest = Manifest { root: root.to_owned(), ..Manifest::default() };
    if is_folder {
        let walk = audio_io::walk(path, &|| cancel.is_cancelled())?;
        let candidates = candidates(&walk).collect::<Vec<_>>();
        tables.read_folder(path, &walk, &candidates, options, cancel)?;
        let is_listed: HashSet<&str> = candidates.iter().map(|of| of.file.name.as_str()).collect();
        let others = walk.files.iter().filter(|file| !is_sound(&file.path) && !is_listed.contains(file.name.as_str()));
        manifest.ignored = others.map(|file| file.name.clone()).collect();
        let sounds = walk.files.iter().filter(|file| is_sound(&file.path) && !tables.of.contains_key(&file.path));
        let without: Vec<&str> = sounds.map(|file| file.name.as_str()).collect();
        if let Some(first) = without.first() {
            let reason = match without.len() - 1 {
                0 => "has no table: nothing is known of it".to_owned(),
                n => format!("has no table, nor have {n} more recordings: nothing is known of them"),
            };
            tables.skipped.push(Skipped { name: (*first).to_owned(), reason });
        }
        manifest.skipped = walk.skipped;
    } else {
        let recordings = Recordings::new(path, options.recordings.as_deref(), cancel)?;
        let found = rows(path, options)?;
        tables.tools.extend(Head::of(path).tool());
        tables.take(&path.to_string_lossy(), found, &recordings, None, options)?;
    }
    let Tables { of, skipped, tools, n_tables, n_rows, left, has_scores } = tables;
    manifest.skipped.extend(skipped);
    let mut all = Cut::default();
    let clip_ms = options.clip_s.map(|seconds| (seconds * 1000.0).round() as u64);
    let background_ms = clip_ms.unwrap_or((BACKGROUND_S * 1000.0) as u64);
    let rule = Rule { clip_ms, n_background: options.background, background_ms };
    let (n_recordings, mut n_background) = (of.len(), 0);
    for (recording, marks) in of {
        cancel.check("nothing was written")?;
        let needs_length = rule.clip_ms.is_some() || rule.n_background > 0;
        let name = name_below(root, &recording)?;
        let length_ms = match needs_length.then(|| length_ms(&recording)) {
            None => None,
            Some(Ok(length_ms)) => Some(length_ms),
            // The scan says why.
            Some(Err(_)) => None,
        };
        let Cut { clips, background, shared_ms, n_shared, n_points } = cut(&marks, length_ms, rule);
        all.shared_ms += shared_ms;
        all.n_shared += n_shared;
        all.n_points += n_points;
        n_background += background.len();
        let row = |start_ms: u64, end_ms: u64, channel, label| Row {
            path: name.clone(),
            label,
            start_s: Some(start_ms as f64 / 1000.0),
            end_s: Some(end_ms as f64 / 1000.0),
            channel,
            extra: Fields::default(),
            ..Row::default()
        };
        manifest.rows.extend(
            clips.into_iter().map(|clip| row(clip.start_ms, clip.end_ms, clip.channel, clip.label.unwrap_or_default())),
        );
        manifest.rows.extend(background.into_iter().map(|(start, end)| row(start, end, None, NEITHER.to_owned())));
    }
    if manifest.rows.is_empty() {
        bail!(
            "{}: no annotation that can be used: {n_rows} rows in {n_tables} tables; {}",
            path.display(),
            reasons(&left, &all)
        );
    }
    let mut imported = Imported::of(Layout::Annotations, manifest);
    let n_clips = imported.manifest.rows.len() - n_background;
    let tools = tools.into_iter().collect::<Vec<_>>().join(", ");
    imported.notes.push(format!(
        "{n_rows} rows in {n_tables} tables ({tools}) became {n_clips} clips of {n_recordings} recordings; a clip has one label: annotations \
         of one label that touch are one, and time with several labels is left out"
    ));
    let left = reasons(&left, &all);
    if !left.is_empty() {
        imported.notes.push(format!("left out: {left}"));
    }
    imported.notes.push(match (options.background, n_background) {
        (0, _) => "time without annotation is not used; `--background N` takes clips of it as `neither`".to_owned(),
        (_, n) => {
            format!("{n} clips of time without annotation are `{NEITHER}`: make sure that everything was annotated")
        }
    });
    if has_scores {
        imported.notes.push(
            "the tables have scores: labels that a program gave, and nobody checked, teach its mistakes; `--min-score` leaves out weak ones"
                .to_owned(),
        );
    }
    Ok(imported)
}

/// What was left out.
fn reasons(left: &BTreeMap<&'static str, usize>, cut: &Cut) -> String {
    let mut all: Vec<String> = left.iter().map(|(reason, n)| format!("{n} rows {reason}")).collect();
    if cut.shared_ms > 0 || cut.n_shared > 0 {
        let (seconds, n) = (cut.shared_ms as f64 / 1000.0, cut.n_shared);
        all.push(format!("{seconds:.1} s of annotations that overlap those of other labels ({n} as a whole)"));
    }
    if cut.n_points > 0 {
        all.push(format!("{} points without a length (`--clip-seconds` gives them one)", cut.n_points));
    }
    all.join("; ")
}

impl Tables {
    fn read_folder(
        &mut self,
        root: &Path,
        walk: &Walk,
        candidates: &[Candidate<'_>],
        options: &Options,
        cancel: &CancelToken,
    ) -> Result<()> {
        let by_stem = by_stem(walk);
        let mut recordings = Recordings::new(root, Some(root), cancel)?;
        for Candidate { file, tool } in candidates {
            cancel.check("nothing was written")?;
            let found = match rows(&file.path, options) {
                Ok(found) => found,
                Err(error) => {
                    // The list has the name.
                    let reason = crate::one_line(&error).replace(&format!("{}: ", file.path.display()), "");
                    self.skipped.push(Skipped { name: file.name.clone(), reason });
                    continue;
                }
            };
            recordings.set_table(&file.path);
            self.tools.extend(tool);
            self.take(&file.name, found, &recordings, of_name(&file.name, &by_stem), options)?;
        }
        Ok(())
    }

    /// Takes the rows of a table, which are of one recording where they name none.
    fn take(
        &mut self,
        table: &str,
        rows: Vec<TableDetection>,
        recordings: &Recordings,
        of_all: Option<&PathBuf>,
        options: &Options,
    ) -> Result<()> {
        self.n_tables += 1;
        self.n_rows += rows.len();
        if let (true, Some(recording)) = (rows.is_empty(), of_all) {
            // A table without rows says that nothing is to be heard.
            self.of.entry(recording.clone()).or_default();
        }
        let mut places: HashMap<Option<String>, Option<PathBuf>> = HashMap::new();
        let mut missing: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            if !places.contains_key(&row.path) {
                let found = match (&row.path, of_all) {
                    (None, Some(recording)) => Some(recording.clone()),
                    (path, _) => match recordings.find(path.as_deref()) {
                        Ok(found) => found,
                        Err(error) => {
                            self.skipped.push(Skipped { name: table.to_owned(), reason: crate::one_line(&error) });
                            None
                        }
                    },
                };
                places.insert(row.path.clone(), found);
            }
            self.has_scores |= row.score.is_some();
            match places.get(&row.path).and_then(Option::as_ref) {
                Some(recording) => {
                    let mark = self.mark(row, options);
                    self.of.entry(recording.clone()).or_default().push(mark);
                }
                None => *missing.entry(row.path.unwrap_or_default()).or_default() += 1,
            }
        }
        for (path, n) in missing {
            let reason = format!("{n} rows of the recording `{path}`: {}", recordings.reason());
            self.skipped.push(Skipped { name: table.to_owned(), reason });
        }
        Ok(())
    }

    /// A row as an annotation; what cannot be a label is time that is not free.
    fn mark(&mut self, row: TableDetection, options: &Options) -> Mark {
        let label = labels::normalize(&row.label);
        let is_weak = options.min_score.is_some_and(|least| row.score.is_some_and(|score| score < least));
        let reason = match () {
            () if labels::is_missing(label) => Some("without a label"),
            () if label.starts_with(NOT) => Some("that say only what a sound is not"),
            () if labels::refusal(label).is_some() => Some("whose label is a word of predictions"),
            () if is_weak => Some("with a lower score"),
            () => None,
        };
        reason.into_iter().for_each(|reason| *self.left.entry(reason).or_default() += 1);
        let label = reason.is_none().then(|| label.to_owned());
        Mark { start_ms: row.start_ms, end_ms: row.end_ms, channel: row.channel, label }
    }
}

/// A file that may be a table of annotations.
struct Candidate<'a> {
    file: &'a Found,
    /// None of a file without bytes, which is a table without rows.
    tool: Option<&'static str>,
}

/// Files that begin as a table of annotations, or are empty; nothing long.
fn candidates(walk: &Walk) -> impl Iterator<Item = Candidate<'_>> {
    let candidate = |file| {
        let Found { path, .. }: &Found = file;
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        let n_bytes = ["txt", "csv", "tsv"].iter().any(|known| extension == *known).then(|| storage::metadata(path));
        let n_bytes = n_bytes?.ok()?.n_bytes;
        let tool = if n_bytes <= MOST_BYTES { Head::of(path).tool() } else { None };
        (tool.is_some() || n_bytes == 0).then_some(Candidate { file, tool })
    };
    walk.files.iter().filter_map(candidate)
}

/// The rows of a table.
fn rows(table: &Path, options: &Options) -> Result<Vec<TableDetection>> {
    detections(table, options.label_column.as_deref())
}

/// Recordings by folder and by name without extension.
fn by_stem(walk: &Walk) -> HashMap<(&str, &str), Vec<&Found>> {
    let mut all: HashMap<(&str, &str), Vec<&Found>> = HashMap::new();
    for file in walk.files.iter().filter(|file| is_sound(&file.path)) {
        let (folder, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        all.entry((folder, stem)).or_default().push(file);
    }
    all
}

/// The recording beside a table of its name: `night.Table.1.selections.txt` is of `night.wav`.
fn of_name<'a>(table: &str, by_stem: &HashMap<(&str, &str), Vec<&'a Found>>) -> Option<&'a PathBuf> {
    let (folder, name) = table.rsplit_once('/').unwrap_or(("", table));
    let mut stem = name;
    while let Some((shorter, _)) = stem.rsplit_once('.') {
        stem = shorter;
        if let Some([one]) = by_stem.get(&(folder, stem)).map(Vec::as_slice) {
            return Some(&one.path);
        }
    }
    None
}

/// The last part of a path, whichever system it is of.
fn last(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// The path of a recording in the manifest.
fn name_below(root: &Path, recording: &Path) -> Result<String> {
    let path = match recording.strip_prefix(root) {
        Ok(below) => below.to_owned(),
        Err(_) => std::path::absolute(recording).with_context(|| recording.display().to_string())?,
    };
    Ok(audio_io::utf8_name(&path)?.replace(std::path::MAIN_SEPARATOR, "/"))
}

/// How long a recording is.
fn length_ms(path: &Path) -> Result<u64> {
    let mut recording = Recording::open(path)?;
    let rate_hz = u64::from(recording.rate_hz());
    let n_frames = match recording.declared_frames() {
        Some(n_frames) => n_frames,
        None => {
            let mut block = Vec::new();
            while recording.next_block(BLOCK_FRAMES, &mut block)? > 0 {
                block.iter_mut().for_each(Vec::clear);
            }
            recording.n_frames()
        }
    };
    n_frames.saturating_mul(1000).checked_div(rate_hz).ok_or_else(|| Error::Invalid("a rate of 0 Hz".into()))
}
