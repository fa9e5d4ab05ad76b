//! Names of files in archives: on every system, a path below the folder that they are unpacked to, and each another one.

use crate::source::is_plain_path;
use std::collections::HashSet;

/// Bytes of a name at most.
const MOST_BYTES: usize = 1024;

/// Names that are devices on Windows, whatever their extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The names of an archive so far, in small letters: some file systems take `A` and `a` for one.
#[derive(Default)]
pub(super) struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// The name, and whether it is that of a folder (with a slash at its end, which is left out).
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(String, bool), String> {
        let text = str::from_utf8(bytes).map_err(|_| "a name that is not UTF-8".to_owned())?;
        let name = text.strip_suffix('/').unwrap_or(text);
        if !is_harmless(name) {
            let shown: String = text.chars().take(80).collect();
            return Err(format!("{shown:?}: a name that leads out of the folder, or that not every system has"));
        }
        let is_folder = name.len() < text.len();
        let small = name.to_lowercase();
        let mut parents = small.match_indices('/').map(|(at, _)| &small[..at]);
        let is_new = match is_folder {
            true => !self.files.contains(&small),
            false => !self.folders.contains(&small) && self.files.insert(small.clone()),
        };
        if !is_new || parents.any(|parent| self.files.contains(parent)) {
            return Err(format!("{name}: two files have this name"));
        }
        self.folders.extend(small.match_indices('/').map(|(at, _)| small[..at].to_owned()));
        if is_folder {
            self.folders.insert(small);
        }
        Ok((name.to_owned(), is_folder))
    }
}

fn is_harmless(name: &str) -> bool {
    let part = |part: &str| {
        let stem = part.split('.').next().unwrap_or_default().to_lowercase();
        let numbered = (stem.starts_with("com") || stem.starts_with("lpt")) && stem.chars().count() == 4;
        !part.ends_with(['.', ' '])
            && !part.contains(['<', '>', '"', '|', '?', '*'])
            && !DEVICES.contains(&stem.as_str())
            && !numbered
    };
    name.len() <= MOST_BYTES && is_plain_path(name) && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_folder_on_every_system() {
        for name in ["a", "a/b.wav", "ESC-50-master/audio/1-100032-A-0.wav", ".gitignore", "comet/lpt.txt", "ä/ö"] {
            assert_eq!(Names::default().add(name.as_bytes()).unwrap(), (name.to_owned(), false));
        }
        let long = "a".repeat(MOST_BYTES + 1);
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/../b",
            "a//b",
            "./a",
            "a/.",
            "a\\b",
            "c:/a",
            "c:a",
            "a\0",
            "a\nb",
            "nul",
            "a/COM1.wav",
            "a./b",
            "a ",
            "a?",
            "//host/a",
            &long,
        ] {
            assert!(Names::default().add(name.as_bytes()).is_err(), "{name:?}");
        }
        assert!(Names::default().add(b"\xff").is_err());
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let add = |all: &[&str]| {
            let mut names = Names::default();
            all.iter().all(|name| names.add(name.as_bytes()).is_ok())
        };
        assert!(add(&["a/", "a/b", "a/c", "a/", "b"]));
        for twice in
            [&["a", "a"][..], &["a", "A"], &["a", "a/b"], &["a/b", "a"], &["a/", "a"], &["a", "a/"], &["a/B", "A/b"]]
        {
            assert!(!add(twice), "{twice:?}");
        }
    }
}
