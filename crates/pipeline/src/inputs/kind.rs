//! What a path is, told from its bytes and its files.

use crate::error::{Result, bail};
use inference::MODEL_FILE;
use std::io::Read;
use std::path::Path;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is nothing.
    Missing,
    /// A sound file.
    Recording,
    /// A folder with sound files.
    Recordings,
    /// A CSV.
    Table,
    /// What `features` or `augment` writes, or an unfinished part of it.
    Features,
    /// What `embed` writes.
    Embeddings,
    /// What `train` writes, or an unfinished part of it.
    Run,
    /// A model file.
    Model,
    /// Another folder.
    Folder,
    /// Another file, or something that is neither a file nor a folder.
    Other,
}

/// What is expected in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The folder of a run, or a model file.
    Run,
    /// A features folder.
    Features,
    /// A manifest, or a folder of class folders.
    Manifest,
    /// Recordings, folders of recordings, or manifests.
    Recordings,
    /// One recording.
    Recording,
}

/// Files of a run, finished or not.
const OF_RUN: [&str; 3] = [MODEL_FILE, "last.safetensors", "best.safetensors"];
/// Depth to which a folder is searched for a recording.
const DEPTH: usize = 3;
/// Most entries that are looked at in each folder.
const MOST_ENTRIES: usize = 2000;
/// Bytes of a file that are looked at.
const HEAD: u64 = 4096;

/// What a path is.
pub fn what_is(path: &Path) -> Kind {
    match storage::metadata(path).map(|metadata| metadata.kind) {
        Err(_) => return Kind::Missing,
        Ok(storage::Kind::Folder) => return of_folder(path),
        Ok(storage::Kind::File) => {}
        Ok(_) => return Kind::Other,
    }
    let head = head(path);
    match () {
        () if is_table(path) => Kind::Table,
        () if is_safetensors(&head) => Kind::Model,
        () if begins_as_sound(&head) || audio_io::is_sound(path) => Kind::Recording,
        () => Kind::Other,
    }
}

/// Refuses what is known to be something else than what is expected, and says what to do. What is missing or of no known
/// kind is left to whoever reads it.
///
/// # Errors
/// What was given, what was expected, and the command that was probably meant.
pub fn expect(path: &Path, expected: Expected) -> Result<()> {
    let kind = what_is(path);
    // A folder may hold a run and recordings too.
    let holds_both = || kind == Kind::Run && expected.takes(Kind::Recordings) && holds_sound(path, DEPTH);
    if expected.takes(kind) || holds_both() {
        return Ok(());
    }
    let (path, kind_name, name) = (path.display(), kind.words(), expected.words());
    let hint = hint(&path.to_string(), kind, expected);
    bail!("{path} is {kind_name}; expected {name}; {hint}")
}

impl Kind {
    /// The kind with its article.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Recording => "a recording",
            Self::Recordings => "a folder of recordings",
            Self::Table => "a table (CSV)",
            Self::Features => "a features folder",
            Self::Embeddings => "a folder of embeddings",
            Self::Run => "the folder of a run",
            Self::Model => "a model file",
            Self::Folder => "a folder of other things",
            Self::Other => "something else",
        }
    }
}

impl Expected {
    fn words(self) -> &'static str {
        match self {
            Self::Run => "the folder of a run, or a model file",
            Self::Features => "a features folder",
            Self::Manifest => "a manifest (CSV), or a folder with one folder a class",
            Self::Recordings => "recordings, folders of recordings, or manifests",
            Self::Recording => "a recording",
        }
    }

    fn takes(self, kind: Kind) -> bool {
        use Kind::{Embeddings, Features, Folder, Missing, Model, Other, Recording, Recordings, Run, Table};
        match self {
            Self::Run => matches!(kind, Run | Model | Missing | Other | Folder),
            Self::Features => matches!(kind, Features | Embeddings | Missing | Other),
            Self::Manifest => matches!(kind, Table | Recordings | Missing | Other | Folder),
            Self::Recordings => matches!(kind, Recording | Recordings | Table | Missing | Other | Folder),
            Self::Recording => matches!(kind, Recording | Missing | Other),
        }
    }
}

fn hint(path: &str, kind: Kind, expected: Expected) -> String {
    match (expected, kind) {
        (Expected::Run, Kind::Recordings) if what_is(&Path::new(path).join("run")) == Kind::Run => {
            format!("did you mean `{path}/run`?")
        }
        (Expected::Run | Expected::Manifest, Kind::Recording) | (Expected::Run, Kind::Recordings | Kind::Table) => {
            format!("did you mean `barkbird predict RUN {path}`?")
        }
        (Expected::Run, _) => "name the folder that `barkbird train` wrote".into(),
        (Expected::Features, Kind::Recordings) => format!(
            "make a manifest of it with `barkbird scan {path} --out manifest.csv`, then features with `barkbird \
             features manifest.csv --out DIR`"
        ),
        (Expected::Features, Kind::Table) => format!("did you mean `barkbird features {path} --out DIR`?"),
        (Expected::Features, _) => "name the folder that `barkbird features` wrote".into(),
        (Expected::Manifest, Kind::Features) => "name the manifest that it was computed from".into(),
        (Expected::Manifest, _) => "name the manifest that `barkbird scan` wrote".into(),
        (Expected::Recordings, Kind::Run | Kind::Model) => {
            format!("the run comes first: `barkbird predict {path} RECORDING`")
        }
        (Expected::Recordings, _) => format!("did you mean `barkbird evaluate RUN --features {path} --out DIR`?"),
        (Expected::Recording, _) => "name one sound file".into(),
    }
}

/// Whether a path is a table by its name.
pub(super) fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn of_folder(path: &Path) -> Kind {
    let index = head(&path.join("index.json"));
    let index = String::from_utf8_lossy(&index);
    match () {
        () if index.contains("\"embedding/") => Kind::Embeddings,
        () if index.contains("\"spectrogram/") || storage::is_file(path.join("shard-00000.safetensors")) => {
            Kind::Features
        }
        () if OF_RUN.iter().any(|name| storage::is_file(path.join(name))) => Kind::Run,
        () if holds_sound(path, DEPTH) => Kind::Recordings,
        () => Kind::Folder,
    }
}

fn holds_sound(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = storage::list(folder) else { return false };
    let entries = &entries[..entries.len().min(MOST_ENTRIES)];
    let is_sound = |name: &std::ffi::OsStr| audio_io::is_sound(Path::new(name));
    entries.iter().any(|entry| is_sound(&entry.name) && entry.leads_to(folder) == storage::Kind::File)
        || depth > 1
            && entries.iter().any(|entry| {
                entry.leads_to(folder) == storage::Kind::Folder && holds_sound(&folder.join(&entry.name), depth - 1)
            })
}

/// The first bytes of a file; none where it cannot be read.
fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if storage::is_file(path)
        && let Ok(file) = storage::open(path)
    {
        drop(file.take(HEAD).read_to_end(&mut head));
    }
    head
}

/// Eight bytes of length, then a JSON object.
fn is_safetensors(head: &[u8]) -> bool {
    head.len() > 8 && head[8] == b'{' && head[4..8] == [0; 4]
}

fn begins_as_sound(head: &[u8]) -> bool {
    let begins: [&[u8]; 7] = [b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM", b"caff"];
    begins.iter().any(|magic| head.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn kinds_and_what_is_said_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["set/dog", "run", "features", "embeddings", "empty"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        let model = [&7_u64.to_le_bytes()[..], b"{\"a\":1}"].concat();
        fs::write(path("set/dog/a.wav"), b"RIFF").unwrap();
        fs::write(path("unnamed"), b"fLaC....").unwrap();
        fs::write(path("m.csv"), b"path,label\n").unwrap();
        fs::write(path("run/last.safetensors"), &model).unwrap();
        fs::write(path("features/index.json"), b"{\"schema\": \"spectrogram/1\"}").unwrap();
        fs::write(path("embeddings/index.json"), b"{\"schema\": \"embedding/1\"}").unwrap();
        fs::write(path("notes"), b"hello").unwrap();
        let expected = [
            ("set", Kind::Recordings),
            ("set/dog/a.wav", Kind::Recording),
            ("unnamed", Kind::Recording),
            ("m.csv", Kind::Table),
            ("run", Kind::Run),
            ("run/last.safetensors", Kind::Model),
            ("features", Kind::Features),
            ("embeddings", Kind::Embeddings),
            ("empty", Kind::Folder),
            ("notes", Kind::Other),
            ("nowhere", Kind::Missing),
        ];
        for (name, kind) in expected {
            assert_eq!(what_is(&path(name)), kind, "{name}");
        }
        let said = |name: &str, expected| expect(&path(name), expected).unwrap_err().to_string();
        let text = said("set/dog/a.wav", Expected::Run);
        assert!(
            text.contains("is a recording; expected the folder of a run") && text.contains("predict RUN"),
            "{text}"
        );
        assert!(said("m.csv", Expected::Features).contains("barkbird features"));
        assert!(said("run", Expected::Recordings).contains("the run comes first"));
        assert!(said("features", Expected::Manifest).contains("the manifest that it was computed from"));
        assert!(expect(&path("nowhere"), Expected::Run).is_ok());
    }
}
