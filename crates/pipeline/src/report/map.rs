//! The embeddings of clips as points on a plane: principal components, and Isomap.

use super::recordings::{Found, Recordings};
use crate::error::{Error, Result};
use crate::job::Job;
use anomaly::{Isomap, IsomapConfig, PrincipalAxes, Rows};
use inference::{Input, Model, Window, Windows};
use report::{ClipPlace, EmbeddingMap, MapPoint};
use std::collections::BTreeMap;

/// Points at most: with more, single ones are hard to find, and Isomap takes long.
const MOST: usize = 2000;
/// Recordings that are read together.
const BLOCK: usize = 64;
/// Fewest points of a map.
const FEWEST: usize = 5;

/// Runs the model over recordings of the manifests, evenly from every split where they are too many; none where too few can be used.
pub(super) fn of_run(model: &Model, recordings: &Recordings, job: &Job<'_>) -> Result<Option<EmbeddingMap>> {
    let classes = &model.header.classes;
    let rows = evenly(recordings.all().collect());
    let inputs: Vec<Input> = rows
        .iter()
        .map(|of| Input { path: of.file(), name: of.row.path.clone(), row: of.row.clone(), ..Input::default() })
        .collect();
    let windows = Windows::as_trained(model, None)?;
    let (mut points, mut embedding, mut dim) = (Vec::new(), Vec::new(), 0);
    let progress = job.progress("map", inputs.len());
    for (nth, block) in inputs.chunks(BLOCK).enumerate() {
        let mut take = |taken: Vec<Window>| -> Result<()> {
            let refs: Vec<&Window> = taken.iter().collect();
            let Some(outputs) = windows.outputs(model, None, &refs, |nth| block[nth].name.as_str())? else {
                return Ok(());
            };
            dim = outputs.dim;
            embedding.extend(outputs.embedding);
            for (window, logits) in taken.iter().zip(outputs.logits.chunks_exact(classes.len())) {
                let row = rows[nth * BLOCK + window.input].row;
                points.push(point(row, window, &classes[classifier::largest(logits)], classes));
            }
            Ok(())
        };
        // What cannot be read is in the list of skipped recordings where it was evaluated.
        windows.each::<Error>(
            block,
            &|window| window.clip.silence.is_none(),
            &|| job.cancel.is_cancelled(),
            &mut take,
        )?;
        job.check("nothing was written")?;
        progress.inc(block.len());
    }
    drop(progress);
    if points.len() < FEWEST || dim == 0 {
        return Ok(None);
    }
    embedding.chunks_exact_mut(dim).for_each(to_length_1);
    let rows = Rows::new(&embedding, dim)?;
    let mut planes = Vec::new();
    let axes = PrincipalAxes::fit(rows, 2);
    if let Ok(axes) = axes {
        planes.push(("Principal components (PCA)".to_owned(), plane(&axes.transform(rows)?, axes.n_axes())));
    }
    let isomap = Isomap::fit(rows, &IsomapConfig { n_components: 2, seed: job.seed(), ..IsomapConfig::default() });
    if let Ok(isomap) = isomap {
        planes.push(("Isomap".to_owned(), plane(&isomap.transform(rows)?, isomap.n_components())));
    }
    if planes.is_empty() {
        return Ok(None);
    }
    let text = vec![format!(
        "The embeddings of {} clips, scaled to length 1, on a plane: a disc is a known sound, a cross an unknown one. Clips that the \
         model takes for alike are near each other. The projections were fitted to the points shown, whatever their split: they are to \
         look at, and most of what distinguishes clips is in directions that no plane shows.",
        points.len()
    )];
    Ok(Some(EmbeddingMap { text, planes, points }))
}

fn point(row: &audio_io::Row, window: &Window, predicted: &str, classes: &[String]) -> MapPoint {
    // As the tables round.
    let milli = |s: f64| (s * 1000.0).round() / 1000.0;
    let (start, end) = (window.clip.start_s, window.clip.start_s + window.clip.seconds);
    let clip =
        ClipPlace { path: row.path.clone(), span_s: Some([milli(start), milli(end)]), channel: window.clip.channel };
    MapPoint {
        clip,
        label: row.label.clone(),
        group: row.group.clone().unwrap_or_default(),
        split: row.split.clone().unwrap_or_default(),
        predicted: predicted.to_owned(),
        is_known: classes.contains(&row.label),
    }
}

/// So that directions count, and not the few clips with a long embedding.
fn to_length_1(row: &mut [f32]) {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value /= length);
    }
}

fn plane(coordinates: &[f32], n_axes: usize) -> Vec<[f32; 2]> {
    coordinates.chunks_exact(n_axes).map(|point| [point[0], point.get(1).copied().unwrap_or(0.0)]).collect()
}

/// At most [`MOST`] rows, evenly from each split, in their order.
fn evenly(rows: Vec<Found<'_>>) -> Vec<Found<'_>> {
    if rows.len() <= MOST {
        return rows;
    }
    let mut of_split: BTreeMap<&str, usize> = BTreeMap::new();
    for of in &rows {
        *of_split.entry(of.row.split.as_deref().unwrap_or_default()).or_default() += 1;
    }
    // Small splits whole, the others with what is left.
    let mut sizes: Vec<usize> = of_split.values().copied().collect();
    sizes.sort_unstable();
    let (mut left, mut share) = (MOST, 0);
    for (nth, size) in sizes.iter().enumerate() {
        share = left / (sizes.len() - nth);
        left -= share.min(*size);
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let is_kept = |nth: usize, n: usize| n <= share || (nth * share) / n != ((nth + 1) * share) / n;
    let mut kept = Vec::new();
    for of in &rows {
        let split = of.row.split.as_deref().unwrap_or_default();
        let nth = seen.entry(split).or_default();
        if is_kept(*nth, of_split[split]) {
            kept.push(*of);
        }
        *nth += 1;
    }
    kept
}
