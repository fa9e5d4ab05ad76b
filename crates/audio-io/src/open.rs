//! What a user names as data: a manifest, or a folder of class folders.

use std::io::Read;
use std::path::Path;

use crate::error::Result;
use crate::folder::from_folder;
use crate::manifest::Manifest;
use crate::read::is_folder;
use crate::table::{read_from, read_table};

impl Manifest {
    /// Opens what a user names: a manifest, or a folder of class folders.
    ///
    /// # Errors
    /// As [`Manifest::read_csv`] and [`Manifest::from_folder`].
    pub fn open(path: &Path) -> Result<Manifest> {
        Manifest::open_until(path, &|| false)
    }

    /// As [`Manifest::open`]; `cancelled` is asked while a folder is walked.
    ///
    /// # Errors
    /// As [`Manifest::open`], and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn open_until(path: &Path, cancelled: &dyn Fn() -> bool) -> Result<Manifest> {
        if is_folder(path)? { from_folder(path, cancelled) } else { Manifest::read_csv(path) }
    }

    /// Lists a folder: its folders are the classes, every sound in them at any depth is a row, sorted by path. Labels have
    /// no blanks around them and `neither` is known in any letter case, as in a table. Hidden files and folders are left
    /// out, other files are in [`Manifest::ignored`], and what could not be read or was listed already is in
    /// [`Manifest::skipped`].
    ///
    /// # Errors
    /// A folder that cannot be read, one without class folders, a class folder without a sound, and a class with a name
    /// that predictions use for something else.
    pub fn from_folder(dir: &Path) -> Result<Manifest> {
        from_folder(dir, &|| false)
    }

    /// Reads a table in which every row has a label. Columns `path` and `label` are required; `group`, `split` (or
    /// `fold`, which becomes `fold-N`), `start`, `end` and `channel` are known; any other is carried along. Paths are
    /// relative to the table's folder. Names of columns may be in any letter case. Fields may be separated by commas,
    /// semicolons, tabs or `|`; text is UTF-8 or UTF-16; with another separator than a comma, numbers may have a decimal
    /// comma. `NA`, `nan` and the like are missing values. Splits in other spellings (`Training`, `valid`) get the names
    /// that later stages know.
    ///
    /// # Errors
    /// A column that is missing, or a bad row, named by its line; a class with a name that predictions use for something
    /// else; a file that is no table.
    pub fn read_csv(path: &Path) -> Result<Manifest> {
        read_table(path, true)
    }

    /// As [`Manifest::read_csv`], from `input`, of a table whose columns have other names: pairs of their name and ours, of those that
    /// are there. A column that has one of our names and gives way is carried along as `original_NAME`. `path` is what errors call the
    /// table, and paths are relative to its folder.
    ///
    /// # Errors
    /// As [`Manifest::read_csv`].
    pub fn read_renamed(input: impl Read, path: &Path, renames: &[(&str, &str)]) -> Result<Manifest> {
        read_from(input, path, true, renames)
    }

    /// As [`Manifest::read_csv`], with labels that may be empty or a column `label` that may be missing.
    ///
    /// # Errors
    /// As [`Manifest::read_csv`].
    pub fn read_csv_unlabeled(path: &Path) -> Result<Manifest> {
        read_table(path, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_manifest_is_named() {
        let error = Manifest::open(Path::new("no/such/thing")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/thing: cannot be read"), "{error}");
    }

    #[test]
    fn a_folder_and_a_table_open_alike_and_a_walk_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dog")).unwrap();
        std::fs::write(dir.path().join("dog/a.wav"), b"x").unwrap();
        let listed = Manifest::open(dir.path()).unwrap();
        assert_eq!(listed, Manifest::from_folder(dir.path()).unwrap());
        std::fs::write(dir.path().join("m.csv"), listed.to_csv()).unwrap();
        assert_eq!(Manifest::open(&dir.path().join("m.csv")).unwrap().rows, listed.rows);
        assert!(Manifest::open_until(dir.path(), &|| true).is_err());
    }
}
