//! A folder of class folders as a manifest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::manifest::{Manifest, Row};

/// Extensions that are taken for sound, whatever their letter case. What a file really is, its bytes say later.
pub const EXTENSIONS: [&str; 22] = [
    "wav", "wave", "w64", "rf64", "bwf", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "alac", "aif",
    "aiff", "aifc", "caf", "mka", "webm", "wma", "mkv",
];

/// Deepest nesting that is followed; a link that leads back to itself ends here.
const MAX_DEPTH: usize = 32;

impl Manifest {
    /// Lists a folder: its folders are the classes, every sound in them at any depth is a row, sorted by path. Hidden
    /// files and folders are skipped, other files are listed in [`Manifest::ignored`].
    ///
    /// # Errors
    /// A folder that cannot be read, one without class folders, and a class folder without a sound.
    pub fn from_folder(dir: &Path) -> Result<Manifest> {
        let mut classes: BTreeMap<String, usize> = BTreeMap::new();
        let mut manifest = Manifest { root: dir.to_owned(), ..Manifest::default() };
        for entry in entries(dir)? {
            if !entry.is_dir {
                manifest.ignored.push(entry.name);
                continue;
            }
            let n_before = manifest.rows.len();
            walk(&entry, &entry.name, &entry.name, 1, &mut manifest)?;
            classes.insert(entry.name, manifest.rows.len() - n_before);
        }
        let fail = |path: PathBuf, message: &str| Err(Error::Folder { path, message: message.to_owned() });
        if classes.is_empty() {
            return fail(dir.to_owned(), "no class folders: put the recordings of each class in a folder of its name");
        }
        if manifest.rows.is_empty() {
            return fail(dir.to_owned(), "no sound in any class folder: see the supported formats, or name a manifest");
        }
        if let Some((class, _)) = classes.iter().find(|(_, n)| **n == 0) {
            return fail(dir.join(class), "a class without a sound: add recordings, or remove the folder");
        }
        manifest.rows.sort_by(|a, b| a.path.cmp(&b.path));
        manifest.ignored.sort();
        Ok(manifest)
    }
}

struct Entry {
    path: PathBuf,
    name: String,
    is_dir: bool,
    /// Whether `name` is the real name: a name that is no UTF-8 cannot stand in a manifest.
    is_text: bool,
}

fn entries(dir: &Path) -> Result<Vec<Entry>> {
    let fail = |source| Error::Read { path: dir.to_owned(), source };
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let raw = path.file_name().unwrap_or_default();
        let (name, is_text) = (raw.to_string_lossy().into_owned(), raw.to_str().is_some());
        if !name.starts_with('.') {
            out.push(Entry { is_dir: path.is_dir(), path, name, is_text });
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(out)
}

fn walk(folder: &Entry, class: &str, prefix: &str, depth: usize, manifest: &mut Manifest) -> Result<()> {
    if depth > MAX_DEPTH {
        let message = format!("folders nested deeper than {MAX_DEPTH}: is there a link that leads back?");
        return Err(Error::Folder { path: folder.path.clone(), message });
    }
    for entry in entries(&folder.path)? {
        let path = format!("{prefix}/{}", entry.name);
        if entry.is_dir {
            walk(&entry, class, &path, depth + 1, manifest)?;
        } else if entry.is_text && folder.is_text && is_sound(&entry.path) {
            manifest.rows.push(Row { path, label: class.to_owned(), ..Row::default() });
        } else {
            manifest.ignored.push(path);
        }
    }
    Ok(())
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

    #[test]
    fn classes_are_top_folders_at_any_depth_and_letter_case() {
        let dir =
            folder(&["dog/b.WAV", "dog/deep/er/a.Flac", "bird/c.mp3", "dog/.hidden.wav", "dog/notes.txt", "x.wav"]);
        let manifest = Manifest::from_folder(dir.path()).unwrap();
        let rows: Vec<(&str, &str)> = manifest.rows.iter().map(|row| (&*row.path, &*row.label)).collect();
        assert_eq!(rows, [("bird/c.mp3", "bird"), ("dog/b.WAV", "dog"), ("dog/deep/er/a.Flac", "dog")]);
        assert_eq!(manifest.ignored, ["dog/notes.txt", "x.wav"]);
        assert_eq!(Manifest::open(dir.path()).unwrap(), manifest);
    }

    #[test]
    fn unusable_folders_say_what_to_do() {
        let message = |files: &[&str]| {
            let dir = folder(files);
            let error = Manifest::from_folder(dir.path()).unwrap_err().to_string();
            error.replace(&*dir.path().to_string_lossy(), "data")
        };
        assert!(message(&["a.wav"]).contains("no class folders"));
        assert!(message(&["dog/readme.txt"]).contains("no sound in any class folder"));
        let error = message(&["dog/a.wav", "bird/readme.txt"]);
        assert_eq!(error, "data/bird: a class without a sound: add recordings, or remove the folder");
        let missing = Manifest::from_folder(Path::new("no/such")).unwrap_err().to_string();
        assert!(missing.starts_with("no/such: cannot be read"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_is_an_error_not_a_hang() {
        let dir = folder(&["dog/a.wav"]);
        std::os::unix::fs::symlink(dir.path().join("dog"), dir.path().join("dog/again")).unwrap();
        let error = Manifest::from_folder(dir.path()).unwrap_err().to_string();
        assert!(error.contains("leads back"), "{error}");
    }
}
