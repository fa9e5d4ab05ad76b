//! Groups that were given a name, as rows of a manifest.

use super::form::{Named, Rejected};
use crate::error::{Context, Result, bail};
use anomaly::Clusters;
use audio_io::Row;
use inference::Input;
use std::collections::BTreeMap;
use std::path::Path;

/// The manifest with the named windows.
pub(super) const FILE: &str = "manifest.named.csv";

/// Labels by cluster, counted from 0; the arguments count from 1.
pub(super) fn names(asked: &[(usize, String)], n_clusters: usize) -> Result<BTreeMap<usize, String>> {
    let mut names = BTreeMap::new();
    for (cluster, label) in asked {
        if *cluster > n_clusters {
            bail!("--name {cluster}={label}: there are {n_clusters} groups");
        }
        if names.insert(cluster - 1, label.clone()).is_some() {
            bail!("--name {cluster}={label}: the group has a name already");
        }
    }
    Ok(names)
}

/// Adds the windows of the named clusters to a manifest, each recording a group of its own, and deals them to training,
/// validation and test. Rows that were there keep their split.
pub(super) fn write(
    manifest: &Path,
    out: &Path,
    rejected: &[Rejected],
    clusters: &Clusters,
    inputs: &[Input],
    names: &BTreeMap<usize, String>,
    seed: u64,
) -> Result<Vec<Named>> {
    let target = out.join(FILE);
    let mut whole = crate::inputs::manifest(manifest)?.rebased(out)?;
    let n_before = whole.rows.len();
    let mut named = Vec::new();
    for (row, (window, cluster)) in rejected.iter().zip(&clusters.of_row).enumerate() {
        let Some(label) = names.get(cluster) else { continue };
        let input = &inputs[window.input];
        let path = relative(&input.path, out)?;
        let there = whole.rows[..n_before].iter().find(|known| known.path == path);
        if let Some(there) = there.filter(|known| !is_unknown(known)) {
            bail!("{}: is in {} already, as {}", input.name, manifest.display(), there.label);
        }
        let group = there.and_then(|known| known.group.clone()).unwrap_or_else(|| path.clone());
        named.push(Named { row, label: label.clone(), group: group.clone(), split: String::new() });
        whole.rows.push(Row {
            group: Some(group),
            path,
            label: label.clone(),
            split: None,
            start_s: Some(window.start_s),
            end_s: Some(window.start_s + window.seconds),
            channel: window.channel.or(input.row.channel),
            extra: whole.extra_columns.iter().map(|_| "").collect(),
        });
    }
    // What was neither and has a name now is no unknown sound any more.
    let renamed: std::collections::BTreeSet<String> =
        whole.rows[n_before..].iter().map(|row| row.path.clone()).collect();
    let mut kept = whole.rows.clone();
    let added = kept.split_off(n_before);
    kept.retain(|row| !renamed.contains(&row.path));
    let n_kept = kept.len();
    kept.extend(added);
    whole.rows = kept;
    audio_io::split::assign(&mut whole.rows, &[], &audio_io::split::Shares::default(), seed);
    for (named, row) in named.iter_mut().zip(&whole.rows[n_kept..]) {
        named.split = row.split.clone().with_context(|| format!("{}: no split", row.path))?;
    }
    shard::write_atomic(&target, &whole.to_csv())?;
    Ok(named)
}

/// Whether a row is of no class: it has no label, `neither`, or a split of unknown sounds.
fn is_unknown(row: &Row) -> bool {
    let is_apart = row.split.as_deref().is_some_and(|split| split.starts_with("ood"));
    row.label.is_empty() || row.label == audio_io::split::NEITHER || is_apart
}

/// A recording's path as a manifest in `folder` writes it.
fn relative(path: &Path, folder: &Path) -> Result<String> {
    let root = storage::absolute(path)?.parent().map(Path::to_owned).unwrap_or_default();
    let name = path.file_name().context("a recording without a name")?.to_string_lossy().into_owned();
    let alone = audio_io::Manifest {
        root,
        rows: vec![Row { path: name, label: "x".into(), ..Row::default() }],
        ..audio_io::Manifest::default()
    };
    Ok(alone.rebased(folder)?.rows.swap_remove(0).path)
}
