//! What a folder or a table is.

use super::annotated;
use super::names::{ESC50, Head, below_data, is_metadata, is_no_class, split_of};
use super::options::{Layout, Options};
use crate::error::Result;
use crate::observer::CancelToken;
use audio_io::is_sound;
use std::collections::BTreeSet;
use std::path::Path;

/// The layout of data.
pub(super) fn layout(path: &Path, options: &Options, cancel: &CancelToken) -> Result<Layout> {
    if !storage::is_dir(path) {
        return Ok(of_table(path));
    }
    if storage::is_file(path.join(ESC50)) {
        return Ok(Layout::Esc50);
    }
    let walk = audio_io::walk(path, &|| cancel.is_cancelled())?;
    if walk.files.iter().any(|file| is_metadata(&file.name) && of_table(&file.path) == Layout::Audiofolder) {
        return Ok(Layout::Audiofolder);
    }
    let sounds = || walk.files.iter().filter(|file| is_sound(&file.path));
    let in_split = |name: &str| {
        let mut parts = below_data(name).split('/');
        parts.next().and_then(split_of).is_some() && parts.count() > 1
    };
    let tops: BTreeSet<&str> =
        sounds().map(|file| below_data(&file.name).split('/').next().unwrap_or_default()).collect();
    if tops.len() > 1 && sounds().all(|file| in_split(&file.name)) {
        return Ok(Layout::Audiofolder);
    }
    if annotated::is_there(path, &walk, options, cancel)? {
        return Ok(Layout::Annotations);
    }
    let is_birdnet = sounds().filter_map(|file| file.name.split_once('/')).any(|(top, _)| is_no_class(top));
    Ok(if is_birdnet { Layout::Birdnet } else { Layout::Folders })
}

/// The layout that a table belongs to.
fn of_table(path: &Path) -> Layout {
    let head = Head::of(path);
    match () {
        () if head.has(&["path", "label"]) => Layout::Manifest,
        () if head.has(&["filename", "fold", "category"]) => Layout::Esc50,
        () if head.has(&["file_name"]) || head.has_key("file_name") => Layout::Audiofolder,
        () if head.tool().is_some() => Layout::Annotations,
        () => Layout::Manifest,
    }
}
