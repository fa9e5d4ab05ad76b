//! Names of clips: safe on every system, and none of them twice.

use std::collections::HashSet;
use std::path::Path;

/// Longest part of a name that comes from a label or a recording, in bytes: file systems take 255 for the whole.
const MOST_BYTES: usize = 100;

/// Names that Windows has for devices.
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

/// What a name is made of.
pub(super) struct Named<'a> {
    pub(super) label: &'a str,
    pub(super) score: Option<f64>,
    /// The recording's name without its extension.
    pub(super) stem: &'a str,
    /// Real time of the start, as ISO 8601.
    pub(super) recorded: Option<&'a str>,
    /// Start in the recording, in milliseconds.
    pub(super) start_ms: u64,
    pub(super) extension: &'a str,
}

/// The names in a folder.
pub(crate) struct Names<'a> {
    folder: &'a Path,
    /// In lower case: some file systems do not tell case apart.
    taken: HashSet<String>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self { folder, taken: HashSet::new() }
    }

    /// The name of a clip below the folder, with `/`: `dog/0.93_night_2026-05-01T043012_12.500s.wav`. A number is added where
    /// there is such a file, or a picture of it.
    pub(super) fn of(&mut self, clip: &Named<'_>) -> String {
        let score = clip.score.map(|score| format!("{score:.2}_")).unwrap_or_default();
        // Date, hours, minutes and seconds.
        let time = |iso: &str| format!("_{}", iso.chars().take(19).filter(|c| *c != ':').collect::<String>());
        let time = clip.recorded.map(time).unwrap_or_default();
        let (s, ms) = (clip.start_ms / 1000, clip.start_ms % 1000);
        let label = if clip.label.trim().is_empty() { "unlabeled" } else { clip.label };
        let stem = format!("{}/{score}{}{time}_{s}.{ms:03}s", safe(label), safe(clip.stem));
        self.free(&stem, &[clip.extension, "png"])
    }

    /// The name of a file in the folder that is not there: `stem.extension`, or with a number. Names with the same stem and the
    /// other extensions are not there, either.
    pub(crate) fn free(&mut self, stem: &str, extensions: &[&str]) -> String {
        let is_free = |stem: &String| {
            let is_there =
                |extension: &&str| self.folder.join(format!("{stem}.{extension}")).symlink_metadata().is_ok();
            !self.taken.contains(&stem.to_lowercase()) && !extensions.iter().any(is_there)
        };
        let numbered = (2..).map(|number: u64| format!("{stem}-{number}"));
        let free = std::iter::once(stem.to_owned()).chain(numbered).find(is_free).unwrap_or_default();
        self.taken.insert(free.to_lowercase());
        format!("{free}.{}", extensions[0])
    }
}

/// A name that is a file's name on every system: without what Windows forbids, separators, control characters, a dot in front
/// or at the end, and names of devices.
pub fn safe(name: &str) -> String {
    let character = |c: char| if c.is_control() || "<>:\"/\\|?*".contains(c) { '_' } else { c };
    let mut safe: String = name.trim().chars().map(character).collect();
    if safe.len() > MOST_BYTES {
        let end = (0..=MOST_BYTES).rev().find(|&end| safe.is_char_boundary(end)).unwrap_or(0);
        safe.truncate(end);
    }
    let kept = safe.trim_end_matches(['.', ' ']).len();
    let ends = safe.split_off(kept);
    safe.extend(ends.chars().map(|_| '_'));
    if safe.starts_with('.') {
        safe.replace_range(..1, "_");
    }
    let first = safe.split('.').next().unwrap_or_default().to_uppercase();
    let is_port = |name: &str| {
        let number = first.strip_prefix(name).unwrap_or_default();
        number.chars().count() == 1 && number.chars().all(|c| "123456789¹²³".contains(c))
    };
    if DEVICES.contains(&first.as_str()) || is_port("COM") || is_port("LPT") || safe.is_empty() {
        safe.insert(0, '_');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_everywhere() {
        for (name, expected) in [
            ("Strix aluco_Tawny Owl", "Strix aluco_Tawny Owl"),
            ("a/b\\c:d*?\"<>|\t", "a_b_c_d______"),
            ("..", "__"),
            ("../../etc", "_._.._etc"),
            ("dog. ", "dog_"),
            ("nul", "_nul"),
            ("COM1.x", "_COM1.x"),
            ("COM10", "COM10"),
            ("", "_"),
            ("鳥 é", "鳥 é"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
        let long = safe(&"鳥".repeat(100));
        assert_eq!((long.len(), long.chars().count()), (99, 33));
    }

    #[test]
    fn a_name_says_what_is_in_it_and_is_never_there_twice() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Names::new(folder.path());
        let recorded = Some("2026-05-01T04:30:12.500+02:00");
        let clip = Named { label: "dog", score: Some(0.93), stem: "A1", recorded, start_ms: 12_500, extension: "wav" };
        assert_eq!(names.of(&clip), "dog/0.93_A1_2026-05-01T043012_12.500s.wav");
        assert_eq!(names.of(&clip), "dog/0.93_A1_2026-05-01T043012_12.500s-2.wav");
        assert_eq!(names.of(&Named { label: "DOG", ..clip }), "DOG/0.93_A1_2026-05-01T043012_12.500s-3.wav");
        let plain = Named { label: " ", score: None, recorded: None, start_ms: 5, ..clip };
        assert_eq!(names.of(&plain), "unlabeled/A1_0.005s.wav");
        std::fs::write(folder.path().join("clips.csv"), "").unwrap();
        assert_eq!(names.free("clips", &["csv", "selections.txt"]), "clips-2.csv");
    }
}
