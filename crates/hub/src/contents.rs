//! Files of a data set, compared with published checksums: for archives that are made anew for every request, so that their own
//! checksum says nothing.

use crate::checksum::{hex, sha256_of_file};
use crate::web::WebError;
use md5::{Digest, Md5};
use sha2::Sha256;
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

/// What a folder has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The folder in it whose files are all listed.
    pub folder: String,
    /// How many there are.
    pub n_files: usize,
    /// SHA-256 of their list: what `LC_ALL=C; md5sum FOLDER/* | sha256sum` prints. MD5 is what is published of each.
    pub list_sha256: String,
    /// Other files, by their paths in the folder, and their SHA-256.
    pub files: Vec<(String, String)>,
}

impl Contents {
    /// Compares the folder `root`. `on_bytes` is called with the bytes read so far; `Break` stops, and the result is `None`.
    ///
    /// # Errors
    /// [`WebError::Contents`] where anything differs, or a file that cannot be read.
    pub fn verify(
        &self,
        root: &Path,
        on_bytes: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<()>, WebError> {
        let differs = |what: String, expected: String, got: String| {
            Err(WebError::Contents { folder: root.to_owned(), what, expected, got })
        };
        for (file, expected) in &self.files {
            let path = root.join(file);
            let got = match sha256_of_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => "no such file".to_owned(),
                got => got.map_err(WebError::io("read", &path))?,
            };
            if got != *expected {
                return differs(file.clone(), format!("SHA-256 {expected}"), got);
            }
        }
        let folder = root.join(&self.folder);
        let mut names = names(&folder).map_err(WebError::io("list", &folder))?;
        names.sort_unstable();
        if names.len() != self.n_files {
            return differs(self.folder.clone(), format!("{} files", self.n_files), names.len().to_string());
        }
        let mut list = Sha256::new();
        let mut n_bytes = 0;
        for name in names {
            let path = folder.join(&name);
            let mut file = File::open(&path).map_err(WebError::io("read", &path))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(WebError::io("read", &path))?;
            list.update(format!("{}  {}/{name}\n", hex(&Md5::digest(&bytes)), self.folder));
            n_bytes += bytes.len() as u64;
            if on_bytes(n_bytes).is_break() {
                return Ok(None);
            }
        }
        let got = hex(&list.finalize());
        if got == self.list_sha256 {
            return Ok(Some(()));
        }
        differs(format!("{}/*", self.folder), format!("MD5s whose list has SHA-256 {}", self.list_sha256), got)
    }
}

/// The names of a folder's entries; a name that is not Unicode is none that was published.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(name).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list is what `md5sum` prints.
    const LIST: &str = "0cc175b9c0f1b6a831c399e269772661  audio/1.wav\n92eb5ffee6ae2fec3ad71c777531578f  audio/2.wav\n";

    fn verify(root: &Path) -> Result<Option<()>, String> {
        let contents = Contents {
            folder: "audio".into(),
            n_files: 2,
            list_sha256: hex(&Sha256::digest(LIST)),
            files: vec![("meta.csv".into(), hex(&Sha256::digest("rows")))],
        };
        contents.verify(root, &mut |_| ControlFlow::Continue(())).map_err(|error| error.to_string())
    }

    #[test]
    fn anything_that_differs_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        assert!(verify(root).unwrap_err().contains("meta.csv: expected SHA-256"));
        write("meta.csv", "rows");
        assert!(verify(root).unwrap_err().contains("audio: expected 2 files, got 0"));
        fs::create_dir(root.join("audio")).unwrap();
        write("audio/2.wav", "b");
        write("audio/1.wav", "a");
        assert_eq!(verify(root), Ok(Some(())));
        write("audio/1.wav", "c");
        assert!(verify(root).unwrap_err().contains("audio/*: expected MD5s whose list has SHA-256"));
        write("audio/1.wav", "a");
        write("audio/3.wav", "");
        assert!(verify(root).unwrap_err().contains("expected 2 files, got 3"));
    }
}
