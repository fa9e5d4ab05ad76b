//! Outputs of clips that are in features folders: the classifier's, and the backbone's with the same clips.

use super::backbone::{Backbone, BackboneOutput};
use super::outputs::{ClipKey, Mels, Outputs, Wants};
use crate::error::{Context, Error, Result, bail};
use crate::model::Model;
use shard::{Clips, IdHash, id_hash};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Clips that are read and computed together.
const BATCH: usize = 32;

/// Called after each batch with the number of clips done and of all; `false` stops.
pub type Step<'a> = &'a dyn Fn(usize, usize) -> bool;

/// The backbone and the folders of its own spectrograms.
pub struct BackboneFeatures<'a> {
    backbone: &'a Backbone,
    folders: Vec<Clips>,
    /// Folder and row of each clip, by id and split.
    by_id: HashMap<(IdHash, String), (usize, usize)>,
}

/// Reads folders of the classifier's spectrograms, view 0 alone, with everything that a detector may look at. Classes
/// are matched by name; a clip of another class or none is an unknown sound.
///
/// # Errors
/// Spectrograms of another front end than the model's, a clip that the backbone's folders lack, or no clip at all.
#[tracing::instrument(level = "debug", skip_all, fields(folders = folders.len()))]
pub fn read_folders(
    model: &Model,
    folders: &[PathBuf],
    backbone: Option<&BackboneFeatures<'_>>,
    step: Step<'_>,
) -> Result<Outputs> {
    let mut whole: Option<Outputs> = None;
    for folder in folders {
        let clips = Clips::open(folder)?;
        model.check_front_end(&clips.header.front_end, folder)?;
        let rows: Vec<usize> = (0..clips.n_clips()).filter(|&row| clips.view[row] == 0).collect();
        let Some(outputs) = outputs_of_rows(model, &clips, &rows, None, backbone, Wants::ALL, step)? else { continue };
        match &mut whole {
            None => whole = Some(outputs),
            Some(whole) => whole.extend(outputs),
        }
    }
    whole.context("--features: no clips")
}

/// Outputs of the clips `rows` of a folder; none where there are no rows. `known` are the classifier's own outputs of
/// these clips, where they have been computed already.
///
/// # Errors
/// A shard that cannot be read, or a clip that the backbone's folders lack.
pub fn outputs_of_rows(
    model: &Model,
    clips: &Clips,
    rows: &[usize],
    known: Option<&classifier::Rows>,
    backbone: Option<&BackboneFeatures<'_>>,
    wants: Wants,
    step: Step<'_>,
) -> Result<Option<Outputs>> {
    let mut whole: Option<Outputs> = None;
    for (nth, batch) in rows.chunks(BATCH).enumerate() {
        let first = nth * BATCH;
        if !step(first, rows.len()) {
            return Err(Error::Cancelled);
        }
        let mut cells = vec![0.0; batch.len() * clips.n_cells()];
        for (row, cells) in batch.iter().zip(cells.chunks_exact_mut(clips.n_cells())) {
            clips.read(*row, cells)?;
        }
        let keys = keys(clips, batch, &model.header.classes)?;
        let of_backbone = backbone.map(|features| features.outputs(&keys)).transpose()?;
        let mels = Mels { mels: cells.chunks_exact(clips.n_cells()).collect(), n_frames: clips.n_frames, wants };
        let outputs = match known {
            None => Outputs::of_mels(model.forward()?, &mels, of_backbone, keys)?,
            Some(known) => {
                Outputs::of_rows(model.forward()?, slice(known, first, batch.len()), &mels, of_backbone, keys)?
            }
        };
        match &mut whole {
            None => whole = Some(outputs),
            Some(whole) => whole.extend(outputs),
        }
    }
    step(rows.len(), rows.len());
    Ok(whole)
}

/// `n` rows from `first` on.
fn slice(rows: &classifier::Rows, first: usize, n: usize) -> classifier::Rows {
    let of = |values: &[f32], width: usize| values[first * width..(first + n) * width].to_vec();
    let (n_classes, dim) = (rows.n_classes, rows.dim);
    classifier::Rows {
        n_classes,
        dim,
        logits: of(&rows.logits, n_classes),
        probability: of(&rows.probability, n_classes),
        embedding: of(&rows.embedding, dim),
        n_own: rows.n_own,
        log_odds: of(&rows.log_odds, rows.n_own),
    }
}

fn keys(clips: &Clips, rows: &[usize], classes: &[String]) -> Result<Vec<ClipKey>> {
    let header = &clips.header;
    let key = |&row: &usize| {
        let record = clips.record(row)?;
        let class = header.classes.get(clips.label[row] as usize);
        Ok(ClipKey {
            start_ms: (record.start_s * 1000.0).round() as u64,
            group: record.group_or_path().to_owned(),
            id: record.id,
            path: record.path,
            class: class.and_then(|name| classes.iter().position(|class| class == name)).map(|class| class as u32),
            split: header.splits[usize::from(clips.split[row])].clone(),
        })
    };
    rows.iter().map(key).collect()
}

impl<'a> BackboneFeatures<'a> {
    /// Opens the folders, which must be of the model's windows.
    ///
    /// # Errors
    /// A folder that cannot be read, or of another front end.
    pub fn open(backbone: &'a Backbone, paths: &[PathBuf], model: &Model) -> Result<Self> {
        let expected = Backbone::chain(&model.chain()?).to_header()?;
        let mut folders = Vec::new();
        let mut by_id = HashMap::new();
        for (nth, path) in paths.iter().enumerate() {
            let clips = Clips::open(path)?;
            check_front_end(&expected, &clips.header.front_end, path)?;
            for row in (0..clips.n_clips()).filter(|&row| clips.view[row] == 0) {
                // Two data sets with a clip of one name would get each other's rows.
                if let Some((folder, at)) = by_id.insert(name_of(&clips, row), (nth, row)) {
                    let other: &Clips = folders.get(folder).unwrap_or(&clips);
                    let record = clips.record(row)?;
                    if other.record(at)?.source_sha256 != record.source_sha256 {
                        bail!("{}: {} is another recording in another of the folders", path.display(), record.id);
                    }
                }
            }
            folders.push(clips);
        }
        Ok(Self { backbone, folders, by_id })
    }

    /// What the backbone computes for clips that are in its folders.
    fn outputs(&self, keys: &[ClipKey]) -> Result<BackboneOutput> {
        let mut mels = Vec::new();
        let mut n_frames = 0;
        for key in keys {
            let Some(&(folder, row)) = self.by_id.get(&(id_hash(&key.id), key.split.clone())) else {
                bail!(
                    "{}: --backbone-features has no clip of it at {} s; compute them from the same manifest",
                    key.path,
                    key.start_ms as f64 / 1000.0
                );
            };
            let clips = &self.folders[folder];
            let mut cells = vec![0.0; clips.n_cells()];
            clips.read(row, &mut cells)?;
            n_frames = clips.n_frames;
            mels.push(cells);
        }
        let mels: Vec<&[f32]> = mels.iter().map(Vec::as_slice).collect();
        self.backbone.outputs(&mels, n_frames)
    }
}

/// Id and split of a clip.
fn name_of(clips: &Clips, row: usize) -> (IdHash, String) {
    (clips.id[row], clips.header.splits[usize::from(clips.split[row])].clone())
}

/// The backbone's spectrograms have to be those that `predict` will compute.
fn check_front_end(expected: &serde_json::Value, got: &serde_json::Value, path: &Path) -> Result<()> {
    let different = shard::differences(["the backbone has", "the spectrograms have"], expected, got);
    if different.is_empty() {
        return Ok(());
    }
    bail!(
        "{}: another front end than the backbone's over the model's windows: {}; compute them with `barkbird features \
         MANIFEST --front-end yamnet` and the model's other settings",
        path.display(),
        different.join("; ")
    )
}
