//! What a folder or a table is.

use super::{Layout, Options, annotated, folders};
use crate::error::Result;
use crate::observer::CancelToken;
use audio_io::{is_sound, split_names};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// Bytes of a table that are looked at.
const HEAD: u64 = 64 << 10;

/// What may separate the columns of a header.
const SEPARATORS: [char; 4] = ['\t', ',', ';', '|'];

/// The table of ESC-50, below its folder.
pub(super) const ESC50: &str = "meta/esc50.csv";

/// The layout of data.
pub(super) fn layout(path: &Path, options: &Options, cancel: &CancelToken) -> Result<Layout> {
    if !storage::is_dir(path) {
        return Ok(of_table(path));
    }
    if storage::is_file(path.join(ESC50)) {
        return Ok(Layout::Esc50);
    }
    let walk = audio_io::walk(path, &|| cancel.is_cancelled())?;
    if walk.files.iter().any(|file| is_metadata(&file.name) && of_table(&file.path) == Layout::Audiofolder) {
        return Ok(Layout::Audiofolder);
    }
    let sounds = || walk.files.iter().filter(|file| is_sound(&file.path));
    let in_split = |name: &str| {
        let mut parts = below_data(name).split('/');
        parts.next().and_then(split_of).is_some() && parts.count() > 1
    };
    let tops: BTreeSet<&str> =
        sounds().map(|file| below_data(&file.name).split('/').next().unwrap_or_default()).collect();
    if tops.len() > 1 && sounds().all(|file| in_split(&file.name)) {
        return Ok(Layout::Audiofolder);
    }
    if annotated::is_there(path, &walk, options, cancel)? {
        return Ok(Layout::Annotations);
    }
    let is_birdnet = sounds().filter_map(|file| file.name.split_once('/')).any(|(top, _)| folders::is_no_class(top));
    Ok(if is_birdnet { Layout::Birdnet } else { Layout::Folders })
}

/// Whether a file is the table of an audiofolder by its name.
pub(super) fn is_metadata(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("metadata.csv" | "metadata.jsonl"))
}

/// The name below the folder `data` that Hugging Face's repositories have.
pub(super) fn below_data(name: &str) -> &str {
    name.strip_prefix("data/").unwrap_or(name)
}

/// The split that a folder is named after.
pub(super) fn split_of(folder: &str) -> Option<String> {
    let lower = folder.to_lowercase();
    let split = match lower.as_str() {
        "dev" | "eval" => "val".to_owned(),
        _ => split_names::normalize(folder),
    };
    split_names::SPLITS.contains(&split.as_str()).then_some(split)
}

/// The names of a table's columns in small letters; none where it cannot be read.
pub(super) fn columns(path: &Path) -> Vec<String> {
    let line = first_line(path);
    let separator = SEPARATORS.into_iter().max_by_key(|separator| line.matches(*separator).count()).unwrap_or(',');
    line.split(separator).map(|name| name.trim().trim_matches('"').to_lowercase()).collect()
}

/// The first line of a text that is not empty.
fn first_line(path: &Path) -> String {
    let mut head = Vec::new();
    if let Ok(file) = storage::open(path) {
        drop(file.take(HEAD).read_to_end(&mut head));
    }
    // Zeros go with UTF-16, which manifests may have.
    head.retain(|byte| *byte != 0);
    let text = String::from_utf8_lossy(&head);
    let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// The layout that a table belongs to.
fn of_table(path: &Path) -> Layout {
    let names = columns(path);
    let has = |wanted: &[&str]| wanted.iter().all(|wanted| names.iter().any(|name| name == wanted));
    let line = first_line(path);
    match () {
        () if has(&["path", "label"]) => Layout::Manifest,
        () if has(&["filename", "fold", "category"]) => Layout::Esc50,
        () if has(&["file_name"]) || (line.starts_with('{') && line.contains("\"file_name\"")) => Layout::Audiofolder,
        () if table(&line, &names).is_some() => Layout::Annotations,
        () => Layout::Manifest,
    }
}

/// The tool that a table of annotations is of.
pub(super) fn tool(path: &Path) -> Option<&'static str> {
    table(&first_line(path), &columns(path))
}

fn table(line: &str, names: &[String]) -> Option<&'static str> {
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let mut cells = line.split('\t');
    let mut is_time = || cells.next().is_some_and(|cell| cell.trim().parse::<f64>().is_ok());
    Some(match () {
        () if has("begin time (s)") && has("common name") => "BirdNET-Analyzer",
        () if has("begin time (s)") => "Raven",
        () if has("start (s)") => "BirdNET-Analyzer",
        () if has("in file") => "Kaleidoscope",
        () if has("species_name") => "birdnet for Python",
        () if has("start_offset_s") => "Hoplite",
        () if line.starts_with('{') => "barkbird",
        () if is_time() && is_time() => "Audacity",
        () => return None,
    })
}
