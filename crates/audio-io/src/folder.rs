//! A folder of class folders as a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::labels;
use crate::manifest::{Manifest, Row};
use crate::walk::{Walk, walk};
use crate::warning::Warning;

/// Extensions of sound files, in any letter case. The real format is detected later, from the bytes.
pub const EXTENSIONS: [&str; 22] = [
    "wav", "wave", "w64", "rf64", "bwf", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "alac", "aif",
    "aiff", "aifc", "caf", "mka", "webm", "wma", "mkv",
];

/// Lists a folder: its folders are the classes, every sound in them at any depth is a row, sorted by path. Other files
/// are in [`Manifest::ignored`], and what could not be read or was listed twice in [`Manifest::skipped`].
///
/// # Errors
/// A folder that cannot be read, one without class folders, a class folder without a sound, a class with a name that is
/// reserved, and a walk that was stopped.
pub(crate) fn from_folder(dir: &Path, cancelled: &dyn Fn() -> bool) -> Result<Manifest> {
    let Walk { files, folders, skipped } = walk(dir, cancelled)?;
    let mut manifest = Manifest { root: dir.to_owned(), skipped, ..Manifest::default() };
    let mut classes: BTreeMap<&str, usize> =
        folders.iter().filter(|folder| !folder.name.contains('/')).map(|folder| (folder.name.as_str(), 0)).collect();
    for file in &files {
        match file.name.split_once('/') {
            Some((class, _)) if is_sound(&file.path) => {
                *classes.entry(class).or_default() += 1;
                let label = labels::normalize(class).to_owned();
                manifest.rows.push(Row { path: file.name.clone(), label, ..Row::default() });
            }
            _ => manifest.ignored.push(file.name.clone()),
        }
    }
    let fail = |path: PathBuf, message: &str| Err(Error::Folder { path, message: message.to_owned() });
    if classes.is_empty() {
        return fail(dir.to_owned(), "no class folders: put the recordings of each class in a folder of its name");
    }
    if manifest.rows.is_empty() {
        return fail(dir.to_owned(), "no sound in any class folder: see the supported formats, or name a manifest");
    }
    // What was left out of a folder is listed; it may have been all of it.
    let is_listed = |class: &str| manifest.skipped.iter().any(|skipped| skipped.name.split('/').next() == Some(class));
    if let Some((class, _)) = classes.iter().find(|(class, n)| **n == 0 && !is_listed(class)) {
        return fail(dir.join(class), "a class without a sound: add recordings, or remove the folder");
    }
    for (class, _) in classes.iter().filter(|(_, n)| **n > 0) {
        if let Some(message) = labels::refusal(class) {
            return fail(dir.join(class), &message);
        }
    }
    let mut folders_of: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (class, _) in classes.iter().filter(|(_, n)| **n > 0) {
        folders_of.entry(labels::normalize(class)).or_default().push((*class).to_owned());
    }
    for (class, folders) in folders_of.into_iter().filter(|(_, folders)| folders.len() > 1) {
        manifest.warnings.push(Warning::MergedFolders { class: class.to_owned(), folders });
    }
    manifest.rows.sort_by(|a, b| a.path.cmp(&b.path));
    manifest.ignored.sort();
    Ok(manifest)
}

/// Whether the extension is one of a sound.
pub fn is_sound(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if !file.ends_with('/') {
                std::fs::write(path, b"x").unwrap();
            }
        }
        dir
    }

    fn read(dir: &Path) -> Result<Manifest> {
        from_folder(dir, &|| false)
    }

    #[test]
    fn classes_are_top_folders_at_any_depth_and_letter_case() {
        let dir =
            folder(&["dog/b.WAV", "dog/deep/er/a.Flac", "bird/c.mp3", "dog/.hidden.wav", "dog/notes.txt", "x.wav"]);
        let manifest = read(dir.path()).unwrap();
        let rows: Vec<(&str, &str)> = manifest.rows.iter().map(|row| (&*row.path, &*row.label)).collect();
        assert_eq!(rows, [("bird/c.mp3", "bird"), ("dog/b.WAV", "dog"), ("dog/deep/er/a.Flac", "dog")]);
        assert_eq!(manifest.ignored, ["dog/notes.txt", "x.wav"]);
    }

    #[test]
    fn unusable_folders_say_what_to_do() {
        let message = |files: &[&str]| {
            let dir = folder(files);
            let error = read(dir.path()).unwrap_err().to_string();
            error.replace(&*dir.path().to_string_lossy(), "data")
        };
        assert!(message(&["a.wav"]).contains("no class folders"));
        assert!(message(&["dog/readme.txt"]).contains("no sound in any class folder"));
        let error = message(&["dog/a.wav", "bird/readme.txt"]);
        assert_eq!(error, "data/bird: a class without a sound: add recordings, or remove the folder");
        assert!(message(&["dog/a.wav", "Unsure/b.wav"]).contains("cannot be a class"));
        let missing = read(Path::new("no/such")).unwrap_err().to_string();
        assert!(missing.starts_with("no/such: cannot be read"));
    }

    #[test]
    fn labels_are_trimmed_as_in_a_table_and_neither_is_known_in_any_case() {
        let dir = folder(&["dog/a.wav", "dog /b.wav", "Neither/c.wav"]);
        let manifest = read(dir.path()).unwrap();
        let labels: Vec<&str> = manifest.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels, ["neither", "dog", "dog"]);
        assert_eq!(manifest.rows[1].path, "dog /b.wav");
        let merged = Warning::MergedFolders { class: "dog".into(), folders: vec!["dog".into(), "dog ".into()] };
        assert_eq!(manifest.warnings, [merged]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_is_left_out_and_said() {
        let dir = folder(&["dog/a.wav"]);
        std::os::unix::fs::symlink(dir.path().join("dog"), dir.path().join("dog/again")).unwrap();
        let manifest = read(dir.path()).unwrap();
        assert_eq!((manifest.rows.len(), manifest.skipped.len()), (1, 1));
        assert_eq!(manifest.skipped[0].name, "dog/again");
    }
}
