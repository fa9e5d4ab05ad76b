//! The rows of manifests, found by the names that results give to recordings.

use crate::error::{Result, bail};
use crate::inputs;
use audio_io::{Manifest, Row};
use report::ClipPlace;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Manifests, and which rows a recording has in them.
#[derive(Default)]
pub(super) struct Recordings {
    manifests: Vec<Manifest>,
    /// Manifest and row by the recording's name in the manifest.
    by_path: HashMap<String, Vec<(usize, usize)>>,
    /// The same by the last two parts of the name; empty where two recordings share them.
    by_end: HashMap<String, Vec<(usize, usize)>>,
}

/// A row and its recording.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) row: &'a Row,
    manifest: &'a Manifest,
}

impl Found<'_> {
    pub(super) fn file(&self) -> PathBuf {
        self.manifest.file(self.row)
    }
}

impl Recordings {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self> {
        let manifests: Vec<Manifest> = paths.iter().map(|path| inputs::manifest(path)).collect::<Result<_>>()?;
        let (mut by_path, mut by_end) = (HashMap::<String, Vec<_>>::new(), HashMap::<String, Vec<_>>::new());
        let mut names: HashMap<String, String> = HashMap::new();
        for (nth, manifest) in manifests.iter().enumerate() {
            for (row, of) in manifest.rows.iter().enumerate() {
                by_path.entry(of.path.clone()).or_default().push((nth, row));
                let end = end(&of.path);
                let first = names.entry(end.clone()).or_insert_with(|| of.path.clone());
                let rows = by_end.entry(end).or_default();
                if *first == of.path { rows.push((nth, row)) } else { rows.clear() }
            }
        }
        Ok(Self { manifests, by_path, by_end })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.manifests.is_empty()
    }

    /// All rows, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Found<'_>> {
        self.manifests.iter().flat_map(|manifest| manifest.rows.iter().map(move |row| Found { row, manifest }))
    }

    /// The row of a clip: of several of one recording the one that the clip begins in. A recording that is named from another folder
    /// is found by the end of its name, where that is the only one.
    pub(super) fn find(&self, path: &str, start_s: f64, channel: Option<u16>) -> Option<Found<'_>> {
        let rows = self.by_path.get(path).or_else(|| self.by_end.get(&end(path)))?;
        let found = |&(manifest, row): &(usize, usize)| {
            let manifest = &self.manifests[manifest];
            Found { row: &manifest.rows[row], manifest }
        };
        let holds = |of: &Found<'_>| {
            let (start, end) = (of.row.start_s.unwrap_or(0.0), of.row.end_s.unwrap_or(f64::INFINITY));
            start_s >= start - 1e-3 && start_s < end && (of.row.channel.is_none() || of.row.channel == channel)
        };
        let start = |of: &Found<'_>| of.row.start_s.unwrap_or(0.0);
        // Of equals, the first.
        let last = rows.iter().rev().map(found).filter(holds).max_by(|a, b| start(a).total_cmp(&start(b)));
        last.or_else(|| rows.first().map(found))
    }

    /// The file of a clip, and the part of it that the clip is.
    ///
    /// # Errors
    /// A clip of a recording that no manifest has.
    pub(super) fn part(&self, place: &ClipPlace) -> Result<(PathBuf, Row)> {
        let [start_s, end_s] = place.span_s.unwrap_or_default();
        let Some(found) = self.find(&place.path, start_s, place.channel) else {
            bail!("{}: not in the manifest", place.path);
        };
        let (known, channel) = (found.row, place.channel.or(found.row.channel));
        let part = match place.span_s {
            Some(_) => Row { start_s: Some(start_s), end_s: Some(end_s), channel, ..known.clone() },
            None => known.clone(),
        };
        Ok((found.file(), part))
    }
}

fn end(path: &str) -> String {
    let parts: Vec<_> = Path::new(path).components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_found_by_their_name_or_its_end() {
        let row = |path: &str, start_s| Row { path: path.into(), start_s, ..Row::default() };
        let rows = [
            row("x/dog/a.wav", None),
            row("x/dog/b.wav", Some(0.0)),
            row("x/dog/b.wav", Some(5.0)),
            row("y/dog/c.wav", None),
            row("z/dog/c.wav", None),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.csv");
        let lines: Vec<String> = rows
            .iter()
            .map(|row| format!("{},dog,{}", row.path, row.start_s.map_or(String::new(), |start| start.to_string())))
            .collect();
        std::fs::write(&path, format!("path,label,start\n{}\n", lines.join("\n"))).unwrap();
        let all = Recordings::open(&[path]).unwrap();
        let find = |path: &str, start_s| all.find(path, start_s, None).map(|found| found.row.clone());
        assert_eq!(find("x/dog/a.wav", 2.0).unwrap().path, "x/dog/a.wav");
        assert_eq!(find("../other/dog/a.wav", 0.0).unwrap().path, "x/dog/a.wav");
        assert_eq!(find("x/dog/b.wav", 7.0).unwrap().start_s, Some(5.0));
        assert!(find("other/dog/c.wav", 0.0).is_none() && find("dog/d.wav", 0.0).is_none());
    }
}
