//! Where the recordings of a table of detections are.

use crate::error::{Context, Result, bail};
use crate::observer::CancelToken;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Finds recordings that a table names: as written, relative to the table's folder, or under a folder of recordings.
pub struct Recordings {
    table: PathBuf,
    /// The folder of recordings.
    root: Option<PathBuf>,
    /// Recordings under it by their names.
    by_name: HashMap<String, Vec<PathBuf>>,
    /// The recording of a table that names none.
    of_all: Option<PathBuf>,
}

impl Recordings {
    /// For a table; `root` is the folder that recordings are under, or the one recording that the table is of.
    ///
    /// # Errors
    /// A folder that is not there or cannot be read, and a stop that was asked for.
    pub fn new(table: &Path, root: Option<&Path>, cancel: &CancelToken) -> Result<Self> {
        let mut all = Self { table: table.to_owned(), root: None, by_name: HashMap::new(), of_all: None };
        let Some(root) = root else { return Ok(all) };
        if storage::is_file(root) {
            all.of_all = Some(root.to_owned());
            return Ok(all);
        }
        if !storage::exists(root) {
            bail!("--recordings {}: not there; expected a folder of recordings, or a recording", root.display());
        }
        let walk = audio_io::walk(root, &|| cancel.is_cancelled());
        cancel.check("nothing was written")?;
        for found in walk?.files.into_iter().filter(|found| audio_io::is_sound(&found.path)) {
            let name = file_name(&found.name).to_owned();
            all.by_name.entry(name).or_default().push(found.path);
        }
        all.root = Some(root.to_owned());
        Ok(all)
    }

    /// For another table over the same recordings.
    pub(crate) fn set_table(&mut self, table: &Path) {
        table.clone_into(&mut self.table);
    }

    /// The recording that a row names; none where it is not found, for [`reason`](Self::reason).
    ///
    /// # Errors
    /// Several recordings that it could be, and a row that names none where the table's name says nothing, either.
    pub fn find(&self, path: Option<&str>) -> Result<Option<PathBuf>> {
        if let Some(of_all) = &self.of_all {
            return Ok(Some(of_all.clone()));
        }
        let Some(path) = path else { return self.of_table().map(Some) };
        let folder = self.table.parent().unwrap_or(Path::new(""));
        let tried = [PathBuf::from(path), storage::join(folder, path)]
            .into_iter()
            .chain(self.root.iter().map(|root| storage::join(root, path)));
        if let Some(found) = tried.into_iter().find(|path| storage::is_file(path)) {
            return Ok(Some(found));
        }
        let named = self.by_name.get(file_name(path)).map_or(&[][..], Vec::as_slice);
        self.nearest(path, named)
    }

    /// Why a recording is not used that is not found.
    pub fn reason(&self) -> String {
        let beside = "not found as it is written, nor relative to the table's folder";
        match &self.root {
            Some(root) => format!("{beside}, nor under {}", root.display()),
            None => format!("{beside}; name the folder of the recordings with --recordings"),
        }
    }

    /// Of recordings of one name, that whose last folders are those of the path.
    fn nearest(&self, path: &str, named: &[PathBuf]) -> Result<Option<PathBuf>> {
        let alike = |found: &PathBuf| {
            let found = found.to_string_lossy();
            parts(path).zip(parts(&found)).take_while(|(a, b)| a == b).count()
        };
        let most = named.iter().map(alike).max().unwrap_or(0);
        let nearest: Vec<&PathBuf> = named.iter().filter(|found| alike(found) == most).collect();
        match nearest[..] {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            [first, second, ..] => bail!(
                "{}: `{path}` is ambiguous: it may be {} or {}; give the table more of its path, or name the folder of the \
                 right one with --recordings",
                self.table.display(),
                first.display(),
                second.display()
            ),
        }
    }

    /// The recording of a table that names none: the one of the table's name, beside it or in the folder of recordings.
    fn of_table(&self) -> Result<PathBuf> {
        let table = self.table.display();
        let name = self.table.file_name().unwrap_or_default().to_string_lossy();
        let mut found: Vec<PathBuf> = self.by_name.values().flatten().cloned().collect();
        let folder = self.table.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for entry in storage::list(folder).with_context(|| format!("{}: cannot be read", folder.display()))? {
            let path = folder.join(&entry.name);
            if audio_io::is_sound(&path) && entry.leads_to(folder) == storage::Kind::File {
                found.push(path);
            }
        }
        found.sort();
        // `night.Table.1.selections.txt` is of `night.wav`.
        let mut stem = &*name;
        while let Some((shorter, _)) = stem.rsplit_once('.') {
            stem = shorter;
            let is_of = |path: &&PathBuf| path.file_stem().is_some_and(|other| other.to_string_lossy() == stem);
            match found.iter().filter(is_of).collect::<Vec<_>>()[..] {
                [] => {}
                [one] => return Ok(one.clone()),
                [first, second, ..] => {
                    bail!(
                        "{table}: it may be of {} or {}; name one with --recordings",
                        first.display(),
                        second.display()
                    )
                }
            }
        }
        bail!("{table}: does not say which recording it is of; name the recording with --recordings FILE")
    }
}

/// The parts of a path from the last to the first. A backslash separates only where there is no slash.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let separator = if path.contains('/') { '/' } else { '\\' };
    path.rsplit(separator)
}

fn file_name(path: &str) -> &str {
    parts(path).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn as_written_beside_the_table_and_by_name() {
        let work = tempfile::tempdir().unwrap();
        let path = |name: &str| work.path().join(name);
        for name in ["tables/near.wav", "all/a/x.wav", "all/b/x.wav", "all/b/y.wav", "all/night.flac"] {
            fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs::write(path(name), b"RIFF").unwrap();
        }
        let table = path("tables/night.Table.1.selections.txt");
        let open =
            |root: Option<&str>| Recordings::new(&table, root.map(path).as_deref(), &CancelToken::default()).unwrap();
        let (alone, all) = (open(None), open(Some("all")));
        let absolute = path("all/b/y.wav");
        assert_eq!(alone.find(absolute.to_str()).unwrap(), Some(absolute.clone()));
        assert_eq!(alone.find(Some("near.wav")).unwrap(), Some(path("tables/near.wav")));
        assert_eq!(alone.find(Some("y.wav")).unwrap(), None);
        assert!(alone.reason().contains("--recordings"));
        for name in ["b/y.wav", "y.wav", "C:\\cards\\y.wav", "/elsewhere/y.wav"] {
            assert_eq!(all.find(Some(name)).unwrap(), Some(absolute.clone()), "{name}");
        }
        assert_eq!(all.find(Some("D:\\cards\\a\\x.wav")).unwrap(), Some(path("all/a/x.wav")));
        let message = all.find(Some("/c/x.wav")).unwrap_err().to_string();
        assert!(message.contains("a/x.wav") && message.contains("b/x.wav"), "{message}");
        assert_eq!(all.find(None).unwrap(), Some(path("all/night.flac")));
        assert!(alone.find(None).unwrap_err().to_string().contains("--recordings FILE"));
        assert_eq!(open(Some("all/a/x.wav")).find(None).unwrap(), Some(path("all/a/x.wav")));
        assert!(Recordings::new(&table, Some(&path("nowhere")), &CancelToken::default()).is_err());
    }
}
