//! What `predict` is given: recordings, folders of recordings, manifests.

use crate::error::{Result, bail};
use audio_io::Manifest;
use inference::Input;
use std::path::{Path, PathBuf};

/// Reads a manifest as shards name its recordings: where it has absolute paths, relative to itself, since no absolute
/// path goes into a result that others compare or pass on.
pub fn manifest(path: &Path) -> Result<Manifest> {
    let manifest = Manifest::open(path)?;
    if manifest.rows.iter().any(|row| Path::new(&row.path).is_absolute()) {
        return Ok(manifest.rebased(&manifest.root)?);
    }
    Ok(manifest)
}

/// Everything that the arguments name, in order.
pub fn collect(arguments: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for argument in arguments {
        if argument.is_dir() {
            let before = inputs.len();
            walk(argument, &mut inputs)?;
            if inputs.len() == before {
                bail!("{}: holds no recording", argument.display());
            }
        } else if argument.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
            let manifest = Manifest::read_csv_unlabelled(argument)?;
            let rows = manifest.rows.iter().map(|row| {
                let path = manifest.file(row);
                Input { name: path.to_string_lossy().into_owned(), path, row: row.clone() }
            });
            inputs.extend(rows);
        } else {
            inputs.push(Input::file(argument));
        }
    }
    Ok(inputs)
}

/// All recordings below a folder, by name; hidden files are left alone.
fn walk(folder: &Path, inputs: &mut Vec<Input>) -> Result<()> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        entries.push(entry?.path());
    }
    entries.sort();
    for path in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, inputs)?;
        } else if audio_io::is_sound(&path) {
            inputs.push(Input::file(&path));
        }
    }
    Ok(())
}
