//! All that is known of some clips, row for row: what the classifier and the backbone make of them, and where they come from.

use super::backbone::{Backbone, Heard, take};
use crate::model::Loaded;
use anomaly::{Inputs, Rows};
use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shard::Clips;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Bands and frames that spectrograms are pooled to for the methods that look at their cells.
const CELLS: [usize; 2] = [32, 32];
/// Clips that the classifier is asked about at a time.
const BATCH: usize = 32;

/// Whose rows a detector looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    /// The classifier's.
    Classifier,
    /// Those of one of the classifier's layers below the last, counted from 1.
    Layer(usize),
    /// The backbone's.
    #[serde(alias = "trunk")]
    Backbone,
}

/// Where a clip comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The recording.
    pub(crate) path: String,
    /// Where in it the clip starts, in milliseconds.
    pub(crate) start_ms: u64,
    /// The group, or the recording where no group is known.
    pub(crate) group: String,
    /// Index into the model's classes; none for an unknown sound.
    pub(crate) class: Option<u32>,
    /// The split of its manifest.
    pub(crate) split: String,
}

/// N clips.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Number of classes, C.
    pub(crate) n_classes: usize,
    /// `[N, C]`: the classifier's logits.
    pub(crate) logits: Vec<f32>,
    /// Width of the classifier's embedding, D.
    pub(crate) dim: usize,
    /// `[N, D]`.
    pub(crate) embedding: Vec<f32>,
    /// What layers below the last make of the clips, from the first on: width and `[N, width]`. Empty where nobody asked.
    pub(crate) layers: Vec<(usize, Vec<f32>)>,
    /// `[N, cells]`: normalised spectrograms, pooled. Empty where nobody asked.
    pub(crate) cells: Vec<f32>,
    /// What the backbone hears, where there is one.
    pub(crate) heard: Option<Heard>,
    /// `[N]`.
    pub(crate) places: Vec<Place>,
}

/// Rows of spectrograms as the classifier's front end makes them, all of one shape.
pub(crate) struct Mels<'a> {
    pub(crate) mels: Vec<&'a [f32]>,
    pub(crate) n_frames: usize,
    /// Whether layers below the classifier's last are looked at too, which takes as long again.
    pub(crate) wants_layers: bool,
    /// Whether spectrograms are pooled for the detectors that look at those.
    pub(crate) wants_cells: bool,
}

impl Table {
    /// Asks the classifier, and the backbone where it has heard the clips.
    pub(crate) fn of_mels(
        loaded: &Loaded,
        device: &Device,
        mels: &Mels<'_>,
        heard: Option<Heard>,
        places: Vec<Place>,
    ) -> Result<Self> {
        let n_mels = loaded.header.normalization.mean.len();
        let name = |i: usize| places[i].path.clone();
        let rows = classifier::predict_mels(loaded.predictor(device), &mels.mels, n_mels, mels.n_frames, BATCH, &name)?;
        let pooled = |mel: &&[f32]| {
            let mut cells = mel.to_vec();
            loaded.header.normalization.apply(&mut cells, mels.n_frames);
            pool_cells(&cells, n_mels, mels.n_frames)
        };
        let cells = if mels.wants_cells { mels.mels.par_iter().flat_map_iter(pooled).collect() } else { Vec::new() };
        let layers = if mels.wants_layers { layers(loaded, device, mels)? } else { Vec::new() };
        Ok(Self {
            n_classes: rows.n_classes,
            logits: rows.logits,
            dim: rows.dim,
            embedding: rows.embedding,
            layers,
            cells,
            heard,
            places,
        })
    }

    /// Number of clips, N.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The clips `rows` alone.
    pub(crate) fn subset(&self, rows: &[usize]) -> Self {
        Self {
            logits: take(&self.logits, self.n_classes, rows),
            embedding: take(&self.embedding, self.dim, rows),
            layers: self.layers.iter().map(|(width, values)| (*width, take(values, *width, rows))).collect(),
            cells: if self.cells.is_empty() { Vec::new() } else { take(&self.cells, n_cells(), rows) },
            heard: self.heard.as_ref().map(|heard| heard.subset(rows)),
            places: rows.iter().map(|&row| self.places[row].clone()).collect(),
            ..*self
        }
    }

    /// Puts other clips behind these.
    pub(crate) fn extend(&mut self, other: Self) {
        self.logits.extend(other.logits);
        self.embedding.extend(other.embedding);
        if other.layers.len() != self.layers.len() {
            self.layers.clear(); // one of the two was not asked for them
        }
        self.layers.iter_mut().zip(other.layers).for_each(|((_, values), (_, more))| values.extend(more));
        if self.cells.is_empty() == other.cells.is_empty() {
            self.cells.extend(other.cells);
        } else {
            self.cells.clear();
        }
        if let (Some(heard), Some(others)) = (&mut self.heard, other.heard) {
            heard.extend(others);
        }
        self.places.extend(other.places);
    }

    /// The rows that a detector of this source is given.
    pub(crate) fn inputs(&self, source: Source) -> Result<Inputs<'_>> {
        Ok(match source {
            Source::Classifier => Inputs {
                embedding: Some(Rows::new(&self.embedding, self.dim)?),
                logits: Some(Rows::new(&self.logits, self.n_classes)?),
                backbone_scores: None,
                cells: if self.cells.is_empty() { None } else { Some(Rows::new(&self.cells, n_cells())?) },
            },
            Source::Layer(nth) => {
                let layer = nth.checked_sub(1).and_then(|nth| self.layers.get(nth));
                let (width, values) = layer.with_context(|| format!("layer {nth}: the classifier shows none such"))?;
                Inputs { embedding: Some(Rows::new(values, *width)?), ..Inputs::default() }
            }
            Source::Backbone => {
                let heard = self.heard.as_ref().context("no backbone has heard these clips")?;
                Inputs {
                    embedding: Some(Rows::new(&heard.embedding, heard.dim)?),
                    backbone_scores: Some(Rows::new(&heard.scores, heard.n_scores)?),
                    ..Inputs::default()
                }
            }
        })
    }

    /// The groups of the clips, `[N]`.
    pub(crate) fn groups(&self) -> Vec<&str> {
        self.places.iter().map(|place| place.group.as_str()).collect()
    }

    /// Rows whose place is as asked.
    pub(crate) fn rows(&self, is_wanted: impl Fn(&Place) -> bool) -> Vec<usize> {
        (0..self.len()).filter(|&row| is_wanted(&self.places[row])).collect()
    }
}

/// What layers below the classifier's last make of clips.
fn layers(loaded: &Loaded, device: &Device, mels: &Mels<'_>) -> Result<Vec<(usize, Vec<f32>)>> {
    let mut all: Vec<(usize, Vec<f32>)> = Vec::new();
    for batch in mels.mels.chunks(BATCH) {
        let mut cells = batch.concat();
        let n_cells = batch[0].len();
        let normalization = &loaded.header.normalization;
        cells.chunks_exact_mut(n_cells).for_each(|cells| normalization.apply(cells, mels.n_frames));
        let mel = Tensor::from_vec(cells, (batch.len(), n_cells / mels.n_frames, mels.n_frames), &Device::Cpu)?;
        for (nth, layer) in loaded.classifier.layer_features(&mel.to_device(device)?)?.into_iter().enumerate() {
            let (width, values) = (layer.dim(1)?, layer.flatten_all()?.to_vec1::<f32>()?);
            match all.get_mut(nth) {
                Some((_, before)) => before.extend(values),
                None => all.push((width, values)),
            }
        }
    }
    Ok(all)
}

fn n_cells() -> usize {
    CELLS[0] * CELLS[1]
}

/// Means over bands and frames: `[n_mels, n_frames]` to `[32, 32]`. Where there are fewer, cells repeat.
fn pool_cells(mel: &[f32], n_mels: usize, n_frames: usize) -> Vec<f32> {
    let range = |nth: usize, parts: usize, n: usize| {
        let (first, end) = (nth * n / parts, (nth + 1) * n / parts);
        first.min(n - 1)..end.max(first + 1).min(n)
    };
    let cell = |at: usize| {
        let (bands, frames) = (range(at / CELLS[1], CELLS[0], n_mels), range(at % CELLS[1], CELLS[1], n_frames));
        let n = (bands.len() * frames.len()) as f64;
        let sum: f64 =
            bands.flat_map(|band| &mel[band * n_frames..][frames.clone()]).map(|&cell| f64::from(cell)).sum();
        (sum / n) as f32
    };
    (0..n_cells()).map(cell).collect()
}

/// Reads folders of the classifier's spectrograms, and of the backbone's with the same clips, view 0 alone. Classes are
/// matched by name; a clip of another class or none is an unknown sound.
pub(crate) fn read(
    loaded: &Loaded,
    device: &Device,
    folders: &[PathBuf],
    backbone: Option<(&Backbone, &[PathBuf])>,
    ui: &crate::ui::Ui,
) -> Result<Table> {
    let ears = backbone.map(|(backbone, folders)| Ears::open(backbone, folders, loaded)).transpose()?;
    let mut whole: Option<Table> = None;
    for folder in folders {
        let clips = Clips::open(folder)?;
        loaded.check_front_end(&clips.header.front_end, folder)?;
        let rows: Vec<usize> = (0..clips.n_clips()).filter(|&row| clips.header.clips[row].view == 0).collect();
        let bar = ui.bar(rows.len(), "listen");
        for rows in rows.chunks(BATCH) {
            crate::cancel::check("nothing was written")?;
            let mut cells = vec![0.0; rows.len() * clips.n_cells()];
            for (row, cells) in rows.iter().zip(cells.chunks_exact_mut(clips.n_cells())) {
                clips.read(*row, cells)?;
            }
            let places = places(&clips, rows, &loaded.header.classes);
            let heard = ears.as_ref().map(|ears| ears.hear(&places)).transpose()?;
            let mels = Mels {
                mels: cells.chunks_exact(clips.n_cells()).collect(),
                n_frames: clips.n_frames,
                wants_layers: true,
                wants_cells: true,
            };
            let table = Table::of_mels(loaded, device, &mels, heard, places)?;
            match &mut whole {
                None => whole = Some(table),
                Some(whole) => whole.extend(table),
            }
            bar.inc(rows.len() as u64);
        }
        bar.finish_and_clear();
    }
    whole.context("--features: no clips")
}

fn places(clips: &Clips, rows: &[usize], classes: &[String]) -> Vec<Place> {
    let header = &clips.header;
    let place = |&row: &usize| {
        let record = &header.clips[row];
        let class = header.classes.get(clips.label[row] as usize);
        Place {
            path: record.path.clone(),
            start_ms: (record.start_s * 1000.0).round() as u64,
            group: record.group.clone().unwrap_or_else(|| record.path.clone()),
            class: class.and_then(|name| classes.iter().position(|class| class == name)).map(|class| class as u32),
            split: header.splits[usize::from(clips.split[row])].clone(),
        }
    };
    rows.iter().map(place).collect()
}

/// The backbone and the folders of its own spectrograms.
struct Ears<'a> {
    backbone: &'a Backbone,
    folders: Vec<Clips>,
    /// Folder and row of each clip, by recording, start and split.
    by_place: HashMap<(String, u64, String), (usize, usize)>,
}

impl<'a> Ears<'a> {
    fn open(backbone: &'a Backbone, paths: &[PathBuf], loaded: &Loaded) -> Result<Self> {
        let expected = Backbone::chain(&loaded.chain()?).to_header()?;
        let mut folders = Vec::new();
        let mut by_place = HashMap::new();
        for (nth, path) in paths.iter().enumerate() {
            let clips = Clips::open(path)?;
            check_backbone_front_end(&expected, &clips.header.front_end, path)?;
            for (row, record) in clips.header.clips.iter().enumerate().filter(|(_, record)| record.view == 0) {
                let split = clips.header.splits[usize::from(clips.split[row])].clone();
                by_place.insert((record.path.clone(), (record.start_s * 1000.0).round() as u64, split), (nth, row));
            }
            folders.push(clips);
        }
        Ok(Self { backbone, folders, by_place })
    }

    fn hear(&self, places: &[Place]) -> Result<Heard> {
        let mut mels = Vec::new();
        let mut n_frames = 0;
        for place in places {
            let key = (place.path.clone(), place.start_ms, place.split.clone());
            let Some(&(folder, row)) = self.by_place.get(&key) else {
                bail!(
                    "{}: --backbone-features has no clip of it at {} s; make them from the same manifest",
                    place.path,
                    place.start_ms as f64 / 1000.0
                );
            };
            let clips = &self.folders[folder];
            let mut cells = vec![0.0; clips.n_cells()];
            clips.read(row, &mut cells)?;
            n_frames = clips.n_frames;
            mels.push(cells);
        }
        let mels: Vec<&[f32]> = mels.iter().map(Vec::as_slice).collect();
        self.backbone.hear(&mels, n_frames)
    }
}

/// The backbone's spectrograms have to be those that `predict` will make.
fn check_backbone_front_end(expected: &serde_json::Value, got: &serde_json::Value, path: &Path) -> Result<()> {
    let different = train::differences(["the backbone has", "the spectrograms have"], expected, got);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_means_and_few_are_repeated() {
        let mel: Vec<f32> = (0..64 * 64).map(|cell| (cell / 64) as f32).collect();
        let cells = pool_cells(&mel, 64, 64);
        assert_eq!((cells.len(), cells[0], cells[33], cells[1023]), (1024, 0.5, 2.5, 62.5));
        let few: Vec<f32> = (0..16 * 8).map(|cell| (cell % 8) as f32).collect();
        let cells = pool_cells(&few, 16, 8);
        assert_eq!(cells[..5], [0.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
