//! Layouts that are folders alone.

use super::names::{below_data, is_metadata, is_no_class, split_of};
use super::options::{Imported, Layout, Options};
use super::tables;
use crate::error::{Result, bail};
use crate::observer::CancelToken;
use audio_io::labels::{self, NEITHER};
use audio_io::{Fields, Manifest, Row, Walk, is_sound};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Class folders, of which some mean no class.
pub(super) fn birdnet(path: &Path, cancel: &CancelToken) -> Result<Imported> {
    let mut manifest = Manifest::open_until(path, &|| cancel.is_cancelled())?;
    let mut none: BTreeMap<String, usize> = BTreeMap::new();
    let mut several: BTreeSet<String> = BTreeSet::new();
    for row in &mut manifest.rows {
        let folder = std::mem::take(&mut row.label);
        row.extra = [folder.as_str()].iter().collect();
        if is_no_class(&folder) {
            row.label = NEITHER.to_owned();
            *none.entry(folder).or_default() += 1;
        } else if folder.contains(',') {
            several.insert(folder);
        } else {
            row.label = folder;
        }
    }
    manifest.rows.retain(|row| !row.label.is_empty());
    manifest.extra_columns = vec!["folder".to_owned()];
    let reason = "the sounds of several classes at once: a clip has one label here";
    manifest.skipped.extend(several.into_iter().map(|name| audio_io::Skipped { name, reason: reason.to_owned() }));
    let mut imported = Imported::of(Layout::Birdnet, manifest);
    let list: Vec<String> = none.iter().map(|(folder, n)| format!("`{folder}` ({n})")).collect();
    if !list.is_empty() {
        imported.notes.push(format!(
            "{} belong to no class and are `{NEITHER}`: nothing is trained on them, unknown sounds are measured with them; `--layout folders` \
             makes classes of them",
            list.join(", ")
        ));
    }
    Ok(imported)
}

/// Hugging Face's layout: by its tables, or by folders of splits with class folders in them.
pub(super) fn audiofolder(path: &Path, options: &Options, cancel: &CancelToken) -> Result<Imported> {
    let walk = audio_io::walk(path, &|| cancel.is_cancelled())?;
    let found: Vec<_> = walk.files.iter().filter(|file| is_metadata(&file.name)).collect();
    if !found.is_empty() {
        let found: Vec<_> = found.into_iter().map(|file| file.path.clone()).collect();
        return tables::audiofolder(path, &found, options);
    }
    let Walk { files, skipped, .. } = walk;
    let mut manifest = Manifest { root: path.to_owned(), skipped, extra_columns: Vec::new(), ..Manifest::default() };
    for file in files {
        let name = below_data(&file.name);
        let parts: Vec<&str> = name.split('/').collect();
        let split = split_of(parts[0]);
        let (Some(split), true, true) = (split, parts.len() > 2, is_sound(&file.path)) else {
            manifest.ignored.push(file.name);
            continue;
        };
        let label = labels::normalize(parts[1]).to_owned();
        if let Some(message) = labels::refusal(&label) {
            bail!("{}: {message}", path.join(&file.name).display());
        }
        let (path, split) = (file.name.clone(), Some(split));
        manifest.rows.push(Row { path, label, split, extra: Fields::default(), ..Row::default() });
    }
    if manifest.rows.is_empty() {
        bail!(
            "{}: no sound in a folder of a class in a folder of a split, such as train/dog/a.wav, and no metadata.csv or metadata.jsonl",
            path.display()
        );
    }
    manifest.rows.sort_by(|a, b| a.path.cmp(&b.path));
    let mut imported = Imported::of(Layout::Audiofolder, manifest);
    imported.notes.push(tables::splits(&imported.manifest));
    Ok(imported)
}
