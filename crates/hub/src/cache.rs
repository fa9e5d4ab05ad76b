use crate::checksum::{Checksum, git_sha1_of_file, sha256_of_file};
use crate::error::{Error, RepoFile};
use crate::source::{RepoKind, is_commit};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// What hf-hub appends to the name of an incomplete file.
pub(crate) const INCOMPLETE: &str = ".incomplete";

/// One repository's folder in the cache, as Hugging Face's programs lay it out:
///
/// ```text
/// models--owner--name/blobs/<etag>                 the bytes; the name is the hub's ETag
/// models--owner--name/blobs/<etag>.incomplete      those that have arrived so far
/// models--owner--name/refs/<branch or tag>         which commit it is
/// models--owner--name/snapshots/<commit>/<file>    a link to the blob; on systems without links, a copy
/// .locks/models--owner--name/                      locks, and a note which file is incomplete
/// ```
///
/// The folder of a data set starts with `datasets--`.
pub(crate) struct Folder {
    path: PathBuf,
    pub(crate) lock: PathBuf,
}

impl Folder {
    pub(crate) fn new(cache: &Path, kind: RepoKind, owner: &str, name: &str) -> Self {
        let kind = match kind {
            RepoKind::Model => "models",
            RepoKind::Dataset => "datasets",
        };
        let folder = format!("{kind}--{owner}--{name}");
        Self { lock: cache.join(".locks").join(&folder).join("barkbird.lock"), path: cache.join(folder) }
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// The commit that a branch or tag named at the last request.
    pub(crate) fn commit(&self, revision: &str) -> Option<String> {
        let commit = fs::read_to_string(self.path.join("refs").join(revision)).ok()?;
        Some(commit.trim().to_string()).filter(|commit| is_commit(commit))
    }

    /// Stores which commit a branch or tag names.
    pub(crate) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), Error> {
        let path = self.path.join("refs").join(revision);
        let sibling = self.path.join(format!("{commit}.{}.new", std::process::id()));
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.path))?;
            fs::write(&sibling, commit)?;
            fs::rename(&sibling, &path)
        };
        write().map_err(Error::io("write", &path))
    }

    /// The folder of a commit's files.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.path.join("snapshots").join(commit)
    }

    /// The files of a commit, if they were listed before.
    pub(crate) fn list(&self, commit: &str) -> Option<Vec<String>> {
        serde_json::from_slice(&fs::read(self.list_path(commit)).ok()?).ok()
    }

    /// Stores the files of a commit.
    pub(crate) fn set_list(&self, commit: &str, files: &[String]) -> Result<(), Error> {
        let path = self.list_path(commit);
        let sibling = path.with_extension(format!("{}.new", std::process::id()));
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&sibling, serde_json::to_vec(files)?)?;
            fs::rename(&sibling, &path)
        };
        write().map_err(Error::io("write", &path))
    }

    fn list_path(&self, commit: &str) -> PathBuf {
        self.lock.with_file_name(format!("{commit}.files"))
    }

    /// Compares the checksum of `path` with the name of its blob. `size` is the length that the hub gives: it only
    /// decides between two errors, because some mirrors give the length of a redirect's text.
    ///
    /// # Errors
    /// [`Error::Short`], [`Error::Checksum`] or [`Error::Unverifiable`].
    pub(crate) fn verify(&self, path: &Path, file: &RepoFile, size: Option<u64>) -> Result<(), Error> {
        let Some(etag) = etag_of(path) else { return self.verify_copy(path, file) };
        let Some(checksum) = Checksum::from_etag(&etag) else {
            return Err(Error::Unverifiable { file: file.clone(), etag });
        };
        let got = checksum.of_file(path).map_err(Error::io("read", path))?;
        if got == checksum.hex() {
            return Ok(());
        }
        let n_bytes = fs::metadata(path).map_err(Error::io("read", path))?.len();
        Err(match size {
            Some(expected) if n_bytes < expected => Error::Short { file: file.clone(), expected, got: n_bytes },
            _ => damage(file, &checksum, got),
        })
    }

    /// The blob of a copy is not known, but an intact copy has the checksum of one of the repository's blobs.
    fn verify_copy(&self, path: &Path, file: &RepoFile) -> Result<(), Error> {
        let sha256 = sha256_of_file(path).map_err(Error::io("read", path))?;
        let git_sha1 = git_sha1_of_file(path).map_err(Error::io("read", path))?;
        let blobs = self.blobs();
        if [&sha256, &git_sha1].iter().any(|name| blobs.join(name).exists()) {
            return Ok(());
        }
        let expected = format!("of a file in {}", blobs.display()).into();
        Err(Error::Checksum { file: file.clone(), algorithm: "SHA-256", expected, got: sha256.into() })
    }

    /// Removes a damaged file and its blob, so that no program reads it.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), Error> {
        match etag_of(path) {
            Some(etag) => remove_file(&self.blobs().join(etag))?,
            None => self.remove_damaged_blobs()?,
        }
        remove_file(path)
    }

    /// For copies, whose blob is not known.
    fn remove_damaged_blobs(&self) -> Result<(), Error> {
        for blob in self.list_blobs() {
            let Some(checksum) = blob.file_name().and_then(|name| Checksum::from_etag(name.to_str()?)) else {
                continue;
            };
            if checksum.of_file(&blob).map_err(Error::io("read", &blob))? != checksum.hex() {
                remove_file(&blob)?;
            }
        }
        Ok(())
    }

    /// Gives a complete file its final name, or removes it if its checksum is wrong.
    pub(crate) fn complete(&self, incomplete: &Path, file: &RepoFile) -> Result<(), Error> {
        let etag = incomplete.file_name().and_then(|name| name.to_str()?.strip_suffix(INCOMPLETE)).unwrap_or_default();
        let Some(checksum) = Checksum::from_etag(etag) else {
            return Err(Error::Unverifiable { file: file.clone(), etag: etag.into() });
        };
        let got = checksum.of_file(incomplete).map_err(Error::io("read", incomplete))?;
        if got != checksum.hex() {
            remove_file(incomplete)?;
            return Err(damage(file, &checksum, got));
        }
        fs::rename(incomplete, self.blobs().join(etag)).map_err(Error::io("rename", incomplete))
    }

    pub(crate) fn list_blobs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.blobs()) else { return Vec::new() };
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }

    /// Held while a file of this repository is fetched: a second process then finds it complete. `wait` is called again and
    /// again while another process holds it.
    pub(crate) fn lock(&self, mut wait: impl FnMut() -> Result<(), Error>) -> Result<File, Error> {
        let create = || {
            fs::create_dir_all(self.lock.parent().unwrap_or(&self.lock))?;
            File::options().write(true).create(true).truncate(false).open(&self.lock)
        };
        let file = create().map_err(Error::io("create", &self.lock))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => wait()?,
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &self.lock)(error)),
            }
        }
    }
}

fn damage(file: &RepoFile, checksum: &Checksum, got: String) -> Error {
    let (expected, got) = (checksum.hex().into(), got.into());
    Error::Checksum { file: file.clone(), algorithm: checksum.algorithm(), expected, got }
}

/// The name of the blob that a link points to; `None` for a copy.
fn etag_of(path: &Path) -> Option<String> {
    Some(fs::read_link(path).ok()?.file_name()?.to_str()?.to_string())
}

/// A file that does not exist is no error.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Whether two paths of the cache lead to the same bytes.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
