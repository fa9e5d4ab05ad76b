//! Tables with a row a file, by other names than ours.

use super::names::{ESC50, Head, below_data, split_of};
use super::options::{Imported, Layout, Options};
use crate::error::{Context, Result, bail};
use audio_io::{Manifest, Row, split_names};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};

/// Columns of a label in tables of Hugging Face, the first that is there.
const LABELS: [&str; 8] = ["label", "labels", "category", "class", "class_name", "species", "ebird_code", "target"];

/// Different keys in JSON lines, at most.
const MOST_COLUMNS: usize = 1000;

/// The data set of `meta/esc50.csv`: categories are labels, `src_file` is the group, folds are those that were published.
pub(super) fn esc50(path: &Path, options: &Options) -> Result<Imported> {
    let table = if storage::is_dir(path) { path.join(ESC50) } else { path.to_owned() };
    let label = options.label_column.as_deref().unwrap_or("category");
    let renames = [("filename", "path"), (label, "label"), ("src_file", "group")];
    let mut manifest = Manifest::read_renamed(open(&table)?, &table, &renames)?;
    let meta = table.parent().unwrap_or(Path::new(""));
    let beside = meta.parent().filter(|folder| storage::is_dir(folder.join("audio")));
    let (root, prefix) = match (&options.recordings, beside) {
        (Some(recordings), _) => (recordings.clone(), ""),
        (None, Some(folder)) => (folder.to_owned(), "audio/"),
        (None, None) => (meta.to_owned(), ""),
    };
    manifest.root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    manifest.rows.iter_mut().for_each(|row| row.path.insert_str(0, prefix));
    let folds: BTreeSet<&str> = manifest.rows.iter().filter_map(|row| row.split.as_deref()).collect();
    let note = format!("published folds: {}; clips of one `src_file` are one group", Vec::from_iter(folds).join(", "));
    let mut folds_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in &manifest.rows {
        let group = row.group.as_deref().unwrap_or_default();
        folds_of.entry(group).or_default().extend(row.split.as_deref());
    }
    let crossing: Vec<&str> = folds_of.iter().filter(|(_, folds)| folds.len() > 1).map(|(group, _)| *group).collect();
    let crossing = (!crossing.is_empty()).then(|| {
        format!(
            "as published, {} source recordings are in more than one fold ({}): `features --allow-crossing-groups` takes them so",
            crossing.len(),
            crossing.join(", ")
        )
    });
    let mut imported = Imported::of(Layout::Esc50, manifest);
    imported.notes.push(note);
    imported.notes.extend(crossing);
    Ok(imported)
}

/// The tables of an audiofolder below `root`, or one that was named. Files are relative to their table; a table in the folder of a split is
/// of that split, unless it says otherwise.
pub(super) fn audiofolder(root: &Path, tables: &[PathBuf], options: &Options) -> Result<Imported> {
    let is_one = tables.iter().any(|table| table == root);
    let root =
        if is_one { root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")) } else { root };
    let mut all = Manifest { root: root.to_owned(), ..Manifest::default() };
    for table in tables {
        let manifest = one(table, options)?;
        let folder = table.parent().unwrap_or(Path::new(""));
        let folder = folder.strip_prefix(root).unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/");
        let split = split_of(below_data(&folder).split('/').next().unwrap_or_default());
        // Columns of several tables by their names.
        let places: Vec<usize> = manifest
            .extra_columns
            .iter()
            .map(|name| {
                let place = all.extra_columns.iter().position(|known| known == name);
                place.unwrap_or_else(|| {
                    all.extra_columns.push(name.clone());
                    all.extra_columns.len() - 1
                })
            })
            .collect();
        all.warnings.extend(manifest.warnings);
        all.rows.extend(manifest.rows.into_iter().map(|row| {
            let mut fields = vec![""; all.extra_columns.len()];
            places.iter().enumerate().for_each(|(nth, place)| fields[*place] = &row.extra[nth]);
            let extra = fields.iter().collect();
            // A table at the top names files in folders of splits.
            let of_file = || {
                let (top, rest) = below_data(&row.path).split_once('/')?;
                (folder.is_empty() && !rest.is_empty()).then(|| split_of(top)).flatten()
            };
            let split = row.split.clone().or_else(|| split.clone()).or_else(of_file);
            let path = match folder.is_empty() || Path::new(&row.path).is_absolute() {
                true => row.path.clone(),
                false => format!("{folder}/{}", row.path),
            };
            Row { path, split, extra, ..row }
        }));
    }
    let n_columns = all.extra_columns.len();
    for row in &mut all.rows {
        if row.extra.len() < n_columns {
            row.extra = row.extra.iter().chain(std::iter::repeat("")).take(n_columns).map(str::to_owned).collect();
        }
    }
    let mut imported = Imported::of(Layout::Audiofolder, all);
    imported.notes.push(splits(&imported.manifest));
    Ok(imported)
}

/// One table: CSV, or JSON lines.
fn one(table: &Path, options: &Options) -> Result<Manifest> {
    let is_json = table.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
    let (csv, names) = match is_json {
        true => csv_of_json(table)?,
        false => (Vec::new(), Head::of(table).columns),
    };
    let has = |name: &&str| names.iter().any(|column| column.eq_ignore_ascii_case(name));
    let label = match &options.label_column {
        Some(name) => name.as_str(),
        None => LABELS.iter().copied().find(|name| has(name)).unwrap_or("label"),
    };
    if !has(&label) {
        bail!(
            "{}: no column `{label}`; name that of the label with --label-column: {}",
            table.display(),
            names.join(", ")
        );
    }
    let renames = [("file_name", "path"), (label, "label")];
    Ok(match is_json {
        true => Manifest::read_renamed(Cursor::new(csv), table, &renames)?,
        false => Manifest::read_renamed(open(table)?, table, &renames)?,
    })
}

/// JSON lines as CSV, and the names of its columns: those of all objects, in the order in which they come.
fn csv_of_json(table: &Path) -> Result<(Vec<u8>, Vec<String>)> {
    let (mut names, mut objects) = (Vec::<String>::new(), Vec::<Map<String, Value>>::new());
    for (line, number) in BufReader::new(open(table)?).lines().zip(1..) {
        let at = || format!("{}:{number}: expected a JSON object", table.display());
        let line = line.with_context(at)?;
        let text = line.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(text).map_err(crate::Error::from).with_context(at)?;
        for name in object.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>() {
            names.push(name);
        }
        if names.len() > MOST_COLUMNS {
            bail!("{}:{number}: expected at most {MOST_COLUMNS} different keys, got more", table.display());
        }
        objects.push(object);
    }
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| crate::Error::Invalid(format!("{}: {error}", table.display()));
    out.write_record(&names).map_err(failed)?;
    for object in objects {
        let field = |name: &String| match object.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        out.write_record(names.iter().map(field)).map_err(failed)?;
    }
    let csv = out.into_inner().map_err(|error| crate::Error::Invalid(format!("{}: {error}", table.display())))?;
    Ok((csv, names))
}

fn open(table: &Path) -> Result<storage::StoredFile> {
    storage::open(table).with_context(|| format!("{}: cannot be read", table.display()))
}

/// What is said of splits that data have.
pub(super) fn splits(manifest: &Manifest) -> String {
    let mut n: BTreeMap<&str, usize> = BTreeMap::new();
    manifest.rows.iter().for_each(|row| *n.entry(row.split.as_deref().unwrap_or("none")).or_default() += 1);
    let named = |(split, n): (&str, usize)| {
        let unknown = if split == "none" || split_names::is_known(split) { "" } else { " (not used unasked)" };
        format!("{split}{unknown} {n}")
    };
    format!("splits as they are laid out: {}", n.into_iter().map(named).collect::<Vec<_>>().join(", "))
}
