//! Files of a folder that was fetched: their names, lengths and checksums, and copies of them.

use crate::checksum::sha256_of_file;
use crate::source::is_plain_path;
use crate::unpack::UnpackError;
use crate::web::WebError;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

/// A file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSum {
    /// Its path in the folder, with slashes.
    pub name: String,
    /// Its length in bytes.
    pub n_bytes: u64,
    /// Its SHA-256 in hex; none where there is no such file.
    pub sha256: Option<String>,
}

/// The files below a folder, sorted.
///
/// # Errors
/// A folder that cannot be listed, or a name that is not Unicode.
pub fn files_below(root: &Path) -> Result<Vec<String>, WebError> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let list = || -> io::Result<Vec<(String, bool)>> {
            fs::read_dir(&path)?
                .map(|entry| {
                    let entry = entry?;
                    let name = entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidData)?;
                    Ok((name, entry.file_type()?.is_dir()))
                })
                .collect()
        };
        for (name, is_folder) in list().map_err(WebError::io("list", &path))? {
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if is_folder { folders.push(name) } else { files.push(name) }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The checksums of files of a folder, in their order. `on_bytes` is called with the bytes read so far; `Break` stops, and the
/// result is `None`.
///
/// # Errors
/// A file that cannot be read, or a name that leads out of the folder.
pub fn sums_of_files(
    root: &Path,
    names: &[String],
    on_bytes: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Option<Vec<FileSum>>, WebError> {
    let mut total = 0;
    let mut sums = Vec::new();
    for name in names {
        if !is_plain_path(name) {
            let expected = "a path inside the folder";
            return Err(WebError::Invalid { what: "file", expected, got: format!("{name:?}") });
        }
        let path = root.join(name);
        let read = || -> io::Result<_> { Ok((fs::metadata(&path)?.len(), Some(sha256_of_file(&path)?))) };
        let (n_bytes, sha256) = match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (0, None),
            read => read.map_err(WebError::io("read", &path))?,
        };
        total += n_bytes;
        sums.push(FileSum { name: name.clone(), n_bytes, sha256 });
        if on_bytes(total).is_break() {
            return Ok(None);
        }
    }
    Ok(Some(sums))
}

/// Bytes of files of a folder.
///
/// # Errors
/// A file that is not there.
pub fn bytes_of_files(root: &Path, names: &[&str]) -> Result<u64, WebError> {
    let n_bytes = |name: &&str| {
        let path = root.join(name);
        fs::metadata(&path).map(|metadata| metadata.len()).map_err(WebError::io("read", &path))
    };
    names.iter().map(n_bytes).sum()
}

/// Copies files of a folder, such as links into a cache, to a new folder.
///
/// # Errors
/// A folder that is there, a file that cannot be read or written, or a stop.
pub fn copy_files(
    from: &Path,
    names: &[&str],
    to: &Path,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<(), UnpackError> {
    if let Err(error) = fs::remove_dir_all(to)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(UnpackError::io("remove", to)(error));
    }
    fs::create_dir(to).map_err(UnpackError::io("create", to))?;
    for name in names {
        if go_on().is_break() {
            return Err(UnpackError::Cancelled { archive: from.display().to_string() });
        }
        let path = to.join(name);
        let copy = || {
            fs::create_dir_all(path.parent().unwrap_or(to))?;
            fs::copy(from.join(name), &path)
        };
        copy().map_err(UnpackError::io("write", &path))?;
    }
    Ok(())
}
