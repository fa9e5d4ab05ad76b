//! What names of files, folders and columns say.

use audio_io::split_names;
use std::io::Read;
use std::path::Path;

/// Bytes of a table that are looked at.
const HEAD: u64 = 64 << 10;

/// What may separate the columns of a header.
const SEPARATORS: [char; 4] = ['\t', ',', ';', '|'];

/// The table of ESC-50, below its folder.
pub(super) const ESC50: &str = "meta/esc50.csv";

/// Folders of BirdNET-Analyzer whose sounds belong to no class, in any letter case.
const NO_CLASS: [&str; 4] = ["noise", "other", "background", "silence"];

/// What stands before the class whose sounds a folder does not hold, though they are like them.
const NEGATIVE: char = '-';

/// Whether a class folder means no class to BirdNET-Analyzer.
pub(super) fn is_no_class(folder: &str) -> bool {
    let folder = folder.trim();
    folder.starts_with(NEGATIVE) || NO_CLASS.iter().any(|name| folder.eq_ignore_ascii_case(name))
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

/// How a table begins.
pub(super) struct Head {
    /// Its first line that is not empty; empty where it cannot be read.
    line: String,
    /// The names of its columns, in small letters.
    pub(super) columns: Vec<String>,
}

impl Head {
    /// Of a file, of which this reads the beginning.
    pub(super) fn of(path: &Path) -> Self {
        let mut head = Vec::new();
        if let Ok(file) = storage::open(path) {
            drop(file.take(HEAD).read_to_end(&mut head));
        }
        // Zeros go with UTF-16, which manifests may have.
        head.retain(|byte| *byte != 0);
        let text = String::from_utf8_lossy(&head);
        let text = text.trim_start_matches(['\u{feff}', '\u{fffd}']);
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned();
        let separator = SEPARATORS.into_iter().max_by_key(|separator| line.matches(*separator).count()).unwrap_or(',');
        let columns = line.split(separator).map(|name| name.trim().trim_matches('"').to_lowercase()).collect();
        Self { line, columns }
    }

    /// Whether all of these columns are there.
    pub(super) fn has(&self, wanted: &[&str]) -> bool {
        wanted.iter().all(|wanted| self.columns.iter().any(|name| name == wanted))
    }

    /// Whether it is an object of JSON with this key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.line.starts_with('{') && self.line.contains(&format!("\"{key}\""))
    }

    /// The tool that a table of annotations is of.
    pub(super) fn tool(&self) -> Option<&'static str> {
        let mut cells = self.line.split('\t');
        let mut is_time = || cells.next().is_some_and(|cell| cell.trim().parse::<f64>().is_ok());
        Some(match () {
            () if self.has(&["begin time (s)", "common name"]) => "BirdNET-Analyzer",
            () if self.has(&["begin time (s)"]) => "Raven",
            () if self.has(&["start (s)"]) => "BirdNET-Analyzer",
            () if self.has(&["in file"]) => "Kaleidoscope",
            () if self.has(&["species_name"]) => "birdnet for Python",
            () if self.has(&["start_offset_s"]) => "Hoplite",
            () if self.line.starts_with('{') => "barkbird",
            () if is_time() && is_time() => "Audacity",
            () => return None,
        })
    }
}
